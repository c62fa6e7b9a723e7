// A fault found in a policy, with its place. Enters: nothing; leaves: types.
import type { Place } from '../errors.ts';

/** One thing that is wrong with a policy document. `error` makes it unusable; `warning` does not. */
export interface PolicyProblem {
  readonly severity: 'error' | 'warning';
  readonly code:
    | 'unknown-service'
    | 'duplicate-service'
    | 'overlapping-address'
    | 'service-without-address'
    | 'wrong-protocol'
    | 'overlapping-steps'
    | 'unknown-fact'
    | 'unreachable-step'
    | 'unused-request'
    | 'bad-path'
    | 'bad-duration'
    | 'bad-address'
    | 'duplicate-chain'
    | 'service-begins'
    | 'empty'
    | 'malformed';
  readonly place: Place | null;
  readonly problem: string;
  readonly remedy: string;
}
