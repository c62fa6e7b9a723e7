// One parameter or result cell of PostgreSQL. Enters: bytes, type, format; leaves: its value, and whether the text was sure.
import type { SqlValue } from '../../events/sql.ts';
import { isoText } from '../sql/calendar.ts';
import { expandExponent } from '../sql/number-text.ts';
import { decodeText, latin1 } from '../sql/text.ts';
import { readBinary } from './binary-value.ts';
import { typeFamily } from './types.ts';

export interface ReadValue {
  readonly value: SqlValue;
  /** False when the bytes are not ASCII and their encoding is not known to be UTF-8. */
  readonly sure: boolean;
}

export const NULL_VALUE: SqlValue = { type: 'null' };

/** Reads a value. `format`: 0 text, 1 binary. `utf8`: the client's encoding is UTF-8. */
export function readValue(bytes: Uint8Array, oid: number, format: number, utf8: boolean): ReadValue {
  if (format !== 0)
    return { value: readBinary(bytes, oid), sure: utf8 || !isTextual(oid) || decodeText(bytes).ascii };
  const { text, ascii, valid } = decodeText(bytes);
  const sure = ascii || (utf8 && valid);
  return { value: readTextForm(sure ? text : latin1(bytes), oid), sure };
}

function isTextual(oid: number): boolean {
  const family = typeFamily(oid);
  return family === 'text' || family === 'jsonb';
}

/** The text form as the type's input function takes it; what does not look canonical stays text. */
function readTextForm(text: string, oid: number): SqlValue {
  const plain: SqlValue = { type: 'text', text };
  switch (typeFamily(oid)) {
    case 'boolean':
      return readBoolean(text) ?? plain;
    case 'integer':
    case 'oid':
    case 'float4':
    case 'float8':
    case 'numeric':
      return readNumber(text) ?? plain;
    case 'bytes':
      return isHexForm(text) ? { type: 'bytes', text: text.slice(2).toLowerCase() } : plain;
    case 'uuid':
      return { type: 'text', text: text.toLowerCase() };
    case 'date':
    case 'time':
    case 'timetz':
    case 'timestamp':
      return readTime(text, false) ?? plain;
    case 'timestamptz':
      return readTime(text, true) ?? plain;
    default:
      return plain;
  }
}

/** `\x` and whole bytes; a regular expression would run out of stack on megabytes. */
function isHexForm(text: string): boolean {
  if (!text.startsWith('\\x') || text.length % 2 !== 0) return false;
  for (let at = 2; at < text.length; at += 1) {
    const char = text.charAt(at);
    if (!((char >= '0' && char <= '9') || (char >= 'a' && char <= 'f') || (char >= 'A' && char <= 'F')))
      return false;
  }
  return true;
}

/** Unambiguous beginnings of these words, in any case, with spaces around (bool.c, `boolin`). */
function readBoolean(text: string): SqlValue | null {
  const word = text.trim().toLowerCase();
  if (word === '') return null;
  if (['true', 'yes'].some((full) => full.startsWith(word)) || word === 'on' || word === '1') {
    return { type: 'boolean', text: 'true' };
  }
  if (
    ['false', 'no'].some((full) => full.startsWith(word)) ||
    word === 'off' ||
    word === 'of' ||
    word === '0'
  ) {
    return { type: 'boolean', text: 'false' };
  }
  return null;
}

function readNumber(text: string): SqlValue | null {
  const trimmed = text.trim();
  const word = /^([+-]?)(nan|inf|infinity)$/i.exec(trimmed);
  if (word !== null) {
    const nan = word[2]?.toLowerCase() === 'nan';
    return { type: 'number', text: nan ? 'NaN' : `${word[1] === '-' ? '-' : ''}Infinity` };
  }
  const number = expandExponent(trimmed);
  return number === null ? null : { type: 'number', text: number };
}

function readTime(text: string, zoned: boolean): SqlValue | null {
  if (text === 'infinity' || text === '-infinity') return { type: 'time', text };
  const iso = isoText(text, zoned);
  return iso === null ? null : { type: 'time', text: iso };
}
