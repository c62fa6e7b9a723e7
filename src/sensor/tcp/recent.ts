// The last bytes that were delivered, for comparison with retransmissions. Enters: stream bytes; leaves: where others differ.
import type { Budget } from './budget.ts';

/** Bytes kept per direction. What is retransmitted from further back cannot be compared, and is counted instead. */
export const RECENT_BYTES = 1 << 16;
const SMALLEST = 1 << 10;

/** Where two readings of the same bytes differ: from the first to the last differing byte. */
export interface Difference {
  readonly start: number;
  readonly end: number;
}

/** A ring over the end of one direction's stream; it grows up to `RECENT_BYTES` while the shared budget lasts. */
export class RecentBytes {
  readonly #budget: Budget;
  #ring: Uint8Array = new Uint8Array(0);
  /** Stream offsets of what is held. */
  #start = 0;
  #end = 0;

  constructor(budget: Budget) {
    this.#budget = budget;
  }

  /** The first offset that can be compared. */
  get start(): number {
    return this.#start;
  }

  /** Appends what was delivered at `offset`; a jump forward (lost bytes) forgets what was before. */
  push(offset: number, bytes: Uint8Array): void {
    if (offset !== this.#end) {
      this.#start = offset;
      this.#end = offset;
    }
    const held = this.#end - this.#start;
    if (held + bytes.length > this.#ring.length) this.#grow(held + bytes.length);
    const size = this.#ring.length;
    if (size === 0) {
      this.#start = this.#end = offset + bytes.length;
      return;
    }
    const tail = bytes.length > size ? bytes.subarray(bytes.length - size) : bytes;
    const end = offset + bytes.length;
    const at = (end - tail.length) % size;
    const first = Math.min(tail.length, size - at);
    this.#ring.set(first === tail.length ? tail : tail.subarray(0, first), at);
    if (first < tail.length) this.#ring.set(tail.subarray(first), 0);
    this.#end = end;
    this.#start = Math.max(this.#start, end - size);
  }

  /** Compares bytes that come again at `offset` with what is held of that range; null when nothing differs. */
  compare(offset: number, bytes: Uint8Array, from: number, to: number): Difference | null {
    const size = this.#ring.length;
    const high = Math.min(offset + to - from, this.#end);
    let start = -1;
    let end = -1;
    for (let at = Math.max(offset, this.#start); at < high; ) {
      const place = at % size;
      const count = Math.min(high - at, size - place);
      const theirs = from + at - offset;
      // Nearly all retransmissions are equal: the runtime compares those fastest.
      if (
        Buffer.compare(this.#ring.subarray(place, place + count), bytes.subarray(theirs, theirs + count)) !==
        0
      ) {
        for (let index = 0; index < count; index += 1) {
          if (this.#ring[place + index] === bytes[theirs + index]) continue;
          if (start < 0) start = at + index;
          end = at + index + 1;
        }
      }
      at += count;
    }
    return start < 0 ? null : { start, end };
  }

  release(): void {
    this.#budget.add(-this.#ring.length);
    this.#ring = new Uint8Array(0);
    this.#start = this.#end;
  }

  #grow(need: number): void {
    let size = Math.max(SMALLEST, this.#ring.length);
    while (size < need && size < RECENT_BYTES) size *= 2;
    if (size === this.#ring.length || !this.#budget.take(size - this.#ring.length)) return;
    const grown = new Uint8Array(size);
    for (let at = this.#start; at < this.#end; ) {
      const from = at % this.#ring.length;
      const count = Math.min(this.#end - at, this.#ring.length - from, size - (at % size));
      grown.set(this.#ring.subarray(from, from + count), at % size);
      at += count;
    }
    this.#ring = grown;
  }
}
