// The open chains and how they change. Enters: requests and answers; leaves: places they fit, and news when time runs out.
// Longer than other files because every change of a place must keep the index, the count of live parts and the deadlines
// in step; these are private to this one class.
import type { Micros } from '../flow.ts';
import type { ChainId, ChainRecord, VerdictId } from '../verdict.ts';
import { agreement, goesBefore, isTimely, missingSteps } from './agreement.ts';
import { Deadlines } from './deadlines.ts';
import { contradictsKeys, KeyIndex, sharesKey } from './key-index.ts';
import { type Nearness, nearestOf, RecentSlots } from './nearest.ts';
import type { StepPlan } from './plan.ts';
import { SlotIndex } from './slot-index.ts';
import {
  blockersOf,
  type ChainRequest,
  ChainState,
  type FactReading,
  type Instance,
  isDone,
  type Slot,
} from './state.ts';

export interface StoreOptions {
  /** Microseconds by which events may come late: how long a place outlives its time. */
  readonly grace: Micros;
  /** Microseconds by which clocks may differ: a request may seem to come so much before its cause, or after its end. */
  readonly skew: Micros;
  /** Microseconds after which an open chain is given up. */
  readonly lifetime: Micros;
  /** Chains open at once; the oldest is given up when there are more. */
  readonly capacity: number;
  readonly nextId: () => ChainId;
}

/** A place that explains a request, and how many chains offered one. */
export interface Candidate {
  readonly slot: Slot;
  readonly chains: number;
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

type Due =
  | { readonly kind: 'close'; readonly instance: Instance }
  | { readonly kind: 'overdue'; readonly slot: Slot };

/** Candidates looked at for one request; more than these tie in every settled fact and are served first come, first served. */
const MOST_TIES = 64;
/** Ended chains kept for whoever asks what they were. */
const KEPT_CHAINS = 1000;

export class ChainStore {
  readonly #options: StoreOptions;
  readonly #chains = new Map<ChainId, ChainState>();
  readonly #kept = new Map<ChainId, ChainState>();
  readonly #waiting = new SlotIndex();
  readonly #recent = new RecentSlots();
  readonly #keys = new KeyIndex();
  readonly #due = new Deadlines<Due>();
  #news: ChainNews[] = [];
  #activated = new Set<string>();
  #opened = 0;
  #evicted = 0;

  constructor(options: StoreOptions) {
    this.#options = options;
  }

  get open(): number {
    return this.#chains.size;
  }

  get opened(): number {
    return this.#opened;
  }

  get evicted(): number {
    return this.#evicted;
  }

  get(id: ChainId): ChainState | null {
    return this.#chains.get(id) ?? this.#kept.get(id) ?? null;
  }

  /** Begins a chain with the request that causes it. `tainted` names the verdict that denied this request. */
  begin(plan: StepPlan, request: ChainRequest, title: string, tainted: VerdictId | null): Instance {
    if (this.#chains.size >= this.#options.capacity) this.#evictOldest(request.ts);
    const chain = new ChainState(this.#options.nextId(), title, request.ts, tainted);
    this.#chains.set(chain.id, chain);
    this.#opened++;
    for (const reading of request.facts) chain.settle(reading);
    this.#keys.bind(chain, request.keys);
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
    const offer = (slot: Slot, agreeing: number): void => {
      if (!isTimely(slot, request.ts, this.#options.skew)) return;
      chains.add(slot.chain);
      if (agreeing > bestAgreeing || (agreeing === bestAgreeing && best !== null && goesBefore(slot, best))) {
        best = slot;
        bestAgreeing = agreeing;
      }
    };
    if (named !== null && named !== 'many') {
      for (const chain of named) {
        for (const slot of chain.slots) {
          if (slot.state !== 'waiting' || slot.plan.request !== request.request) continue;
          const agreeing = agreement(chain, request.facts);
          if (agreeing !== null) offer(slot, agreeing);
        }
      }
    } else {
      for (const { slot, agreeing } of this.#waiting.matching(request)) {
        if (contradictsKeys(slot.chain, request.keys)) continue;
        if (named === 'many' && !sharesKey(slot.chain, request.keys)) continue;
        offer(slot, agreeing);
        if (chains.size >= MOST_TIES) break;
      }
    }
    return best === null ? null : { slot: best, chains: chains.size };
  }

  /** The place that came closest to explaining a request that nothing explains; null when no chain comes near. */
  nearest(request: ChainRequest): Nearness | null {
    return nearestOf(request, this.#recent.of(request.request));
  }

  /** Puts a request into its place. `taint` marks it as the consequence of a denied one. */
  accept(slot: Slot, request: ChainRequest, taint: VerdictId | null): Instance {
    const chain = slot.chain;
    this.settleFacts(chain, request.facts);
    this.#keys.bind(chain, request.keys);
    const instance = this.#place(chain, slot.plan, slot, request, taint ?? slot.parent.taint);
    slot.attempts.push(instance);
    if (slot.plan.cardinality !== 'many') this.#setState(slot, 'spent', request.ts);
    if (isDone(slot)) this.#unblock(slot.parent, request.ts);
    this.#settle(chain, request.ts);
    return instance;
  }

  /** Settles facts that are not settled yet; those that are stay as they are. */
  settleFacts(chain: ChainState, readings: readonly FactReading[]): void {
    const fresh = readings.filter((reading) => !chain.facts.has(reading.fact));
    if (fresh.length === 0) return;
    const names = new Set(fresh.map((reading) => reading.fact));
    const moved = chain.slots.filter(
      (slot) => slot.bucket !== null && slot.plan.facts.some((fact) => names.has(fact)),
    );
    for (const slot of moved) this.#waiting.remove(slot);
    for (const reading of fresh) chain.settle(reading);
    for (const slot of moved) {
      this.#waiting.add(slot);
      this.#activated.add(slot.plan.request);
    }
  }

  /** Children that had to come before a successful answer and did not. */
  unmetBefore(instance: Instance): readonly Slot[] {
    return instance.slots.filter((slot) => slot.plan.cardinality === 'required' && !isDone(slot));
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

  /** Kinds of request for which a new place opened since the last call. */
  takeActivated(): ReadonlySet<string> {
    const activated = this.#activated;
    if (activated.size > 0) this.#activated = new Set();
    return activated;
  }

  /** Lets time pass up to, not including, `now`. */
  advance(now: Micros): readonly ChainNews[] {
    for (let due = this.#due.takeDue(now - 1); due !== undefined; due = this.#due.takeDue(now - 1)) {
      this.#handle(due, now);
    }
    // Chains live equally long and stand in the order in which they were opened, so the oldest tells for all.
    for (const chain of this.#chains.values()) {
      if (chain.opened + this.#options.lifetime >= now) break;
      this.#end(chain, now, 'expired');
    }
    return this.#takeNews();
  }

  /** The source ended: every open chain ends as it is. */
  finish(now: Micros): readonly ChainNews[] {
    for (const chain of [...this.#chains.values()]) this.#end(chain, now, 'source');
    return this.#takeNews();
  }

  #handle(due: Due, now: Micros): void {
    switch (due.kind) {
      case 'close':
        if (due.instance.chain.ended === null) this.#close(due.instance, now);
        return;
      case 'overdue': {
        const slot = due.slot;
        if (slot.chain.ended !== null || slot.state === 'closed' || isDone(slot)) return;
        if (slot.due !== null && slot.due >= now) return;
        slot.overdue = true;
        this.#news.push({ kind: 'overdue', slot, at: now });
        this.#setState(slot, 'closed', now);
        this.#settle(slot.chain, now);
        return;
      }
    }
  }

  #place(
    chain: ChainState,
    plan: StepPlan,
    slot: Slot | null,
    request: ChainRequest,
    taint: VerdictId | null,
  ): Instance {
    const lasting = plan.staysOpen || request.unanswered;
    const instance: Instance = {
      chain,
      plan,
      slot,
      summary: request.summary,
      ts: request.ts,
      evidence: request.evidence,
      state: request.unanswered ? 'answered' : 'open',
      answer: null,
      ended: null,
      serving: true,
      taint,
      slots: [],
    };
    chain.requests++;
    if (!lasting) chain.live++;
    const before = plan.cardinality === 'many' ? undefined : slot?.attempts.at(-1);
    if (before === undefined) for (const child of plan.children) this.#addSlot(instance, child, request.ts);
    else this.#adopt(before, instance, request.ts);
    this.#unblock(instance, request.ts);
    return instance;
  }

  #addSlot(parent: Instance, plan: StepPlan, now: Micros): void {
    const slot: Slot = {
      chain: parent.chain,
      parent,
      plan,
      attempts: [],
      forgiven: 0,
      denied: null,
      state: 'blocked',
      since: now,
      bucket: null,
      due: plan.within === null ? null : now + plan.within,
      overdue: false,
    };
    parent.slots.push(slot);
    parent.chain.slots.push(slot);
    parent.chain.live++;
    this.#recent.add(slot);
    if (slot.due !== null) this.#due.add(slot.due, { kind: 'overdue', slot });
  }

  /**
   * A further attempt takes over what the one before has caused already: a bill that is sent again because its answer was
   * lost may not be debited again, or a service could bill twice by hanging up.
   */
  #adopt(before: Instance, after: Instance, now: Micros): void {
    for (const slot of before.slots.splice(0)) {
      slot.parent = after;
      after.slots.push(slot);
      slot.forgiven = slot.attempts.length;
      if (slot.plan.within !== null && !isDone(slot)) {
        slot.due = now + slot.plan.within;
        this.#due.add(slot.due, { kind: 'overdue', slot });
      }
      const settled =
        slot.plan.cardinality !== 'many' && (isDone(slot) || slot.attempts.at(-1)?.state === 'open');
      this.#setState(slot, settled ? 'spent' : 'blocked', now);
    }
  }

  /** Opens the places whose predecessors are done. */
  #unblock(parent: Instance, at: Micros): void {
    for (const slot of parent.slots) {
      if (slot.state === 'blocked' && blockersOf(slot).length === 0) this.#setState(slot, 'waiting', at);
    }
  }

  #setState(slot: Slot, state: Slot['state'], at: Micros): void {
    if (slot.state === state) return;
    const counted = (value: Slot['state']): number => (value === 'waiting' || value === 'blocked' ? 1 : 0);
    slot.chain.live += counted(state) - counted(slot.state);
    if (slot.bucket !== null) this.#waiting.remove(slot);
    slot.state = state;
    if (state === 'waiting') {
      slot.since = at;
      this.#waiting.add(slot);
      this.#activated.add(slot.plan.request);
    }
  }

  #finish(instance: Instance, state: 'answered' | 'failed' | 'lost', text: string | null, at: Micros): void {
    const lasting = instance.plan.staysOpen && state === 'answered';
    instance.state = state;
    instance.answer = text;
    instance.ended = at;
    if (instance.chain.ended !== null) return;
    const slot = instance.slot;
    if (slot !== null && state !== 'answered' && slot.state === 'spent' && slot.parent.serving) {
      if (slot.attempts.length - slot.forgiven <= slot.plan.retries) this.#setState(slot, 'waiting', at);
    }
    if (slot !== null && state === 'answered') this.#unblock(slot.parent, at);
    if (!lasting) this.#due.add(at + this.#options.grace, { kind: 'close', instance });
  }

  /** The service no longer serves this request: what has not come by now will not be explained by it. */
  #close(instance: Instance, now: Micros): void {
    if (!instance.serving) return;
    instance.serving = false;
    if (!instance.plan.staysOpen) instance.chain.live--;
    for (const slot of instance.slots) {
      const stillDue = slot.plan.within !== null && instance.state === 'answered' && !slot.overdue;
      if (!stillDue && slot.state !== 'spent') this.#setState(slot, 'closed', now);
    }
    this.#settle(instance.chain, now);
  }

  #settle(chain: ChainState, now: Micros): void {
    if (chain.live === 0 && chain.ended === null) this.#end(chain, now, 'settled');
  }

  #end(chain: ChainState, now: Micros, why: 'settled' | 'expired' | 'source'): void {
    chain.ended = now;
    for (const slot of chain.slots) {
      if (slot.bucket !== null) this.#waiting.remove(slot);
      this.#recent.retire(slot);
    }
    this.#keys.release(chain);
    this.#chains.delete(chain.id);
    this.#kept.set(chain.id, chain);
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
    const oldest = this.#chains.values().next();
    if (oldest.done === true) return;
    this.#evicted++;
    this.#end(oldest.value, now, 'expired');
  }

  #takeNews(): readonly ChainNews[] {
    const news = this.#news;
    if (news.length > 0) this.#news = [];
    return news;
  }
}
