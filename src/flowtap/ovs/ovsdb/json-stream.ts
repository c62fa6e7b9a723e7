// Cuts a stream of JSON objects without separators, as OVSDB and unixctl send them. Enters: chunks; leaves: values, or why not.

/** A reply that lists all ports of a large node is some megabytes. */
const LONGEST = 64 * 1024 * 1024;
const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN = 0x7b;
const CLOSE = 0x7d;
const SPACES = new Set([0x20, 0x09, 0x0a, 0x0d]);

/** Looks at every byte once. */
export class JsonStream {
  #parts: Buffer[] = [];
  #size = 0;
  #depth = 0;
  #inString = false;
  #escaped = false;

  /** @returns a text for a stream that can no longer be cut */
  push(chunk: Uint8Array): readonly unknown[] | string {
    const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const values: unknown[] = [];
    let start = 0;
    for (let at = 0; at < bytes.length; at++) {
      const byte = bytes[at] as number;
      if (this.#inString) {
        if (this.#escaped) this.#escaped = false;
        else if (byte === BACKSLASH) this.#escaped = true;
        else if (byte === QUOTE) this.#inString = false;
      } else if (byte === QUOTE) {
        this.#inString = true;
      } else if (byte === OPEN) {
        this.#depth++;
      } else if (byte === CLOSE) {
        this.#depth--;
        if (this.#depth !== 0) continue;
        const value = this.#finish(bytes.subarray(start, at + 1));
        if (typeof value === 'string') return value;
        values.push(value);
        start = at + 1;
      }
      if (this.#depth <= 0 && byte !== CLOSE && !SPACES.has(byte)) return 'what came is no JSON object';
    }
    this.#keep(bytes.subarray(start));
    return this.#size > LONGEST ? `an object of more than ${LONGEST} bytes` : values;
  }

  #keep(rest: Buffer): void {
    if (rest.length === 0) return;
    this.#parts.push(Buffer.from(rest));
    this.#size += rest.length;
  }

  #finish(last: Buffer): unknown {
    const text = Buffer.concat([...this.#parts, last]).toString('utf8');
    this.#parts = [];
    this.#size = 0;
    try {
      return JSON.parse(text) as object;
    } catch {
      return 'what came is no JSON';
    }
  }
}
