// The open chains and how they change. Enters: requests and answers; leaves: places they fit, and news when time runs out.
// Longer than other files because every change of a place must keep the index, the count of live parts and the deadlines
// in step; these are private to this one class.
import type { Micros } from '../flow.ts';
import type { ChainId, ChainRecord, VerdictId } from '../verdict.ts';
import {
  agreement,
  goesBefore,
  holdsAt,
  isTimely,
  lingerOf,
  missingBelow,
  missingSteps,
} from './agreement.ts';
import { cameAsOftenAsItMay, isLive, isOver, lastsBeyond, mayComeAgain } from './attempts.ts';
import { ChainState } from './chain-state.ts';
import { Deadlines } from './deadlines.ts';
import {
  exchangesOf,
  givesIt,
  hasRivals,
  type Obstacle,
  obstaclesOfFacts,
  obstaclesTo,
  placesAbove,
} from './exchanges.ts';
import { KeyIndex } from './key-index.ts';
import { contradictsKeys, sharesKey } from './keys.ts';
import { type Nearness, nearestOf, RecentParents } from './nearest.ts';
import { Packer } from './packer.ts';
import { type Coming, isBlocked, isDone, isDoneAt, mayBeAbsent, waitingBelow } from './places.ts';
import type { StepPlan } from './plan.ts';
import { type MovedRequest, type Purpose, rearrange } from './rearrange.ts';
import type { ChainRequest, Origin } from './request.ts';
import type { FactReading, Scope } from './scope.ts';
import { SlotIndex } from './slot-index.ts';
import { attemptsOf, Instance, instancesBelow, Slot } from './state.ts';

export interface StoreOptions {
  /** Microseconds by which events may come late: how long a place outlives its time. */
  readonly grace: Micros;
  /** Microseconds by which clocks may differ: a request may seem to come so much before its cause, or after its end. */
  readonly skew: Micros;
  /** Microseconds after which an open chain is given up. */
  readonly lifetime: Micros;
  /** Chains open at once; the oldest is given up when there are more. */
  readonly capacity: number;
  /** Chains open at once up to which none is packed. */
  readonly unpacked: number;
  /** Counts the chains of a run. */
  readonly nextSerial: () => number;
}

/** A place that explains a request, and how many chains offered one. */
export interface Candidate {
  readonly slot: Slot;
  readonly chains: number;
  /** Requests that were put into other chains for it. */
  readonly moved: readonly Instance[];
}

/** What happened because time went on. */
export type ChainNews =
  | { readonly kind: 'overdue'; readonly slot: Slot; readonly at: Micros }
  | {
      readonly kind: 'ended';
      readonly chain: ChainState;
      readonly outcome: ChainRecord['outcome'];
      readonly missing: readonly string[];
    };

/** A request that is closed, or a chain with a place whose time runs out. */
type Due = Instance | ChainState;

/** Candidates looked at for one request; more than these tie in every settled fact and are served first come, first served. */
const MOST_TIES = 64;
/** Ended chains kept for whoever asks what they were. */
const KEPT_CHAINS = 1000;
/** Requests of one chain that are kept at once; with more, no further one is explained until some are done. */
const MOST_REQUESTS = 4096;
/** Requests of a step that may come often that are kept after they are done. */
const KEPT_ATTEMPTS = 8;
/** A request with more facts than the index compares has the others compared one by one. */
const INDEXED_FACTS = 30;
/** Places that agree in every fact and fail a relation; nobody looks at more of them for one request. */
const MOST_FAILING = 4096;
const NOTHING_MOVED: readonly Instance[] = [];
const NO_REQUESTS: readonly MovedRequest[] = [];

export class ChainStore {
  readonly #options: StoreOptions;
  readonly #chains = new Map<number, ChainState>();
  readonly #kept = new Map<number, ChainState>();
  readonly #waiting = new SlotIndex();
  readonly #recent = new RecentParents(({ chain }) => this.#packer.add(chain));
  readonly #keys = new KeyIndex();
  readonly #vicinity = { recent: this.#recent, index: this.#waiting, keys: this.#keys };
  readonly #due = new Deadlines<Due>();
  readonly #packer: Packer;
  #inOrder = this.#chains.values();
  #oldest: ChainState | null = null;
  /** When that one was opened: it may be packed. */
  #oldestOpened: Micros = 0;
  #news: ChainNews[] = [];
  #activated = new Set<string>();
  #moved: MovedRequest[] = [];
  #opened = 0;
  #evicted = 0;

  constructor(options: StoreOptions) {
    this.#options = options;
    this.#packer = new Packer(options.unpacked);
  }

  get open(): number {
    return this.#chains.size;
  }

  /** Those of the open ones that are packed. */
  get packed(): number {
    return this.#packer.packed;
  }

  get opened(): number {
    return this.#opened;
  }

  get evicted(): number {
    return this.#evicted;
  }

  get(id: ChainId): ChainState | null {
    const serial = Number(id.slice(1));
    return this.#chains.get(serial) ?? this.#kept.get(serial) ?? null;
  }

  /** Begins a chain with the request that causes it. `tainted` names the verdict that denied this request. */
  begin(plan: StepPlan, request: ChainRequest, origin: Origin, tainted: VerdictId | null): Instance {
    if (this.#chains.size >= this.#options.capacity) this.#evictOldest(request.ts);
    const chain = new ChainState(this.#options.nextSerial(), origin, request.ts, tainted, this.#packer);
    this.#chains.set(chain.serial, chain);
    this.#packer.add(chain);
    this.#opened++;
    chain.plant(this.#place(chain, plan, null, request, tainted));
    this.#settle(chain, request.ts);
    return chain.root;
  }

  /**
   * The place that explains a request: of the chains that its keys name, or, where they name none, of those that never
   * had such a key; among them the one with most settled facts in agreement, then the oldest.
   */
  find(request: ChainRequest): Candidate | null {
    const named = this.#keys.named(request.keys);
    let best: Slot | null = null;
    let bestAgreeing = -1;
    const chains = new Set<ChainState>();
    let failing = 0;
    const offer = (slot: Slot, agreeing: number): void => {
      if (!isTimely(slot, request.ts, this.#options.skew) || slot.chain.size >= MOST_REQUESTS) return;
      chains.add(slot.chain);
      if (agreeing > bestAgreeing || (agreeing === bestAgreeing && best !== null && goesBefore(slot, best))) {
        best = slot;
        bestAgreeing = agreeing;
      }
    };
    if (named !== null && named !== 'many') {
      for (const chain of named) {
        for (let slot = chain.waiting; slot !== null; slot = slot.after) {
          if (slot.plan.request !== request.request || contradictsKeys(slot.parent, request.keys)) continue;
          const agreeing = agreement(slot, request.facts);
          if (agreeing !== null && holdsAt(request, slot)) offer(slot, agreeing);
        }
      }
    } else {
      for (const { slot, agreeing } of this.#waiting.matching(request)) {
        if (contradictsKeys(slot.parent, request.keys)) continue;
        if (named === 'many' && !sharesKey(slot.parent, request.keys)) continue;
        if (request.facts.length > INDEXED_FACTS && agreement(slot, request.facts) === null) continue;
        if (!holdsAt(request, slot)) {
          if (++failing >= MOST_FAILING) break;
          continue;
        }
        offer(slot, agreeing);
        if (chains.size >= MOST_TIES) break;
      }
    }
    return best === null ? null : { slot: best, chains: chains.size, moved: NOTHING_MOVED };
  }

  /**
   * Like `find`, for a request that no open chain explains as things stand: which of two chains that look alike an earlier
   * request served was a guess, and may have been the wrong one. Requests are put into each other's places where everything
   * in both chains fits as well as before; then what explains the new one explains all of them.
   */
  rearrangeFor(request: ChainRequest): Candidate | null {
    let found: Candidate | null = null;
    const { skew } = this.#options;
    const propose = this.#exchanges(() => obstaclesTo(request, this.#vicinity, skew));
    const reached = (): boolean => {
      found = this.find(request);
      return found !== null;
    };
    const coming = (): Coming | null => (found === null ? null : { slot: found.slot, at: request.ts });
    const moved = this.#rearrange({ propose, reached, coming }, request.ts);
    return found === null || moved === null ? null : { ...(found as Candidate), moved };
  }

  /** True when its keys say which chain it serves: whatever else holds its place there has been taken for that chain by a guess. */
  isNamed({ keys }: ChainRequest): boolean {
    const named = this.#keys.named(keys);
    return named !== null && named !== 'many' && named.length > 0;
  }

  /** The same for what an answer says, where it is not what is settled in the chain of its request. True when that agrees now. */
  rearrangeToAgree(instance: Instance, readings: readonly FactReading[], at: Micros): boolean {
    const differing = (): readonly Obstacle[] | null =>
      obstaclesOfFacts(readings, (fact) => instance.scope.fact(fact));
    if (differing() === null) return true;
    // It may be this request itself that is in the wrong chain.
    const own = [...placesAbove(instance)].map((place) => ({ place, helps: () => true }));
    const propose = this.#exchanges(() => [...(differing() ?? []), ...own]);
    return this.#rearrange({ propose, reached: () => differing() === null }, at) !== null;
  }

  /** False when no exchange can ever make them agree: the request itself said otherwise, or no chain looks alike. */
  mayYetAgree(instance: Instance, readings: readonly FactReading[]): boolean {
    const obstacles = obstaclesOfFacts(readings, (fact) => instance.scope.fact(fact)) ?? [];
    const said = new Set(instance.spoken);
    const contradictsItself = readings.some(
      ({ fact, value }) => said.has(fact) && instance.scope.fact(fact)?.value !== value,
    );
    const places = [...obstacles.map(({ place }) => place), ...placesAbove(instance)];
    return !contradictsItself && places.some((place) => hasRivals(place, this.#vicinity));
  }

  /** The same for a step that did not come, when what another chain has may be the one that is missing here. */
  #fill(slot: Slot, at: Micros): void {
    const reached = (places: readonly Slot[]): boolean => isDone(slot) && !places.some(isLacking);
    this.#rearrange({ propose: this.#exchanges(() => [{ place: slot, helps: givesIt }]), reached }, at);
  }

  #rearrange(purpose: Purpose, now: Micros): readonly Instance[] | null {
    const { skew, grace } = this.#options;
    const done = rearrange(purpose, { index: this.#waiting, keys: this.#keys, skew, grace }, now);
    if (done === null) return null;
    this.#moved.push(...done.moved);
    for (const chain of done.chains) {
      for (let slot = chain.waiting; slot !== null; slot = slot.after) this.#activated.add(slot.plan.request);
      this.#settle(chain, now);
    }
    // Places that went with their requests are awaited where they are now.
    for (const { instance } of done.moved)
      for (const { notes, chain } of awaitedAt(instance))
        if (notes.due !== null) this.#due.add(notes.due + this.#options.grace, chain);
    return done.chosen;
  }

  #exchanges(obstacles: () => Iterable<Obstacle>): Purpose['propose'] {
    return () => exchangesOf(obstacles(), this.#vicinity, this.#options.skew);
  }

  /** Requests that were put into other chains since the last call. */
  takeMoved(): readonly MovedRequest[] {
    return this.#moved.length === 0 ? NO_REQUESTS : this.#moved.splice(0);
  }

  /** The place that came closest to explaining a request that nothing explains; null when no chain comes near. */
  nearest(request: ChainRequest): Nearness | null {
    return nearestOf(request, this.#recent.slots(request.request));
  }

  /** Puts a request into its place. `taint` marks it as the consequence of a denied one. */
  accept(slot: Slot, request: ChainRequest, taint: VerdictId | null): Instance {
    const chain = slot.chain;
    const many = slot.plan.cardinality === 'many';
    if (many) this.#forget(slot);
    const instance = this.#place(chain, slot.plan, slot, request, taint ?? slot.parent.taint);
    // Every accepted request ends the place's waiting, but for a step that may come more often.
    if (!many || cameAsOftenAsItMay(slot)) this.#setState(slot, 'spent', request.ts);
    if (isDone(slot)) this.#unblock(slot.parent, request.ts);
    this.#settle(chain, request.ts);
    slot.parent.fold(slot);
    return instance;
  }

  /** Settles what a request or its answer says, where it is not settled yet; what is settled stays as it is. */
  settleFacts(instance: Instance, readings: readonly FactReading[]): void {
    const fresh = readings.filter(({ fact }) => instance.scope.fact(fact) === undefined);
    for (const { fact, value } of readings)
      if ((instance.scope.fact(fact)?.value ?? value) === value) instance.speak(fact);
    if (fresh.length === 0) return;
    const owners = new Map<Scope, FactReading[]>();
    for (const reading of fresh) {
      const owner = instance.scope.ownerOf(reading.fact);
      const known = owners.get(owner);
      if (known === undefined) owners.set(owner, [reading]);
      else known.push(reading);
    }
    for (const [owner, owned] of owners) this.#settleIn(owner, instance, owned);
  }

  /** The slots that can see these facts are found anew under them. */
  #settleIn(owner: Scope, instance: Instance, readings: readonly FactReading[]): void {
    const names = new Set(readings.map(({ fact }) => fact));
    const moved: Slot[] = [];
    let top = instance;
    while (top.above !== null && isWithin(top.above.scope, owner)) top = top.above;
    for (const slot of waitingBelow(top)) {
      if (slot.number !== null && slot.plan.facts.some((fact) => names.has(fact))) moved.push(slot);
    }
    for (const slot of moved) this.#waiting.remove(slot);
    owner.settle(readings, instance);
    for (const slot of moved) {
      this.#waiting.add(slot);
      this.#activated.add(slot.plan.request);
    }
  }

  /** Children that had to come before a successful answer and did not. */
  unmetBefore(instance: Instance): readonly Slot[] {
    // By the plan: most answers need nothing, and a place that nobody asked for stays unmade.
    return instance.plan.children
      .filter(
        ({ cardinality, position }) =>
          cardinality === 'required' && instance.expecting && !isDoneAt(instance, position),
      )
      .map(({ position }) => instance.slotAt(position));
  }

  /** The service answered: what it causes must follow within the grace, or, with `eventually`, within its time. */
  answer(instance: Instance, ok: boolean, text: string, at: Micros): void {
    if (instance.state !== 'open') return;
    this.#finish(instance, ok ? 'answered' : 'failed', text, at);
  }

  /** The connection ended before an answer. */
  lose(instance: Instance, at: Micros): void {
    if (instance.state === 'open') this.#finish(instance, 'lost', null, at);
  }

  /** What was answered with success has been taken back, by a transaction that was rolled back: it counts as failed. */
  undo(instance: Instance, at: Micros): void {
    if (instance.state === 'open') this.#finish(instance, 'failed', 'rolled back', at);
    if (instance.state !== 'answered' || instance.chain.ended !== null) return;
    instance.finish('failed', at, 'rolled back');
    const { slot } = instance;
    if (slot === null || slot.state !== 'spent' || !slot.parent.serving) return;
    if (mayComeAgain(slot)) this.#setState(slot, 'waiting', at);
  }

  /** Kinds of request for which a new place opened since the last call. */
  takeActivated(): ReadonlySet<string> {
    const activated = this.#activated;
    if (activated.size > 0) this.#activated = new Set();
    return activated;
  }

  /** Lets time pass up to, not including, `now`. */
  advance(now: Micros): readonly ChainNews[] {
    // Nobody has a request in hands between two events.
    this.#packer.pack(this.#chains.size);
    for (let due = this.#due.takeDue(now - 1); due !== undefined; due = this.#due.takeDue(now - 1)) {
      this.#handle(due, now);
    }
    // Chains live equally long and stand in the order in which they were opened, so the oldest tells for all.
    for (let chain = this.#eldest(); chain !== null; chain = this.#eldest()) {
      if (this.#oldestOpened + this.#options.lifetime >= now) break;
      this.#end(chain, now, 'expired');
    }
    return this.#takeNews();
  }

  /** A chain ends of which all has been said before. */
  dismiss(id: ChainId, now: Micros): void {
    const chain = this.get(id);
    if (chain === null || chain.ended !== null) return;
    this.#end(chain, now, 'expired');
    this.#news.pop();
  }

  /** The source ended: every open chain ends as it is. */
  finish(now: Micros): readonly ChainNews[] {
    for (const chain of [...this.#chains.values()]) this.#end(chain, now, 'source');
    return this.#takeNews();
  }

  #handle(due: Due, now: Micros): void {
    if (due instanceof ChainState) {
      if (due.ended === null)
        for (const slot of instancesBelow(due.root).flatMap(awaitedAt)) this.#miss(slot, now);
    } else if (due.chain.ended === null) this.#close(due, now);
  }

  /** The time of a place is over. */
  #miss(slot: Slot, now: Micros): void {
    const { due } = slot.notes;
    if (slot.chain.ended !== null || slot.state === 'closed' || slot.notes.overdue || isDone(slot)) return;
    if (due === null || due + this.#options.grace >= now) return;
    this.#fill(slot, due);
    if (isDone(slot)) return;
    if (slot.plan.cardinality === 'eventually') {
      slot.note({ overdue: true });
      this.#news.push({ kind: 'overdue', slot, at: due });
    }
    if (slot.state !== 'spent') this.#setState(slot, 'closed', now);
    this.#settle(slot.chain, now);
  }

  /** Its time runs out at `due`; what was made in time may arrive later by the grace. */
  #await(slot: Slot, due: Micros): void {
    slot.note({ due });
    this.#due.add(due + this.#options.grace, slot.chain);
  }

  #place(
    chain: ChainState,
    plan: StepPlan,
    slot: Slot | null,
    request: ChainRequest,
    taint: VerdictId | null,
  ): Instance {
    const instance = new Instance(chain, plan, slot, request, taint);
    const before = plan.cardinality === 'many' ? undefined : slot?.attempts.at(-1);
    slot?.addAttempt(instance);
    chain.requests++;
    chain.size++;
    if (!plan.staysOpen && !request.unanswered) chain.live++;
    for (let own = instance.ownKeys; own !== null; own = own.next) this.#keys.add(chain, own.key, own.value);
    this.settleFacts(instance, request.facts);
    if (before === undefined) this.#addSlots(instance, request.ts);
    else this.#adopt(before, instance, request.ts);
    this.#unblock(instance, request.ts);
    return instance;
  }

  #addSlots(parent: Instance, now: Micros): void {
    parent.expect();
    parent.chain.live += parent.plan.children.length;
    this.#recent.add(parent);
    for (const { within, position } of parent.plan.children) {
      if (within !== null) this.#await(parent.slotAt(position), now + within);
    }
  }

  /**
   * A further attempt takes over what the one before has caused already: a bill that is sent again because its answer was
   * lost may not be debited again, or a service could bill twice by hanging up.
   */
  #adopt(before: Instance, after: Instance, now: Micros): void {
    after.takeOver(before);
    this.#recent.retire(before);
    this.#recent.add(after);
    for (const slot of after.made) {
      if (slot === null) continue;
      slot.note({ forgiven: slot.attempts.length });
      if (slot.plan.within !== null && !isDone(slot)) {
        this.#await(slot, now + slot.plan.within);
      }
      const settled =
        slot.plan.cardinality !== 'many' && (isDone(slot) || slot.attempts.at(-1)?.state === 'open');
      this.#setState(slot, settled ? 'spent' : 'blocked', now);
    }
  }

  /**
   * Requests of a step that may come often are not all kept: the oldest that are over go, with what they missed noted. The
   * list is gone through each time it has doubled, so that a request costs the same however many are open.
   */
  #forget(slot: Slot): void {
    const { attempts, chain } = slot;
    if (attempts.length < 2 * KEPT_ATTEMPTS || (attempts.length & (attempts.length - 1)) !== 0) return;
    let over = attempts.filter(isOver).length;
    const missed = new Set(chain.missed);
    slot.attempts = attempts.filter((attempt) => {
      if (!isOver(attempt) || over-- <= KEPT_ATTEMPTS) return true;
      if (attempt.state === 'answered') slot.note({ settled: slot.notes.settled + 1 });
      for (const name of missingBelow(attempt)) missed.add(name);
      chain.size -= this.#release(attempt);
      return false;
    });
    if (missed.size > chain.missed.length) chain.missed = [...missed];
  }

  /** Nothing finds this request or what is below it any more. Gives how many requests these were. */
  #release(instance: Instance, settled = false): number {
    let requests = 1;
    for (let own = instance.ownKeys; own !== null; own = own.next)
      this.#keys.remove(instance.chain, own.key, own.value);
    if (settled) this.#recent.end(instance);
    else this.#recent.retire(instance);
    for (let place = instance.first; place !== null; place = place.next) {
      if (place instanceof Slot) this.#waiting.remove(place);
      for (const attempt of attemptsOf(place)) requests += this.#release(attempt, settled);
    }
    return requests;
  }

  /** Opens the places whose predecessors are done. */
  #unblock(parent: Instance, at: Micros): void {
    if (!parent.expecting) return;
    for (const { position } of parent.plan.children) {
      const place = parent.placeAt(position);
      if (place !== null && (place instanceof Instance || place.state !== 'blocked')) continue;
      if (!isBlocked(parent, position)) this.#setState(parent.slotAt(position), 'waiting', at);
    }
  }

  #setState(slot: Slot, state: Slot['state'], at: Micros): void {
    if (slot.state === state) return;
    slot.chain.live += isLive(state) - isLive(slot.state);
    if (slot.state === 'waiting') this.#waiting.remove(slot);
    slot.state = state;
    if (state === 'waiting') {
      slot.since = at;
      this.#waiting.add(slot);
      this.#activated.add(slot.plan.request);
    }
  }

  #finish(instance: Instance, state: 'answered' | 'failed' | 'lost', text: string | null, at: Micros): void {
    const lasting = instance.plan.staysOpen && state === 'answered';
    instance.finish(state, at, text);
    if (instance.chain.ended !== null) return;
    const { above } = instance;
    if (above !== null && state === 'answered') this.#unblock(above, at);
    // Its place is asked for only where that matters.
    const slot = state !== 'answered' && above?.serving === true ? instance.slot : null;
    if (slot !== null && slot.state === 'spent' && mayComeAgain(slot)) this.#setState(slot, 'waiting', at);
    if (!lasting) this.#due.add(at + lingerOf(instance) + this.#options.grace, instance);
  }

  /** The service no longer serves this request: what has not come by now will not be explained by it. */
  #close(instance: Instance, now: Micros): void {
    if (!instance.serving) return;
    if (instance.state === 'answered') {
      for (const plan of instance.plan.children)
        if (!mayBeAbsent(plan) && plan.within === null && !isDoneAt(instance, plan.position))
          this.#fill(instance.slotAt(plan.position), now);
    }
    instance.close();
    if (!instance.plan.staysOpen) instance.chain.live--;
    for (const { position } of instance.expecting ? instance.plan.children : []) {
      // What came to a place that nothing more is said of has spent it.
      if (instance.placeAt(position) instanceof Instance) continue;
      const slot = instance.slotAt(position);
      if (!lastsBeyond(slot) && slot.state !== 'spent') this.#setState(slot, 'closed', now);
    }
    this.#settle(instance.chain, now);
    this.#packer.add(instance.chain);
  }

  #settle(chain: ChainState, now: Micros): void {
    if (chain.live === 0 && chain.ended === null) this.#end(chain, now, 'settled');
  }

  #end(chain: ChainState, now: Micros, why: 'settled' | 'expired' | 'source'): void {
    chain.ended = now;
    this.#release(chain.root, why === 'settled');
    this.#chains.delete(chain.serial);
    this.#kept.set(chain.serial, chain);
    if (this.#kept.size > KEPT_CHAINS) {
      const oldest = this.#kept.keys().next();
      if (oldest.done !== true) this.#kept.delete(oldest.value);
    }
    const missing = missingSteps(chain);
    const failed = chain.root.state === 'failed' || chain.root.state === 'lost';
    const outcome =
      why !== 'settled' ? 'abandoned' : failed ? 'failed' : missing.length > 0 ? 'incomplete' : 'complete';
    this.#news.push({ kind: 'ended', chain, outcome, missing });
  }

  #evictOldest(now: Micros): void {
    const oldest = this.#eldest();
    if (oldest === null) return;
    this.#evicted++;
    this.#end(oldest, now, 'expired');
  }

  /** The open chain that was opened first. Whoever begins at the front of a map each time passes over all that left it. */
  #eldest(): ChainState | null {
    while (this.#oldest === null || this.#oldest.ended !== null) {
      const next = this.#inOrder.next();
      if (next.done === true) {
        // Those that are opened from now on come in another round.
        this.#inOrder = this.#chains.values();
        this.#oldest = null;
        if (this.#chains.size === 0) return null;
      } else {
        this.#oldest = next.value;
        this.#oldestOpened = next.value.opened;
      }
    }
    return this.#oldest;
  }

  #takeNews(): readonly ChainNews[] {
    const news = this.#news;
    if (news.length > 0) this.#news = [];
    return news;
  }
}

/** The places below a request, and not further down, that have a time of their own. */
function awaitedAt({ first }: Instance): readonly Slot[] {
  const awaited: Slot[] = [];
  for (let place = first; place !== null; place = place.next)
    if (place instanceof Slot && place.notes.due !== null) awaited.push(place);
  return awaited;
}

/** True when nothing will come any more to a place that must not stay empty. */
function isLacking(slot: Slot): boolean {
  const { parent, plan } = slot;
  return parent.state === 'answered' && !parent.serving && !mayBeAbsent(plan) && !isDone(slot);
}

function isWithin(scope: Scope, outer: Scope): boolean {
  for (let at: Scope | null = scope; at !== null; at = at.outer) if (at === outer) return true;
  return false;
}
