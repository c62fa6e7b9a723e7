// Tries exchanges until one serves its purpose. Enters: exchanges to try, and what they are for; leaves: what was moved, or nothing.
import type { Micros } from '../flow.ts';
import type { ChainState } from './chain-state.ts';
import { Exchange, type Move, type Surroundings } from './exchange.ts';
import type { Coming } from './places.ts';
import { type Instance, instancesBelow, type Slot } from './state.ts';

/** A request that was put into another chain. */
export interface MovedRequest {
  readonly instance: Instance;
  /** The chain that it was in. */
  readonly from: ChainState;
}

export interface Rearrangement {
  /** The requests that were chosen; what is below them went with them. */
  readonly chosen: readonly Instance[];
  /** All requests that changed their chains. */
  readonly moved: readonly MovedRequest[];
  /** All chains that were changed. */
  readonly chains: ReadonlySet<ChainState>;
}

/** What is wanted. */
export interface Purpose {
  /** Exchanges that may help, as things stand. */
  readonly propose: () => Iterable<readonly Move[]>;
  /** True when it is reached. `places`: where something changed. */
  readonly reached: (places: readonly Slot[]) => boolean;
  /** The request for which all this is done, where it is done for one, and where it goes. Asked when the purpose is reached. */
  readonly coming?: () => Coming | null;
}

/** Exchanges that are tried for one purpose. */
const MOST_TRIALS = 64;

/** The first exchange with which the purpose is reached; null when none of those that are tried does. */
export function rearrange(
  { propose, reached, coming }: Purpose,
  around: Surroundings,
  now: Micros,
): Rearrangement | null {
  for (const moves of some(propose(), MOST_TRIALS)) {
    const exchange = new Exchange(moves, around);
    if (!exchange.apply(now)) continue;
    if (reached(exchange.places) && exchange.keepsOrder(coming?.() ?? null)) return of(exchange);
    exchange.undo();
  }
  return null;
}

function* some<T>(items: Iterable<T>, most: number): Generator<T> {
  let count = 0;
  for (const item of items) {
    if (++count > most) return;
    yield item;
  }
}

function of({ moves, from, chains }: Exchange): Rearrangement {
  const moved = moves.flatMap(({ instance }, i) => {
    const { chain } = instance;
    const old = from[i] ?? chain;
    return old === chain ? [] : instancesBelow(instance).map((each) => ({ instance: each, from: old }));
  });
  return { chosen: moves.map(({ instance }) => instance), moved, chains };
}
