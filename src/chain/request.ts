// A request as the chain logic needs it. Enters: nothing; leaves: types.
import type { Evidence, Micros } from '../flow.ts';
import type { FactReading } from './scope.ts';

/** A request as the chain logic needs it: which step it is, what it says, which chain it claims. */
export interface ChainRequest {
  readonly request: string;
  readonly facts: readonly FactReading[];
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
