// Durations as people write them. Enters: `200ms`, `5s`, `10m`, `1h`; leaves: microseconds.
import { callSite, invalid } from './context.ts';

const UNITS: Readonly<Record<string, number>> = { us: 1, ms: 1e3, s: 1e6, m: 6e7, h: 3.6e9, d: 8.64e10 };

/** Microseconds of a duration such as `5s`. @throws InputError with the author's line when it is none. */
export function microseconds(duration: string): number {
  const parts = /^(\d{1,9}(?:\.\d{1,6})?)(us|ms|s|m|h|d)$/.exec(duration);
  const unit = UNITS[parts?.[2] ?? ''];
  if (parts === null || unit === undefined) {
    throw invalid(
      callSite(),
      `"${duration}" is no duration`,
      'write a number and us, ms, s, m, h or d, such as "5s"',
    );
  }
  return Math.round(Number(parts[1]) * unit);
}
