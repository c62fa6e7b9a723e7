// Tokens of JSON as Zeek writes it, which is not JSON: raw bytes, \v, nan. Enters: bytes; leaves: tokens. Never recursive.
import { isUtf8 } from 'node:buffer';
import { malformed } from '../failure.ts';

export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const OPEN_LIST = 0x5b;
export const CLOSE_LIST = 0x5d;
export const OPEN_OBJECT = 0x7b;
export const CLOSE_OBJECT = 0x7d;
const BACKSLASH = 0x5c;

/** Digits that surely fit a number exactly. */
const SHORT = 15;
/** `%f` of the largest double has 309 digits before the point. */
const LONGEST_NUMBER = 400;

/** Reads tokens one after the other. Every method throws BrokerError `broker-malformed` and nothing else. */
export class Cursor {
  readonly bytes: Buffer;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** The next byte after white space, not consumed; -1 at the end. */
  peek(): number {
    const { bytes } = this;
    let byte = bytes[this.at];
    while (byte === 0x20 || byte === 0x0a || byte === 0x09 || byte === 0x0d) {
      this.at += 1;
      byte = bytes[this.at];
    }
    return byte ?? -1;
  }

  /** Consumes `byte` if it comes next. */
  take(byte: number): boolean {
    if (this.peek() !== byte) return false;
    this.at += 1;
    return true;
  }

  /** Consumes `byte`, which must come next. */
  expect(byte: number): void {
    if (!this.take(byte)) throw malformed(`"${String.fromCharCode(byte)}" is missing`, this.at);
  }

  /** Consumes exactly these bytes, if they come next without white space. */
  literal(expected: Uint8Array): boolean {
    const { bytes, at } = this;
    const length = expected.length;
    for (let index = 0; index < length; index += 1) if (bytes[at + index] !== expected[index]) return false;
    this.at = at + length;
    return true;
  }

  /** A string: text when its bytes are UTF-8, else its bytes (a copy, so that the frame can go). */
  string(): string | Uint8Array {
    this.expect(QUOTE);
    const { bytes } = this;
    const start = this.at;
    const length = bytes.length;
    let high = 0;
    for (let at = start; at < length; at += 1) {
      const byte = bytes[at] ?? 0;
      if (byte === QUOTE) {
        this.at = at + 1;
        return high < 0x80 ? latin1(bytes, start, at) : textOrBytes(bytes.subarray(start, at));
      }
      if (byte === BACKSLASH) return this.#escaped(start, at);
      high |= byte;
    }
    throw malformed('a string does not end', start);
  }

  /** A string that must be text. */
  text(): string {
    const at = this.at;
    const content = this.string();
    if (typeof content !== 'string') throw malformed('a name is not UTF-8', at);
    return content;
  }

  /** A whole number as it stands, without sign unless `signed`. */
  whole(signed: boolean): bigint {
    this.peek();
    const { bytes } = this;
    const start = this.at;
    let at = start;
    const negative = signed && bytes[at] === 0x2d;
    if (negative) at += 1;
    const first = at;
    let short = 0;
    for (; at - first <= 20; at += 1) {
      const digit = (bytes[at] ?? 0) - 0x30;
      if (digit < 0 || digit > 9) break;
      short = short * 10 + digit;
    }
    if (at === first || at - first > 20) throw malformed('not a whole number of 64 bits', start);
    this.at = at;
    if (at - first <= SHORT) return BigInt(negative ? -short : short);
    return BigInt(latin1(bytes, start, at));
  }

  /** A real number; C's `nan`, `-nan`, `inf` and `-inf` are some too. */
  real(): number {
    this.peek();
    const start = this.at;
    const word = this.#word();
    const named = NAMED_REALS.get(word);
    if (named !== undefined) return named;
    // No two parts of the expression can match the same character, so it cannot backtrack far.
    if (!/^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(word)) throw malformed('not a number', start);
    return Number(word);
  }

  /** `true` or `false`. */
  boolean(): boolean {
    this.peek();
    const start = this.at;
    const word = this.#word();
    if (word !== 'true' && word !== 'false') throw malformed('not true or false', start);
    return word === 'true';
  }

  /** Passes over any one value, without taking part in what it means. */
  skip(): void {
    let depth = 0;
    do {
      const byte = this.peek();
      if (byte === QUOTE) this.string();
      else if (byte === OPEN_OBJECT || byte === OPEN_LIST) {
        depth += 1;
        this.at += 1;
      } else if (byte === CLOSE_OBJECT || byte === CLOSE_LIST) {
        if (depth === 0) throw malformed('a value is missing', this.at);
        depth -= 1;
        this.at += 1;
      } else if (depth > 0 && (byte === COMMA || byte === COLON)) this.at += 1;
      else if (this.#word() === '') throw malformed('not a value', this.at);
    } while (depth > 0);
  }

  /** Letters, digits, signs and points up to what is none. */
  #word(): string {
    const start = this.at;
    let at = start;
    while (isWordByte(this.bytes[at] ?? 0)) at += 1;
    if (at - start > LONGEST_NUMBER) throw malformed('a number is too long', start);
    this.at = at;
    return latin1(this.bytes, start, at);
  }

  /** The rest of a string whose first backslash is at `from`. */
  #escaped(start: number, from: number): string | Uint8Array {
    const { bytes } = this;
    const end = closingQuote(bytes, from, start);
    // No escape is shorter than what it stands for.
    const out = Buffer.allocUnsafe(end - start);
    let length = bytes.copy(out, 0, start, from);
    for (let at = from; at < end; ) {
      const letter = bytes[at + 1] ?? 0;
      if (letter === 0x75) {
        const code = hex4(bytes, at + 2, end);
        const low = code >= 0xd800 && code < 0xdc00 ? lowSurrogate(bytes, at + 6, end) : -1;
        const point = low < 0 ? code : 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
        length = writePoint(out, length, point);
        at += low < 0 ? 6 : 12;
      } else {
        const plain = ESCAPES[letter] ?? 0;
        if (plain === 0) throw malformed('an unknown escape', at);
        out[length] = plain;
        length += 1;
        at += 2;
      }
      // What stands before the next backslash.
      for (let byte = bytes[at] ?? 0; at < end && byte !== BACKSLASH; byte = bytes[at] ?? 0) {
        out[length] = byte;
        length += 1;
        at += 1;
      }
    }
    this.at = end + 1;
    return textOrBytes(out.subarray(0, length));
  }
}

const NAMED_REALS: ReadonlyMap<string, number> = new Map([
  ['nan', Number.NaN],
  ['-nan', Number.NaN],
  ['inf', Number.POSITIVE_INFINITY],
  ['-inf', Number.NEGATIVE_INFINITY],
]);

/** What the letter after a backslash stands for; 0 for none. `v` is not JSON, but Zeek writes it. */
const ESCAPES = new Uint8Array(256);
for (const [letter, byte] of [
  ['"', 0x22],
  ['\\', 0x5c],
  ['/', 0x2f],
  ['b', 0x08],
  ['f', 0x0c],
  ['n', 0x0a],
  ['r', 0x0d],
  ['t', 0x09],
  ['v', 0x0b],
] as const)
  ESCAPES[letter.charCodeAt(0)] = byte;

/** What `toString('latin1')` calls, without its look-up of the encoding, which costs as much as a short text. */
export function latin1(
  bytes: Buffer & { latin1Slice?: (start: number, end: number) => string },
  start: number,
  end: number,
): string {
  return bytes.latin1Slice?.(start, end) ?? bytes.toString('latin1', start, end);
}

function textOrBytes(bytes: Buffer): string | Uint8Array {
  return isUtf8(bytes) ? bytes.toString('utf8') : new Uint8Array(bytes);
}

function isWordByte(byte: number): boolean {
  const lower = byte | 0x20;
  return (
    (byte >= 0x30 && byte <= 0x39) ||
    (lower >= 0x61 && lower <= 0x7a) ||
    byte === 0x2d ||
    byte === 0x2e ||
    byte === 0x2b
  );
}

function closingQuote(bytes: Buffer, from: number, start: number): number {
  for (let at = from; at < bytes.length; at += 1) {
    const byte = bytes[at];
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH) at += 1;
  }
  throw malformed('a string does not end', start);
}

function hex4(bytes: Buffer, at: number, end: number): number {
  let code = 0;
  for (let index = at; index < at + 4; index += 1) {
    const byte = index < end ? (bytes[index] ?? 0) : 0;
    const lower = byte | 0x20;
    const digit =
      byte >= 0x30 && byte <= 0x39 ? byte - 0x30 : lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
    if (digit < 0) throw malformed('\\u needs four hexadecimal digits', at);
    code = code * 16 + digit;
  }
  return code;
}

/** The low surrogate written as `\uDC00` at `at`; -1 when none is there. */
function lowSurrogate(bytes: Buffer, at: number, end: number): number {
  if (at + 6 > end || bytes[at] !== BACKSLASH || bytes[at + 1] !== 0x75) return -1;
  const code = hex4(bytes, at + 2, end);
  return code >= 0xdc00 && code < 0xe000 ? code : -1;
}

/** Writes a code point as UTF-8; a lone surrogate becomes its three bytes, hence no text. */
function writePoint(out: Buffer, at: number, point: number): number {
  if (point < 0x80) {
    out[at] = point;
    return at + 1;
  }
  if (point < 0x800) {
    out[at] = 0xc0 | (point >> 6);
    out[at + 1] = 0x80 | (point & 63);
    return at + 2;
  }
  if (point < 0x10000) {
    out[at] = 0xe0 | (point >> 12);
    out[at + 1] = 0x80 | ((point >> 6) & 63);
    out[at + 2] = 0x80 | (point & 63);
    return at + 3;
  }
  out[at] = 0xf0 | (point >> 18);
  out[at + 1] = 0x80 | ((point >> 12) & 63);
  out[at + 2] = 0x80 | ((point >> 6) & 63);
  out[at + 3] = 0x80 | (point & 63);
  return at + 4;
}
