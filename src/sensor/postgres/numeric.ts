// The binary form of PostgreSQL's numeric. Enters: digit groups; leaves: exact decimal digits.
import type { ByteReader } from '../sql/byte-reader.ts';

const NEGATIVE = 0x4000;
const NAN = 0xc000;
const INFINITY = 0xd000;
const MINUS_INFINITY = 0xf000;
/** Zeros that are not on the wire but asked for: eight bytes can ask for 131,072 of them. */
const MOST_ZEROS = 512;

/**
 * Group count, weight, sign, scale, then groups of four digits (numeric.c, `numeric_send`); as many decimals as the scale
 * says. Null when it breaks these rules, or wants far more zeros than a real number would.
 */
export function numericText(reader: ByteReader): string | null {
  const count = reader.u16be();
  const weight = reader.i16be();
  const sign = reader.u16be();
  const scale = reader.u16be();
  const groups: string[] = [];
  if (count * 2 > reader.left) return null;
  for (let i = 0; i < count; i += 1) {
    const group = reader.u16be();
    if (group > 9999) return null;
    groups.push(String(group).padStart(4, '0'));
  }
  if (sign === NAN) return 'NaN';
  if (sign === INFINITY) return 'Infinity';
  if (sign === MINUS_INFINITY) return '-Infinity';
  if (sign !== 0 && sign !== NEGATIVE) return null;
  const before = (weight + 1) * 4;
  if (before > count * 4 + MOST_ZEROS || before < -MOST_ZEROS || scale > count * 4 + MOST_ZEROS) return null;
  const digits = before < 0 ? '0'.repeat(-before) + groups.join('') : groups.join('').padEnd(before, '0');
  const point = Math.max(before, 0);
  const whole = dropZeros(digits.slice(0, point));
  const decimals = digits.slice(point, point + scale).padEnd(scale, '0');
  const text = scale === 0 ? whole : `${whole}.${decimals}`;
  return sign === NEGATIVE && /[1-9]/.test(text) ? `-${text}` : text;
}

function dropZeros(digits: string): string {
  let start = 0;
  while (start < digits.length && digits[start] === '0') start += 1;
  return start === digits.length ? '0' : digits.slice(start);
}
