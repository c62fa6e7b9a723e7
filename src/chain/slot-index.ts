// Finds the waiting slots that a request's facts fit, without looking at every open chain. Enters: slots; leaves: slots.
import type { ChainRequest, Slot } from './state.ts';

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
    const values = kind.facts.map((fact, bit) =>
      mask & (1 << bit) ? slot.chain.facts.get(fact)?.value : undefined,
    );
    const bucket = bucketName(mask, values);
    const slots = kind.buckets.get(bucket);
    if (slots === undefined) kind.buckets.set(bucket, new Set([slot]));
    else slots.add(slot);
    if (slots === undefined) kind.masks.set(mask, (kind.masks.get(mask) ?? 0) + 1);
    slot.bucket = bucket;
  }

  remove(slot: Slot): void {
    if (slot.bucket === null) return;
    const kind = this.#kinds.get(slot.plan.request);
    const slots = kind?.buckets.get(slot.bucket);
    if (kind !== undefined && slots?.delete(slot) && slots.size === 0) {
      kind.buckets.delete(slot.bucket);
      const mask = Number.parseInt(slot.bucket, 36);
      const left = (kind.masks.get(mask) ?? 1) - 1;
      if (left === 0) kind.masks.delete(mask);
      else kind.masks.set(mask, left);
    }
    slot.bucket = null;
  }

  /** Waiting slots whose chain agrees with every fact of the request; those with the most settled facts first. */
  *matching(request: ChainRequest): Generator<{ slot: Slot; agreeing: number }> {
    const kind = this.#kinds.get(request.request);
    if (kind === undefined) return;
    const values = kind.facts.map((fact) => request.facts.find((reading) => reading.fact === fact)?.value);
    const carried = values.reduce((bits, value, bit) => (value === undefined ? bits : bits | (1 << bit)), 0);
    // A fact that the chain has settled and the request leaves out (an optional one) does not contradict it.
    const masks = [...kind.masks.keys()].sort((a, b) => bits(b & carried) - bits(a & carried));
    for (const mask of masks) {
      if ((mask & ~carried) !== 0) continue;
      const found = kind.buckets.get(bucketName(mask, values));
      if (found === undefined) continue;
      for (const slot of found) yield { slot, agreeing: bits(mask) };
    }
    for (const mask of masks) {
      if ((mask & ~carried) === 0) continue;
      yield* partlyCarried(kind, mask, mask & carried, values);
    }
  }

  #kind(request: string, facts: readonly string[]): Kind {
    const known = this.#kinds.get(request);
    if (known !== undefined) return known;
    // 30 facts in one request are more than a mask of small integers holds; policies have a handful.
    const made = { facts: facts.slice(0, 30), buckets: new Map(), masks: new Map() };
    this.#kinds.set(request, made);
    return made;
  }
}

interface Kind {
  readonly facts: readonly string[];
  readonly buckets: Map<string, Set<Slot>>;
  /** How many buckets there are of each mask. */
  readonly masks: Map<number, number>;
}

/** The slow way, for requests that leave out an optional fact: every bucket of the mask is looked at. */
function* partlyCarried(
  kind: Kind,
  mask: number,
  shared: number,
  values: readonly (string | undefined)[],
): Generator<{ slot: Slot; agreeing: number }> {
  const prefix = `${mask.toString(36)}|`;
  for (const [name, slots] of kind.buckets) {
    if (!name.startsWith(prefix)) continue;
    for (const slot of slots) {
      const agrees = kind.facts.every(
        (fact, bit) => (shared & (1 << bit)) === 0 || slot.chain.facts.get(fact)?.value === values[bit],
      );
      if (agrees) yield { slot, agreeing: bits(shared) };
    }
  }
}

function maskOf(slot: Slot, facts: readonly string[]): number {
  let mask = 0;
  for (let bit = 0; bit < facts.length; bit++) {
    const fact = facts[bit];
    if (fact !== undefined && slot.chain.facts.has(fact)) mask |= 1 << bit;
  }
  return mask;
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
