// Makes values comparable. Enters: a value as it stood in a request; leaves: its one canonical form, or null.
import type { Normaliser } from './document.ts';

/** Longest value that is compared; a longer one is not a fact. */
const LONGEST = 4096;

/** The canonical form under which equal values are equal texts; null when the value is not of that kind. */
export function normalise(value: string, as: Normaliser): string | null {
  if (value.length > LONGEST) return null;
  switch (as) {
    case 'text':
      return value;
    case 'lower':
      return value.toLowerCase();
    case 'integer': {
      const parts = /^([+-]?)0*(\d+)$/.exec(value);
      return parts === null ? null : signed(parts[1], parts[2] ?? '');
    }
    case 'decimal':
      return decimal(value);
  }
}

/** Plain and exponent notation; the exponent is bounded because a peer could ask for a gigabyte of zeros. */
function decimal(value: string): string | null {
  const parts = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$/.exec(value);
  const whole = parts?.[2] ?? '';
  const fraction = parts?.[3] ?? '';
  if (parts === null || whole + fraction === '') return null;
  const exponent = Number(parts[4] ?? '0');
  let digits = whole + fraction;
  let point = whole.length + exponent;
  if (point < 0) {
    digits = '0'.repeat(-point) + digits;
    point = 0;
  }
  digits = digits.padEnd(point, '0');
  const integer = digits.slice(0, point).replace(/^0+(?=\d)/, '') || '0';
  const rest = trimZeros(digits.slice(point));
  return signed(parts[1], rest === '' ? integer : `${integer}.${rest}`);
}

/** Without a regular expression: `/0+$/` is quadratic on long runs of zeros. */
function trimZeros(digits: string): string {
  let end = digits.length;
  while (end > 0 && digits[end - 1] === '0') end--;
  return digits.slice(0, end);
}

function signed(sign: string | undefined, digits: string): string {
  return sign === '-' && digits !== '0' ? `-${digits}` : digits;
}
