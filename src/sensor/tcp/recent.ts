// The last bytes that were delivered, for comparison with retransmissions. Enters: stream bytes; leaves: where others differ.

/** Bytes kept per direction. What is retransmitted from further back cannot be compared, and is counted instead. */
export const RECENT_BYTES = 1 << 16;
const SMALLEST = 1 << 12;
const GROWTH = 4;
const SPARE_RINGS = 64;

/** The memory of all rings together; rings of ended flows are used again. */
export class RecentMemory {
  readonly #most: number;
  readonly #spare = new Map<number, Uint8Array[]>();
  #held = 0;

  /** `most`: bytes in all rings together. */
  constructor(most: number) {
    this.#most = most;
  }

  /** A ring with any content, or null when there is no more memory. */
  take(size: number): Uint8Array | null {
    if (this.#held + size > this.#most) return null;
    this.#held += size;
    return this.#spare.get(size)?.pop() ?? Buffer.allocUnsafeSlow(size);
  }

  give(ring: Uint8Array): void {
    if (ring.length === 0) return;
    this.#held -= ring.length;
    const spare = this.#spare.get(ring.length) ?? [];
    if (spare.length < SPARE_RINGS) spare.push(ring);
    this.#spare.set(ring.length, spare);
  }
}

/** Where two readings of the same bytes differ: from the first to the last differing byte. */
export interface Difference {
  readonly start: number;
  readonly end: number;
}

const EMPTY = new Uint8Array(0);

/** A ring over the end of one direction's stream; it grows up to `RECENT_BYTES` while the shared memory lasts. */
export class RecentBytes {
  readonly #memory: RecentMemory;
  #ring: Uint8Array = EMPTY;
  /** Stream offsets of what is held. */
  #start = 0;
  #end = 0;

  constructor(memory: RecentMemory) {
    this.#memory = memory;
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
    this.#memory.give(this.#ring);
    this.#ring = EMPTY;
    this.#start = this.#end;
  }

  #grow(need: number): void {
    let size = Math.max(SMALLEST, this.#ring.length);
    while (size < need && size < RECENT_BYTES) size *= GROWTH;
    if (size === this.#ring.length) return;
    const grown = this.#memory.take(size);
    if (grown === null) return;
    for (let at = this.#start; at < this.#end; ) {
      const from = at % this.#ring.length;
      const count = Math.min(this.#end - at, this.#ring.length - from, size - (at % size));
      grown.set(this.#ring.subarray(from, from + count), at % size);
      at += count;
    }
    this.#memory.give(this.#ring);
    this.#ring = grown;
  }
}
