// Moments and durations as text. Enters: microseconds of the traffic; leaves: RFC 3339 timestamps and seconds.
import type { Micros } from '../flow.ts';
import type { Timestamp } from './record.ts';

/** The last moment whose microseconds a double holds exactly, in the year 2255. */
const LAST = Number.MAX_SAFE_INTEGER;

/** RFC 3339 in UTC with six digits of second. A capture may say any time; what is out of range becomes its nearest end. */
export function timestamp(micros: Micros): Timestamp {
  const whole = Math.floor(Number.isNaN(micros) ? 0 : Math.min(Math.max(micros, 0), LAST));
  const milliseconds = Math.floor(whole / 1000);
  const rest = String(whole - milliseconds * 1000).padStart(3, '0');
  return `${new Date(milliseconds).toISOString().slice(0, -1)}${rest}Z`;
}

/** Seconds with six decimals. */
export function seconds(micros: Micros): number {
  return Math.round(micros) / 1e6;
}
