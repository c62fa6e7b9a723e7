// Named things of one connection, bounded in number and in bytes. Enters: names, values, weights; leaves: what is still known.

interface Held<T> {
  readonly value: T;
  weight: number;
}

/** Forgets the oldest when full; what is forgotten is then unknown, which the events say. */
export class BoundedStore<K, T> {
  readonly #most: number;
  readonly #heaviest: number;
  readonly #evicted: () => void;
  readonly #held = new Map<K, Held<T>>();
  #weight = 0;

  /** `most` values of `heaviest` bytes together; `evicted` is called for each that had to go. */
  constructor(most: number, heaviest: number, evicted: () => void) {
    this.#most = most;
    this.#heaviest = heaviest;
    this.#evicted = evicted;
  }

  get(key: K): T | undefined {
    return this.#held.get(key)?.value;
  }

  /** Sets or replaces; the key is the newest then. */
  set(key: K, value: T, weight: number): void {
    this.delete(key);
    this.#held.set(key, { value, weight });
    this.#weight += weight;
    this.#shrink();
  }

  /** Adds weight to a value that has grown, if it is still the one under its key. */
  grow(key: K, value: T, extra: number): void {
    const held = this.#held.get(key);
    if (held?.value !== value) return;
    held.weight += extra;
    this.#weight += extra;
    this.#shrink();
  }

  delete(key: K): void {
    const held = this.#held.get(key);
    if (held === undefined) return;
    this.#weight -= held.weight;
    this.#held.delete(key);
  }

  /** Deletes only while `value` is what stands there. */
  deleteIf(key: K, value: T): void {
    if (this.get(key) === value) this.delete(key);
  }

  /** Deletes from the oldest on, as long as `gone` says so. */
  deleteOldest(gone: (value: T) => boolean): void {
    for (const [key, { value }] of this.#held) {
      if (!gone(value)) return;
      this.delete(key);
    }
  }

  clear(): void {
    this.#held.clear();
    this.#weight = 0;
  }

  #shrink(): void {
    for (const key of this.#held.keys()) {
      if (this.#held.size <= this.#most && this.#weight <= this.#heaviest) return;
      this.delete(key);
      this.#evicted();
    }
  }
}
