// A change to honest traffic. Enters: nothing; leaves: its type.
import type { HonestRequest } from './honest.ts';
import type { Timeline } from './timeline.ts';

/**
 * What is changed. `value`: what a request or its answer says. `target`: what it asks for. `order`: when it comes. `count`:
 * how often. `source`: who makes it.
 */
export type MutationKind = 'value' | 'target' | 'order' | 'count' | 'source';

export interface Mutant {
  readonly kind: MutationKind;
  readonly of: HonestRequest;
  /** For a person, after "POST /orders: ". */
  readonly what: string;
  /** Finer than the kind, for the reason why it survives. */
  readonly way:
    | { readonly kind: 'request-value' | 'answer-value'; readonly field: string }
    | { readonly kind: 'other-target' }
    | { readonly kind: 'swapped' | 'swapped-in-window'; readonly before: HonestRequest }
    | { readonly kind: 'before-cause' | 'after-answer' }
    | { readonly kind: 'twice' | 'left-out' }
    | { readonly kind: 'elsewhere'; readonly by: string };
  /** Made when it is judged: many mutants of long traffic would not fit into memory at once. */
  timeline(): Timeline;
}
