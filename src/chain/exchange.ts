// Puts requests of chains that look alike into each other's places. Enters: which goes where; leaves: whether all of it fits.
// Longer than other files because a change and taking it back have to touch the same things.
import type { Micros } from '../flow.ts';
import { holdsWith, servesAt } from './agreement.ts';
import { holdsItsPlace, hostsOf, isLive, lastsBeyond, mayComeAgain } from './attempts.ts';
import type { ChainState } from './chain-state.ts';
import type { KeyIndex } from './key-index.ts';
import { contradictsKeys } from './keys.ts';
import { type Coming, doneAt, isBlocked, openedAt, waitingBelow } from './places.ts';
import type { FactReading, Scope } from './scope.ts';
import type { SlotIndex } from './slot-index.ts';
import { attemptsOf, type Instance, instancesBelow, MOST_SPOKEN, Slot } from './state.ts';

/** A request that goes into another place of the same plan. */
export interface Move {
  readonly instance: Instance;
  readonly to: Slot;
}

/** What has to be kept in step with the places. */
export interface Surroundings {
  readonly index: SlotIndex;
  readonly keys: KeyIndex;
  /** Microseconds by which clocks may differ. */
  readonly skew: Micros;
  /** Microseconds by which events may come late. */
  readonly grace: Micros;
}

/** What a request said, each as it was settled; of what another one settled, its own words are not kept. */
interface Statement {
  readonly instance: Instance;
  readonly readings: readonly FactReading[];
}

type Undo = () => void;

/** One exchange: `apply` it once, and `undo` it if it turns out not to help. */
export class Exchange {
  readonly moves: readonly Move[];
  readonly chains: ReadonlySet<ChainState>;
  /** The chain that each of the requests was in. */
  readonly from: readonly ChainState[];
  readonly #around: Surroundings;
  /** The requests whose places change hands. */
  readonly #parents: ReadonlySet<Instance>;
  /** Those of them below which everything came in order before. */
  #ordered: readonly Instance[] = [];
  readonly #undo: Undo[] = [];

  constructor(moves: readonly Move[], around: Surroundings) {
    const slots = moves.flatMap(({ instance, to }) => (instance.slot === null ? [to] : [instance.slot, to]));
    this.moves = moves;
    this.from = moves.map(({ instance }) => instance.chain);
    this.chains = new Set(slots.map(({ chain }) => chain));
    this.#around = around;
    this.#parents = new Set(slots.map(({ parent }) => parent));
  }

  /** False when it does not fit, in facts, keys or times; then nothing has changed. */
  apply(now: Micros): boolean {
    const { chains, moves } = this;
    if (!moves.every(isFree)) return false;
    const statements = [...chains].flatMap(({ root }) => instancesBelow(root).map(statementOf));
    if (statements.some(({ instance }) => instance.plan.speaks.length > MOST_SPOKEN)) return false;
    this.#ordered = [...this.#parents].filter((parent) => isOrdered(parent, this.#around.skew, null));
    this.#unindex();
    this.#relink();
    const fits =
      moves.every(({ instance, to }) => this.#fitsKeys(instance, to)) &&
      this.#settle(statements) &&
      this.places.every((slot) => this.#fitsPlace(slot, now)) &&
      statements.every(({ instance }) => holds(instance));
    if (!fits) {
      this.undo();
      return false;
    }
    for (const parent of this.#parents) this.#renew(parent, now);
    // What has ended waits for nothing.
    if ([...chains].some(({ ended, live }) => ended !== null && live > 0)) {
      this.undo();
      return false;
    }
    this.#index();
    return true;
  }

  /** False when something now comes before what has to come first, and did not; what is about to come counts as done. */
  keepsOrder(coming: Coming | null): boolean {
    return this.#ordered.every((parent) => isOrdered(parent, this.#around.skew, coming));
  }

  /** Everything is as it was. */
  undo(): void {
    while (this.#undo.length > 0) this.#undo.pop()?.();
  }

  /** The places that requests leave or come to. */
  get places(): readonly Slot[] {
    return [...this.#parents].flatMap((parent) =>
      parent.made.filter(
        (slot): slot is Slot => slot !== null && this.moves.some(({ to }) => to.plan === slot.plan),
      ),
    );
  }

  #waitingPlaces(): readonly Slot[] {
    return [...this.chains].flatMap(({ root }) => [...waitingBelow(root)]);
  }

  /** Whoever waits is found by facts, which may change. */
  #unindex(): void {
    const waiting = this.#waitingPlaces();
    this.#hide(waiting);
    this.#undo.push(() => this.#show(waiting));
  }

  #index(): void {
    const waiting = this.#waitingPlaces();
    this.#show(waiting);
    this.#undo.push(() => this.#hide(waiting));
  }

  #show(waiting: readonly Slot[]): void {
    for (const slot of waiting) this.#around.index.add(slot);
  }

  #hide(waiting: readonly Slot[]): void {
    for (const slot of waiting) this.#around.index.remove(slot);
  }

  #relink(): void {
    const { moves } = this;
    const before = [...this.chains].map((chain) => {
      const { requests, size, live } = chain;
      return { chain, requests, size, live };
    });
    const places = this.places.map((slot) => ({ slot, attempts: slot.attempts }));
    const from = moves.map(({ instance }) => ({ instance, slot: instance.slot }));
    this.#undo.push(() => {
      for (const { instance, slot } of from) if (slot !== null) this.#carry(instance, slot);
      for (const { slot, attempts } of places) slot.attempts = attempts;
      for (const { chain, requests, size, live } of before) Object.assign(chain, { requests, size, live });
    });
    for (const { instance, slot } of from)
      if (slot !== null) slot.attempts = slot.attempts.filter((attempt) => attempt !== instance);
    for (const { instance, to } of moves) {
      const attempts = [...to.attempts, instance].sort((a, b) => a.ts - b.ts);
      to.attempts = [];
      for (const attempt of attempts) to.addAttempt(attempt);
      const weight = instancesBelow(instance).length;
      const live = liveBelow(instance);
      instance.chain.requests -= weight;
      instance.chain.size -= weight;
      instance.chain.live -= live;
      this.#carry(instance, to);
      instance.chain.requests += weight;
      instance.chain.size += weight;
      instance.chain.live += live;
    }
  }

  /** Moves a request with its keys. */
  #carry(instance: Instance, to: Slot): void {
    const { keys } = this.#around;
    const carried = [...instancesBelow(instance)];
    for (const { chain, ownKeys } of carried)
      for (let own = ownKeys; own !== null; own = own.next) keys.remove(chain, own.key, own.value);
    instance.moveTo(to);
    // A chain that has ended is not found by its keys any more.
    if (to.chain.ended !== null) return;
    for (const { chain, ownKeys } of carried)
      for (let own = ownKeys; own !== null; own = own.next) keys.add(chain, own.key, own.value);
  }

  #fitsKeys(instance: Instance, to: Slot): boolean {
    for (const { ownKeys } of instancesBelow(instance)) {
      for (let own = ownKeys; own !== null; own = own.next)
        if (contradictsKeys(to.parent, new Map([[own.key, own.value]]))) return false;
    }
    return true;
  }

  /** Settles everything anew: what was settled first stays so where its speaker is still there, and all must agree. */
  #settle(statements: readonly Statement[]): boolean {
    const scopes = new Set<Scope>(statements.map(({ instance }) => instance.scope));
    for (const chain of this.chains) scopes.add(chain);
    const marks = [...scopes].map((scope) => ({ scope, mark: scope.mark }));
    const known = new Map([...scopes].map((scope) => [scope, scope.own]));
    this.#undo.push(() => {
      for (const { scope, mark } of marks) scope.reset(mark);
    });
    for (const scope of scopes) scope.reset(null);
    for (const [scope, settled] of known) {
      for (const reading of settled)
        if (reading.by.scope.ownerOf(reading.fact) === scope) scope.settle([reading], reading.by);
    }
    for (const { instance, readings } of [...statements].sort((a, b) => a.instance.ts - b.instance.ts)) {
      for (const reading of readings) {
        const settled = instance.scope.fact(reading.fact);
        if (settled === undefined) instance.scope.ownerOf(reading.fact).settle([reading], instance);
        else if (settled.value !== reading.value) return false;
      }
    }
    return true;
  }

  /** True when all requests that came to a place could come there, each in its time, and each only after the one before failed. */
  #fitsPlace(slot: Slot, now: Micros): boolean {
    const { skew, grace } = this.#around;
    const { due } = slot.notes;
    // What was promised within a time and is over cannot be unsaid, and nobody would ask for it again.
    if (due !== null && due + grace < now && doneAt(slot) === Number.POSITIVE_INFINITY) return false;
    const hosts = hostsOf(slot);
    let before: Instance | null = null;
    let within: Instance | null = null;
    let came = 0;
    for (const attempt of slot.attempts) {
      if (before !== null && (holdsItsPlace(before) || (before.endedAt ?? before.ts) > attempt.ts + skew))
        return false;
      const host = hosts.findLast(({ ts }) => ts <= attempt.ts + skew);
      if (host === undefined || !servesAt(host, slot.plan, attempt.ts, skew)) return false;
      came = host === within ? came + 1 : 1;
      if (came > 1 + slot.plan.retries) return false;
      before = attempt;
      within = host;
    }
    return true;
  }

  /** The states of the places below a request follow from what came to them. */
  #renew(parent: Instance, now: Micros): void {
    const { chain } = parent;
    const before = parent.made.map((slot) =>
      slot === null ? null : { slot, state: slot.state, since: slot.since, forgiven: slot.notes.forgiven },
    );
    const { live } = chain;
    this.#undo.push(() => {
      for (const [position, was] of before.entries()) {
        if (was === null) parent.unmake(position);
        else {
          was.slot.state = was.state;
          was.slot.since = was.since;
          if (was.slot.notes.forgiven !== was.forgiven) was.slot.note({ forgiven: was.forgiven });
        }
      }
      chain.live = live;
    });
    for (const [position, was] of before.entries()) {
      if (was === null && isBlocked(parent, position)) continue;
      const slot = parent.slotAt(position);
      const moved = this.moves.some(({ to }) => to.plan === slot.plan);
      if (moved) {
        const forgiven = slot.attempts.filter(({ ts }) => ts < parent.ts).length;
        if (slot.notes.forgiven !== forgiven) slot.note({ forgiven });
      }
      const state = this.#stateOf(slot, moved, now);
      chain.live += isLive(state) - isLive(slot.state);
      slot.state = state;
      if (state === 'waiting') slot.since = Math.max(parent.ts, openedAt(parent, slot.plan), lastEnd(slot));
    }
  }

  #stateOf(slot: Slot, moved: boolean, now: Micros): Slot['state'] {
    const { parent, plan, attempts, notes } = slot;
    // A step that may come often goes by its own number, which nothing here changes.
    if (!moved && (slot.state === 'spent' || slot.state === 'closed')) return slot.state;
    const last = attempts.at(-1);
    if (moved && last !== undefined && (holdsItsPlace(last) || !mayComeAgain(slot))) return 'spent';
    if (!parent.serving && !lastsBeyond(slot)) return 'closed';
    if (notes.due !== null && notes.due + this.#around.grace < now) return 'closed';
    return isBlocked(parent, plan.position) ? 'blocked' : 'waiting';
  }
}

/** True when a request may leave its chain: neither it nor anything below it names a request that stays behind. */
function isFree({ instance }: Move): boolean {
  return namesNothingAbove(instance, 0);
}

function namesNothingAbove(instance: Instance, depth: number): boolean {
  if (instance.taint !== null || instance.named > depth) return false;
  for (let place = instance.first; place !== null; place = place.next)
    if (!attemptsOf(place).every((attempt) => namesNothingAbove(attempt, depth + 1))) return false;
  return true;
}

function statementOf(instance: Instance): Statement {
  const { scope, spoken, summary, evidence } = instance;
  const readings = spoken.flatMap((fact) => {
    const settled = scope.fact(fact);
    if (settled === undefined) return [];
    const { value } = settled;
    return settled.by === instance ? [settled] : [{ fact, value, source: summary, evidence }];
  });
  return { instance, readings };
}

/** True when what came in order came in order. */
function isOrdered(parent: Instance, skew: Micros, coming: Coming | null): boolean {
  for (let place = parent.first; place !== null; place = place.next) {
    const [first] = attemptsOf(place);
    if (first !== undefined && openedAt(parent, place.plan, coming) > first.ts + skew) return false;
  }
  return true;
}

function holds({ plan, scope, state }: Instance): boolean {
  const { requires } = plan;
  if (requires === null) return true;
  const settled = (name: string): FactReading | undefined => scope.fact(name);
  return (
    holdsWith(requires.asked, settled) && (state !== 'answered' || holdsWith(requires.answered, settled))
  );
}

/** When a further attempt could come; a step that may come often need not wait for the one before. */
function lastEnd({ attempts, plan }: Slot): Micros {
  return plan.cardinality === 'many' ? 0 : (attempts.at(-1)?.endedAt ?? 0);
}

/** What it and all below it count for in `ChainState.live`. */
function liveBelow(top: Instance): number {
  let live = 0;
  for (const instance of instancesBelow(top)) {
    const { plan, serving, state, endedAt, expecting } = instance;
    const unanswered = state === 'answered' && endedAt === null;
    if (serving && !plan.staysOpen && !unanswered) live++;
    if (!expecting) continue;
    // Places that nobody asked for yet are blocked.
    live += plan.children.length;
    for (let place = instance.first; place !== null; place = place.next)
      live += (place instanceof Slot ? isLive(place.state) : 0) - 1;
  }
  return live;
}
