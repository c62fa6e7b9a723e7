// Data behind the FIN of its side, until it is clear whether its receiver took the FIN. Enters: segments; leaves: copies in order.
import type { Side } from '../../flow.ts';
import type { Segment } from '../segment.ts';
import type { Budget } from './budget.ts';
import { type Candidate, holdCandidate } from './candidate.ts';

/** What a segment costs besides its bytes, so that segments of one byte are bounded too. */
const SEGMENT_COST = 256;

interface Held {
  readonly start: number;
  readonly candidate: Candidate;
}

/** A receiver that took the FIN never hands these bytes on; one that did not, reads them like any others. */
export class BehindFin {
  /** More came than may be held. */
  overflown = false;
  readonly #side: Side;
  readonly #limit: number;
  readonly #budget: Budget;
  #held: Held[] = [];
  #cost = 0;

  /** `limit`: bytes that may wait here; `budget`: bytes that may wait in all flows together. */
  constructor(side: Side, limit: number, budget: Budget) {
    this.#side = side;
    this.#limit = limit;
    this.#budget = budget;
  }

  /** Copies a segment whose first byte has the stream offset `start`. */
  add(segment: Segment, start: number): void {
    const cost = SEGMENT_COST + segment.end - segment.start;
    if (this.#cost + cost > this.#limit || this.#budget.over) {
      this.overflown = true;
      return;
    }
    this.#held.push({ start, candidate: holdCandidate(segment, this.#side) });
    this.#cost += cost;
    this.#budget.add(cost);
  }

  /** The offset of the first byte that is held, or null. */
  get start(): number | null {
    return this.#held.reduce<number | null>((least, { start }) => Math.min(least ?? start, start), null);
  }

  /** Gives all that is held, by offset, what came first before what came later for the same place; frees it. */
  take(): readonly Candidate[] {
    const sorted = this.#held.sort((one, other) => one.start - other.start);
    this.release();
    return sorted.map(({ candidate }) => candidate);
  }

  release(): void {
    this.#budget.add(-this.#cost);
    this.#cost = 0;
    this.#held = [];
  }
}
