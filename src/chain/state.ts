// An open chain: what has come, what may still come, which facts are settled. Enters: nothing; leaves: its parts.
// Longer than other files because its classes refer to each other.
// Classes and lists instead of maps, and no array that grows by `push`: very many chains may be open.
import { FlowTapError } from '../errors.ts';
import type { Evidence, FlowId, Micros } from '../flow.ts';
import type { ChainId, ChainReference, VerdictId } from '../verdict.ts';
import { type KeyHolder, keyAt, namedBy, type OwnKey } from './keys.ts';
import { ownText, sharedText } from './own-text.ts';
import { type Packed, Reader, Writer } from './packing.ts';
import { type StepPlan, textsOf } from './plan.ts';
import type { ChainRequest, Origin } from './request.ts';
import { LocalScope, Scope, Settled, type Speaker } from './scope.ts';

/** Facts of one request that are counted as spoken of. */
export const MOST_SPOKEN = 30;

/** Shared by all places that nothing came to; never changed. */
const NO_INSTANCES: readonly Instance[] = [];
const NO_NAMES: readonly string[] = [];

/** What came to a place of its own, or the place, where more is to be said of it. */
export type Place = Slot | Instance;

const STATES = ['open', 'answered', 'failed', 'lost'] as const;
/** Small integers and flags of one request in one number; see `Instance`. */
const STATE = 3;
const SERVING = 4;
const RESPONDER = 8;
const EXPECTING = 16;
const HELD = 32;
/** From this bit on: how many requests further up the one is that it names by a key. */
const NAMED = 6;

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
  #at: Instance | ChainState;

  constructor(at: Instance) {
    this.#at = at;
  }

  get instance(): Instance {
    if (this.#at instanceof ChainState) this.#at.wake();
    return this.#at as Instance;
  }

  /** It was made anew, or its chain is packed. */
  point(at: Instance | ChainState): void {
    this.#at = at;
  }
}

/** What a packed request has besides numbers. */
const ANSWER = 1;
const RARE = 2;
const TICKET = 4;

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
  #ticket: Ticket | null = null;

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
      const has = request.number();
      const known = textsOf(plan);
      this.summary = request.text(known.summaries);
      this.#answer = (has & ANSWER) === 0 ? null : request.text(known.answers);
      this.#at = request.reference();
      this.#rare = (has & RARE) === 0 ? null : request.reference();
      this.#ticket = (has & TICKET) === 0 ? null : request.reference();
      this.#ticket?.point(this);
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
    // Its answer was what was waited for.
    if ((this.#bits & HELD) === 0) this.#ticket = null;
  }

  /** Whoever keeps a request from one event to the next keeps this; it is good until the request is answered. */
  get ticket(): Ticket {
    this.#ticket ??= new Ticket(this);
    return this.#ticket;
  }

  /** The same, and good for longer: what was answered may be taken back. */
  hold(): Ticket {
    this.#bits |= HELD;
    return this.ticket;
  }

  /** True while it waits to be closed, or has facts of its own: then its chain cannot be packed. */
  get isBusy(): boolean {
    const { state, plan } = this;
    if (this.#rare instanceof Rarity && this.#rare.scope !== null) return true;
    const lasting = state === 'answered' && plan.staysOpen;
    return state !== 'open' && this.#ended !== null && this.serving && !lasting;
  }

  /** Writes down all that it is, and what is below it. */
  write(out: Writer, chain: ChainState): void {
    const answer = this.#answer;
    const rare = this.#rare;
    const ticket = this.#ticket;
    const length = this.#ended === null ? 0 : this.#ended - this.#after;
    out.number(this.#bits);
    out.number(this.#spoke);
    out.number(this.#after);
    out.number(this.#ended === null || length < 0 ? length : length + 1);
    out.number(this.#from);
    out.number(this.#to - this.#from);
    out.number((answer === null ? 0 : ANSWER) | (rare === null ? 0 : RARE) | (ticket === null ? 0 : TICKET));
    const known = textsOf(this.plan);
    out.text(this.summary, known.summaries);
    if (answer !== null) out.text(answer, known.answers);
    out.reference(this.#at);
    if (rare !== null) out.reference(rare);
    if (ticket !== null) out.reference(ticket);
    ticket?.point(chain);
    for (let place = this.#first; place !== null; place = place.next) {
      out.number(place.plan.position + 1);
      const attempts = attemptsOf(place);
      // A place is kept as it is, since others know it; only what came to it is packed.
      out.number(place instanceof Slot ? attempts.length + 1 : 0);
      if (place instanceof Slot) out.reference(place);
      for (const attempt of attempts) attempt.write(out, chain);
    }
    out.number(0);
    for (let place = this.#first; place !== null; ) {
      const { next } = place;
      if (place instanceof Slot) place.rest(chain);
      place = next;
    }
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
        place = input.reference<Slot>();
        place.parent = this;
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
    while (!(at instanceof ChainState)) at = at instanceof Slot ? at.parent.#place : at.#place;
    return at;
  }

  /** Its place; null for the user request. */
  get slot(): Slot | null {
    const place = this.#place;
    if (place instanceof ChainState) return null;
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
      if (place instanceof ChainState) return place;
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
    const later = this.chain.opened - slot.chain.opened;
    this.#place = slot;
    this.#shift(later);
    this.#rescope();
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
    if (place instanceof ChainState) return null;
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

/** A place in a chain where a request is expected. */
export class Slot {
  /** Its chain while that is packed. */
  #parent: Instance | ChainState;
  readonly plan: StepPlan;
  /** The next of the parent's places that were made. */
  next: Place | null = null;
  /** Nearly always one, which then needs no list. */
  #attempts: Instance | readonly Instance[] = NO_INSTANCES;
  /** `blocked`: another must come first. `spent`: it came as often as it may. `closed`: its time is over. */
  state: 'blocked' | 'waiting' | 'spent' | 'closed' = 'blocked';
  /** Its place in the index; null while it is not waiting. */
  bucket: number | null = null;
  /** Its neighbours in the list of its chain's waiting places. */
  before: Slot | null = null;
  after: Slot | null = null;
  /** Microseconds from the chain's beginning. */
  #since: number;
  #notes: SlotNotes | null = null;

  constructor(parent: Instance, plan: StepPlan, since: Micros) {
    this.#parent = parent;
    this.plan = plan;
    this.#since = since - parent.chain.opened;
  }

  /** Whose service may make it now; a further attempt of the parent takes it over. */
  get parent(): Instance {
    if (this.#parent instanceof ChainState) this.#parent.wake();
    return this.#parent as Instance;
  }

  set parent(parent: Instance) {
    this.#parent = parent;
  }

  /** Its chain is packed, with all that came to it. */
  rest(chain: ChainState): void {
    this.#parent = chain;
    this.#attempts = NO_INSTANCES;
    this.next = null;
  }

  /** The requests that came to this place; of a step that may come often, those that are of interest still. */
  get attempts(): readonly Instance[] {
    if (this.#parent instanceof ChainState) this.#parent.wake();
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
    return this.#parent instanceof ChainState ? this.#parent : this.#parent.chain;
  }

  /** The settled fact of this name, as the request that comes here finds it. */
  fact(name: string): Settled | undefined {
    return this.parent.scope.fact(name);
  }
}

/** Requests and facts of a chain that is packed; of more, it would cost too much to make them anew. */
const MOST_PACKED = 64;

/** Whoever has chains packed. */
export interface Sleepers {
  /** This one was packed and has been made anew. */
  woke(chain: ChainState): void;
}

/** An open chain. */
export class ChainState extends Scope {
  /** Counts the chains of a run. */
  readonly serial: number;
  /** The name and the address of whose request began it. */
  readonly from: string;
  readonly address: string;
  readonly opened: Micros;
  /** Set on a chain that exists only to name the consequences of a denied request. */
  readonly tainted: VerdictId | null;
  /** Requests that came. */
  requests = 0;
  /** Requests that are kept. */
  size = 0;
  /** Instances that serve and slots that wait; at zero the chain has ended. */
  live = 0;
  /** Steps that were missed by requests that are not kept any more. */
  missed = NO_NAMES;
  ended: Micros | null = null;
  /** The first of its waiting places. */
  waiting: Slot | null = null;
  /** All of it while it is packed, with those that are not. */
  #root: Instance | Packed | null = null;

  constructor(serial: number, origin: Origin, opened: Micros, tainted: VerdictId | null) {
    super();
    this.serial = serial;
    this.from = origin.from;
    this.address = origin.address;
    this.opened = opened;
    this.tainted = tainted;
  }

  get outer(): null {
    return null;
  }

  get owns(): null {
    return null;
  }

  get id(): ChainId {
    return `c${this.serial}` as ChainId;
  }

  /** For a person: `POST /contracts of customer 198.51.100.7`. */
  get title(): string {
    if (this.tainted !== null) return `consequences of ${this.tainted}`;
    return `${this.root.summary} of ${this.from} ${this.address}`;
  }

  /** The request that began it. */
  get root(): Instance {
    this.wake();
    if (this.#root === null) throw new FlowTapError('fault', `chain ${this.id} has no root`);
    return this.#root as Instance;
  }

  /**
   * Packs all of it but the places that wait, until somebody asks for it: a million chains may be open, and few of them have
   * something to do at a time. False when that has to wait, or cannot be.
   *
   * @param sleepers who is told when the chain is asked for
   */
  rest(sleepers: Sleepers, isKnown: (instance: Instance) => boolean): boolean {
    const root = this.#root;
    if (!(root instanceof Instance) || this.size > MOST_PACKED) return false;
    const all = instancesBelow(root);
    if (all.some((instance) => instance.isBusy || isKnown(instance))) return false;
    const settled = this.own;
    if (settled.length > MOST_PACKED) return false;
    const speakers = settled.map(({ by }) => all.indexOf(by as Instance));
    if (speakers.includes(-1)) return false;
    const out = new Writer();
    out.reference(sleepers);
    out.reference(root.plan);
    root.write(out, this);
    out.number(settled.length);
    for (const [i, each] of settled.entries()) {
      out.number(speakers[i] as number);
      each.write(out, (each.by as Instance).plan);
    }
    this.reset(null);
    this.#root = out.packed;
    return true;
  }

  /** Makes it anew when it is packed. */
  override wake(): void {
    const packed = this.#root;
    if (packed === null || packed instanceof Instance) return;
    const input = new Reader(packed);
    const sleepers = input.reference<Sleepers>();
    const root = new Instance(this, input.reference(), null, input, null);
    this.#root = root;
    const all = root.read(input, this);
    let last: Settled | null = null;
    for (let left = input.number(); left > 0; left--) {
      const by = all[input.number()] as Instance;
      last = Settled.read(input, by, by.plan, last);
    }
    this.reset(last);
    sleepers.woke(this);
  }

  /** The chain as verdicts refer to it. It is made anew each time, since a million chains may be open. */
  get reference(): ChainReference {
    return {
      id: this.id,
      root: this.title,
      opened: this.opened,
      facts: Object.fromEntries(this.own.map(({ fact, value }) => [fact, value])),
    };
  }

  plant(root: Instance): void {
    this.#root = root;
  }

  /** A place began to wait. */
  link(slot: Slot): void {
    slot.after = this.waiting;
    if (this.waiting !== null) this.waiting.before = slot;
    this.waiting = slot;
  }

  /** A place no longer waits. */
  unlink(slot: Slot): void {
    if (slot.before === null) this.waiting = slot.after;
    else slot.before.after = slot.after;
    if (slot.after !== null) slot.after.before = slot.before;
    slot.before = null;
    slot.after = null;
  }
}
