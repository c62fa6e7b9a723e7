// The whole way of one event: identity, policy, chain, verdict, block. Enters: events; leaves: what the engine says. No I/O.
import type { Event } from './events/event.ts';
import type { PolicyDocument } from './policy/document.ts';
import type { ChainId, ChainView, EngineOutput } from './verdict.ts';

/** What happens with a request while it is judged: `forward` copies it here, `redirect` holds it here (paper, III-A). */
export type Containment = 'forward' | 'redirect';

export interface EngineOptions {
  readonly policies: readonly PolicyDocument[];
  readonly containment: Containment;
}

/** Counts of what the engine did; nothing is lost in silence. */
export interface EngineStatistics {
  readonly events: number;
  readonly verdicts: Readonly<Record<'pass' | 'drop' | 'indeterminate', number>>;
  readonly ambiguous: number;
  readonly chainsOpened: number;
  readonly chainsOpen: number;
  readonly chainsEvicted: number;
  /** Flows between addresses that no policy names. */
  readonly unmonitored: number;
  /** Requests on a flow whose connection was already denied: covered by that verdict. */
  readonly covered: number;
}

export interface Engine {
  /** Takes the next event in order of arrival; gives what can be said by now, in order. */
  handle(event: Event): readonly EngineOutput[];
  /** An open or recently ended chain, drawn; null when it is gone. */
  view(chain: ChainId): ChainView | null;
  readonly statistics: EngineStatistics;
}
