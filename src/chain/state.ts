// The parts of an open chain: what has come, what may still come. Enters: requests; leaves: where they stand.
// Longer than other files because its classes refer to each other.
// Classes and lists instead of maps, and no array that grows by `push`: very many chains may be open.
import { FlowTapError } from '../errors.ts';
import type { Evidence, FlowId, Micros } from '../flow.ts';
import type { VerdictId } from '../verdict.ts';
import type { ChainState } from './chain-state.ts';
import { countOf, type KeyHolder, keyAt, namedBy, type OwnKey, readKeys, writeKeys } from './keys.ts';
import { ownText, sharedText } from './own-text.ts';
import { Reader, type Writer } from './packing.ts';
import { type StepPlan, textsOf } from './plan.ts';
import type { ChainRequest } from './request.ts';
import { LocalScope, Scope, type Settled, type Speaker } from './scope.ts';

/** Facts of one request that are counted as spoken of. */
export const MOST_SPOKEN = 30;

/** Shared by all places that nothing came to; never changed. */
const NO_INSTANCES: readonly Instance[] = [];

/** What came to a place of its own, or the place, where more is to be said of it. */
export type Place = Slot | Instance;

const STATES = ['open', 'answered', 'failed', 'lost'] as const;
/** Small integers and flags of one request in one number; see `Instance`. */
const STATE = 3;
const SERVING = 4;
const RESPONDER = 8;
const EXPECTING = 16;
/** From this bit on: how many requests further up the one is that it names by a key. */
const NAMED = 5;

/** What few requests have. */
class Rarity {
  readonly ownKeys: OwnKey | null;
  readonly taint: VerdictId | null;
  readonly scope: LocalScope | null;

  constructor(ownKeys: OwnKey | null, taint: VerdictId | null, scope: LocalScope | null) {
    this.ownKeys = ownKeys;
    this.taint = taint;
    this.scope = scope;
  }
}

/** Names a request for whoever waits for what becomes of it: its chain may be packed meanwhile, and be made anew. */
export class Ticket {
  readonly #chain: ChainState;
  readonly #mark: number;

  constructor(chain: ChainState, mark: number) {
    this.#chain = chain;
    this.#mark = mark;
  }

  /** Null when its chain does not keep it any more. */
  get instance(): Instance | null {
    return this.#chain.marked(this.#mark);
  }
}

/** What a packed request has besides numbers. */
const ANSWER = 1;
const TAINT = 2;
const EVIDENCE = 4;
/** From this bit on: how many keys it brought. */
const KEYS = 3;

/** One request that came, in its place in a chain. */
export class Instance implements KeyHolder, Speaker {
  readonly plan: StepPlan;
  /** Its place; the request above it while it is alone there; its chain for the user request. */
  #place: Slot | Instance | ChainState;
  /** The next of the places that were made below the request above. */
  next: Place | null = null;
  /** The first of its places that were made, in the order of the plan. */
  #first: Place | null = null;
  #bits: number;
  /** The facts that it, or its answer, spoke of in agreement with its chain: bits, in the order of `plan.speaks`. */
  #spoke = 0;
  readonly summary: string;
  /** Microseconds from the chain's beginning: a small number takes no room of its own. */
  #after: number;
  /** The same for its end; null while it is open. */
  #ended: number | null = null;
  #answer: string | null = null;
  /** Only the flow, where the range and the request's own time say all the rest. */
  readonly #at: FlowId | Evidence;
  readonly #from: number;
  readonly #to: number;
  readonly #rare: OwnKey | Rarity | null;
  /** Names it in its store; 0 without a ticket. */
  #mark = 0;
  /** How many others look at it without being asked by its chain: then its chain cannot be packed. */
  known = 0;

  /** A request that came, or one that is read again. */
  constructor(
    chain: ChainState,
    plan: StepPlan,
    slot: Slot | null,
    request: ChainRequest | Reader,
    taint: VerdictId | null,
  ) {
    if (request instanceof Reader) {
      this.plan = plan;
      this.#place = slot ?? chain;
      this.#bits = request.number();
      this.#spoke = request.number();
      this.#after = request.number();
      const length = request.number();
      this.#ended = length === 0 ? null : this.#after + (length > 0 ? length - 1 : length);
      this.#from = request.number();
      this.#to = this.#from + request.number();
      this.#mark = request.number();
      const has = request.number();
      const known = textsOf(plan);
      this.summary = request.text(known.summaries);
      this.#answer = (has & ANSWER) === 0 ? null : request.text(known.answers);
      this.#at = (has & EVIDENCE) === 0 ? (request.shared() as FlowId) : request.reference();
      const ownKeys = readKeys(request, has >> KEYS, known.keys);
      this.#rare = (has & TAINT) === 0 ? ownKeys : new Rarity(ownKeys, request.text() as VerdictId, null);
      return;
    }
    const { evidence, keys, summary, ts, unanswered } = request;
    const above = slot?.parent ?? null;
    const ownKeys = newKeys(above, keys);
    const packs = evidence.capture === null && evidence.packets.length === 0 && evidence.ts === ts;
    this.plan = plan;
    this.#place = slot ?? chain;
    this.#bits =
      (unanswered ? STATES.indexOf('answered') : 0) |
      SERVING |
      (evidence.side === 'resp' ? RESPONDER : 0) |
      (namedBy(above, keys) << NAMED);
    this.summary = summary === plan.request ? plan.request : sharedText(summary);
    this.#after = ts - chain.opened;
    this.#at = packs ? evidence.flow : evidence;
    this.#from = evidence.start;
    this.#to = evidence.end;
    const scope = plan.owns.size === 0 ? null : new LocalScope(above?.scope ?? chain, plan.owns);
    this.#rare = taint === null && scope === null ? ownKeys : new Rarity(ownKeys, taint, scope);
  }

  get ts(): Micros {
    return this.chain.opened + this.#after;
  }

  get evidence(): Evidence {
    const at = this.#at;
    if (typeof at !== 'string') return at;
    const side = (this.#bits & RESPONDER) === 0 ? 'orig' : 'resp';
    return { flow: at, side, start: this.#from, end: this.#to, ts: this.ts, capture: null, packets: [] };
  }

  /** The keys that it brought and that it did not inherit. */
  get ownKeys(): OwnKey | null {
    return this.#rare instanceof Rarity ? this.#rare.ownKeys : this.#rare;
  }

  /** Set when it is the consequence of a denied request. */
  get taint(): VerdictId | null {
    return this.#rare instanceof Rarity ? this.#rare.taint : null;
  }

  /** How many requests further up the topmost one is that it names by a key; 0 when it names none. */
  get named(): number {
    return this.#bits >> NAMED;
  }

  /** `lost`: its connection ended before an answer. */
  get state(): (typeof STATES)[number] {
    return STATES[this.#bits & STATE] ?? 'open';
  }

  /** True while its service may make the requests below it. */
  get serving(): boolean {
    return (this.#bits & SERVING) !== 0;
  }

  /** Its service will make no more requests because of it. */
  close(): void {
    this.#bits &= ~SERVING;
  }

  /** It was answered, failed or was lost, and by what. */
  finish(state: 'answered' | 'failed' | 'lost', at: Micros, answer: string | null): void {
    this.#bits = (this.#bits & ~STATE) | STATES.indexOf(state);
    this.#ended = at - this.chain.opened;
    this.#answer = answer === null ? null : sharedText(answer);
  }

  /** Whoever keeps a request from one event to the next keeps this. */
  get ticket(): Ticket {
    const { chain } = this;
    if (this.#mark === 0) this.#mark = chain.nextMark();
    return new Ticket(chain, this.#mark);
  }

  /** True when it, or a request below it, brought this key with this value. */
  hasKey(key: string, value: string): boolean {
    for (let own = this.ownKeys; own !== null; own = own.next)
      if (own.key === key && own.value === value) return true;
    for (let place = this.#first; place !== null; place = place.next)
      if (attemptsOf(place).findLast((attempt) => attempt.hasKey(key, value)) !== undefined) return true;
    return false;
  }

  /** The request with this mark: itself or one below it. Of a step that came often, the last one is most likely asked for. */
  marked(mark: number): Instance | null {
    if (this.#mark === mark) return this;
    for (let place = this.#first; place !== null; place = place.next) {
      const attempts = attemptsOf(place);
      for (let i = attempts.length - 1; i >= 0; i--) {
        const found = attempts[i]?.marked(mark) ?? null;
        if (found !== null) return found;
      }
    }
    return null;
  }

  /** True while it waits to be closed, is looked at, or has facts of its own: then its chain cannot be packed. */
  get isBusy(): boolean {
    const { state, plan } = this;
    if (this.known > 0) return true;
    if (this.#rare instanceof Rarity && this.#rare.scope !== null) return true;
    const lasting = state === 'answered' && plan.staysOpen;
    return state !== 'open' && this.#ended !== null && this.serving && !lasting;
  }

  /** Writes down all that it is, and what is below it. */
  write(out: Writer): void {
    const answer = this.#answer;
    const at = this.#at;
    const { taint, ownKeys } = this;
    const length = this.#ended === null ? 0 : this.#ended - this.#after;
    out.number(this.#bits);
    out.number(this.#spoke);
    out.number(this.#after);
    out.number(this.#ended === null || length < 0 ? length : length + 1);
    out.number(this.#from);
    out.number(this.#to - this.#from);
    out.number(this.#mark);
    const has = (answer === null ? 0 : ANSWER) | (taint === null ? 0 : TAINT);
    out.number(has | (typeof at === 'string' ? 0 : EVIDENCE) | (countOf(ownKeys) << KEYS));
    const known = textsOf(this.plan);
    out.text(this.summary, known.summaries);
    if (answer !== null) out.text(answer, known.answers);
    if (typeof at === 'string') out.shared(at);
    else out.reference(at);
    writeKeys(out, ownKeys, known.keys);
    if (taint !== null) out.text(taint);
    for (let place = this.#first; place !== null; place = place.next) {
      out.number(place.plan.position + 1);
      if (place instanceof Slot) {
        const { attempts } = place;
        out.number(attempts.length + 1);
        place.write(out);
        for (const attempt of attempts) attempt.write(out);
      } else {
        out.number(0);
        place.write(out);
      }
    }
    out.number(0);
  }

  /** Reads what is below it; gives all requests that were read, those above before those below. */
  read(input: Reader, chain: ChainState, all: Instance[] = []): readonly Instance[] {
    all.push(this);
    let last: Place | null = null;
    for (let position = input.number(); position > 0; position = input.number()) {
      const plan = this.plan.children[position - 1] as StepPlan;
      const count = input.number();
      let place: Place;
      if (count === 0) {
        place = new Instance(chain, plan, null, input, null);
        place.#place = this;
        place.read(input, chain, all);
      } else {
        place = Slot.read(input, this, plan, chain);
        const attempts: Instance[] = [];
        for (let i = 1; i < count; i++) {
          const attempt = new Instance(chain, plan, place, input, null);
          attempt.read(input, chain, all);
          attempts.push(attempt);
        }
        place.attempts = attempts;
      }
      if (last === null) this.#first = place;
      else last.next = place;
      last = place;
    }
    return all;
  }

  /** When it was answered, failed or was lost; null while it is open. */
  get endedAt(): Micros | null {
    return this.#ended === null ? null : this.chain.opened + this.#ended;
  }

  /** The answer in words; null without one. */
  get answer(): string | null {
    return this.#answer;
  }

  get chain(): ChainState {
    let at = this.#place;
    while (!(at instanceof Scope)) at = at instanceof Slot ? at.parent.#place : at.#place;
    return at;
  }

  /** Its place; null for the user request. */
  get slot(): Slot | null {
    const place = this.#place;
    if (place instanceof Scope) return null;
    if (place instanceof Slot) return place;
    const slot = new Slot(place, this.plan, this.ts);
    slot.state = 'spent';
    slot.attempts = [this];
    place.#exchange(this, slot);
    this.#place = slot;
    return slot;
  }

  /** A place that nothing more is to be said of than what came to it needs no room of its own until it is asked for. */
  fold(slot: Slot): void {
    const [only, other] = slot.attempts;
    if (only === undefined || other !== undefined || slot.state !== 'spent') return;
    if (slot.isNoted || slot.plan.cardinality === 'many') return;
    this.#exchange(slot, only);
    only.#place = this;
  }

  /** One of its places stands in for another. */
  #exchange(old: Place, place: Place): void {
    place.next = old.next;
    old.next = null;
    if (this.#first === old) this.#first = place;
    for (let at = this.#first; at !== null; at = at.next) if (at.next === old) at.next = place;
  }

  /** The facts that are settled for it. */
  get scope(): Scope {
    let at: Instance = this;
    for (;;) {
      if (at.#rare instanceof Rarity && at.#rare.scope !== null) return at.#rare.scope;
      const place: Slot | Instance | ChainState = at.#place;
      if (place instanceof Scope) return place;
      at = place instanceof Slot ? place.parent : place;
    }
  }

  /** It, or its answer, spoke of a fact, and said what is settled. */
  speak(fact: string): void {
    const bit = this.plan.speaks.indexOf(fact);
    if (bit >= 0 && bit < MOST_SPOKEN) this.#spoke |= 1 << bit;
  }

  /** The facts that it spoke of. Of a request with more facts than are counted, nobody can tell: it stays where it is. */
  get spoken(): readonly string[] {
    return this.plan.speaks.filter((_, bit) => bit < MOST_SPOKEN && (this.#spoke & (1 << bit)) !== 0);
  }

  /** Puts it, and all that is below it, into another place of the same plan. */
  moveTo(slot: Slot): void {
    const { chain } = this;
    const later = chain.opened - slot.chain.opened;
    this.#place = slot;
    if (slot.chain !== chain) this.#forward(chain, slot.chain);
    this.#shift(later);
    this.#rescope();
  }

  /** Whoever has a ticket for it asks the chain that it was in. */
  #forward(from: ChainState, to: ChainState): void {
    if (this.#mark !== 0) from.forward(this.#mark, to);
    for (let at = this.#first; at !== null; at = at.next)
      for (const attempt of attemptsOf(at)) attempt.#forward(from, to);
  }

  /** Times count from the beginning of another chain. */
  #shift(later: Micros): void {
    this.#after += later;
    if (this.#ended !== null) this.#ended += later;
    for (let at = this.#first; at !== null; at = at.next) {
      if (at instanceof Slot) at.shift(later);
      for (const attempt of attemptsOf(at)) attempt.#shift(later);
    }
  }

  /** What is settled further out is that of another chain. */
  #rescope(): void {
    if (this.#rare instanceof Rarity && this.#rare.scope !== null) {
      this.#rare.scope.outer = this.above?.scope ?? this.chain;
      return;
    }
    for (let at = this.#first; at !== null; at = at.next)
      for (const attempt of attemptsOf(at)) attempt.#rescope();
  }

  /** Begins to expect what the plan says: all places are blocked. */
  expect(): void {
    if (this.plan.children.length > 0) this.#bits |= EXPECTING;
  }

  /** False before it expects what the plan says, and after another attempt took that over. */
  get expecting(): boolean {
    return (this.#bits & EXPECTING) !== 0;
  }

  /** Takes over the places of an attempt before. */
  takeOver(before: Instance): void {
    this.#bits |= before.#bits & EXPECTING;
    this.#first = before.#first;
    before.#bits &= ~EXPECTING;
    before.#first = null;
    for (let at = this.#first; at !== null; at = at.next) {
      if (at instanceof Slot) at.parent = this;
      else at.#place = this;
      for (const attempt of attemptsOf(at)) attempt.#pin(1);
    }
  }

  /** What names an attempt whose places another one took over may leave only together with both. */
  #pin(depth: number): void {
    if (this.named === depth) this.#bits += 1 << NAMED;
    for (let at = this.#first; at !== null; at = at.next)
      for (const attempt of attemptsOf(at)) attempt.#pin(depth + 1);
  }

  /** The first of its places that were made; the others follow by `next`, in the order of the plan. */
  get first(): Place | null {
    return this.#first;
  }

  /**
   * Its places in the order of the plan; null for one that is blocked and that nobody asked for yet. A chain with many steps
   * in order needs no room for those that are far from coming.
   */
  get made(): readonly (Slot | null)[] {
    if (!this.expecting) return [];
    return this.plan.children.map(({ position }) =>
      this.placeAt(position) === null ? null : this.slotAt(position),
    );
  }

  /** What is at one of its places; null where nobody asked for it yet. */
  placeAt(position: number): Place | null {
    for (let at = this.#first; at !== null; at = at.next) if (at.plan.position === position) return at;
    return null;
  }

  /** One of its places. */
  slotAt(position: number): Slot {
    let before: Place | null = null;
    for (let at = this.#first; at !== null && at.plan.position <= position; at = at.next) {
      if (at.plan.position === position) return at instanceof Slot ? at : (at.slot as Slot);
      before = at;
    }
    const plan = this.expecting ? this.plan.children[position] : undefined;
    if (plan === undefined)
      throw new FlowTapError('fault', `"${this.plan.request}" has no place ${position}`);
    const slot = new Slot(this, plan, this.ts);
    slot.next = before === null ? this.#first : before.next;
    if (before === null) this.#first = slot;
    else before.next = slot;
    return slot;
  }

  /** One of its places that nothing came to was not asked for after all. */
  unmake(position: number): void {
    const slot = this.placeAt(position);
    if (slot === null) return;
    if (this.#first === slot) this.#first = slot.next;
    for (let at = this.#first; at !== null; at = at.next) if (at.next === slot) at.next = slot.next;
  }

  /** All of its places. */
  get slots(): readonly Slot[] {
    return this.expecting ? this.plan.children.map(({ position }) => this.slotAt(position)) : [];
  }

  /** The request that it serves; null for the user request. */
  get above(): Instance | null {
    const place = this.#place;
    if (place instanceof Scope) return null;
    return place instanceof Slot ? place.parent : place;
  }
}

/** The requests that came to a place. */
export function attemptsOf(place: Place): readonly Instance[] {
  return place instanceof Slot ? place.attempts : [place];
}

/** A request, and all requests below it that are kept, those above before those below. */
export function instancesBelow(instance: Instance, all: Instance[] = []): readonly Instance[] {
  all.push(instance);
  for (let place = instance.first; place !== null; place = place.next)
    for (const attempt of attemptsOf(place)) instancesBelow(attempt, all);
  return all;
}

function newKeys(above: KeyHolder | null, keys: ReadonlyMap<string, string>): OwnKey | null {
  let own: OwnKey | null = null;
  for (const [key, value] of keys) {
    if (keyAt(above, key) === undefined) own = { key, value: ownText(value), next: own };
  }
  return own;
}

/** True when a chain with this request cannot be packed. */
export function isBusyBelow(instance: Instance): boolean {
  if (instance.isBusy) return true;
  for (let place = instance.first; place !== null; place = place.next) {
    if (place instanceof Instance) {
      if (isBusyBelow(place)) return true;
    } else if (place.attempts.some(isBusyBelow)) return true;
  }
  return false;
}

/** What is to be said of few places only. */
interface SlotNotes {
  /** Attempts that no longer count, because their parent itself was tried again. */
  readonly forgiven: number;
  /** Attempts that went well and are not kept any more. */
  readonly settled: number;
  /** The verdict that denied a request which came closest to this place. */
  readonly denied: VerdictId | null;
  /** When its time runs out; null without `within`. */
  readonly due: Micros | null;
  /** Set when its time ran out and that was said. */
  readonly overdue: boolean;
}

const NOTHING_NOTED: SlotNotes = { forgiven: 0, settled: 0, denied: null, due: null, overdue: false };

const PLACE_STATES = ['blocked', 'waiting', 'spent', 'closed'] as const;
/** State and flags of a packed place in one number. */
const PLACE_STATE = 3;
const NOTED = 4;
const OVERDUE = 8;
const LISTED = 16;

/** A place in a chain where a request is expected. */
export class Slot {
  /** Whose service may make it now; a further attempt of the parent takes it over. */
  parent: Instance;
  readonly plan: StepPlan;
  /** The next of the parent's places that were made. */
  next: Place | null = null;
  /** Nearly always one, which then needs no list. */
  #attempts: Instance | readonly Instance[] = NO_INSTANCES;
  /** `blocked`: another must come first. `spent`: it came as often as it may. `closed`: its time is over. */
  state: (typeof PLACE_STATES)[number] = 'blocked';
  /** Its number in the index; null while it is not waiting. */
  number: number | null = null;
  /** Its neighbours in the list of its chain's waiting places. */
  before: Slot | null = null;
  after: Slot | null = null;
  /** Microseconds from the chain's beginning. */
  #since: number;
  #notes: SlotNotes | null = null;

  constructor(parent: Instance, plan: StepPlan, since: Micros) {
    this.parent = parent;
    this.plan = plan;
    this.#since = since - parent.chain.opened;
  }

  /** Writes down what is said of the place itself. */
  write(out: Writer): void {
    const notes = this.#notes;
    const state = PLACE_STATES.indexOf(this.state);
    const flags = (notes === null ? 0 : NOTED) | (notes?.overdue === true ? OVERDUE : 0);
    out.number(state | flags | (this.number === null ? 0 : LISTED));
    out.number(this.#since);
    if (this.number !== null) out.number(this.number);
    if (notes === null) return;
    out.number(notes.forgiven);
    out.number(notes.settled);
    out.number(notes.due === null ? 0 : notes.due - this.chain.opened + 1);
    out.text(notes.denied ?? '');
  }

  static read(input: Reader, parent: Instance, plan: StepPlan, chain: ChainState): Slot {
    const bits = input.number();
    const place = new Slot(parent, plan, chain.opened + input.number());
    place.state = PLACE_STATES[bits & PLACE_STATE] ?? 'blocked';
    if ((bits & LISTED) !== 0) {
      place.number = input.number();
      chain.link(place);
    }
    if ((bits & NOTED) === 0) return place;
    const [forgiven, settled, due, denied] = [input.number(), input.number(), input.number(), input.text()];
    place.#notes = {
      forgiven,
      settled,
      due: due === 0 ? null : chain.opened + due - 1,
      denied: denied === '' ? null : (denied as VerdictId),
      overdue: (bits & OVERDUE) !== 0,
    };
    return place;
  }

  /** The requests that came to this place; of a step that may come often, those that are of interest still. */
  get attempts(): readonly Instance[] {
    return this.#attempts instanceof Instance ? [this.#attempts] : this.#attempts;
  }

  set attempts(attempts: readonly Instance[]) {
    const [only, other] = attempts;
    this.#attempts = only !== undefined && other === undefined ? only : attempts;
  }

  /** A further request came. The first few are copied, since an array that grows takes room for 16 more. */
  addAttempt(instance: Instance): void {
    const { attempts } = this;
    if (attempts.length < 4) this.attempts = [...attempts, instance];
    else (attempts as Instance[]).push(instance);
  }

  /** Since when it waits: a request that was made before that is not explained by it. */
  get since(): Micros {
    return this.chain.opened + this.#since;
  }

  set since(since: Micros) {
    this.#since = since - this.chain.opened;
  }

  /** Times count from the beginning of another chain. */
  shift(later: Micros): void {
    this.#since += later;
  }

  get notes(): SlotNotes {
    return this.#notes ?? NOTHING_NOTED;
  }

  /** True when something is said of it that nothing else knows. */
  get isNoted(): boolean {
    return this.#notes !== null;
  }

  note(changes: Partial<SlotNotes>): void {
    this.#notes = { ...this.notes, ...changes };
  }

  get chain(): ChainState {
    return this.parent.chain;
  }

  /** The settled fact of this name, as the request that comes here finds it. */
  fact(name: string): Settled | undefined {
    return this.parent.scope.fact(name);
  }
}
