// Collects a message that comes in pieces. Enters: pieces of bytes; leaves: all of them in one array.

const EMPTY = new Uint8Array(0);
const SMALLEST = 256;

/** Grows with what has come, never with what a header promises: a promise costs its sender nothing. */
export class ByteStore {
  #buffer: Uint8Array = EMPTY;
  #length = 0;

  /** Bytes held. */
  get length(): number {
    return this.#length;
  }

  /** Copies `bytes` to the end. Amortised linear, also when they come one by one. */
  append(bytes: Uint8Array): void {
    const needed = this.#length + bytes.length;
    if (needed > this.#buffer.length) {
      const grown = new Uint8Array(Math.max(needed, this.#buffer.length * 2, SMALLEST));
      grown.set(this.#buffer.subarray(0, this.#length));
      this.#buffer = grown;
    }
    this.#buffer.set(bytes, this.#length);
    this.#length = needed;
  }

  /** What is held; valid until the next call. */
  peek(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  /** Hands over what is held and begins anew. */
  take(): Uint8Array {
    const taken = this.#buffer.subarray(0, this.#length);
    this.#buffer = EMPTY;
    this.#length = 0;
    return taken;
  }
}
