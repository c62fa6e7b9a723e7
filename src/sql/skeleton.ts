// Plain SQL texts without their literals, in one pass. Enters: a text; leaves: its skeleton and literals, or null when it is not plain.
import type { SqlValue } from '../events/sql.ts';

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

const [REFUSED, NAME, DIGIT, QUOTE, SYMBOL, SPACE] = [0, 1, 2, 3, 4, 5];
const CLASSES = classes();
const NOWHERE = -1;
const APOSTROPHE = 39;
const POINT = 46;
const MINUS = 45;

/** Cuts a plain text; null for one that is not plain or has no literal. Linear in the text. */
export function cutPlain(text: string): Skeleton | null {
  const slots: SqlValue[] = [];
  let key = '';
  let from = 0;
  let at = 0;
  /** The symbol before, spaces apart; 0 when something else stands there. */
  let before = 0;
  /** Where the word before begins, spaces apart. */
  let word = NOWHERE;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    const kind = classOf(code);
    let end = at + 1;
    if (kind === NAME) {
      while (isNamePart(text, end)) end++;
      // A prefix makes another literal of it, and only a symbol may stand before a plain one.
      before = 0;
      word = at;
    } else if (kind === SYMBOL) {
      if (code === MINUS && text.charCodeAt(end) === MINUS) return null;
      before = code;
      word = NOWHERE;
    } else if (kind === QUOTE || kind === DIGIT) {
      if (
        kind === QUOTE
          ? !(opensAfter(before) || isOperator(text, word, at))
          : text.charCodeAt(at - 1) === POINT
      )
        return null;
      end = kind === QUOTE ? textEnd(text, at) : numberEnd(text, at);
      if (end < 0) return null;
      const written = kind === QUOTE ? text.slice(at + 1, end - 1) : text.slice(at, end);
      slots.push({ type: kind === QUOTE ? 'text' : 'number', text: written });
      const mark = kind === QUOTE ? MARKS.text : written.includes('.') ? MARKS.decimal : MARKS.whole;
      key += text.slice(from, at) + mark;
      from = end;
      before = 0;
      word = NOWHERE;
    } else if (kind !== SPACE) return null;
    at = end;
  }
  return slots.length === 0 ? null : { key: key + text.slice(from), slots };
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

/** Past the literal; -1 when it is not plain: an escape, a doubled quote, or something right behind it. */
function textEnd(text: string, at: number): number {
  let end = at + 1;
  for (let code = text.charCodeAt(end); code !== APOSTROPHE; code = text.charCodeAt(++end)) {
    // Not a number at the end of the text, which fails both comparisons.
    if (!(code >= 32 && code <= 126) || code === 92) return -1;
  }
  return endsWell(text, end + 1) ? end + 1 : -1;
}

/** Past the number; -1 when two servers could write it differently (leading zeros, more than 9 digits) or it runs into a name. */
function numberEnd(text: string, at: number): number {
  let end = at + 1;
  while (isDigit(text, end)) end++;
  if (end - at > 9 || (end - at > 1 && text.charCodeAt(at) === 48)) return -1;
  if (text.charCodeAt(end) === POINT) {
    const point = end++;
    while (isDigit(text, end)) end++;
    if (end === point + 1 || end - point > 16) return -1;
  }
  return endsWell(text, end) ? end : -1;
}

/** At the end of the text, or before a space, a comma or a closing parenthesis. */
function endsWell(text: string, at: number): boolean {
  if (at >= text.length) return true;
  const code = text.charCodeAt(at);
  return code === 32 || code === 10 || code === 44 || code === 41;
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
  return code < 128 ? (CLASSES[code] ?? REFUSED) : REFUSED;
}

function isNamePart(text: string, at: number): boolean {
  const kind = at < text.length ? classOf(text.charCodeAt(at)) : REFUSED;
  return kind === NAME || kind === DIGIT;
}

function isDigit(text: string, at: number): boolean {
  const code = text.charCodeAt(at);
  return code >= 48 && code <= 57;
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
