// Chains at rest, packed. Enters: numbers, texts and references, one after the other; leaves: them again, in the same order.
import { Arena, LONGEST_CELL } from './arena.ts';
import { Numbered } from './numbered.ts';
import type { StepPlan } from './plan.ts';

/** Bytes that are written at once; what does not fit a cell of the arena is not packed. */
const bytes = Buffer.alloc(2 * LONGEST_CELL);
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

/** Texts that many chains have, such as the names of flows: each is kept once, for as long as a packed chain has it. */
export class CountedTexts {
  readonly #numbers = new Map<string, number>();
  readonly #texts = new Numbered<string>();
  readonly #counts: number[] = [];

  /** Texts that somebody has. */
  get size(): number {
    return this.#numbers.size;
  }

  /** The number of a text, until it has been given back as often as it was taken. */
  take(text: string): number {
    let number = this.#numbers.get(text);
    if (number === undefined) {
      number = this.#texts.add(text);
      this.#numbers.set(text, number);
      this.#counts[number] = 0;
    }
    this.#counts[number] = (this.#counts[number] as number) + 1;
    return number;
  }

  /** Gives a number back; leaves its text. */
  give(number: number): string {
    const text = this.#texts.get(number) as string;
    const left = (this.#counts[number] as number) - 1;
    this.#counts[number] = left;
    if (left === 0) {
      this.#numbers.delete(text);
      this.#texts.remove(number);
    }
    return text;
  }
}

/** Where packed chains are. */
export class Shelf {
  readonly arena = new Arena();
  readonly shared = new CountedTexts();
  /** What user requests there are: as many as policies declare. */
  readonly #plans: StepPlan[] = [];
  readonly #numbers = new Map<StepPlan, number>();

  numberOf(plan: StepPlan): number {
    const known = this.#numbers.get(plan);
    if (known !== undefined) return known;
    this.#numbers.set(plan, this.#plans.length);
    return this.#plans.push(plan) - 1;
  }

  planOf(number: number): StepPlan {
    return this.#plans[number] as StepPlan;
  }
}

/** What was written: where it is, and what bytes cannot say. */
export interface Packed {
  readonly address: number;
  readonly references: readonly unknown[];
}

/** What nearly all chains have. */
export const NO_REFERENCES: readonly unknown[] = [];

/** Only one at a time is in use: all of them write into the same bytes. */
export class Writer {
  readonly #shelf: Shelf;
  readonly #references: unknown[] = [];
  readonly #shared: number[] = [];
  #length = 0;

  constructor(shelf: Shelf) {
    this.#shelf = shelf;
  }

  /** Writes an integer, small ones in one byte; `value` may be negative. */
  number(value: number): void {
    // The lowest bit is the sign; numbers of up to 52 bits are exact. What is written beyond the end is not kept.
    let rest = value < 0 ? -2 * value - 1 : 2 * value;
    while (rest >= 128) {
      bytes[this.#length++] = (rest % 128) + 128;
      rest = Math.floor(rest / 128);
    }
    bytes[this.#length++] = rest;
  }

  /** For what few chains have: it stays in the heap. */
  reference(value: unknown): void {
    this.#references.push(value);
  }

  /** Writes a text, by its number where it is known. */
  text(value: string, known: KnownTexts | null = null): void {
    const at = known === null ? -1 : known.numberOf(value);
    if (at >= 0) {
      this.number(at);
      return;
    }
    const before = this.#length;
    this.number(-1 - 2 * value.length);
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      if (code > 255) {
        this.#length = before;
        this.#wide(value);
        return;
      }
      bytes[this.#length++] = code;
    }
  }

  #wide(value: string): void {
    this.number(-2 - 2 * value.length);
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i);
      bytes[this.#length++] = code & 255;
      bytes[this.#length++] = code >> 8;
    }
  }

  /** Writes a text that many chains have. */
  shared(value: string): void {
    const number = this.#shelf.shared.take(value);
    this.#shared.push(number);
    this.number(number);
  }

  plan(plan: StepPlan): void {
    this.number(this.#shelf.numberOf(plan));
  }

  /** Puts all that was written on the shelf; null when it is too long. */
  pack(): Packed | null {
    const { arena, shared } = this.#shelf;
    if (this.#length <= LONGEST_CELL)
      return { address: arena.put(bytes, this.#length), references: this.#references };
    for (const number of this.#shared) shared.give(number);
    return null;
  }
}

/** Reads what was written, in the same order. Whoever reads it to its end takes it off the shelf. */
export class Reader {
  readonly #shelf: Shelf;
  readonly #references: readonly unknown[];
  readonly #bytes: Buffer;
  readonly #start: number;
  /** All bytes, each a character: to cut a text out of it costs less than to read it alone. */
  readonly #all: string;
  #at = 0;
  #taken = 0;

  constructor(address: number, references: readonly unknown[], shelf: Shelf) {
    const { bytes, start, length } = shelf.arena.find(address);
    this.#shelf = shelf;
    this.#references = references;
    this.#bytes = bytes;
    this.#start = start;
    this.#all = bytes.toString('latin1', start, start + length);
  }

  number(): number {
    const bytes = this.#bytes;
    let at = this.#start + this.#at;
    let byte = bytes[at++] as number;
    let value = byte & 127;
    let weight = 128;
    while (byte >= 128) {
      byte = bytes[at++] as number;
      value += (byte & 127) * weight;
      weight *= 128;
    }
    this.#at = at - this.#start;
    return value % 2 === 0 ? value / 2 : -(value + 1) / 2;
  }

  /** What was written here is known to whoever wrote it. */
  reference<T>(): T {
    return this.#references[this.#taken++] as T;
  }

  text(known: KnownTexts | null = null): string {
    const said = this.number();
    if (said >= 0) return (known as KnownTexts).textOf(said);
    const length = (-1 - said) >> 1;
    const from = this.#at;
    if (said % 2 === 0) return this.#wide(length);
    this.#at += length;
    return this.#all.slice(from, this.#at);
  }

  #wide(length: number): string {
    const from = this.#start + this.#at;
    this.#at += 2 * length;
    return this.#bytes.toString('utf16le', from, from + 2 * length);
  }

  shared(): string {
    return this.#shelf.shared.give(this.number());
  }

  plan(): StepPlan {
    return this.#shelf.planOf(this.number());
  }
}
