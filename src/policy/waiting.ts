// Requests that nothing explains yet. Enters: requests with the time until which they wait; leaves: them, in the order of time.
import type { Evidence, Micros } from '../flow.ts';
import type { PolicyLimits } from './document.ts';
import type { FlowRecord } from './flows.ts';
import type { ObservedRequest } from './observe/observation.ts';

interface Waiting {
  readonly record: FlowRecord;
  readonly observed: ObservedRequest;
  readonly until: Micros;
  /** Counts them, so that those of several kinds can be put into the order in which they came. */
  readonly order: number;
  taken: boolean;
}

/** Requests that wait at once; with more, the first is decided as it stands. */
const MOST = 10_000;
/** Places of requests that were taken, beyond as many as wait, before they are cleared. */
const SPARE = 64;

export class WaitingRequests {
  /** Microseconds that a request waits; with 0 it is decided as it comes. */
  readonly patience: Micros;
  /** In the order of time; those that were taken are passed over, and cleared before they outnumber the others. */
  #list: Waiting[] = [];
  readonly #kinds = new Map<string, Set<Waiting>>();
  /** By the bytes that they were read from. */
  readonly #evidence = new Set<Evidence>();
  #size = 0;
  #count = 0;

  constructor(limits: PolicyLimits) {
    this.patience = patienceOf(limits);
  }

  /** What arrives late goes before what is later. */
  add(record: FlowRecord, observed: ObservedRequest): void {
    const until = observed.ts + this.patience;
    const waiting: Waiting = { record, observed, until, order: ++this.#count, taken: false };
    // A request that is tried again in vain leaves its old place behind each time.
    if (this.#list.length > 2 * this.#size + SPARE) this.#list = this.#list.filter(({ taken }) => !taken);
    this.#list.splice(this.#firstAfter(until), 0, waiting);
    this.#size++;
    this.#evidence.add(observed.evidence);
    const { match } = observed;
    if (match.kind !== 'matched') return;
    const kind = this.#kinds.get(match.id);
    if (kind === undefined) this.#kinds.set(match.id, new Set([waiting]));
    else kind.add(waiting);
  }

  /** True while what was read from these bytes waits. */
  has(evidence: Evidence): boolean {
    return this.#evidence.has(evidence);
  }

  /** Takes the first one that has waited for as long as it may, or that is one too many. */
  takeDue(now: Micros): Waiting | undefined {
    while (this.#list[0]?.taken === true) this.#list.shift();
    const [first] = this.#list;
    if (first === undefined || (first.until >= now && this.#size <= MOST)) return undefined;
    this.#list.shift();
    this.#leave(first);
    return first;
  }

  /** Takes those of some kinds, in the order of time; of each kind those first that were added first. */
  take(requests: ReadonlySet<string>, most = Number.POSITIVE_INFINITY): readonly Waiting[] {
    if (this.#size === 0) return [];
    const found = new Set<Waiting>();
    for (const kind of requests) {
      let left = most;
      for (const waiting of this.#kinds.get(kind) ?? []) {
        if (left-- === 0) break;
        found.add(waiting);
      }
    }
    for (const waiting of found) this.#leave(waiting);
    return [...found].sort((a, b) => a.until - b.until || a.order - b.order);
  }

  /** The index of the first that waits for longer than `until`. */
  #firstAfter(until: Micros): number {
    let low = 0;
    let high = this.#list.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#list[middle]?.until ?? 0) > until) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  #leave(waiting: Waiting): void {
    waiting.taken = true;
    this.#size--;
    this.#evidence.delete(waiting.observed.evidence);
    const { match } = waiting.observed;
    if (match.kind === 'matched') this.#kinds.get(match.id)?.delete(waiting);
  }
}

/** How long a request waits: what may explain it was made by `skew` later at most, and arrives by `reorder` later than that. */
function patienceOf({ reorder, skew }: PolicyLimits): Micros {
  return reorder === 0 ? 0 : reorder + skew;
}

/** How long what is over outlives its time: until every request that was made before has been decided. */
export function lingerOf(limits: PolicyLimits): Micros {
  return patienceOf(limits) + limits.skew;
}
