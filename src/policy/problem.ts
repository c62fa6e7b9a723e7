// A fault found in a policy, with its place. Enters: nothing; leaves: types.
import type { Place } from '../errors.ts';

/**
 * One thing that is wrong with a policy document, or that its author should know. `error` makes it unusable; `warning`
 * does not; a `note` is only said when somebody asks for what follows from the policy.
 */
export interface PolicyProblem {
  readonly severity: 'error' | 'warning' | 'note';
  readonly code:
    | 'unknown-service'
    | 'duplicate-service'
    | 'overlapping-address'
    | 'service-without-address'
    | 'wrong-protocol'
    | 'overlapping-steps'
    | 'unknown-fact'
    | 'unset-fact'
    | 'lonely-fact'
    | 'unreadable-fact'
    | 'unreachable-step'
    | 'shadowed-rule'
    | 'shared-step'
    | 'unmet-obligation'
    | 'unanswered-step'
    | 'unconsumed-queue'
    | 'unused-service'
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
