// One parameter or result cell of MySQL. Enters: bytes and a type; leaves: its canonical value.
import { assertNever } from '../../errors.ts';
import type { SqlValue } from '../../events/sql.ts';
import type { ByteReader } from '../sql/byte-reader.ts';
import { dateText, isoText, timeText } from '../sql/calendar.ts';
import { doubleText, expandExponent, floatText } from '../sql/number-text.ts';
import { decodeText, hex, latin1 } from '../sql/text.ts';
import { readPlainBytes } from './lenenc.ts';
import { type TypeFamily, typeOf } from './types.ts';

/** What is known of a value before its bytes. */
export interface ValueType {
  readonly type: number;
  readonly unsigned: boolean;
  /** Bytes, not text. */
  readonly binary: boolean;
}

export const NULL_VALUE: SqlValue = { type: 'null' };

/** A value in the binary protocol (MySQL documentation, "Binary Protocol Value"). Null when its type is none. */
export function readBinary(reader: ByteReader, { type, unsigned, binary }: ValueType): SqlValue | null {
  const known = typeOf(type);
  if (known === null) return null;
  switch (known.family) {
    case 'null':
      return NULL_VALUE;
    case 'integer':
    case 'year':
      return { type: 'number', text: readInteger(reader, known.size ?? 0, unsigned) };
    case 'float':
      return { type: 'number', text: singleText(reader.f32le()) };
    case 'double':
      return { type: 'number', text: doubleText(reader.f64le()) };
    case 'date':
    case 'datetime':
      return readDate(reader, known.family === 'datetime');
    case 'time':
      return readTime(reader);
    case 'decimal':
    case 'text':
    case 'blob':
    case 'bytes':
      return readText(readPlainBytes(reader), type, binary);
    default:
      return assertNever(known.family);
  }
}

/** From here on a single-precision number is whole, and all its digits count: the server goes on with them as a double. */
const WHOLE = 2 ** 24;

function singleText(value: number): string {
  return Math.abs(value) < WHOLE ? floatText(value) : doubleText(value);
}

/** A value in the text protocol, or the string that a binary one is. */
export function readText(bytes: Uint8Array, type: number, binary: boolean): SqlValue {
  const family: TypeFamily = typeOf(type)?.family ?? 'text';
  switch (family) {
    case 'integer':
    case 'year':
    case 'decimal':
    case 'float':
    case 'double': {
      const text = latin1(bytes);
      const number = expandExponent(text);
      return number === null ? { type: 'text', text } : { type: 'number', text: number };
    }
    case 'date':
    case 'datetime':
    case 'time': {
      const text = latin1(bytes);
      const iso = isoText(text, false);
      return iso === null ? { type: 'text', text } : { type: 'time', text: iso };
    }
    case 'bytes':
      return { type: 'bytes', text: hex(bytes) };
    case 'text':
    case 'blob':
    case 'null':
      return binary && type !== JSON_TYPE ? { type: 'bytes', text: hex(bytes) } : readCharacters(bytes);
    default:
      return assertNever(family);
  }
}

/** JSON has the binary character set and is text all the same. */
const JSON_TYPE = 245;

function readCharacters(bytes: Uint8Array): SqlValue {
  const { text, valid } = decodeText(bytes);
  return valid ? { type: 'text', text } : { type: 'bytes', text: hex(bytes) };
}

function readInteger(reader: ByteReader, size: number, unsigned: boolean): string {
  const value =
    size === 1
      ? BigInt(reader.u8())
      : size === 2
        ? BigInt(reader.u16le())
        : size === 4
          ? BigInt(reader.u32le())
          : reader.u64le();
  return String(unsigned ? value : BigInt.asIntN(size * 8, value));
}

/** Length, then as much of year, month, day, hour, minute, second, microsecond as is not zero. */
function readDate(reader: ByteReader, timed: boolean): SqlValue | null {
  const length = reader.u8();
  if (length !== 0 && length !== 4 && length !== 7 && length !== 11) return null;
  const date = length === 0 ? dateText(0, 0, 0) : dateText(reader.u16le(), reader.u8(), reader.u8());
  const time = timeText(length < 7 ? 0n : readClock(reader, 0, length === 11));
  return { type: 'time', text: timed ? `${date}T${time}` : date };
}

/** Length, then sign, days, hours, minutes, seconds, microseconds. */
function readTime(reader: ByteReader): SqlValue | null {
  const length = reader.u8();
  if (length !== 0 && length !== 8 && length !== 12) return null;
  if (length === 0) return { type: 'time', text: timeText(0n) };
  const negative = reader.u8() !== 0;
  const days = reader.u32le();
  const text = timeText(readClock(reader, days, length === 12));
  return { type: 'time', text: negative ? `-${text}` : text };
}

function readClock(reader: ByteReader, days: number, fraction: boolean): bigint {
  const seconds = days * 86_400 + reader.u8() * 3600 + reader.u8() * 60 + reader.u8();
  return BigInt(seconds) * 1_000_000n + BigInt(fraction ? reader.u32le() : 0);
}
