// Tokens in the one form that Zeek writes, quickly. Enters: a frame; leaves: tokens, or null where Cursor has to look.
import { isAscii } from 'node:buffer';
import { CLOSE_OBJECT, Cursor, latin1, QUOTE } from './cursor.ts';
import type { Literal } from './literal.ts';
import { parseTimestamp, TIMESTAMP_BYTES, timestampAt } from './time.ts';
import { MAX_COUNT, MAX_INTEGER, MIN_INTEGER } from './value.ts';

const MINUS = 0x2d;
const POINT = 0x2e;

/** Digits that surely fit a number exactly. */
const SHORT = 15;
/** Up to this size texts are slices, so that one which is kept keeps so much of its frame; beyond, they are copies. */
const SLICED = 4096;
/** V8 copies shorter texts anyway. */
const SHORTEST_SLICE = 13;

/** Small numbers come often, and making a bigint costs more than reading one. */
const SMALL: readonly bigint[] = Array.from({ length: 1024 }, (_, value) => BigInt(value));
/** Powers of ten that a number holds exactly, as it does all digits of the real: their quotient is the nearest number. */
const POWERS: readonly number[] = Array.from({ length: SHORT + 1 }, (_, exponent) => 10 ** exponent);

/**
 * White space is none of Zeek's, so there is none here. Every method gives null (or false) for what is not in Zeek's form,
 * and may throw BrokerError `broker-malformed`; what it does read, it reads as Cursor would.
 */
export class PlainCursor {
  at = 0;
  readonly #bytes: Buffer;
  readonly #view: DataView;
  /** The frame, one character a byte. */
  readonly #text: string;
  readonly #ascii: boolean;
  readonly #sliced: boolean;
  /** The first backslash that is not behind `at`. */
  #escape = 0;
  #cursor: Cursor | null = null;

  constructor(frame: Uint8Array) {
    const { buffer, byteOffset, length } = frame;
    const bytes = Buffer.isBuffer(frame) ? frame : Buffer.from(buffer, byteOffset, length);
    this.#bytes = bytes;
    this.#view = new DataView(buffer, byteOffset, length);
    this.#text = latin1(bytes, 0, length);
    this.#ascii = isAscii(bytes);
    this.#sliced = length <= SLICED;
    this.#nextEscape();
  }

  /** The byte so far ahead; -1 beyond the end. */
  peek(ahead: number): number {
    return this.#bytes[this.at + ahead] ?? -1;
  }

  /** Passes exactly this. */
  pass(expected: Literal): boolean {
    if (!expected.isAt(this.#view, this.at)) return false;
    this.at += expected.length;
    return true;
  }

  /** Passes this one character. */
  take(byte: number): boolean {
    if (this.#bytes[this.at] !== byte) return false;
    this.at += 1;
    return true;
  }

  /** A string that is text, from behind its opening quote to behind its closing one. */
  text(): string | null {
    const content = this.string();
    return typeof content === 'string' ? content : null;
  }

  /** A string, likewise: text when its bytes are UTF-8, else its bytes. */
  string(): string | Uint8Array | null {
    const start = this.at;
    const end = this.#text.indexOf('"', start);
    if (end < 0) return null;
    if (end > this.#escape || !(this.#ascii || this.#isAscii(start, end))) {
      // From the opening quote on.
      this.at = start - 1;
      const content = this.#general((cursor) => cursor.string());
      this.#nextEscape();
      return content;
    }
    this.at = end + 1;
    if (this.#sliced || end - start < SHORTEST_SLICE) return this.#text.substring(start, end);
    return latin1(this.#bytes, start, end);
  }

  /** A whole number of 64 bits, without sign unless `signed`. */
  whole(signed: boolean): bigint | null {
    const bytes = this.#bytes;
    const start = this.at;
    const negative = signed && bytes[start] === MINUS;
    const first = negative ? start + 1 : start;
    let at = first;
    let value = 0;
    for (; at - first <= SHORT; at += 1) {
      const digit = (bytes[at] ?? 0) - 0x30;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    if (at === first) return null;
    if (at - first > SHORT) return this.#long(signed);
    this.at = at;
    if (negative) return BigInt(-value);
    return SMALL[value] ?? BigInt(value);
  }

  /** `%f`: digits, a point, digits. Others, and those of more digits than a number holds, take the long way. */
  real(): number {
    const bytes = this.#bytes;
    const start = this.at;
    const negative = bytes[start] === MINUS;
    const first = negative ? start + 1 : start;
    let at = first;
    let digits = 0;
    let point = -1;
    for (; at - first <= SHORT + 1; at += 1) {
      const code = bytes[at] ?? 0;
      if (code === POINT && point < 0 && at > first) point = at;
      else if (code >= 0x30 && code <= 0x39) digits = digits * 10 + (code - 0x30);
      else break;
    }
    const decimals = at - point - 1;
    if (point < 0 || decimals === 0 || at - first > SHORT + 1 || bytes[at] !== CLOSE_OBJECT)
      return this.#general((cursor) => cursor.real());
    this.at = at;
    const value = digits / (POWERS[decimals] ?? 1);
    return negative ? -value : value;
  }

  /** The number of a port, 0 .. 65535. */
  portNumber(): number | null {
    const bytes = this.#bytes;
    const start = this.at;
    let number = 0;
    let at = start;
    for (; at - start < 5; at += 1) {
      const digit = (bytes[at] ?? 0) - 0x30;
      if (digit < 0 || digit > 9) break;
      number = number * 10 + digit;
    }
    this.at = at;
    return at === start || number > 65_535 ? null : number;
  }

  /** A time with its closing quote, in nanoseconds since 1970. */
  timestamp(): bigint | null {
    const start = this.at;
    const nanoseconds = timestampAt(this.#bytes, start);
    this.at = start + TIMESTAMP_BYTES;
    if (nanoseconds !== null && this.take(QUOTE)) return nanoseconds;
    this.at = start;
    const text = this.text();
    return text === null ? null : parseTimestamp(text);
  }

  #long(signed: boolean): bigint | null {
    const value = this.#general((cursor) => cursor.whole(signed));
    const fits = signed ? value >= MIN_INTEGER && value <= MAX_INTEGER : value <= MAX_COUNT;
    return fits ? value : null;
  }

  #isAscii(start: number, end: number): boolean {
    const bytes = this.#bytes;
    for (let at = start; at < end; at += 1) if ((bytes[at] ?? 0) > 0x7f) return false;
    return true;
  }

  #nextEscape(): void {
    const found = this.#text.indexOf('\\', this.at);
    this.#escape = found < 0 ? this.#text.length : found;
  }

  /** One token in any form. */
  #general<Token>(read: (cursor: Cursor) => Token): Token {
    this.#cursor ??= new Cursor(this.#bytes);
    this.#cursor.at = this.at;
    const token = read(this.#cursor);
    this.at = this.#cursor.at;
    return token;
  }
}
