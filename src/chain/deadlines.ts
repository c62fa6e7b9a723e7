// A queue of things to do at a time of the traffic. Enters: (time, item); leaves: items whose time has passed, in order.
import type { Micros } from '../flow.ts';

/** A binary min-heap; equal times leave in the order in which they came. Three lists beside each other need no object an item. */
export class Deadlines<T> {
  readonly #items: T[] = [];
  readonly #times: Micros[] = [];
  readonly #orders: number[] = [];
  #count = 0;

  get size(): number {
    return this.#items.length;
  }

  add(at: Micros, item: T): void {
    this.#items.push(item);
    this.#times.push(at);
    this.#orders.push(this.#count++);
    let i = this.#items.length - 1;
    while (i > 0) {
      const up = (i - 1) >> 1;
      if (!this.#goesBefore(i, up)) break;
      this.#swap(i, up);
      i = up;
    }
  }

  /** Takes the earliest item if its time is before or at `now`, else gives undefined. */
  takeDue(now: Micros): T | undefined {
    const [at] = this.#times;
    if (at === undefined || at > now) return undefined;
    this.#swap(0, this.#items.length - 1);
    const item = this.#items.pop();
    this.#times.pop();
    this.#orders.pop();
    this.#sink();
    return item;
  }

  #sink(): void {
    const { length } = this.#items;
    let i = 0;
    for (;;) {
      const left = 2 * i + 1;
      if (left >= length) return;
      const child = left + 1 < length && this.#goesBefore(left + 1, left) ? left + 1 : left;
      if (!this.#goesBefore(child, i)) return;
      this.#swap(i, child);
      i = child;
    }
  }

  #goesBefore(a: number, b: number): boolean {
    const times = this.#times;
    const difference = (times[a] as number) - (times[b] as number);
    return difference < 0 || (difference === 0 && (this.#orders[a] as number) < (this.#orders[b] as number));
  }

  #swap(a: number, b: number): void {
    swap(this.#items, a, b);
    swap(this.#times, a, b);
    swap(this.#orders, a, b);
  }
}

function swap<T>(list: T[], a: number, b: number): void {
  const item = list[a] as T;
  list[a] = list[b] as T;
  list[b] = item;
}
