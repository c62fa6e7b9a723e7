// Which requests of chains that look alike may have been put into the wrong one. Enters: places that are in the way; leaves: exchanges to try.
import type { Micros } from '../flow.ts';
import { servesAt } from './agreement.ts';
import { holdsItsPlace, hostsOf } from './attempts.ts';
import type { Move } from './exchange.ts';
import type { KeyIndex } from './key-index.ts';
import type { RecentParents } from './nearest.ts';
import { blockersOf } from './places.ts';
import type { ChainRequest } from './request.ts';
import type { FactReading, Settled } from './scope.ts';
import type { SlotIndex } from './slot-index.ts';
import { type Instance, instancesBelow, type Slot } from './state.ts';

/** Places that are looked at beside those below the requests that came last. */
const MOST_BEYOND = 64;
/** Requests of two places that are shared out anew in every way; of more, only all of one go to the other. */
const MOST_SHARED = 5;
/** Places beside each other of which every choice is tried. */
const MOST_NEIGHBOURS = 6;
/** Pairs of places that are looked at for one request. Only chains with the same facts are worth it, so these are few. */
const MOST_PAIRS = 8192;

/** A place that is in the way of something. */
export interface Obstacle {
  readonly place: Slot;
  /** False when what the same place of another chain has cannot help. */
  readonly helps: (rival: Slot) => boolean;
  /** True when nothing but that the place is taken stands in the way: what holds it may go where another one makes room. */
  readonly taken?: boolean;
}

/** The place must become free: what holds it has to go where nothing is. */
const takesIt = (rival: Slot): boolean => !rival.attempts.some(holdsItsPlace);
/** Something must come to the place. */
export const givesIt = (rival: Slot): boolean => rival.attempts.some(holdsItsPlace);

/** Where places are sought that may have been mistaken for each other. */
export interface Vicinity {
  readonly recent: RecentParents;
  readonly index: SlotIndex;
  readonly keys: KeyIndex;
}

/** What stands between a request that nothing explains and a place: it is taken, waits for another, or has another's fact. */
export function* obstaclesTo(request: ChainRequest, around: Vicinity, skew: Micros): Generator<Obstacle> {
  for (const slot of placesFor(request, around)) {
    if (!isHonest(slot) || slot.parent.ts > request.ts || slot.plan.cardinality === 'many') continue;
    const obstacles = obstaclesOfFacts(request.facts, (fact) => slot.fact(fact));
    if (obstacles !== null) yield* obstacles;
    else if (slot.state === 'spent') yield { place: slot, helps: takesIt, taken: true };
    else {
      // What has come since, of another chain perhaps, was not there when the request was made.
      const [blocker, other] = blockersOf(slot, request.ts + skew);
      if (blocker !== undefined && other === undefined) yield { place: blocker, helps: givesIt };
    }
  }
}

/**
 * The places from which other values of these facts were settled, lowest first; none when the user request itself settled one of
 * them, and null when all agree.
 */
export function obstaclesOfFacts(
  readings: readonly FactReading[],
  settledAs: (fact: string) => Settled | undefined,
): readonly Obstacle[] | null {
  const settled: Settled[] = [];
  for (const { fact, value } of readings) {
    const known = settledAs(fact);
    if (known !== undefined && known.value !== value) settled.push(known);
  }
  const [first, ...others] = settled.map(({ by }) => by as Instance);
  if (first === undefined) return null;
  const wanted = readings.filter(({ fact }) => settled.some((other) => other.fact === fact));
  // Whoever has nothing there may take what stands here; else it has to be what is wanted.
  const helps = (rival: Slot): boolean =>
    takesIt(rival) || wanted.every(({ fact, value }) => (rival.fact(fact)?.value ?? value) === value);
  return [...placesAbove(first)]
    .filter(({ attempts }) => others.every((other) => attempts.some((attempt) => isBelow(other, attempt))))
    .map((place) => ({ place, helps }));
}

/** The place of a request, and those of the requests that it serves, without the user request. */
export function* placesAbove(instance: Instance): Generator<Slot> {
  for (let { slot } = instance; slot !== null; slot = slot.parent.slot) yield slot;
}

/**
 * Exchanges between each of these places and the same place of other chains, those that move least first: of open ones, and of
 * those that ended a while ago, which may hold what another one lacks. What does not help alone may do so together with the
 * places beside it. Only what could go there by its facts and times is proposed.
 */
export function* exchangesOf(
  obstacles: Iterable<Obstacle>,
  around: Vicinity,
  skew: Micros,
): Generator<readonly Move[]> {
  const pairs: { readonly place: Slot; readonly rival: Slot }[] = [];
  const seen = new Set<Slot>();
  const taken: Slot[] = [];
  for (const { place, helps, taken: isTaken } of obstacles) {
    if (seen.has(place) || place.plan.cardinality === 'many') continue;
    seen.add(place);
    if (isTaken === true) taken.push(place);
    for (const rival of rivalsOf(place, around)) {
      if (!helps(rival)) continue;
      if (pairs.length >= MOST_PAIRS) break;
      pairs.push({ place, rival });
      for (const moves of sharings(place, rival)) if (mayFit(moves, skew)) yield moves;
    }
  }
  for (const { place, rival } of pairs)
    for (const moves of neighbours(place, rival)) if (mayFit(moves, skew)) yield moves;
  for (const place of taken) yield* relays(place, around, skew);
}

/** The places for such a request: in the chains that its keys name, and below the requests that came last. */
function* placesFor({ request, keys }: ChainRequest, around: Vicinity): Generator<Slot> {
  const named = around.keys.named(keys);
  let left = MOST_BEYOND;
  for (const { root } of named === null || named === 'many' ? [] : named) {
    for (const parent of instancesBelow(root)) {
      // Those that came last follow.
      if (!parent.expecting || around.recent.has(parent, request)) continue;
      for (const plan of parent.plan.children)
        if (plan.request === request && left-- > 0) yield parent.slotAt(plan.position);
    }
  }
  yield* around.recent.slots(request);
}

/** The same place of other chains: below the requests that came last, and wherever one waits for what holds this one. */
function* rivalsOf(place: Slot, { recent, index }: Vicinity): Generator<Slot> {
  const { plan } = place;
  const { request } = plan;
  for (const slots of [recent.slots(request), recent.endedSlots(request)])
    for (const rival of slots) if (rival !== place && rival.plan === plan && isHonest(rival)) yield rival;
  let left = MOST_BEYOND;
  for (const { spoken, scope } of place.attempts) {
    const facts = spoken.flatMap((fact) => scope.fact(fact) ?? []);
    for (const { slot } of index.matching({ request, facts })) {
      if (slot === place || slot.plan !== plan || recent.has(slot.parent, request) || !isHonest(slot))
        continue;
      if (left-- <= 0) return;
      yield slot;
    }
  }
}

/** True when another chain has the same place. */
export function hasRivals(place: Slot, around: Vicinity): boolean {
  return rivalsOf(place, around).next().done !== true;
}

/** What holds a place goes to that of another chain, and what holds that one to the free one of a third. */
function* relays(place: Slot, around: Vicinity, skew: Micros): Generator<readonly Move[]> {
  const rivals = [...rivalsOf(place, around)];
  const free = rivals.filter(takesIt);
  let triples = 0;
  for (const second of rivals) {
    if (takesIt(second)) continue;
    const first = place.attempts.map((instance) => ({ instance, to: second }));
    const room = second.attempts.map((instance) => ({ instance, to: place }));
    if (!first.every((move) => mayGo(move, [...first, ...room], skew))) continue;
    for (const third of free) {
      if (++triples > MOST_PAIRS) return;
      const moves = [...first, ...second.attempts.map((instance) => ({ instance, to: third }))];
      if (mayFit(moves, skew)) yield moves;
    }
  }
}

/** True when its chain is nobody's consequence. */
function isHonest({ chain, parent }: Slot): boolean {
  return chain.tainted === null && parent.taint === null;
}

function isBelow(instance: Instance, top: Instance): boolean {
  for (let at: Instance | null = instance; at !== null; at = at.above) if (at === top) return true;
  return false;
}

/** Every other way in which the requests of two places can be shared out between them. */
function sharings(place: Slot, rival: Slot): readonly (readonly Move[])[] {
  const all = [...place.attempts, ...rival.attempts];
  if (all.length === 0) return [];
  const move = (instance: Instance): Move => ({ instance, to: instance.slot === place ? rival : place });
  const asOne = place.plan.children.length > 0 && Math.max(place.attempts.length, rival.attempts.length) > 1;
  // Further attempts have taken over what the first one caused, and stay together with it.
  if (asOne || all.length > MOST_SHARED) return [all.map(move)];
  const ways: (readonly Move[])[] = [];
  for (let chosen = 1; chosen < 1 << all.length; chosen++)
    ways.push(all.filter((_, bit) => (chosen & (1 << bit)) !== 0).map(move));
  return ways.sort((a, b) => a.length - b.length);
}

/** Everything in two places and in some of those beside them, the other way round. */
function* neighbours(place: Slot, rival: Slot): Generator<readonly Move[]> {
  const { plan } = place.parent;
  if (rival.parent === place.parent || plan.children.length > MOST_NEIGHBOURS) return;
  const beside = plan.children.filter(
    ({ cardinality, position }) => cardinality !== 'many' && position !== place.plan.position,
  );
  const both = (position: number): Move[] => {
    const [one, other] = [place.parent.slotAt(position), rival.parent.slotAt(position)];
    return [
      ...one.attempts.map((instance) => ({ instance, to: other })),
      ...other.attempts.map((instance) => ({ instance, to: one })),
    ];
  };
  for (let chosen = 1; chosen < 1 << beside.length; chosen++) {
    const taken = beside.filter((_, bit) => (chosen & (1 << bit)) !== 0);
    const others = taken.map(({ position }) => both(position));
    // What moves nothing is the same as without it.
    if (others.every((moves) => moves.length > 0)) yield [...both(place.plan.position), ...others.flat()];
  }
}

/** A quick look, before everything is compared. */
function mayFit(moves: readonly Move[], skew: Micros): boolean {
  return moves.length > 0 && moves.every((move) => mayGo(move, moves, skew));
}

function mayGo({ instance, to }: Move, moves: readonly Move[], skew: Micros): boolean {
  if (
    !hostsOf(to).some((host) => host.ts <= instance.ts + skew && servesAt(host, to.plan, instance.ts, skew))
  )
    return false;
  return instance.spoken.every((fact) => {
    const own = instance.scope.fact(fact);
    const settled = to.fact(fact);
    if (own === undefined || settled === undefined || own.value === settled.value) return true;
    return moves.some((other) => isBelow(settled.by as Instance, other.instance));
  });
}
