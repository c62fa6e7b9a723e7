// Zeek's timestamps and timespans as text. Enters: text or nanoseconds; leaves: the other one, exact to the nanosecond.
import { MAX_INTEGER, MIN_INTEGER } from './value.ts';

const SECOND = 1_000_000_000n;
const MILLISECOND = 1_000_000n;
const DASH = 0x2d;

/** Units that Zeek's parser takes (read_timespan in CAF); there is no `d`, whatever the documents say. */
const UNITS: ReadonlyMap<string, bigint> = new Map([
  ['ns', 1n],
  ['us', 1000n],
  ['ms', MILLISECOND],
  ['s', SECOND],
  ['min', 60n * SECOND],
  ['h', 3600n * SECOND],
]);

/** `-1500ms` in nanoseconds; null for what is none, or beyond 64 bits. */
export function parseTimespan(text: string): bigint | null {
  const first = text.charCodeAt(0) === DASH ? 1 : 0;
  let at = first;
  while (isDigit(text.charCodeAt(at))) at += 1;
  const unit = UNITS.get(text.slice(at));
  if (at === first || at - first > 19 || unit === undefined) return null;
  return inRange(BigInt(text.slice(0, at)) * unit);
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

/** The largest of s, ms, us, ns that keeps it whole, as Zeek does; a fraction would be read as a double, and not exactly. */
export function formatTimespan(nanoseconds: bigint): string {
  if (nanoseconds % SECOND === 0n) return `${nanoseconds / SECOND}s`;
  if (nanoseconds % MILLISECOND === 0n) return `${nanoseconds / MILLISECOND}ms`;
  if (nanoseconds % 1000n === 0n) return `${nanoseconds / 1000n}us`;
  return `${nanoseconds}ns`;
}

const TIMESTAMP =
  /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d)(?::?(\d\d))?)?$/;

/** `2014-07-09T10:16:44.123` in nanoseconds since 1970; without a zone it is UTC. Null for what is none. */
export function parseTimestamp(text: string): bigint | null {
  const parts = TIMESTAMP.exec(text);
  if (parts === null) return null;
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map(Number);
  const date = new Date(0);
  date.setUTCFullYear(year ?? 0, (month ?? 0) - 1, day ?? 0);
  date.setUTCHours(hour ?? 0, minute ?? 0, second ?? 0);
  // Date carries 31 February over into March: the parts have to come back as they went in.
  if (date.toISOString().slice(0, 19) !== text.slice(0, 19)) return null;
  const zone = (Number(parts[9] ?? 0) * 60 + Number(parts[10] ?? 0)) * (parts[8] === '-' ? -1 : 1);
  const fraction = BigInt((parts[7] ?? '').padEnd(9, '0'));
  return inRange((BigInt(date.getTime()) - BigInt(zone) * 60_000n) * MILLISECOND + fraction);
}

/** Of each month, in years that have no 29 February. */
const DAYS: readonly number[] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** Bytes of the one form that Zeek writes: `2014-07-09T10:16:44.123`. */
export const TIMESTAMP_BYTES = 23;

/**
 * Nanoseconds since 1970 of the time at `at`; null unless it is in Zeek's form, of a year that surely fits 64 bits and
 * not on 29 February. It may still be a time that `parseTimestamp` reads.
 */
export function timestampAt(bytes: Uint8Array, at: number): bigint | null {
  const marks =
    bytes[at + 4] === DASH &&
    bytes[at + 7] === DASH &&
    bytes[at + 10] === 0x54 &&
    bytes[at + 13] === 0x3a &&
    bytes[at + 16] === 0x3a &&
    bytes[at + 19] === 0x2e;
  if (!marks) return null;
  // What is no digit makes its part NaN, which is within no bounds.
  const year = pair(bytes, at) * 100 + pair(bytes, at + 2);
  const month = pair(bytes, at + 5);
  const day = pair(bytes, at + 8);
  const hour = pair(bytes, at + 11);
  const minute = pair(bytes, at + 14);
  const second = pair(bytes, at + 17);
  const millisecond = pair(bytes, at + 20) * 10 + digit(bytes, at + 22);
  const inDay = hour <= 23 && minute <= 59 && second <= 59 && millisecond <= 999;
  if (!(inDay && year >= 1970 && year <= 2200 && day >= 1 && day <= (DAYS[month - 1] ?? 0))) return null;
  return BigInt(Date.UTC(year, month - 1, day, hour, minute, second, millisecond)) * MILLISECOND;
}

function pair(bytes: Uint8Array, at: number): number {
  return digit(bytes, at) * 10 + digit(bytes, at + 1);
}

function digit(bytes: Uint8Array, at: number): number {
  const code = bytes[at] ?? 0;
  return isDigit(code) ? code - 0x30 : Number.NaN;
}

/** UTC without a zone, in milliseconds as Zeek writes it (cut off), or in nanoseconds where it needs them. */
export function formatTimestamp(nanoseconds: bigint): string {
  const rest = ((nanoseconds % SECOND) + SECOND) % SECOND;
  const date = new Date(Number((nanoseconds - rest) / MILLISECOND));
  const fraction = rest.toString().padStart(9, '0');
  return `${date.toISOString().slice(0, 19)}.${fraction.endsWith('000000') ? fraction.slice(0, 3) : fraction}`;
}

function inRange(nanoseconds: bigint): bigint | null {
  return nanoseconds < MIN_INTEGER || nanoseconds > MAX_INTEGER ? null : nanoseconds;
}
