// Tries exchanges until one serves its purpose. Enters: exchanges to try, and what they are for; leaves: what was moved, or nothing.
import type { Micros } from '../flow.ts';
import { type Coming, Exchange, type Move, type Surroundings } from './exchange.ts';
import { instancesBelow } from './places.ts';
import type { ChainState, Instance, Slot } from './state.ts';

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
  /** The request for which all this is done, and where it goes; null when it is not done for one. Asked when the purpose is reached. */
  readonly coming: () => Coming | null;
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
    if (reached(exchange.places) && exchange.keepsOrder(coming())) return of(exchange);
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
  const before = new Map<Instance, ChainState>();
  for (const [i, { instance }] of moves.entries()) {
    const chain = from[i] ?? instance.chain;
    for (const each of instancesBelow(instance)) before.set(each, chain);
  }
  return {
    chosen: moves.map(({ instance }) => instance),
    moved: [...before]
      .filter(([{ chain }, from]) => chain !== from)
      .map(([instance, from]) => ({ instance, from })),
    chains,
  };
}
