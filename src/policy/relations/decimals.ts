// Exact arithmetic on decimal numbers. Enters: canonical texts, as `normalise` makes them; leaves: the order of two, canonical texts.

interface Decimal {
  readonly digits: bigint;
  /** Digits behind the point. */
  readonly scale: number;
}

function parse(text: string): Decimal {
  const point = text.indexOf('.');
  if (point < 0) return { digits: BigInt(text), scale: 0 };
  return { digits: BigInt(text.replace('.', '')), scale: text.length - point - 1 };
}

function scaledTo({ digits, scale }: Decimal, wanted: number): bigint {
  return digits * 10n ** BigInt(wanted - scale);
}

function format({ digits, scale }: Decimal): string {
  const negative = digits < 0n;
  const plain = String(negative ? -digits : digits).padStart(scale + 1, '0');
  const whole = plain.slice(0, plain.length - scale);
  let end = plain.length;
  while (end > whole.length && plain[end - 1] === '0') end--;
  const fraction = plain.slice(whole.length, end);
  return `${negative ? '-' : ''}${whole}${fraction === '' ? '' : `.${fraction}`}`;
}

/** True for what `normalise` makes of a number. */
export function isDecimal(text: string): boolean {
  return /^-?\d+(?:\.\d+)?$/.test(text);
}

/** Below zero when `a` is the smaller one, zero when they are one number. */
export function compareDecimals(a: string, b: string): number {
  const [left, right] = [parse(a), parse(b)];
  const scale = Math.max(left.scale, right.scale);
  const difference = scaledTo(left, scale) - scaledTo(right, scale);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** The sum of all; of none it is 0. */
export function sumDecimals(texts: readonly string[]): string {
  const all = texts.map(parse);
  const scale = Math.max(0, ...all.map((each) => each.scale));
  return format({ digits: all.reduce((sum, each) => sum + scaledTo(each, scale), 0n), scale });
}

/** The product of all; of none it is 1. */
export function multiplyDecimals(texts: readonly string[]): string {
  const all = texts.map(parse);
  const digits = all.reduce((product, each) => product * each.digits, 1n);
  return format({ digits, scale: all.reduce((sum, each) => sum + each.scale, 0) });
}
