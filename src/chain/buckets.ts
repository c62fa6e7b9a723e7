// Sets of numbers by numbers. Enters: numbers with the bucket of each; leaves: what a bucket holds.
import { NumberTable } from './number-table.ts';
import { Numbered } from './numbered.ts';

/** Nearly every bucket holds one number, which then needs no set of its own. */
export class Buckets {
  /** The only number of a bucket, or, below 0, which of the sets it has. */
  readonly #held = new NumberTable();
  readonly #sets = new Numbered<Set<number>>();

  /** Buckets that hold something. */
  get size(): number {
    return this.#held.size;
  }

  /** What a bucket holds, in the order in which it came. */
  at(bucket: number): number | ReadonlySet<number> | undefined {
    const held = this.#held.get(bucket);
    return held === undefined || held >= 0 ? held : this.#setOf(held);
  }

  put(bucket: number, number: number): void {
    const held = this.#held.get(bucket);
    if (held === undefined) this.#held.set(bucket, number);
    else if (held < 0) this.#setOf(held).add(number);
    else this.#held.set(bucket, -1 - this.#sets.add(new Set([held, number])));
  }

  /** Takes out a number that is there. */
  take(bucket: number, number: number): void {
    const held = this.#held.get(bucket);
    if (held === number) this.#held.delete(bucket);
    if (held === undefined || held >= 0) return;
    const set = this.#setOf(held);
    set.delete(number);
    if (set.size > 0) return;
    this.#held.delete(bucket);
    this.#sets.remove(-1 - held);
  }

  #setOf(held: number): Set<number> {
    return this.#sets.get(-1 - held) as Set<number>;
  }
}
