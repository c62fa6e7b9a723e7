// Time as a parameter. Enters: nothing; leaves: milliseconds and timers of this process.

/** A monotonic clock, in milliseconds. */
export interface Clock {
  now(): number;
  /** Runs once after `ms`; the result cancels it. */
  after(ms: number, run: () => void): () => void;
}

/** The clock of this process. */
export const systemClock: Clock = {
  now: () => performance.now(),
  after: (ms, run) => {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
};
