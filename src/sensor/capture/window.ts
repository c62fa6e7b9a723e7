// A sliding view over a stream of bytes. Enters: chunks at its end; leaves: contiguous bytes at its start.

/** Bytes `[start, end)` of `bytes` are unread. Reading moves `start`; `room` makes place for more at the end. */
export class ByteWindow {
  bytes: Uint8Array;
  view: DataView;
  start = 0;
  end = 0;
  #base = 0;

  constructor(capacity: number) {
    this.bytes = new Uint8Array(capacity);
    this.view = new DataView(this.bytes.buffer);
  }

  get available(): number {
    return this.end - this.start;
  }

  /** Where in the whole stream the unread bytes begin. */
  get offset(): number {
    return this.#base + this.start;
  }

  /** Moves the unread bytes to the front and grows until `need` bytes in all fit. Earlier views become invalid. */
  room(need: number): void {
    const unread = this.bytes.subarray(this.start, this.end);
    if (need <= this.bytes.length) {
      this.bytes.copyWithin(0, this.start, this.end);
    } else {
      const grown = new Uint8Array(Math.max(need, this.bytes.length * 2));
      grown.set(unread);
      this.bytes = grown;
      this.view = new DataView(grown.buffer);
    }
    this.#base += this.start;
    this.end -= this.start;
    this.start = 0;
  }
}
