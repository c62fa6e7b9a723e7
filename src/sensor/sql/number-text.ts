// Numbers as exact decimal digits. Enters: numbers or their texts; leaves: plain decimal notation, never through a double.

/** Zeros that an exponent may ask for: a double needs 308, and a peer could ask for a gigabyte. */
const MOST_ZEROS = 400;

/** The shortest digits that give this double again, without an exponent; `NaN`, `Infinity`, `-Infinity` as such. */
export function doubleText(value: number): string {
  if (Object.is(value, -0)) return '-0';
  return expandExponent(String(value)) ?? String(value);
}

/** The shortest digits that give this single-precision number again. */
export function floatText(value: number): string {
  for (let digits = 1; digits <= 9; digits += 1) {
    const text = value.toPrecision(digits);
    // Object.is tells -0 from 0, which servers do, too.
    if (Object.is(Math.fround(Number(text)), value)) return doubleText(Number(text));
  }
  return doubleText(value);
}

/** A number's text with an exponent worked in; plain decimals are returned as they are, and null is no number. */
export function expandExponent(text: string): string | null {
  const parts = /^([+-]?)(\d{1,20000})(?:\.(\d{0,20000}))?(?:[eE]([+-]?\d{1,4}))?$/.exec(text);
  if (parts === null) return null;
  if (parts[4] === undefined) return text;
  const whole = parts[2] ?? '';
  const fraction = parts[3] ?? '';
  const exponent = Number(parts[4]);
  if (Math.abs(exponent) > MOST_ZEROS) return null;
  const digits = whole + fraction;
  const point = whole.length + exponent;
  const sign = parts[1] === '-' ? '-' : '';
  if (point <= 0) return `${sign}0.${'0'.repeat(-point)}${digits}`;
  if (point >= digits.length) return sign + dropZeros(digits + '0'.repeat(point - digits.length));
  return `${sign}${dropZeros(digits.slice(0, point))}.${digits.slice(point)}`;
}

function dropZeros(digits: string): string {
  let start = 0;
  while (start < digits.length - 1 && digits[start] === '0') start += 1;
  return digits.slice(start);
}
