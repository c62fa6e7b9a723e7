// One direction's bytes in order. Enters: pieces at stream offsets in any order; leaves: each byte once, losses, conflicts.
import type { Budget } from './budget.ts';
import { PacketMap } from './packet-map.ts';
import { RecentBytes, type RecentMemory } from './recent.ts';

/** What the reassembly tells. */
export interface StreamSink {
  data(offset: number, bytes: Uint8Array): void;
  lost(offset: number, length: number): void;
  /** Bytes of `[start, end)` came twice and differ; `first` names the packets that brought them first. */
  conflict(start: number, end: number, first: readonly number[]): void;
  /** `bytes` came again; `uncompared` of them lay too far back to be compared. */
  retransmitted(bytes: number, uncompared: number): void;
  /** After `discard`: so many new bytes came. */
  unread(bytes: number): void;
}

/** Where a piece was captured. */
export interface Origin {
  readonly packet: number;
  readonly capture: number;
}

/** A piece that waits. `bytes` null: it was sent, but the snap length cut it. */
interface Chunk {
  readonly start: number;
  readonly end: number;
  readonly bytes: Uint8Array | null;
  readonly packet: number;
  readonly capture: number;
}

/** What a waiting piece costs besides its bytes, so that pieces of one byte are bounded too. */
const CHUNK_COST = 256;

/** The first bytes that came for a place are the ones delivered; others for it are compared with them. */
export class Reassembly {
  readonly packets = new PacketMap();
  readonly recent: RecentBytes;
  /** Offset up to which the receiver has said that it has the bytes. */
  acknowledged = 0;
  readonly #sink: StreamSink;
  readonly #limit: number;
  readonly #budget: Budget;
  #queue: Chunk[] = [];
  #held = 0;
  #next = 0;
  #top = 0;
  #discarding = false;

  /** `limit`: bytes that may wait here; `budget`: bytes that may wait in all flows together. */
  constructor(sink: StreamSink, limit: number, budget: Budget, recent: RecentMemory) {
    this.#sink = sink;
    this.#limit = limit;
    this.#budget = budget;
    this.recent = new RecentBytes(recent);
  }

  /** The next offset to be delivered. */
  get next(): number {
    return this.#next;
  }

  /** The end of the highest piece seen. */
  get top(): number {
    return this.#top;
  }

  /** Takes bytes `[from, to)` of `bytes`, or a cut piece of that length, at `offset`. The bytes are copied when they wait. */
  accept(offset: number, bytes: Uint8Array | null, from: number, to: number, origin: Origin): void {
    const end = offset + to - from;
    if (end > this.#top) this.#top = end;
    if (this.#discarding) {
      if (end > this.#next) this.#sink.unread(end - this.#next);
      this.#next = this.#top;
      return;
    }
    if (offset === this.#next && this.#queue.length === 0) {
      this.#deliver(offset, end, bytes, from, origin);
      return;
    }
    let start = offset;
    if (start < this.#next) {
      // One byte just before the next one, of which the receiver said that it has it, is how some systems probe an idle
      // peer; its value means nothing (RFC 9293 section 3.8.4). Before that it could be what the receiver reads.
      if (to - from === 1 && end === this.#next && end <= this.acknowledged) return;
      this.#again(start, Math.min(end, this.#next), bytes, from);
      start = this.#next;
      if (start >= end) return;
    }
    this.#insert(start, end, bytes, from + start - offset, origin);
    this.#drain();
    // Too much waits, here or in all flows together: what this direction waits for is given up.
    for (
      let first = this.#queue[0];
      first !== undefined && (this.#held > this.#limit || this.#budget.over);
      first = this.#queue[0]
    ) {
      this.giveUp(first.start);
    }
  }

  /** Declares all holes below `upTo` lost, and what is missing up to there; delivers what waited behind them. */
  giveUp(upTo: number): void {
    while (this.#next < upTo && !this.#discarding) {
      const first = this.#queue[0];
      const end = first === undefined ? upTo : Math.min(first.start, upTo);
      this.#lose(end);
      this.#drain();
    }
    if (upTo > this.#top) this.#top = upTo;
  }

  /** Delivers all that waits, with the holes before it as lost. */
  flush(): void {
    this.giveUp(this.#queue.at(-1)?.end ?? 0);
  }

  /** From now on bytes are only counted: nobody reads them. */
  discard(): void {
    this.#discarding = true;
    this.#next = this.#top;
    this.release();
  }

  /** Frees what is held. */
  release(): void {
    this.#hold(-this.#held);
    this.#queue = [];
    this.recent.release();
  }

  #deliver(start: number, end: number, bytes: Uint8Array | null, from: number, origin: Origin): void {
    this.#next = end;
    if (bytes === null) {
      this.packets.record(start, end, 0, origin.capture);
      this.#sink.lost(start, end - start);
      return;
    }
    const view = bytes.subarray(from, from + end - start);
    this.packets.record(start, end, origin.packet, origin.capture);
    this.recent.push(start, view);
    this.#sink.data(start, view);
  }

  #lose(end: number): void {
    const start = this.#next;
    this.#next = end;
    this.packets.record(start, end, 0, this.packets.capture);
    this.#sink.lost(start, end - start);
  }

  /** Bytes that were delivered before come again. */
  #again(start: number, end: number, bytes: Uint8Array | null, from: number): void {
    if (bytes === null) return;
    const uncompared = Math.max(0, Math.min(end, this.recent.start) - start);
    this.#sink.retransmitted(end - start, uncompared);
    const difference = this.recent.compare(start, bytes, from, from + end - start);
    if (difference !== null) {
      const first = this.packets.find(difference.start, difference.end);
      this.#sink.conflict(difference.start, difference.end, first);
    }
  }

  /** Puts what is new of a piece between the waiting ones, and compares what is not. */
  #insert(from: number, end: number, bytes: Uint8Array | null, at: number, origin: Origin): void {
    let index = this.#firstAfter(from);
    for (let start = from; start < end; ) {
      const chunk = this.#queue[index];
      if (chunk === undefined || chunk.start >= end) {
        this.#put(index, start, end, bytes, at + start - from, origin);
        return;
      }
      if (chunk.start > start) {
        if (this.#put(index, start, chunk.start, bytes, at + start - from, origin)) index += 1;
        start = chunk.start;
      }
      const stop = Math.min(end, chunk.end);
      if (bytes !== null && chunk.bytes === null) {
        index += this.#fill(index, chunk, start, stop, bytes, at + start - from, origin);
      } else if (bytes !== null) {
        this.#compare(chunk, start, stop, bytes, at + start - from);
      }
      start = stop;
      index += 1;
    }
  }

  /** The index of the first waiting piece that ends after `offset`. */
  #firstAfter(offset: number): number {
    let low = 0;
    let high = this.#queue.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#queue[middle]?.end ?? 0) > offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** Delivers at once when it is its turn (false), else keeps a copy (true). */
  #put(
    index: number,
    start: number,
    end: number,
    bytes: Uint8Array | null,
    from: number,
    origin: Origin,
  ): boolean {
    // Whoever read the bytes before these may have decided that nobody reads any more.
    if (this.#discarding) return false;
    if (start === this.#next && index === 0) {
      this.#deliver(start, end, bytes, from, origin);
      return false;
    }
    this.#queue.splice(index, 0, copyOf(start, end, bytes, from, origin));
    this.#hold(bytes === null ? CHUNK_COST : CHUNK_COST + end - start);
    return true;
  }

  /** Bytes that a cut piece lacked came after all; gives how many more pieces there are now. */
  #fill(
    index: number,
    cut: Chunk,
    start: number,
    stop: number,
    bytes: Uint8Array,
    from: number,
    origin: Origin,
  ): number {
    const pieces = [copyOf(start, stop, bytes, from, origin)];
    if (cut.start < start) pieces.unshift({ ...cut, end: start });
    if (stop < cut.end) pieces.push({ ...cut, start: stop });
    this.#queue.splice(index, 1, ...pieces);
    this.#hold((pieces.length - 1) * CHUNK_COST + stop - start);
    return pieces.length - 1;
  }

  #compare(chunk: Chunk, start: number, stop: number, bytes: Uint8Array, from: number): void {
    if (chunk.bytes === null) return;
    this.#sink.retransmitted(stop - start, 0);
    let first = -1;
    let last = -1;
    for (let index = 0; index < stop - start; index += 1) {
      if (chunk.bytes[start - chunk.start + index] === bytes[from + index]) continue;
      if (first < 0) first = index;
      last = index + 1;
    }
    if (first >= 0) this.#sink.conflict(start + first, start + last, [chunk.packet]);
  }

  #drain(): void {
    let count = 0;
    for (let chunk = this.#queue[0]; chunk?.start === this.#next; chunk = this.#queue[count]) {
      count += 1;
      this.#hold(-(chunk.bytes === null ? CHUNK_COST : CHUNK_COST + chunk.end - chunk.start));
      this.#deliver(chunk.start, chunk.end, chunk.bytes, 0, chunk);
    }
    if (count > 0) this.#queue.splice(0, count);
  }

  #hold(bytes: number): void {
    this.#held += bytes;
    this.#budget.add(bytes);
  }
}

function copyOf(start: number, end: number, bytes: Uint8Array | null, from: number, origin: Origin): Chunk {
  const copy = bytes === null ? null : bytes.slice(from, from + end - start);
  return { start, end, bytes: copy, packet: origin.packet, capture: origin.capture };
}
