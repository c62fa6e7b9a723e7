// Whether every report arrived. Enters: epochs and numbers; leaves: what is missing, and that Zeek was started anew.
import type { Head } from './report.ts';

/** What a number says. `late`: a number that was there before, so that the report is one too many. */
export type Step =
  | { readonly kind: 'next' }
  | { readonly kind: 'first' }
  | { readonly kind: 'skipped'; readonly from: bigint; readonly to: bigint }
  | { readonly kind: 'restarted' }
  | { readonly kind: 'late' };

/** Follows the numbers of one Zeek, through its restarts. */
export class Sequence {
  #epoch: string | null = null;
  #last = 0n;

  /** The number that was seen last; 0 before the first. */
  get last(): bigint {
    return this.#last;
  }

  take({ epoch, n }: Head): Step {
    if (this.#epoch !== epoch) {
      const first = this.#epoch === null;
      this.#epoch = epoch;
      this.#last = n;
      return { kind: first ? 'first' : 'restarted' };
    }
    if (n === this.#last + 1n) {
      this.#last = n;
      return { kind: 'next' };
    }
    if (n <= this.#last) return { kind: 'late' };
    const from = this.#last + 1n;
    this.#last = n;
    return { kind: 'skipped', from, to: n - 1n };
  }
}
