// Numbers by numbers, outside of the collector's heap. Enters: keys and values; leaves: the value of a key.

/** No key is negative. */
const EMPTY = -1;
/** Keys that the smallest table has room for. */
const FEWEST = 8;

/**
 * A hash table with open addressing: a key is looked for from its own place on, up to an empty one, and what follows a key
 * that leaves moves up (Knuth, The Art of Computer Programming, vol. 3, section 6.4, algorithms L and R). Of millions of
 * entries, where each look-up waits for memory, it takes one such wait, and a `Map` two or three, and 13 to 26 bytes an entry while it grows.
 *
 * Keys are integers of 30 bits that are spread already, such as those of a `TextHash`; values are integers of 32 bits.
 */
export class NumberTable {
  /** A key and its value, beside each other. */
  #cells = cellsOf(FEWEST);
  #mask = FEWEST - 1;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: number): number | undefined {
    const at = this.#find(key);
    return this.#cells[at] === key ? this.#cells[at + 1] : undefined;
  }

  set(key: number, value: number): void {
    let at = this.#find(key);
    if (this.#cells[at] !== key) {
      if (++this.#size * 8 > this.#capacity * 5) {
        this.#resize(this.#capacity * 2);
        at = this.#find(key);
      }
      this.#cells[at] = key;
    }
    this.#cells[at + 1] = value;
  }

  delete(key: number): void {
    const cells = this.#cells;
    let gap = this.#find(key);
    if (cells[gap] !== key) return;
    const last = 2 * this.#mask + 1;
    for (let at = (gap + 2) & last; ; at = (at + 2) & last) {
      const other = cells[at] as number;
      if (other === EMPTY) break;
      // It may move up as far as its own place, no further.
      const own = 2 * (other & this.#mask);
      if (((at - own) & last) < ((at - gap) & last)) continue;
      cells[gap] = other;
      cells[gap + 1] = cells[at + 1] as number;
      gap = at;
    }
    cells[gap] = EMPTY;
    this.#size--;
    if (this.#size * 8 < this.#capacity && this.#capacity > FEWEST) this.#resize(this.#capacity / 2);
  }

  get #capacity(): number {
    return this.#mask + 1;
  }

  /** Where the key is, or where it would be. */
  #find(key: number): number {
    const cells = this.#cells;
    const last = 2 * this.#mask + 1;
    let at = 2 * (key & this.#mask);
    while (cells[at] !== key && cells[at] !== EMPTY) at = (at + 2) & last;
    return at;
  }

  #resize(capacity: number): void {
    const old = this.#cells;
    this.#cells = cellsOf(capacity);
    this.#mask = capacity - 1;
    for (let from = 0; from < old.length; from += 2) {
      const key = old[from] as number;
      if (key === EMPTY) continue;
      const at = this.#find(key);
      this.#cells[at] = key;
      this.#cells[at + 1] = old[from + 1] as number;
    }
  }
}

function cellsOf(capacity: number): Int32Array {
  return new Int32Array(2 * capacity).fill(EMPTY);
}
