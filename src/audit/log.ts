// The log of the live service: one JSON object a line. Enters: messages with fields; leaves: lines. No bodies, no secrets, no SQL.
import { type Logger, pino } from 'pino';
import type { Sink } from './sink.ts';

export type Log = Logger;

/** Characters of one text; what a peer chose may be long. */
const LONGEST = 500;

/** A pino log without the process's name and host, which whoever collects logs knows. Times are RFC 3339. */
export function createLog(sink: Sink, level: string): Log {
  return pino(
    {
      level,
      base: null,
      messageKey: 'message',
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
    },
    sink,
  );
}

/** Text for one line of the log, cut where it is too long. */
export function short(text: string): string {
  return text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}...`;
}

/** Lets so many through in each period; says with the next one how many it kept back. */
export class Limiter {
  readonly #most: number;
  readonly #periodMs: number;
  readonly #periods = new Map<string, { since: number; taken: number; kept: number }>();

  constructor(most: number, periodMs: number) {
    this.#most = most;
    this.#periodMs = periodMs;
  }

  /** Null: keep it back. Else the number of those kept back before it. `key` is one of few. */
  take(key: string, now: number): number | null {
    const period = this.#periods.get(key) ?? { since: now, taken: 0, kept: 0 };
    this.#periods.set(key, period);
    let before = 0;
    if (now - period.since >= this.#periodMs) {
      before = period.kept;
      Object.assign(period, { since: now, taken: 0, kept: 0 });
    }
    if (period.taken >= this.#most) {
      period.kept += 1;
      return null;
    }
    period.taken += 1;
    return before;
  }
}
