// A queue of things to do at a time of the traffic. Enters: (time, item); leaves: items whose time has passed, in order.
import type { Micros } from '../flow.ts';

interface Entry<T> {
  readonly at: Micros;
  readonly order: number;
  readonly item: T;
}

/** A binary min-heap; equal times leave in the order in which they came. */
export class Deadlines<T> {
  readonly #heap: Entry<T>[] = [];
  #count = 0;

  get size(): number {
    return this.#heap.length;
  }

  add(at: Micros, item: T): void {
    const entry = { at, order: this.#count++, item };
    const heap = this.#heap;
    let i = heap.push(entry) - 1;
    while (i > 0) {
      const up = (i - 1) >> 1;
      const parent = heap[up];
      if (parent === undefined || !before(entry, parent)) break;
      heap[i] = parent;
      i = up;
    }
    heap[i] = entry;
  }

  /** Takes the earliest item if its time is before or at `now`, else gives undefined. */
  takeDue(now: Micros): T | undefined {
    const heap = this.#heap;
    const first = heap[0];
    if (first === undefined || first.at > now) return undefined;
    const last = heap.pop();
    if (last !== undefined && heap.length > 0) this.#sink(last);
    return first.item;
  }

  #sink(entry: Entry<T>): void {
    const heap = this.#heap;
    let i = 0;
    for (;;) {
      const left = heap[2 * i + 1];
      const right = heap[2 * i + 2];
      if (left === undefined) break;
      const useRight = right !== undefined && before(right, left);
      const child = useRight ? right : left;
      if (!before(child, entry)) break;
      heap[i] = child;
      i = 2 * i + (useRight ? 2 : 1);
    }
    heap[i] = entry;
  }
}

function before<T>(a: Entry<T>, b: Entry<T>): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
