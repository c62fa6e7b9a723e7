// Readings of texts seen before, bounded in size. Enters: a text and what was made of it; leaves: the same, or nothing.

export interface CacheCounts {
  readonly hits: number;
  readonly misses: number;
  readonly evicted: number;
  readonly entries: number;
  /** The sum of the weights held, in UTF-16 units. */
  readonly weight: number;
}

/** The same while it is counted. */
export class CacheTally implements CacheCounts {
  hits = 0;
  misses = 0;
  evicted = 0;
  entries = 0;
  weight = 0;
}

/**
 * Least recently used first out. Peers choose the texts, so what is bounded is the sum of the weights, and an entry that
 * weighs more than an eighth of it is not kept: one text cannot push out all others.
 */
export class WeightedCache<V> {
  readonly #entries = new Map<string, { readonly value: V; readonly weight: number }>();
  readonly #capacity: number;
  readonly #tally = new CacheTally();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get(key: string): V | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) {
      this.#tally.misses += 1;
      return undefined;
    }
    this.#tally.hits += 1;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value;
  }

  set(key: string, value: V, weight: number): void {
    if (weight > this.#capacity / 8 || this.#entries.has(key)) return;
    this.#entries.set(key, { value, weight });
    this.#tally.entries += 1;
    this.#tally.weight += weight;
    for (const [oldest, entry] of this.#entries) {
      if (this.#tally.weight <= this.#capacity) break;
      this.#entries.delete(oldest);
      this.#tally.entries -= 1;
      this.#tally.weight -= entry.weight;
      this.#tally.evicted += 1;
    }
  }

  counts(): CacheCounts {
    return { ...this.#tally };
  }
}
