// Plain SQL texts without their literals, in one pass. Enters: a text; leaves: its skeleton and literals, or null when it is not plain.
import type { SqlValue } from '../events/sql.ts';
import { MAX_TEXT } from './token.ts';

/**
 * A text that both dialects cut into the same tokens whatever their settings: no comment, escape, prefix or quoted name, ASCII
 * alone. The trees that their grammars make depend on the kinds of tokens only, so texts of one skeleton differ in their
 * values and in nothing else.
 */
export interface Skeleton {
  /** The text with a mark for each literal; the marks occur in no plain text. */
  readonly key: string;
  readonly slots: readonly SqlValue[];
}

/** Marks of a text, of a whole number that PostgreSQL keeps in 32 bits, and of one with a point. */
const MARKS = { text: "'", whole: '#', decimal: '$' } as const;
const TEXT = 39;
const WHOLE = 35;
const DECIMAL = 36;

const REFUSED = 0;
const NAME = 1;
const DIGIT = 2;
const QUOTE = 3;
const SYMBOL = 4;
const SPACE = 5;
const CLASSES = classes();
const NOWHERE = -1;
const APOSTROPHE = 39;
const POINT = 46;
const MINUS = 45;

const encoder = new TextEncoder();
const scratch = new Uint8Array(MAX_TEXT + 1);

/**
 * A text as bytes with a NUL behind it, which are much faster to walk over than a string; null when it is not ASCII or too
 * long. They hold until the next call.
 */
export function asciiOf(text: string): Uint8Array | null {
  if (text.length > MAX_TEXT) return null;
  // Whatever is not ASCII takes more than one byte.
  const { read, written } = encoder.encodeInto(text, scratch);
  if (read !== text.length || written !== text.length) return null;
  scratch[written] = 0;
  return scratch;
}

/** Cuts a plain text; null for one that is not plain or has no literal. Linear in the text. */
export function cutPlain(text: string): Skeleton | null {
  const bytes = asciiOf(text);
  if (bytes === null) return null;
  const slots: SqlValue[] = [];
  let key = '';
  let from = 0;
  let at = 0;
  /** The symbol before, spaces apart; 0 when something else stands there. */
  let before = 0;
  /** Where the word before begins, spaces apart. */
  let word = NOWHERE;
  while (at < text.length) {
    const code = byteAt(bytes, at);
    const kind = classOf(code);
    let end = at + 1;
    if (kind === NAME) {
      while (isNamePart(bytes, end)) end++;
      // A prefix makes another literal of it, and only a symbol may stand before a plain one.
      before = 0;
      word = at;
    } else if (kind === SYMBOL) {
      if (code === MINUS && bytes[end] === MINUS) return null;
      before = code;
      word = NOWHERE;
    } else if (kind === QUOTE || kind === DIGIT) {
      if (kind === QUOTE ? !(opensAfter(before) || isOperator(text, word, at)) : bytes[at - 1] === POINT)
        return null;
      const mark = markOf(bytes, at);
      end = literalEnd(bytes, at, mark);
      if (end < 0) return null;
      slots.push(literalOf(text, at, end, mark));
      key += text.slice(from, at) + String.fromCharCode(mark);
      from = end;
      before = 0;
      word = NOWHERE;
    } else if (kind !== SPACE) return null;
    at = end;
  }
  return slots.length === 0 ? null : { key: key + text.slice(from), slots };
}

/** True for the marks of literals. */
export function isMark(code: number): boolean {
  // No plain text holds any of what lies between outside of its literals.
  return code >= WHOLE && code <= TEXT;
}

/** The mark of the literal that begins here; 0 where none does, as in the midst of a name. */
export function markOf(bytes: Uint8Array, at: number): number {
  if (bytes[at] === APOSTROPHE) return TEXT;
  if (!isDigit(bytes, at) || (at > 0 && isNamePart(bytes, at - 1))) return 0;
  return bytes[digitsEnd(bytes, at)] === POINT ? DECIMAL : WHOLE;
}

/** Past the literal that begins here and has this mark; -1 when there is none, or it is not plain. */
export function literalEnd(bytes: Uint8Array, at: number, mark: number): number {
  if (mark === TEXT) return bytes[at] === APOSTROPHE ? textEnd(bytes, at) : -1;
  return isDigit(bytes, at) ? numberEnd(bytes, at, mark) : -1;
}

/** The value of a literal between these two. */
export function literalOf(text: string, at: number, end: number, mark: number): SqlValue {
  return mark === TEXT
    ? { type: 'text', text: text.slice(at + 1, end - 1) }
    : { type: 'number', text: text.slice(at, end) };
}

/** A text of that skeleton with values that stand for their places; `places` says which value stands for which. */
export function withPlaceholders(key: string): { text: string; places: ReadonlyMap<string, number> } {
  const places = new Map<string, number>();
  const text = key.replace(/['#$]/g, (mark) => {
    const place = places.size;
    const value =
      mark === MARKS.text
        ? `place ${place}`
        : mark === MARKS.whole
          ? String(900_000_000 + place)
          : `900000000.${place + 1}`;
    places.set(value, place);
    return mark === MARKS.text ? `'${value}'` : value;
  });
  return { text, places };
}

/** Past the text; -1 when it is not plain: an escape, a doubled quote, or something right behind it. */
function textEnd(bytes: Uint8Array, at: number): number {
  let end = at + 1;
  for (let code = byteAt(bytes, end); code !== APOSTROPHE; code = byteAt(bytes, ++end)) {
    // The NUL behind the text ends it, too.
    if (code < 32 || code > 126 || code === 92) return -1;
  }
  return endsWell(bytes, end + 1) ? end + 1 : -1;
}

/**
 * Past the number; -1 when it has another mark, when two servers could write it differently (leading zeros, more than 9
 * digits), or when it runs into a name.
 */
function numberEnd(bytes: Uint8Array, at: number, mark: number): number {
  let end = digitsEnd(bytes, at);
  if (end - at > 9 || (end - at > 1 && bytes[at] === 48)) return -1;
  if ((bytes[end] === POINT) !== (mark === DECIMAL)) return -1;
  if (mark === DECIMAL) {
    const point = end;
    end = digitsEnd(bytes, end);
    if (end === point + 1 || end - point > 16) return -1;
  }
  return endsWell(bytes, end) ? end : -1;
}

/** Past the digits that follow this one, or the point. */
function digitsEnd(bytes: Uint8Array, at: number): number {
  let end = at + 1;
  while (isDigit(bytes, end)) end++;
  return end;
}

/** At the end of the text, or before a space, a comma or a closing parenthesis. */
function endsWell(bytes: Uint8Array, at: number): boolean {
  const code = byteAt(bytes, at);
  // No text with a NUL in it is plain, so that this one stands behind it.
  return code === 0 || code === 32 || code === 10 || code === 44 || code === 41;
}

/** `=`, `<`, `>`, `(` and `,` make nothing else of the literal behind them. */
function opensAfter(code: number): boolean {
  return code === 61 || code === 60 || code === 62 || code === 40 || code === 44;
}

/** True when the word before a literal is one of these, with a space behind it: none of them is a prefix or a type. */
function isOperator(text: string, word: number, at: number): boolean {
  return (
    word !== NOWHERE && /^(?:like|and|or|between|select) +$/i.test(text.slice(word, Math.min(at, word + 64)))
  );
}

function classOf(code: number): number {
  return CLASSES[code] ?? REFUSED;
}

function isNamePart(bytes: Uint8Array, at: number): boolean {
  const kind = classOf(byteAt(bytes, at));
  return kind === NAME || kind === DIGIT;
}

function isDigit(bytes: Uint8Array, at: number): boolean {
  const code = byteAt(bytes, at);
  return code >= 48 && code <= 57;
}

function byteAt(bytes: Uint8Array, at: number): number {
  return bytes[at] ?? 0;
}

function classes(): Uint8Array {
  const table = new Uint8Array(128);
  const set = (characters: string, kind: number): void => {
    for (const character of characters) table[character.charCodeAt(0)] = kind;
  };
  set('abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_', NAME);
  set('0123456789', DIGIT);
  set("'", QUOTE);
  set('(),.=<>*+-', SYMBOL);
  set(' \n', SPACE);
  return table;
}
