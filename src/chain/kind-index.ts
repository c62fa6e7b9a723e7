// The waiting slots of one kind of request. Enters: slots, requests; leaves: slots that a request's facts fit.
import { Buckets } from './buckets.ts';
import type { ChainState } from './chain-state.ts';
import { Numbered } from './numbered.ts';
import type { ChainRequest } from './request.ts';
import type { Slot } from './state.ts';
import type { TextHash } from './text-hash.ts';

/** A place that may explain a request, and how many settled facts both share. */
export interface Match {
  readonly slot: Slot;
  readonly agreeing: number;
}

/** A value of each fact of the kind; undefined where there is none. */
type Values = readonly (string | undefined)[];

const NOTHING: readonly Match[] = [];
/** More facts in one request than a mask of small integers holds; policies have a handful. */
const MOST_FACTS = 30;
/** Slots that there is room for at first. */
const FEWEST = 8;

/** The slots whose chains have settled the same facts. */
interface Masked {
  readonly buckets: Buckets;
  /** The same slots by fewer of these facts, for requests that leave out the others; made when first asked for. */
  readonly partial: Map<number, Buckets>;
}

/** What one mask has in the bucket of a request. */
interface Found {
  readonly held: number | ReadonlySet<number>;
  readonly shared: number;
}

/**
 * Slots are kept in buckets by the values that their chain has settled for the facts which such a request carries. A chain may
 * have settled any subset of these facts; each subset that occurs is one mask, and a look-up makes one probe a mask. So the
 * cost depends on the policy, not on how many chains are open.
 *
 * Nothing here asks a chain but for the slots that a request fits: most chains are packed.
 */
export class KindIndex {
  readonly #facts: readonly string[];
  readonly #hash: TextHash;
  readonly #masks = new Map<number, Masked>();
  /** The chain of each slot, by the number that the slot has here; a chain that is packed has no slots. */
  readonly #chains = new Numbered<ChainState>();
  /** For each slot its mask and, for each fact, the hash of its value. */
  #rows: Int32Array;
  readonly #width: number;
  /** The same row of the request that is looked for. */
  readonly #asked: Int32Array;

  constructor(facts: readonly string[], hash: TextHash) {
    this.#facts = facts.slice(0, MOST_FACTS);
    this.#hash = hash;
    this.#width = 1 + this.#facts.length;
    this.#rows = new Int32Array(FEWEST * this.#width);
    this.#asked = new Int32Array(this.#width);
  }

  add(slot: Slot): void {
    const { scope } = slot.parent;
    const values = this.#facts.map((fact) => scope.fact(fact)?.value);
    const mask = maskOf(values);
    const number = this.#chains.add(slot.chain);
    slot.number = number;
    const row = this.#rowOf(number);
    this.#rows[row] = mask;
    this.#write(values, this.#rows, row);
    const { buckets, partial } = this.#masked(mask);
    buckets.put(this.#bucketOf(mask, this.#rows, row), number);
    for (const [shared, fewer] of partial) fewer.put(this.#bucketOf(shared, this.#rows, row), number);
  }

  remove(slot: Slot): void {
    const number = slot.number as number;
    const row = this.#rowOf(number);
    const mask = this.#rows[row] as number;
    const { buckets, partial } = this.#masked(mask);
    buckets.take(this.#bucketOf(mask, this.#rows, row), number);
    if (buckets.size === 0) this.#masks.delete(mask);
    else for (const [shared, fewer] of partial) fewer.take(this.#bucketOf(shared, this.#rows, row), number);
    slot.number = null;
    this.#chains.remove(number);
  }

  /** Waiting slots whose chain agrees with every fact of the request; those with the most settled facts first. */
  matching({ request, facts }: Pick<ChainRequest, 'request' | 'facts'>): Iterable<Match> {
    const values = this.#facts.map((fact) => facts.find((reading) => reading.fact === fact)?.value);
    this.#write(values, this.#asked, 0);
    const carried = maskOf(values);
    const found: Found[] = [];
    for (const [mask, masked] of this.#masks) {
      // A fact that the chain has settled and the request leaves out (an optional one) does not contradict it.
      const shared = mask & carried;
      const buckets = shared === mask ? masked.buckets : this.#partialOf(mask, masked, shared);
      const held = buckets.at(this.#bucketOf(shared, this.#asked, 0));
      if (held !== undefined) found.push({ held, shared });
    }
    const [only, other] = found;
    if (only === undefined) return NOTHING;
    const { held, shared } = only;
    if (other !== undefined || typeof held !== 'number') return this.#inOrder(found, request, values);
    const slot = this.#slotOf(request, held);
    return slot !== null && this.#holds(slot, shared, values) ? [{ slot, agreeing: bits(shared) }] : NOTHING;
  }

  *#inOrder(found: readonly Found[], request: string, values: Values): Generator<Match> {
    for (const { held, shared } of found.toSorted((a, b) => bits(b.shared) - bits(a.shared))) {
      const agreeing = bits(shared);
      for (const number of typeof held === 'number' ? [held] : held) {
        const slot = this.#slotOf(request, number);
        if (slot !== null && this.#holds(slot, shared, values)) yield { slot, agreeing };
      }
    }
  }

  /** Its chain is made anew when it is packed. */
  #slotOf(request: string, number: number): Slot | null {
    return this.#chains.get(number)?.waitingAt(request, number) ?? null;
  }

  /** Different values may share a bucket. */
  #holds(slot: Slot, shared: number, values: Values): boolean {
    const { scope } = slot.parent;
    return this.#facts.every(
      (fact, bit) => (shared & (1 << bit)) === 0 || scope.fact(fact)?.value === values[bit],
    );
  }

  #masked(mask: number): Masked {
    const known = this.#masks.get(mask);
    if (known !== undefined) return known;
    const made = { buckets: new Buckets(), partial: new Map() };
    this.#masks.set(mask, made);
    return made;
  }

  /** In the order of their numbers, so that it is the same in each run. */
  #partialOf(mask: number, masked: Masked, shared: number): Buckets {
    const known = masked.partial.get(shared);
    if (known !== undefined) return known;
    const made = new Buckets();
    for (const number of this.#chains.numbers()) {
      const row = this.#rowOf(number);
      if (this.#rows[row] === mask) made.put(this.#bucketOf(shared, this.#rows, row), number);
    }
    masked.partial.set(shared, made);
    return made;
  }

  /** Where the row of a slot begins, for which there is room from now on. */
  #rowOf(number: number): number {
    const row = number * this.#width;
    if (row + this.#width > this.#rows.length) {
      const longer = new Int32Array(2 * this.#rows.length);
      longer.set(this.#rows);
      this.#rows = longer;
    }
    return row;
  }

  /** Writes the hashes of values into a row. */
  #write(values: Values, rows: Int32Array, row: number): void {
    const hash = this.#hash;
    for (let bit = 0; bit < values.length; bit++) {
      const value = values[bit];
      rows[row + 1 + bit] = value === undefined ? 0 : hash.add(hash.begin(0), value);
    }
  }

  #bucketOf(mask: number, rows: Int32Array, row: number): number {
    let hash = this.#hash.begin(mask);
    for (let rest = mask, at = row + 1; rest !== 0; rest >>>= 1, at++)
      if ((rest & 1) !== 0) hash = this.#hash.join(hash, rows[at] as number);
    return this.#hash.end(hash);
  }
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
