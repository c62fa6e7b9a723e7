// Makes values comparable. Enters: a value as it stood in a request; leaves: its one canonical form, or null.
import { createHash } from 'node:crypto';
import { assertNever } from '../errors.ts';
import type { Normaliser, Reshaping } from './fact.ts';

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
    case 'uuid': {
      const parts = UUID.exec(value.replace(/^urn:uuid:/i, '').replace(/^\{(.*)\}$/, '$1'));
      return parts === null ? null : parts.slice(1).join('-').toLowerCase();
    }
    case 'instant':
      return instant(value);
    case 'secret':
      // 128 bits: enough that no two tokens are one, and short enough for a line.
      return createHash('sha256').update(value).digest('hex').slice(0, 32);
    default:
      return assertNever(as);
  }
}

/** The value as it would stand at a place that needs no reshaping; null when it cannot be reshaped. */
export function reshape(value: string, { trim, scale }: Reshaping): string | null {
  if (value.length > LONGEST) return null;
  const text = trim === true ? value.trim() : value;
  if (scale === undefined) return text;
  const number = decimal(text);
  return number === null ? null : decimal(`${number}e${scale}`);
}

/** RFC 9562 section 4; also without hyphens, as databases take it. */
const UUID = /^([\da-f]{8})-?([\da-f]{4})-?([\da-f]{4})-?([\da-f]{4})-?([\da-f]{12})$/i;

/** RFC 3339 section 5.6, with the shorter offsets that databases write. */
const INSTANT =
  /^([1-9]\d{3})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d{1,18}))?(?:[Zz]|([+-])(\d\d)(?::?(\d\d))?)$/;

/** In UTC, to the second and as many digits as it has. */
function instant(value: string): string | null {
  const parts = INSTANT.exec(value);
  if (parts === null) return null;
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const local = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  // Date carries what is too much (a 31st of June) over into the next field.
  const plain = `${parts[1]}-${parts[2]}-${parts[3]}T${parts[4]}:${parts[5]}:${parts[6]}`;
  if (local.toISOString().slice(0, 19) !== plain) return null;
  const [hours, minutes] = [Number(parts[9] ?? 0), Number(parts[10] ?? 0)];
  if (hours > 23 || minutes > 59) return null;
  const offset = (parts[8] === '-' ? -1 : 1) * (hours * 60 + minutes) * 60_000;
  const fraction = trimZeros(parts[7] ?? '');
  const utc = new Date(local.getTime() - offset).toISOString().slice(0, 19);
  return `${utc}${fraction === '' ? '' : `.${fraction}`}Z`;
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
