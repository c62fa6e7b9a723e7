// An open chain: what has come, what may still come, which facts are settled. Enters: nothing; leaves: its parts.
import { FlowTapError } from '../errors.ts';
import type { Evidence, Micros } from '../flow.ts';
import type { ChainId, ChainReference, VerdictId } from '../verdict.ts';
import type { StepPlan } from './plan.ts';

/** A value read from one request or response. */
export interface FactReading {
  readonly fact: string;
  /** Normalised: two readings agree when these are equal. */
  readonly value: string;
  /** For a person: `POST /contracts, header x-user`. */
  readonly source: string;
  readonly evidence: Evidence;
}

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

/** One request that came, in its place in a chain. */
export interface Instance {
  readonly chain: ChainState;
  readonly plan: StepPlan;
  readonly slot: Slot | null;
  readonly summary: string;
  readonly ts: Micros;
  readonly evidence: Evidence;
  /** `lost`: its connection ended before an answer. */
  state: 'open' | 'answered' | 'failed' | 'lost';
  answer: string | null;
  /** When it was answered, failed or was lost; null while it is open. */
  ended: Micros | null;
  /** True while its service may make the requests below it. */
  serving: boolean;
  /** Set when it is the consequence of a denied request. */
  readonly taint: VerdictId | null;
  readonly slots: Slot[];
}

/** A place in a chain where a request is expected. */
export interface Slot {
  readonly chain: ChainState;
  /** Whose service may make it now; a further attempt of the parent takes it over. */
  parent: Instance;
  readonly plan: StepPlan;
  readonly attempts: Instance[];
  /** Attempts that no longer count, because their parent itself was tried again. */
  forgiven: number;
  /** The verdict that denied a request which came closest to this place. */
  denied: VerdictId | null;
  /** `blocked`: another must come first. `spent`: it came as often as it may. `closed`: its time is over. */
  state: 'blocked' | 'waiting' | 'spent' | 'closed';
  /** Since when it waits: a request that was made before that is not explained by it. */
  since: Micros;
  /** Its place in the index; null while it is not waiting. */
  bucket: string | null;
  /** When its time runs out; null without `within`. */
  due: Micros | null;
  /** Set when its time ran out and that was said. */
  overdue: boolean;
}

/** An open chain. */
export class ChainState {
  readonly id: ChainId;
  /** For a person: `POST /contracts of customer 198.51.100.7`. */
  readonly title: string;
  readonly opened: Micros;
  readonly facts = new Map<string, FactReading>();
  readonly keys = new Map<string, string>();
  /** Set on a chain that exists only to name the consequences of a denied request. */
  readonly tainted: VerdictId | null;
  readonly slots: Slot[] = [];
  requests = 0;
  /** Instances that serve and slots that wait; at zero the chain has ended. */
  live = 0;
  ended: Micros | null = null;
  #root: Instance | null = null;
  #reference: ChainReference | null = null;

  constructor(id: ChainId, title: string, opened: Micros, tainted: VerdictId | null) {
    this.id = id;
    this.title = title;
    this.opened = opened;
    this.tainted = tainted;
  }

  /** The request that began it. */
  get root(): Instance {
    if (this.#root === null) throw new FlowTapError('fault', `chain ${this.id} has no root`);
    return this.#root;
  }

  /** Settles a fact; what was said of the chain before is said anew. */
  settle(reading: FactReading): void {
    this.facts.set(reading.fact, reading);
    this.#reference = null;
  }

  /** The chain as verdicts refer to it; one object for all verdicts between two facts. */
  get reference(): ChainReference {
    this.#reference ??= {
      id: this.id,
      root: this.title,
      opened: this.opened,
      facts: Object.fromEntries([...this.facts].map(([name, { value }]) => [name, value])),
    };
    return this.#reference;
  }

  plant(root: Instance): void {
    this.#root = root;
  }
}

/** True when the step has come and went well. */
export function isDone(slot: Slot): boolean {
  return slot.attempts.some(
    (attempt) => attempt.state === 'answered' || (attempt.plan.staysOpen && attempt.state === 'open'),
  );
}

/** True when the step need not have come before later ones in order. */
export function mayBeAbsent(slot: Slot): boolean {
  return slot.plan.cardinality === 'optional' || slot.plan.cardinality === 'many';
}

/** The slots that a blocked slot waits for. */
export function blockersOf(slot: Slot): Slot[] {
  if (slot.parent.plan.order === 'any') return [];
  return slot.parent.slots.filter(
    (other) => other.plan.position < slot.plan.position && !isDone(other) && !mayBeAbsent(other),
  );
}
