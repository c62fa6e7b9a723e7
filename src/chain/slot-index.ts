// Finds the waiting slots that a request's facts fit, without looking at every open chain. Enters: slots; leaves: slots.
import type { ChainState } from './chain-state.ts';
import type { ChainRequest } from './request.ts';
import type { Slot } from './state.ts';
import { TextHash } from './text-hash.ts';

/** A place that may explain a request, and how many settled facts both share. */
export interface Match {
  readonly slot: Slot;
  readonly agreeing: number;
}

/** A value of each fact of a kind; undefined where there is none. */
type Values = readonly (string | undefined)[];

const NOTHING: readonly Match[] = [];

/**
 * Slots of one kind of request are kept in buckets by the values that their chain has settled for the facts which such
 * a request carries. A chain may have settled any subset of these facts; each subset that occurs is one mask, and a
 * look-up makes one probe a mask. So the cost depends on the policy, not on how many chains are open.
 */
export class SlotIndex {
  readonly #kinds = new Map<string, Kind>();
  /** The chain of each slot in the index, by the number that it has here; a chain that is packed has no slots. */
  readonly #chains: (ChainState | null)[] = [];
  /** Numbers that no slot has. */
  readonly #gaps: number[] = [];
  readonly #hash = new TextHash();

  /** A place began to wait; its chain knows it as well. */
  add(slot: Slot): void {
    const kind = this.#kind(slot.plan.request, slot.plan.facts);
    const values = valuesOf(slot, kind.facts);
    const mask = maskOf(values);
    let masked = kind.masks.get(mask);
    if (masked === undefined) {
      masked = { buckets: new Map(), partial: new Map() };
      kind.masks.set(mask, masked);
    }
    const number = this.#gaps.pop() ?? this.#chains.length;
    this.#chains[number] = slot.chain;
    slot.number = number;
    slot.chain.link(slot);
    put(masked.buckets, this.#bucketOf(mask, values), number);
    for (const [shared, buckets] of masked.partial) put(buckets, this.#bucketOf(shared, values), number);
  }

  /** A place no longer waits. */
  remove(slot: Slot): void {
    const kind = this.#kinds.get(slot.plan.request);
    const { number } = slot;
    if (number === null || kind === undefined) return;
    // The facts of a chain do not change while its slots are in the index, so they still name the same buckets.
    const values = valuesOf(slot, kind.facts);
    const mask = maskOf(values);
    const masked = kind.masks.get(mask);
    if (masked !== undefined) {
      take(masked.buckets, this.#bucketOf(mask, values), number);
      if (masked.buckets.size === 0) kind.masks.delete(mask);
      else
        for (const [shared, buckets] of masked.partial) take(buckets, this.#bucketOf(shared, values), number);
    }
    slot.chain.unlink(slot);
    slot.number = null;
    this.#chains[number] = null;
    this.#gaps.push(number);
  }

  /** Waiting slots whose chain agrees with every fact of the request; those with the most settled facts first. */
  matching(request: Pick<ChainRequest, 'request' | 'facts'>): Iterable<Match> {
    const kind = this.#kinds.get(request.request);
    if (kind === undefined) return NOTHING;
    const values = kind.facts.map((fact) => request.facts.find((reading) => reading.fact === fact)?.value);
    const carried = maskOf(values);
    const found: Found[] = [];
    for (const [mask, masked] of kind.masks) {
      // A fact that the chain has settled and the request leaves out (an optional one) does not contradict it.
      const shared = mask & carried;
      const buckets = shared === mask ? masked.buckets : this.#partialOf(kind, masked, shared);
      const held = buckets.get(this.#bucketOf(shared, values));
      if (held !== undefined) found.push({ held, shared });
    }
    const [only, other] = found;
    if (only === undefined) return NOTHING;
    const { held, shared } = only;
    if (other !== undefined || held instanceof Set) return this.#inOrder(found, kind.facts, values);
    const slot = this.#slotOf(held);
    return slot !== null && holdsValues(slot, kind.facts, shared, values)
      ? [{ slot, agreeing: bits(shared) }]
      : NOTHING;
  }

  *#inOrder(found: readonly Found[], facts: readonly string[], values: Values): Generator<Match> {
    for (const { held, shared } of found.toSorted((a, b) => bits(b.shared) - bits(a.shared))) {
      const agreeing = bits(shared);
      for (const number of held instanceof Set ? held : [held]) {
        const slot = this.#slotOf(number);
        if (slot !== null && holdsValues(slot, facts, shared, values)) yield { slot, agreeing };
      }
    }
  }

  /** Its chain is made anew when it is packed. */
  #slotOf(number: number): Slot | null {
    return this.#chains[number]?.waitingAt(number) ?? null;
  }

  #kind(request: string, facts: readonly string[]): Kind {
    const known = this.#kinds.get(request);
    if (known !== undefined) return known;
    // 30 facts in one request are more than a mask of small integers holds; policies have a handful.
    const made = { facts: facts.slice(0, 30), masks: new Map() };
    this.#kinds.set(request, made);
    return made;
  }

  #partialOf(kind: Kind, masked: Masked, shared: number): Buckets {
    const known = masked.partial.get(shared);
    if (known !== undefined) return known;
    const made: Buckets = new Map();
    for (const held of masked.buckets.values()) {
      for (const number of held instanceof Set ? held : [held]) {
        const slot = this.#slotOf(number);
        if (slot !== null) put(made, this.#bucketOf(shared, valuesOf(slot, kind.facts)), number);
      }
    }
    masked.partial.set(shared, made);
    return made;
  }

  #bucketOf(mask: number, values: Values): number {
    let hash = this.#hash.begin(mask);
    for (let bit = 0; bit < values.length; bit++)
      if ((mask & (1 << bit)) !== 0) hash = this.#hash.add(hash, values[bit] ?? '');
    return this.#hash.end(hash);
  }
}

/** The numbers of slots. Most buckets hold one, which then needs no set of its own. */
type Buckets = Map<number, number | Set<number>>;

/** The slots whose chains have settled the same facts. */
interface Masked {
  readonly buckets: Buckets;
  /** The same slots by fewer of these facts, for requests that leave out the others; made when first asked for. */
  readonly partial: Map<number, Buckets>;
}

interface Kind {
  readonly facts: readonly string[];
  readonly masks: Map<number, Masked>;
}

/** What one mask has in the bucket of a request. */
interface Found {
  readonly held: number | Set<number>;
  readonly shared: number;
}

/** Different values may share a bucket. */
function holdsValues(slot: Slot, facts: readonly string[], shared: number, values: Values): boolean {
  const { scope } = slot.parent;
  return facts.every((fact, bit) => (shared & (1 << bit)) === 0 || scope.fact(fact)?.value === values[bit]);
}

function put(buckets: Buckets, name: number, number: number): void {
  const held = buckets.get(name);
  if (held === undefined) buckets.set(name, number);
  else if (held instanceof Set) held.add(number);
  else buckets.set(name, new Set([held, number]));
}

function take(buckets: Buckets, name: number, number: number): void {
  const held = buckets.get(name);
  if (held instanceof Set) {
    held.delete(number);
    if (held.size === 0) buckets.delete(name);
  } else if (held === number) buckets.delete(name);
}

function valuesOf(slot: Slot, facts: readonly string[]): Values {
  const { scope } = slot.parent;
  return facts.map((fact) => scope.fact(fact)?.value);
}

/** The facts of which there is a value. */
function maskOf(values: Values): number {
  let mask = 0;
  for (let bit = 0; bit < values.length; bit++) if (values[bit] !== undefined) mask |= 1 << bit;
  return mask;
}

function bits(mask: number): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++;
  return count;
}
