// Where the facts of a chain are settled. Enters: readings; leaves: what is settled at a place, and by whom.
import type { Evidence } from '../flow.ts';
import { ownText } from './own-text.ts';

/** A value read from one request or response. */
export interface FactReading {
  readonly fact: string;
  /** Normalised: two readings agree when these are equal. */
  readonly value: string;
  /** For a person: `POST /contracts, header x-user`. */
  readonly source: string;
  readonly evidence: Evidence;
}

/** Who settled a fact: a request, by itself or by its answer. */
export interface Speaker {
  /** The facts that are settled for it. */
  readonly scope: Scope;
}

/** A reading that was settled, with the one that was settled before it: a chain has a handful, too few for a map. */
export interface Settled extends FactReading {
  readonly by: Speaker;
  readonly before: Settled | null;
}

/**
 * A part of a chain with facts of its own. The chain itself is one; each request of a step that may come any number of
 * times is another, for the facts that only it and what it causes speak of: two look-ups of two items are not one item.
 */
export class Scope {
  /** Another one when the request that it belongs to is put into another chain. */
  outer: Scope | null;
  /** The facts that are settled here and not further out; null for all. */
  readonly owns: ReadonlySet<string> | null;
  #last: Settled | null = null;

  constructor(outer: Scope | null, owns: ReadonlySet<string> | null) {
    this.outer = outer;
    this.owns = owns;
  }

  /** What is settled here, in the order of settling. */
  get own(): readonly Settled[] {
    const own: Settled[] = [];
    for (let at = this.#last; at !== null; at = at.before) own.push(at);
    return own.reverse();
  }

  /** The settled fact of this name, here or further out. */
  fact(name: string): Settled | undefined {
    for (let scope: Scope | null = this; scope !== null; scope = scope.outer) {
      for (let at = scope.#last; at !== null; at = at.before) if (at.fact === name) return at;
    }
    return undefined;
  }

  /** Where a fact of this name is settled. */
  ownerOf(name: string): Scope {
    let at: Scope = this;
    while (at.owns !== null && !at.owns.has(name) && at.outer !== null) at = at.outer;
    return at;
  }

  /** Settles facts that are owned here and not settled yet. */
  settle(readings: readonly FactReading[], by: Speaker): void {
    for (const { fact, value, source, evidence } of readings)
      this.#last = { fact, value: ownText(value), source, evidence, by, before: this.#last };
  }

  /** What is settled here now, for `reset`. */
  get mark(): Settled | null {
    return this.#last;
  }

  /** Goes back to what was settled at a mark; with null to nothing. */
  reset(mark: Settled | null): void {
    this.#last = mark;
  }
}
