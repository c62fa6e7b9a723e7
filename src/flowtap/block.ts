// A flow that shall be cut, and how far that is done. Enters: nothing; leaves: types, and the order of states.
import type { Flow, Micros } from '../flow.ts';
import type { VerdictId } from '../verdict.ts';
import type { BlockId, Receipt } from './driver.ts';

/**
 * How far a block is. Accepted is not installed, and installed is not effective (shared vocabulary with Zeek's
 * NetControl): `wanted` waits for the driver; `removing` waits for the report that the rule is gone.
 */
export type BlockState =
  | 'wanted'
  | 'accepted'
  | 'installed'
  | 'exists'
  | 'effective'
  | 'confirmed'
  | 'failed'
  | 'unsupported'
  | 'removing'
  | 'removed';

/** A verdict on whose behalf the flow is cut. */
export interface BlockCause {
  readonly verdict: VerdictId;
  /** The deciding reason, as a sentence. */
  readonly text: string;
  /** The application that asked. */
  readonly owner: string;
  readonly at: Micros;
}

export interface Block {
  readonly id: BlockId;
  readonly flow: Flow;
  /** In the order in which they came; the first ones are kept when there are very many. */
  readonly causes: readonly [BlockCause, ...BlockCause[]];
  /** All causes, also those that are not kept. */
  readonly causeCount: number;
  readonly from: Micros;
  /** Expires here, if nobody asks for it again. */
  readonly until: Micros;
  readonly state: BlockState;
  /** When each state was reached first. */
  readonly reached: Readonly<Partial<Record<BlockState, Micros>>>;
  /** Why it failed, is not supported, or still waits; why it was removed. */
  readonly why: string | null;
  readonly receipt: Receipt | null;
}

/** `failed` is the lowest: a report of success after it counts. */
export const LEVELS: readonly BlockState[] = [
  'failed',
  'wanted',
  'accepted',
  'installed',
  'exists',
  'effective',
  'confirmed',
];
