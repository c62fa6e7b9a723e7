// Time as a parameter. Enters: nothing; leaves: moments and timers of this process.
import type { Micros } from '../../flow.ts';

export interface Clock {
  /** Milliseconds of a steady clock. */
  now(): number;
  /** The time of day, in microseconds since the Unix epoch: what hard timeouts and receipts are about. */
  wall(): Micros;
  /** Runs once after `ms`; the result cancels it. Does not keep the process alive. */
  after(ms: number, run: () => void): () => void;
}

/** The clock of this process. */
export const systemClock: Clock = {
  now: () => performance.now(),
  wall: () => Math.round((performance.timeOrigin + performance.now()) * 1000),
  after: (ms, run) => {
    const timer = setTimeout(run, ms).unref();
    return () => clearTimeout(timer);
  },
};
