// Tries exchanges until one serves its purpose. Enters: exchanges to try, and what they are for; leaves: what was moved, or nothing.
import type { Micros } from '../flow.ts';
import { Exchange, type Move, type Surroundings } from './exchange.ts';
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
}

/** Exchanges that are tried alone. */
const MOST_TRIALS = 64;
/** Exchanges that fit and do not help, to each of which a second one is tried: three chains may have to change places. */
const MOST_FIRST = 8;
const MOST_SECOND = 32;

/** The first exchange, or the first two, with which the purpose is reached; null when none of those that are tried does. */
export function rearrange(
  { propose, reached }: Purpose,
  around: Surroundings,
  now: Micros,
): Rearrangement | null {
  const useless: (readonly Move[])[] = [];
  for (const moves of some(propose(), MOST_TRIALS)) {
    const exchange = new Exchange(moves, around);
    if (!exchange.apply(now)) continue;
    if (reached(exchange.places)) return of([exchange]);
    exchange.undo();
    if (useless.length < MOST_FIRST) useless.push(moves);
  }
  for (const moves of useless) {
    const first = new Exchange(moves, around);
    if (!first.apply(now)) continue;
    for (const more of some(propose(), MOST_SECOND)) {
      const second = new Exchange(more, around);
      if (!second.apply(now)) continue;
      if (reached([...first.places, ...second.places])) return of([first, second]);
      second.undo();
    }
    first.undo();
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

function of(exchanges: readonly Exchange[]): Rearrangement {
  const before = new Map<Instance, ChainState>();
  for (const { moves, from } of exchanges) {
    for (const [i, { instance }] of moves.entries()) {
      const chain = from[i] ?? instance.chain;
      for (const each of instancesBelow(instance)) if (!before.has(each)) before.set(each, chain);
    }
  }
  return {
    chosen: [...new Set(exchanges.flatMap(({ moves }) => moves.map(({ instance }) => instance)))],
    moved: [...before]
      .filter(([{ chain }, from]) => chain !== from)
      .map(([instance, from]) => ({ instance, from })),
    chains: new Set(exchanges.flatMap(({ chains }) => [...chains])),
  };
}
