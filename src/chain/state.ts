// An open chain: what has come, what may still come, which facts are settled. Enters: nothing; leaves: its parts.
// Longer than other files because its classes refer to each other.
// Classes and lists instead of maps, and no array that grows by `push`: very many chains may be open.
import { FlowTapError } from '../errors.ts';
import type { Evidence, Micros } from '../flow.ts';
import type { ChainId, ChainReference, VerdictId } from '../verdict.ts';
import { type KeyHolder, keyAt, namedBy, type OwnKey } from './keys.ts';
import { ownText } from './own-text.ts';
import type { StepPlan } from './plan.ts';
import type { ChainRequest, Origin } from './request.ts';
import { Scope, type Settled, type Speaker } from './scope.ts';

/** Facts of one request that are counted as spoken of. */
export const MOST_SPOKEN = 30;

const NO_SLOTS: (Slot | null)[] = [];
/** Shared by all places that nothing came to; never changed. */
const NO_INSTANCES: Instance[] = [];
const NO_NAMES: readonly string[] = [];

/** One request that came, in its place in a chain. */
export class Instance implements KeyHolder, Speaker {
  readonly plan: StepPlan;
  #chain: ChainState;
  #slot: Slot | null;
  #scope: Scope;
  /** The keys that it brought and that it did not inherit. */
  readonly ownKeys: OwnKey | null;
  /** The topmost request above it that it names by a key; null when it names none. */
  readonly namedBy: KeyHolder | null;
  /** The facts that it, or its answer, spoke of in agreement with its chain: bits, in the order of `plan.speaks`. */
  #spoke = 0;
  readonly summary: string;
  readonly evidence: Evidence;
  /** `lost`: its connection ended before an answer. */
  state: 'open' | 'answered' | 'failed' | 'lost';
  /** When it was answered, failed or was lost, and by what; null while it is open. */
  end: { readonly at: Micros; readonly answer: string | null } | null = null;
  /** True while its service may make the requests below it. */
  serving = true;
  /** Set when it is the consequence of a denied request. */
  readonly taint: VerdictId | null;
  /** Microseconds from the chain's beginning: a small number takes no room of its own. */
  #after: number;
  /** Its places, as far as they were made. */
  #slots = NO_SLOTS;

  constructor(
    chain: ChainState,
    plan: StepPlan,
    slot: Slot | null,
    request: ChainRequest,
    taint: VerdictId | null,
  ) {
    const outer = slot === null ? chain : slot.parent.scope;
    this.#chain = chain;
    this.plan = plan;
    this.#slot = slot;
    this.#scope = plan.owns.size === 0 ? outer : new Scope(outer, plan.owns);
    this.ownKeys = newKeys(slot?.parent ?? null, request.keys);
    this.namedBy = namedBy(slot?.parent ?? null, request.keys);
    this.summary = request.summary === plan.request ? plan.request : ownText(request.summary);
    this.#after = request.ts - chain.opened;
    this.evidence = request.evidence;
    this.state = request.unanswered ? 'answered' : 'open';
    this.taint = taint;
  }

  get ts(): Micros {
    return this.chain.opened + this.#after;
  }

  get chain(): ChainState {
    return this.#chain;
  }

  /** Its place; null for the user request. */
  get slot(): Slot | null {
    return this.#slot;
  }

  /** The facts that are settled for it. */
  get scope(): Scope {
    return this.#scope;
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
    const { ts } = this;
    const places = this.#slots.flatMap((own) => (own === null ? [] : [{ own, since: own.since }]));
    this.#slot = slot;
    this.#chain = slot.chain;
    this.#after = ts - slot.chain.opened;
    if (this.plan.owns.size === 0) this.#scope = slot.parent.scope;
    else this.#scope.outer = slot.parent.scope;
    for (const { own, since } of places) {
      own.since = since;
      for (const attempt of own.attempts) attempt.moveTo(own);
    }
  }

  /** Begins to expect what the plan says: all places are blocked. */
  expect(): void {
    if (this.plan.children.length > 0) this.#slots = this.plan.children.map(() => null);
  }

  /** Takes over the places of an attempt before. */
  takeOver(before: Instance): void {
    this.#slots = before.#slots;
    before.#slots = NO_SLOTS;
    for (const slot of this.#slots) if (slot !== null) slot.parent = this;
  }

  /**
   * Its places in the order of the plan; null for one that is blocked and that nobody asked for yet. A chain with many steps
   * in order needs no room for those that are far from coming.
   */
  get made(): readonly (Slot | null)[] {
    return this.#slots;
  }

  /** One of its places. */
  slotAt(position: number): Slot {
    const made = this.#slots[position];
    if (made !== undefined && made !== null) return made;
    const plan = this.plan.children[position];
    if (plan === undefined)
      throw new FlowTapError('fault', `"${this.plan.request}" has no place ${position}`);
    const slot = new Slot(this, plan, this.ts);
    this.#slots[position] = slot;
    return slot;
  }

  /** One of its places that nothing came to was not asked for after all. */
  unmake(position: number): void {
    this.#slots[position] = null;
  }

  /** All of its places. */
  get slots(): readonly Slot[] {
    return this.#slots.map((_, position) => this.slotAt(position));
  }

  /** The request that it serves; null for the user request. */
  get above(): Instance | null {
    return this.slot === null ? null : this.slot.parent;
  }
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
  /** Whose service may make it now; a further attempt of the parent takes it over. */
  parent: Instance;
  readonly plan: StepPlan;
  /** The requests that came to this place; of a step that may come often, those that are of interest still. */
  attempts = NO_INSTANCES;
  /** `blocked`: another must come first. `spent`: it came as often as it may. `closed`: its time is over. */
  state: 'blocked' | 'waiting' | 'spent' | 'closed' = 'blocked';
  /** Its place in the index; null while it is not waiting. */
  bucket: string | null = null;
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

  /** Since when it waits: a request that was made before that is not explained by it. */
  get since(): Micros {
    return this.chain.opened + this.#since;
  }

  set since(since: Micros) {
    this.#since = since - this.chain.opened;
  }

  get notes(): SlotNotes {
    return this.#notes ?? NOTHING_NOTED;
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
  #root: Instance | null = null;

  constructor(serial: number, origin: Origin, opened: Micros, tainted: VerdictId | null) {
    super(null, null);
    this.serial = serial;
    this.from = origin.from;
    this.address = origin.address;
    this.opened = opened;
    this.tainted = tainted;
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
    if (this.#root === null) throw new FlowTapError('fault', `chain ${this.id} has no root`);
    return this.#root;
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
