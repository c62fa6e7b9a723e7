// Cuts a stream of messages that say their length. Enters: bytes; leaves: where each message begins and ends, and its beginning.

/** How the next message tells its length. */
export interface Prefix {
  /** Bytes that tell it. */
  readonly length: number;
  /** Bytes of the whole message by its first ones; Infinity when they cannot begin one. */
  readonly total: (first: Buffer) => number;
}

export interface CutHandler {
  next(): Prefix;
  /** A message begins; `first` are the bytes that tell its length, `end` is the offset behind it. */
  begin(start: number, first: Buffer, end: number): void;
  /** It is over; `first` has its beginning, at most as much as is kept. */
  end(start: number, first: Buffer, end: number): void;
}

/** Keeps `most` bytes of each message, and the place in the stream. */
export class Cutter {
  readonly #handler: CutHandler;
  readonly #first: Buffer;
  #kept = 0;
  #start = 0;
  #end: number | null = null;
  #prefix: Prefix | null = null;

  constructor(most: number, handler: CutHandler) {
    this.#handler = handler;
    this.#first = Buffer.alloc(most);
  }

  /** True between two messages. */
  get between(): boolean {
    return this.#prefix === null;
  }

  read(offset: number, bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) at += this.#step(offset + at, bytes.subarray(at));
  }

  #step(offset: number, bytes: Buffer): number {
    if (this.#prefix === null) {
      this.#prefix = this.#handler.next();
      this.#start = offset;
      this.#kept = 0;
      this.#end = null;
    }
    const wanted = this.#end === null ? this.#prefix.length - (offset - this.#start) : this.#end - offset;
    const taken = Math.min(wanted, bytes.length);
    const kept = Math.min(taken, this.#first.length - this.#kept);
    bytes.copy(this.#first, this.#kept, 0, kept);
    this.#kept += kept;
    const reached = offset + taken;
    if (this.#end === null && reached === this.#start + this.#prefix.length) {
      const first = this.#first.subarray(0, this.#kept);
      this.#end = this.#start + Math.max(this.#prefix.length, this.#prefix.total(first));
      this.#handler.begin(this.#start, first, this.#end);
    }
    if (reached === this.#end) {
      this.#prefix = null;
      this.#handler.end(this.#start, this.#first.subarray(0, this.#kept), reached);
    }
    return taken;
  }
}
