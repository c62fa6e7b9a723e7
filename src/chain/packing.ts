// Chains at rest, packed. Enters: numbers, texts and references, one after the other; leaves: them again, in the same order.

/** A chain at rest: its numbers in one text of single bytes, then what they cannot say. One list takes least room. */
export type Packed = readonly [string, ...unknown[]];

/** Bytes that are written at once; no chain that is small enough to be packed needs as many. */
const LONGEST = 1 << 16;
const bytes = Buffer.alloc(LONGEST);
/** Texts that are known by number for one purpose: those that came first, since most that are the same are always the same. */
const MOST_KNOWN = 16;

/** Texts that are said again and again of one kind of request. */
export class KnownTexts {
  readonly #texts: string[] = [];
  readonly #numbers = new Map<string, number>();

  constructor(...texts: readonly string[]) {
    for (const text of texts) this.numberOf(text);
  }

  /** The number of a text, which it gets now if there are numbers left; -1 without one. */
  numberOf(text: string): number {
    const known = this.#numbers.get(text);
    if (known !== undefined) return known;
    if (this.#texts.length >= MOST_KNOWN) return -1;
    this.#numbers.set(text, this.#texts.length);
    return this.#texts.push(text) - 1;
  }

  /** The text of a number that was given out. */
  textOf(number: number): string {
    return this.#texts[number] as string;
  }
}

/** Only one at a time is in use: all of them write into the same bytes. */
export class Writer {
  readonly #written: [string, ...unknown[]] = [''];
  #length = 0;

  /** Writes an integer, small ones in one byte; `value` may be negative. */
  number(value: number): void {
    // The lowest bit is the sign; numbers of up to 52 bits are exact.
    let rest = value < 0 ? -2 * value - 1 : 2 * value;
    while (rest >= 128) {
      bytes[this.#length++] = (rest % 128) + 128;
      rest = Math.floor(rest / 128);
    }
    bytes[this.#length++] = rest;
  }

  reference(value: unknown): void {
    this.#written.push(value);
  }

  /** Writes a text, by its number where it is known. */
  text(value: string, known: KnownTexts): void {
    const at = known.numberOf(value);
    this.number(at);
    if (at < 0) this.reference(value);
  }

  /** All that was written. A copy is as long as it has to be. */
  get packed(): Packed {
    this.#written[0] = bytes.toString('latin1', 0, this.#length);
    return this.#written.slice() as [string, ...unknown[]];
  }
}

/** Reads what was written, in the same order. */
export class Reader {
  readonly #packed: Packed;
  #at = 0;
  #taken = 0;

  constructor(packed: Packed) {
    this.#packed = packed;
  }

  number(): number {
    const [numbers] = this.#packed;
    let value = 0;
    let weight = 1;
    let byte = numbers.charCodeAt(this.#at++);
    while (byte >= 128) {
      value += (byte - 128) * weight;
      weight *= 128;
      byte = numbers.charCodeAt(this.#at++);
    }
    value += byte * weight;
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** What was written here is known to whoever wrote it. */
  reference<T>(): T {
    return this.#packed[++this.#taken] as T;
  }

  text(known: KnownTexts): string {
    const at = this.number();
    return at < 0 ? this.reference() : known.textOf(at);
  }
}
