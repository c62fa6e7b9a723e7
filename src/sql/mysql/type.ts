// The type that a CAST names. Enters: tokens; leaves: how the cast is seen through, or null.
import type { Cast } from '../cast.ts';
import { Refusal } from './cursor.ts';
import type { Parser } from './parser.ts';

const TYPES: ReadonlySet<string> = new Set(
  'BINARY CHAR DATE DATETIME DECIMAL DOUBLE FLOAT INTEGER INT JSON NCHAR REAL SIGNED TIME UNSIGNED VARCHAR YEAR'.split(
    ' ',
  ),
);

/** `CHAR(10) CHARACTER SET x`, `DECIMAL(5,2)`, `SIGNED INTEGER`; null for a type that can change the value. */
export function readType(parser: Parser): Cast | null {
  const { cursor } = parser;
  const token = cursor.any();
  if (token.kind !== 'word') throw new Refusal('a type was expected');
  const type = token.name.toUpperCase();
  let plain = true;
  if (cursor.symbol('(')) {
    plain = false;
    do if (cursor.any().kind !== 'number') throw new Refusal('a type of an unknown form');
    while (cursor.symbol(','));
    cursor.expect(')');
  }
  if (cursor.take('CHARACTER', 'SET') || cursor.take('CHARSET')) {
    cursor.any();
    plain = false;
  }
  if (type === 'SIGNED' || type === 'UNSIGNED') cursor.oneOf('INTEGER', 'INT');
  if (!TYPES.has(type)) throw new Refusal('a type that is not known');
  if (!plain) return null;
  if (type === 'CHAR') return 'text';
  if (type === 'SIGNED') return 'integer';
  return type === 'DATE' ? 'date' : null;
}
