// Gathers lines that come in pieces. Enters: bytes; leaves: a line or a section up to its empty line, within a limit.

const LF = 0x0a;
const CR = 0x0d;

export class LineBuffer {
  readonly #limit: number;
  #bytes = Buffer.alloc(0);
  #length = 0;
  /** Up to where no end of a section can be. */
  #scanned = 0;
  #start = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get length(): number {
    return this.#length;
  }

  /** Stream offset of the first byte. */
  get start(): number {
    return this.#start;
  }

  get full(): boolean {
    return this.#length >= this.#limit;
  }

  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  clear(): void {
    this.#length = 0;
    this.#scanned = 0;
  }

  /** Takes up to and with the next LF. */
  takeLine(bytes: Buffer, offset: number): { taken: number; done: boolean } {
    const end = bytes.indexOf(LF);
    const taken = Math.min(end < 0 ? bytes.length : end + 1, this.#limit - this.#length);
    this.#append(bytes.subarray(0, taken), offset);
    return { taken, done: end >= 0 && taken === end + 1 };
  }

  /** Takes up to and with the next empty line; `orEmpty`: the section may consist of the empty line alone. */
  takeSection(bytes: Buffer, offset: number, orEmpty = false): { taken: number; done: boolean } {
    const before = this.#length;
    this.#append(bytes.subarray(0, this.#limit - before), offset);
    const all = this.bytes;
    if (orEmpty && all[0] === CR && all[1] === LF) return this.#cut(2, before);
    if (orEmpty && all[0] === LF) return this.#cut(1, before);
    for (let at = all.indexOf(LF, this.#scanned); at >= 0; at = all.indexOf(LF, at + 1)) {
      if (all[at + 1] === LF) return this.#cut(at + 2, before);
      if (all[at + 1] === CR && all[at + 2] === LF) return this.#cut(at + 3, before);
      this.#scanned = at;
      if (at + 2 >= all.length) break;
      this.#scanned = at + 1;
    }
    return { taken: this.#length - before, done: false };
  }

  #cut(end: number, before: number): { taken: number; done: boolean } {
    this.#length = end;
    return { taken: end - before, done: true };
  }

  #append(bytes: Buffer, offset: number): void {
    if (this.#length === 0) this.#start = offset;
    const needed = this.#length + bytes.length;
    if (needed > this.#bytes.length) {
      const grown = Buffer.alloc(Math.min(this.#limit, Math.max(1024, needed, this.#bytes.length * 2)));
      this.bytes.copy(grown);
      this.#bytes = grown;
    }
    bytes.copy(this.#bytes, this.#length);
    this.#length = needed;
  }
}
