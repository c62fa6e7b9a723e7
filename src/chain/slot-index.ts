// Finds the waiting slots that a request's facts fit, without looking at every open chain. Enters: slots; leaves: slots.

import type { ChainRequest } from './request.ts';
import type { Slot } from './state.ts';

/**
 * Slots of one kind of request are kept in buckets by the values that their chain has settled for the facts which such
 * a request carries. A chain may have settled any subset of these facts; each subset that occurs is one mask, and a
 * look-up makes one probe a mask. So the cost depends on the policy, not on how many chains are open.
 */
export class SlotIndex {
  readonly #kinds = new Map<string, Kind>();

  add(slot: Slot): void {
    const kind = this.#kind(slot.plan.request, slot.plan.facts);
    const mask = maskOf(slot, kind.facts);
    let masked = kind.masks.get(mask);
    if (masked === undefined) {
      masked = { buckets: new Map(), partial: new Map() };
      kind.masks.set(mask, masked);
    }
    const values = valuesOf(slot, kind.facts);
    slot.bucket = bucketName(mask, values);
    put(masked.buckets, slot.bucket, slot);
    for (const [shared, buckets] of masked.partial) put(buckets, bucketName(shared, values), slot);
  }

  remove(slot: Slot): void {
    const kind = this.#kinds.get(slot.plan.request);
    if (slot.bucket === null || kind === undefined) return;
    const mask = Number.parseInt(slot.bucket, 36);
    const masked = kind.masks.get(mask);
    if (masked !== undefined) {
      take(masked.buckets, slot.bucket, slot);
      if (masked.buckets.size === 0) kind.masks.delete(mask);
      else if (masked.partial.size > 0) {
        // The facts of a chain do not change while its slots are in the index, so they still name the same buckets.
        const values = valuesOf(slot, kind.facts);
        for (const [shared, buckets] of masked.partial) take(buckets, bucketName(shared, values), slot);
      }
    }
    slot.bucket = null;
  }

  /** Waiting slots whose chain agrees with every fact of the request; those with the most settled facts first. */
  *matching(request: ChainRequest): Generator<{ slot: Slot; agreeing: number }> {
    const kind = this.#kinds.get(request.request);
    if (kind === undefined) return;
    const values = kind.facts.map((fact) => request.facts.find((reading) => reading.fact === fact)?.value);
    const carried = values.reduce((bits, value, bit) => (value === undefined ? bits : bits | (1 << bit)), 0);
    const masks = [...kind.masks].sort(([a], [b]) => bits(b & carried) - bits(a & carried));
    for (const [mask, masked] of masks) {
      // A fact that the chain has settled and the request leaves out (an optional one) does not contradict it.
      const shared = mask & carried;
      const buckets = shared === mask ? masked.buckets : partialOf(kind, masked, shared);
      const found = buckets.get(bucketName(shared, values));
      if (found === undefined) continue;
      const agreeing = bits(shared);
      if (found instanceof Set) for (const slot of found) yield { slot, agreeing };
      else yield { slot: found, agreeing };
    }
  }

  #kind(request: string, facts: readonly string[]): Kind {
    const known = this.#kinds.get(request);
    if (known !== undefined) return known;
    // 30 facts in one request are more than a mask of small integers holds; policies have a handful.
    const made = { facts: facts.slice(0, 30), masks: new Map() };
    this.#kinds.set(request, made);
    return made;
  }
}

/** Most buckets hold one slot, which then needs no set of its own. */
type Buckets = Map<string, Slot | Set<Slot>>;

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

function partialOf(kind: Kind, masked: Masked, shared: number): Buckets {
  const known = masked.partial.get(shared);
  if (known !== undefined) return known;
  const made: Buckets = new Map();
  for (const held of masked.buckets.values()) {
    for (const slot of held instanceof Set ? held : [held])
      put(made, bucketName(shared, valuesOf(slot, kind.facts)), slot);
  }
  masked.partial.set(shared, made);
  return made;
}

function put(buckets: Buckets, name: string, slot: Slot): void {
  const held = buckets.get(name);
  if (held === undefined) buckets.set(name, slot);
  else if (held instanceof Set) held.add(slot);
  else buckets.set(name, new Set([held, slot]));
}

function take(buckets: Buckets, name: string, slot: Slot): void {
  const held = buckets.get(name);
  if (held instanceof Set) {
    held.delete(slot);
    if (held.size === 0) buckets.delete(name);
  } else if (held === slot) buckets.delete(name);
}

function maskOf(slot: Slot, facts: readonly string[]): number {
  let mask = 0;
  for (let bit = 0; bit < facts.length; bit++) {
    const fact = facts[bit];
    if (fact !== undefined && slot.fact(fact) !== undefined) mask |= 1 << bit;
  }
  return mask;
}

function valuesOf(slot: Slot, facts: readonly string[]): (string | undefined)[] {
  return facts.map((fact) => slot.fact(fact)?.value);
}

/** Lengths go before the values, so that no value can imitate two. */
function bucketName(mask: number, values: readonly (string | undefined)[]): string {
  let name = `${mask.toString(36)}|`;
  for (let bit = 0; bit < values.length; bit++) {
    if ((mask & (1 << bit)) === 0) continue;
    const value = values[bit] ?? '';
    name += `${value.length}:${value}`;
  }
  return name;
}

function bits(mask: number): number {
  let count = 0;
  for (let rest = mask; rest !== 0; rest &= rest - 1) count++;
  return count;
}
