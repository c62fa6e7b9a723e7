// Zeek's timestamps and timespans as text. Enters: text or nanoseconds; leaves: the other one, exact to the nanosecond.
import { MAX_INTEGER, MIN_INTEGER } from './value.ts';

const SECOND = 1_000_000_000n;
const MILLISECOND = 1_000_000n;

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
  const parts = /^(-?\d{1,19})(ns|us|ms|s|min|h)$/.exec(text);
  const unit = UNITS.get(parts?.[2] ?? '');
  if (parts === null || unit === undefined) return null;
  return inRange(BigInt(parts[1] ?? '') * unit);
}

/** The largest of s, ms, us, ns that keeps it whole, as Zeek does; never a fraction, which Zeek rejects. */
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

/** UTC without a zone, to the nanosecond. Zeek itself writes milliseconds only, cut off. */
export function formatTimestamp(nanoseconds: bigint): string {
  const rest = ((nanoseconds % SECOND) + SECOND) % SECOND;
  const date = new Date(Number((nanoseconds - rest) / MILLISECOND));
  const fraction = rest === 0n ? '' : `.${rest.toString().padStart(9, '0')}`;
  return `${date.toISOString().slice(0, 19)}${fraction}`;
}

function inRange(nanoseconds: bigint): bigint | null {
  return nanoseconds < MIN_INTEGER || nanoseconds > MAX_INTEGER ? null : nanoseconds;
}
