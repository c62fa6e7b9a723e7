// An open chain: what has come, what may still come, which facts are settled. Enters: nothing; leaves: its parts.
// Classes and lists instead of maps, and no array that grows by `push`: a million chains may be open, at most 1 KB each.
import { FlowTapError } from '../errors.ts';
import type { Evidence, Micros } from '../flow.ts';
import type { ChainId, ChainReference, VerdictId } from '../verdict.ts';
import { type KeyHolder, keyAt, type OwnKey } from './keys.ts';
import { ownText } from './own-text.ts';
import type { StepPlan } from './plan.ts';
import { type FactReading, Scope } from './scope.ts';

/** A request as the chain logic needs it: which step it is, what it says, which chain it claims. */
export interface ChainRequest {
  readonly request: string;
  readonly facts: readonly FactReading[];
  /** Explicit keys it carries, such as `trace` to the trace id. */
  readonly keys: ReadonlyMap<string, string>;
  readonly ts: Micros;
  readonly evidence: Evidence;
  /** One line for a person. */
  readonly summary: string;
  /** True when nobody will answer it (a delivery that needs no acknowledgement). */
  readonly unanswered: boolean;
}

/** Whose request began a chain. */
export interface Origin {
  /** Name of the principal. */
  readonly from: string;
  /** Its address. */
  readonly address: string;
}

const NO_SLOTS: readonly Slot[] = [];
/** Shared by all places that nothing came to; never changed. */
const NO_INSTANCES: Instance[] = [];
const NO_NAMES: readonly string[] = [];

/** One request that came, in its place in a chain. */
export class Instance implements KeyHolder {
  readonly chain: ChainState;
  readonly plan: StepPlan;
  readonly slot: Slot | null;
  /** The facts that are settled for it. */
  readonly scope: Scope;
  /** The keys that it brought and that it did not inherit. */
  readonly ownKeys: OwnKey | null;
  readonly summary: string;
  readonly ts: Micros;
  readonly evidence: Evidence;
  /** `lost`: its connection ended before an answer. */
  state: 'open' | 'answered' | 'failed' | 'lost';
  answer: string | null = null;
  /** When it was answered, failed or was lost; null while it is open. */
  ended: Micros | null = null;
  /** True while its service may make the requests below it. */
  serving = true;
  /** Set when it is the consequence of a denied request. */
  readonly taint: VerdictId | null;
  slots: readonly Slot[] = NO_SLOTS;

  constructor(
    chain: ChainState,
    plan: StepPlan,
    slot: Slot | null,
    request: ChainRequest,
    taint: VerdictId | null,
  ) {
    const outer = slot === null ? chain : slot.parent.scope;
    this.chain = chain;
    this.plan = plan;
    this.slot = slot;
    this.scope = plan.owns.size === 0 ? outer : new Scope(outer, plan.owns);
    this.ownKeys = newKeys(slot?.parent ?? null, request.keys);
    this.summary = request.summary === plan.request ? plan.request : ownText(request.summary);
    this.ts = request.ts;
    this.evidence = request.evidence;
    this.state = request.unanswered ? 'answered' : 'open';
    this.taint = taint;
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

/** A place in a chain where a request is expected. */
export class Slot {
  /** Whose service may make it now; a further attempt of the parent takes it over. */
  parent: Instance;
  readonly plan: StepPlan;
  /** The requests that came to this place; of a step that may come often, those that are of interest still. */
  attempts = NO_INSTANCES;
  /** Attempts that no longer count, because their parent itself was tried again. */
  forgiven = 0;
  /** Attempts that went well and are not kept any more. */
  settled = 0;
  /** The verdict that denied a request which came closest to this place. */
  denied: VerdictId | null = null;
  /** `blocked`: another must come first. `spent`: it came as often as it may. `closed`: its time is over. */
  state: 'blocked' | 'waiting' | 'spent' | 'closed' = 'blocked';
  /** Since when it waits: a request that was made before that is not explained by it. */
  since: Micros;
  /** Its place in the index; null while it is not waiting. */
  bucket: string | null = null;
  /** When its time runs out; null without `within`. */
  due: Micros | null;
  /** Set when its time ran out and that was said. */
  overdue = false;
  /** Its neighbours in the list of its chain's waiting places. */
  before: Slot | null = null;
  after: Slot | null = null;

  constructor(parent: Instance, plan: StepPlan, since: Micros) {
    this.parent = parent;
    this.plan = plan;
    this.since = since;
    this.due = plan.within === null ? null : since + plan.within;
  }

  get chain(): ChainState {
    return this.parent.chain;
  }

  /** The settled fact of this name, as the request that comes here finds it. */
  fact(name: string): FactReading | undefined {
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

/** All places below a request, those above before those below. */
export function* slotsBelow(instance: Instance): Generator<Slot> {
  for (const slot of instance.slots) {
    yield slot;
    for (const attempt of slot.attempts) yield* slotsBelow(attempt);
  }
}

/** True when the step has come, as often as it must, and went well. */
export function isDone(slot: Slot): boolean {
  let good = slot.settled;
  for (const attempt of slot.attempts) {
    if (attempt.state === 'answered' || (attempt.plan.staysOpen && attempt.state === 'open')) good++;
  }
  return good >= Math.max(1, slot.plan.least);
}

/** True when the step need not have come before later ones in order. */
export function mayBeAbsent(slot: Slot): boolean {
  return slot.plan.cardinality === 'optional' || (slot.plan.cardinality === 'many' && slot.plan.least === 0);
}

/** The slots that a blocked slot waits for. */
export function blockersOf(slot: Slot): Slot[] {
  if (slot.parent.plan.order === 'any') return [];
  return slot.parent.slots.filter(
    (other) => other.plan.position < slot.plan.position && !isDone(other) && !mayBeAbsent(other),
  );
}
