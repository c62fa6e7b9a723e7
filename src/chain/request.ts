// A request as the chain logic needs it. Enters: nothing; leaves: types.
import type { Evidence, Micros } from '../flow.ts';
import type { FactReading } from './scope.ts';

/** A relation between facts that does not hold. */
export interface Unmet {
  /** In the words of the policy: `amount at most limit`. */
  readonly relation: string;
  /** With the values and where they are from. */
  readonly text: string;
  /** The fact that is not known, so that it cannot be told; null when it does not hold. */
  readonly missing: string | null;
  /** The reading that it is about. */
  readonly about: FactReading | null;
  /** A value with which it would hold; null when there is no one value to name. */
  readonly expected: string | null;
  readonly readings: readonly FactReading[];
}

/** The first relation that does not hold between the facts that are found; null when all do. */
export type Requirement = (fact: (name: string) => FactReading | undefined) => Unmet | null;

/** A request as the chain logic needs it: which step it is, what it says, which chain it claims. */
export interface ChainRequest {
  readonly request: string;
  readonly facts: readonly FactReading[];
  /** What must hold between its facts and those of its chain; null for nothing. */
  readonly requires: Requirement | null;
  /** Explicit keys it carries, such as `trace` to the trace id. */
  readonly keys: ReadonlyMap<string, string>;
  readonly ts: Micros;
  readonly evidence: Evidence;
  /** One line for a person. */
  readonly summary: string;
  /** True when nobody will answer it (a delivery that needs no acknowledgement). */
  readonly unanswered: boolean;
}

/** Whose request began a chain. */
export interface Origin {
  /** Name of the principal. */
  readonly from: string;
  /** Its address. */
  readonly address: string;
}
