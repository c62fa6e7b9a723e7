// Which open chain came closest to explaining a request that none explains. Enters: a request, slots; leaves: a nearness.
import type { Micros } from '../flow.ts';
import { unmetAt } from './agreement.ts';
import { keyAt } from './keys.ts';
import { blockersOf } from './places.ts';
import type { ChainRequest, Unmet } from './request.ts';
import type { FactReading } from './scope.ts';
import type { Instance, Slot } from './state.ts';

/** The closest place, and how it differs. */
export interface Nearness {
  readonly slot: Slot;
  /** Facts that both have and that agree. */
  readonly agreeing: number;
  readonly differing: readonly { readonly settled: FactReading; readonly read: FactReading }[];
  /** True when the request carries a key of this very chain. */
  readonly named: boolean;
  /** True when the request carries a key that this chain has with another value. */
  readonly contradicted: boolean;
  /** The relation that does not hold between its facts and those of the chain. */
  readonly unmet: Unmet | null;
  /** What the place was when the request was made, whatever has come since. */
  readonly state: Slot['state'];
  /** The slots that must be done first. */
  readonly blockers: readonly Slot[];
}

/** The place itself, where no request is compared with it: what it stands for did not come, or not in time. */
export function nearnessTo(slot: Slot, blockers: readonly Slot[] = []): Nearness {
  const compared = { agreeing: 0, differing: [], named: true, contradicted: false, unmet: null };
  return { slot, ...compared, state: slot.state, blockers };
}

/** Requests remembered for each kind of request below them, newest last: of chains that are open, and of those that ended. */
const REMEMBERED = 512;
const REMEMBERED_ENDED = 1024;

/** The newest of one kind. */
class Newest {
  readonly all = new Set<Instance>();
  /** Goes on behind the one that was forgotten last: whoever begins anew passes over all that left the set since it grew. */
  readonly #inOrder = this.all.values();
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  /** Gives the one that is forgotten for it; null while there is room. */
  add(parent: Instance): Instance | null {
    this.all.add(parent);
    if (this.all.size <= this.#most) return null;
    const oldest = this.#inOrder.next().value as Instance;
    this.all.delete(oldest);
    return oldest;
  }
}

type Kinds = Map<string, Newest>;

/** The newest requests that expect others: the nearest place is sought below those of chains that are still open. */
export class RecentParents {
  readonly #open: Kinds = new Map();
  readonly #ended: Kinds = new Map();
  readonly #forgotten: (parent: Instance) => void;

  /** @param forgotten is told of each that is open and no longer remembered: others have come since */
  constructor(forgotten: (parent: Instance) => void) {
    this.#forgotten = forgotten;
  }

  add(parent: Instance): void {
    for (const { request } of parent.plan.children) {
      const kind = kindOf(this.#open, request, REMEMBERED);
      if (kind.all.has(parent)) continue;
      parent.known++;
      const oldest = kind.add(parent);
      if (oldest !== null && --oldest.known === 0) this.#forgotten(oldest);
    }
  }

  /** True while it is one of those for a kind of request below it. */
  has(parent: Instance, request: string): boolean {
    return this.#open.get(request)?.all.has(parent) === true;
  }

  retire(parent: Instance): void {
    for (const { request } of parent.plan.children) this.#open.get(request)?.all.delete(parent);
    parent.known = 0;
  }

  /** Its chain has ended by itself. */
  end(parent: Instance): void {
    this.retire(parent);
    for (const { request } of parent.plan.children)
      kindOf(this.#ended, request, REMEMBERED_ENDED).add(parent);
  }

  /** The places for such a request below those of open chains. */
  slots(request: string): Generator<Slot> {
    return slotsOf(this.#open, request);
  }

  /** The places for such a request below those of chains that ended a while ago. */
  endedSlots(request: string): Generator<Slot> {
    return slotsOf(this.#ended, request);
  }
}

function kindOf(kinds: Kinds, request: string, most: number): Newest {
  const known = kinds.get(request);
  if (known !== undefined) return known;
  const made = new Newest(most);
  kinds.set(request, made);
  return made;
}

function* slotsOf(kinds: Kinds, request: string): Generator<Slot> {
  for (const parent of kinds.get(request)?.all ?? []) {
    for (const { position, request: expected } of parent.plan.children)
      if (expected === request && parent.expecting) yield parent.slotAt(position);
  }
}

const STATE_RANK = { waiting: 3, blocked: 2, spent: 1, closed: 0 } as const;

/**
 * The closest of these places: by its key, by agreeing facts, by fewest differences, by what it waits for, the newest.
 * They are taken as they were when the request was made, so that it does not matter what arrived in which order since.
 */
export function nearestOf(request: ChainRequest, slots: Iterable<Slot>): Nearness | null {
  let best: Nearness | null = null;
  for (const slot of slots) {
    if (slot.parent.ts > request.ts) continue;
    const nearness = compare(request, slot);
    if (best === null || !closer(best, nearness)) best = nearness;
  }
  return best;
}

function compare(request: ChainRequest, slot: Slot): Nearness {
  let agreeing = 0;
  const differing: { settled: FactReading; read: FactReading }[] = [];
  for (const read of request.facts) {
    const settled = slot.fact(read.fact);
    if (settled === undefined || settled.evidence.ts > request.ts) continue;
    if (settled.value === read.value) agreeing++;
    else differing.push({ settled, read });
  }
  let named = false;
  let contradicted = false;
  for (const [key, value] of request.keys) {
    const own = keyAt(slot.parent, key);
    if (own === value) named = true;
    else if (own !== undefined) contradicted = true;
  }
  const unmet = unmetAt(request, (name) => {
    const settled = slot.fact(name);
    return settled === undefined || settled.evidence.ts > request.ts ? undefined : settled;
  });
  const state = stateAt(slot, request.ts);
  return {
    slot,
    agreeing,
    differing,
    named,
    contradicted,
    unmet,
    blockers: state === 'blocked' ? blockersOf(slot, request.ts) : [],
    state,
  };
}

function stateAt(slot: Slot, ts: Micros): Slot['state'] {
  const { parent, attempts } = slot;
  if (slot.state === 'spent' && attempts.some((attempt) => attempt.ts <= ts)) return 'spent';
  if (blockersOf(slot, ts).length > 0) return 'blocked';
  const { endedAt } = parent;
  return slot.state === 'closed' && endedAt !== null && endedAt <= ts ? 'closed' : 'waiting';
}

/** True when `a` is strictly closer than `b`. */
function closer(a: Nearness, b: Nearness): boolean {
  if (a.named !== b.named) return a.named;
  if (a.differing.length === 0 && b.differing.length > 0) return true;
  if (b.differing.length === 0 && a.differing.length > 0) return false;
  if (a.differing.length === 0 && (a.unmet === null) !== (b.unmet === null)) return a.unmet === null;
  if (a.agreeing !== b.agreeing) return a.agreeing > b.agreeing;
  if (a.differing.length !== b.differing.length) return a.differing.length < b.differing.length;
  if (a.state !== b.state) return STATE_RANK[a.state] > STATE_RANK[b.state];
  // By its own time, whichever of them arrived first.
  return a.slot.parent.ts > b.slot.parent.ts;
}
