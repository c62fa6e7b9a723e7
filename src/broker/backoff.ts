// How long to wait before the next attempt. Enters: the number of the attempt, a random number; leaves: milliseconds.

/** Bounds of the wait, in milliseconds. */
export interface BackoffLimits {
  readonly minMs: number;
  readonly maxMs: number;
}

/**
 * Doubles with each attempt (from 1) up to the maximum; half of it is random, so that engines that lost the same Zeek
 * do not come back in step.
 */
export function backoff({ minMs, maxMs }: BackoffLimits, attempt: number, random: () => number): number {
  const most = Math.min(maxMs, minMs * 2 ** Math.min(attempt - 1, 30));
  return Math.round(most / 2 + (most / 2) * random());
}
