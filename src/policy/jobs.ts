// When jobs ran last. Enters: the beginnings of jobs; leaves: whether a further one comes too soon.
import type { Micros } from '../flow.ts';
import type { CompiledPolicy } from './compile.ts';

export class Jobs {
  readonly #policy: CompiledPolicy;
  readonly #last = new Map<string, Micros>();

  constructor(policy: CompiledPolicy) {
    this.#policy = policy;
  }

  /** Goes on with what another policy knew of the same jobs. */
  carryOver(from: Jobs): void {
    for (const [request, last] of from.#last) {
      if (!this.#policy.intervals.has(request)) continue;
      this.#last.set(request, Math.max(this.#last.get(request) ?? last, last));
    }
  }

  /** A job wants to begin: gives the time of its last run when that is too short a time ago, else notes this one. */
  begin(request: string, ts: Micros): Micros | null {
    const every = this.#policy.intervals.get(request);
    if (every === undefined) return null;
    const last = this.#last.get(request);
    // Two clocks may differ, and a run that arrives late is not one too many because a later one came first.
    const least = every - this.#policy.document.limits.skew;
    if (last !== undefined && Math.abs(ts - last) < least) return last;
    this.#last.set(request, Math.max(last ?? ts, ts));
    return null;
  }
}
