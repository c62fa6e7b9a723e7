// What somebody who wants to judge events again is told while they are judged. Enters: nothing; leaves: types.
import type { ChainState } from '../chain/chain-state.ts';
import type { Evidence } from '../flow.ts';

/** Told of requests by their evidence. */
export interface Witness {
  /** A request is judged: chains that begin until `placed` or `waits` is called are its. */
  judging(evidence: Evidence): void;
  /** The event that is judged now begins or ends a transaction of its connection. */
  controls(how: 'begin' | 'commit' | 'rollback' | 'rollback-to'): void;
  /** Nothing explains it yet. */
  waits(evidence: Evidence): void;
  /** It was decided: the chains whose state it is part of now. */
  placed(evidence: Evidence, chains: readonly ChainState[]): void;
  /** It was found to be of another chain than it was placed in. */
  moved(evidence: Evidence, from: ChainState, to: ChainState): void;
}
