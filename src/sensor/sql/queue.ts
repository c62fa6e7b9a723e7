// First in, first out, without moving what waits. Enters: items with a weight; leaves: the same in order.

/** Removal from the front is amortised constant, which `Array.shift` is not. */
export class Queue<T> {
  #items: { readonly item: T; readonly weight: number }[] = [];
  #head = 0;
  #weight = 0;

  get length(): number {
    return this.#items.length - this.#head;
  }

  /** Sum of the weights of all that wait. */
  get weight(): number {
    return this.#weight;
  }

  push(item: T, weight: number): void {
    this.#items.push({ item, weight });
    this.#weight += weight;
  }

  peek(): T | undefined {
    return this.#items[this.#head]?.item;
  }

  shift(): T | undefined {
    const first = this.#items[this.#head];
    if (first === undefined) return undefined;
    this.#head += 1;
    this.#weight -= first.weight;
    if (this.#head > 64 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head);
      this.#head = 0;
    }
    return first.item;
  }

  /** Keeps only what `stays` allows, in order. */
  filter(stays: (item: T) => boolean): void {
    this.#items = this.#items.slice(this.#head).filter(({ item }) => stays(item));
    this.#head = 0;
    this.#weight = this.#items.reduce((sum, { weight }) => sum + weight, 0);
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
    this.#weight = 0;
  }
}
