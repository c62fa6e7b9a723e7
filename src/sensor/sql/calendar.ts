// Dates and times of both databases as ISO 8601. Enters: counts, fields or texts; leaves: canonical texts.

/** Microseconds in one day. */
export const DAY = 86_400_000_000n;

/** `YYYY-MM-DD` of a day counted from 1970-01-01 (proleptic Gregorian); years beyond four digits are signed (ISO 8601). */
export function dateOfDay(day: number): string {
  // Counting from 0000-03-01 puts the leap day at the end of a year.
  const shifted = day + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra -
      Math.floor(dayOfEra / 1460) +
      Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) /
      365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const dayOfMonth = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return dateText(year, month, dayOfMonth);
}

/** `YYYY-MM-DD`. */
export function dateText(year: number, month: number, day: number): string {
  const plain = year >= 0 && year <= 9999;
  const years = plain
    ? String(year).padStart(4, '0')
    : `${year < 0 ? '-' : '+'}${String(Math.abs(year)).padStart(6, '0')}`;
  return `${years}-${two(month)}-${two(day)}`;
}

/** `HH:MM:SS[.f]`; trailing zeros of the fraction are dropped. `micros` is the time since midnight or a span, from 0. */
export function timeText(micros: bigint): string {
  const seconds = micros / 1_000_000n;
  const hours = Number(seconds / 3600n);
  const rest = Number(seconds % 3600n);
  return `${two(hours)}:${two(Math.floor(rest / 60))}:${two(rest % 60)}${fraction(Number(micros % 1_000_000n))}`;
}

/** `date T time` of a moment in microseconds since 1970-01-01; the caller adds the zone. */
export function momentText(micros: bigint): string {
  let day = micros / DAY;
  let time = micros % DAY;
  if (time < 0n) {
    time += DAY;
    day -= 1n;
  }
  return `${dateOfDay(Number(day))}T${timeText(time)}`;
}

const ISO =
  /^(?:(\d{4,6})-(\d\d)-(\d\d))?(?:[ T]?(-?)(\d{2,3}):(\d\d):(\d\d)(?:\.(\d{1,6}))?)?(Z|[+-]\d\d(?::?\d\d(?::\d\d)?)?)?( BC)?$/;

/** The same canonical forms from the databases' ISO texts; null when it is none of them. `zoned`: moments go to UTC. */
export function isoText(text: string, zoned: boolean): string | null {
  const parts = ISO.exec(text);
  if (parts === null || (parts[1] === undefined && parts[5] === undefined)) return null;
  const [, years, months, days, minus, hours, minutes, seconds, digits, zone, before] = parts;
  // Before the year 1 comes 1 BC, which ISO 8601 counts as 0.
  const year = before === undefined ? Number(years) : 1 - Number(years);
  const month = Number(months);
  const day = Number(days);
  if (hours === undefined) return zone === undefined ? dateText(year, month, day) : null;
  const micros =
    BigInt(Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1_000_000n +
    BigInt((digits ?? '').padEnd(6, '0'));
  if (years === undefined)
    return before === undefined ? `${minus ?? ''}${timeText(micros)}${zone ?? ''}` : null;
  if (minus === '-') return null;
  if (zone === undefined) return `${dateText(year, month, day)}T${timeText(micros)}`;
  if (!zoned) return null;
  return `${momentText(BigInt(dayOf(year, month, day)) * DAY + micros - zoneMicros(zone))}Z`;
}

/** Days since 1970-01-01. */
function dayOf(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  return (
    era * 146_097 +
    yearOfEra * 365 +
    Math.floor(yearOfEra / 4) -
    Math.floor(yearOfEra / 100) +
    dayOfYear -
    719_468
  );
}

function zoneMicros(zone: string): bigint {
  if (zone === 'Z') return 0n;
  const digits = zone.slice(1).replaceAll(':', '').padEnd(6, '0');
  const seconds =
    Number(digits.slice(0, 2)) * 3600 + Number(digits.slice(2, 4)) * 60 + Number(digits.slice(4, 6));
  return BigInt(zone.startsWith('-') ? -seconds : seconds) * 1_000_000n;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

function fraction(micros: number): string {
  if (micros === 0) return '';
  let digits = String(micros).padStart(6, '0');
  while (digits.endsWith('0')) digits = digits.slice(0, -1);
  return `.${digits}`;
}
