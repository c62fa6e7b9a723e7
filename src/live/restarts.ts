// A program that is started again whenever it ends. Enters: one run of it; leaves: run after run, until stopped.
import { type BackoffLimits, backoff } from '../broker/backoff.ts';
import type { Clock } from '../broker/clock.ts';
import type { Watch } from './watch.ts';

export interface RestartParts {
  readonly clock: Clock;
  readonly random: () => number;
  readonly restart: BackoffLimits;
  readonly watch: Pick<Watch, 'exited'>;
}

/** Waits longer before each further start, until a run has lasted for as long as the longest wait. */
export class Restarts {
  readonly #parts: RestartParts;
  #stopped = false;
  #wake: (() => void) | null = null;

  constructor(parts: RestartParts) {
    this.#parts = parts;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  /** No further run begins; the one that is under way is for its maker to end. */
  stop(): void {
    this.#stopped = true;
    this.#wake?.();
  }

  /** @param once one run, the first or a further one; gives how it ended */
  async run(once: (first: boolean) => Promise<string>): Promise<void> {
    const { clock, random, watch, restart } = this.#parts;
    let attempt = 0;
    for (let first = true; !this.#stopped; first = false) {
      const since = clock.now();
      const how = await once(first);
      if (this.#stopped) return;
      attempt = clock.now() - since >= restart.maxMs ? 1 : attempt + 1;
      const inMs = backoff(restart, attempt, random);
      watch.exited(how, inMs);
      await new Promise<void>((resolve) => {
        const cancel = clock.after(inMs, resolve);
        this.#wake = () => {
          cancel();
          resolve();
        };
      });
      this.#wake = null;
    }
  }
}
