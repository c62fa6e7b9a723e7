// A queue of which what was added first leaves first. Enters: items; leaves: the same items, in order.

/** Two lists take turns: adding and taking cost the same however long the queue is. */
export class Queue<T> {
  #added: T[] = [];
  /** The first one last. */
  #leaving: T[] = [];

  get size(): number {
    return this.#added.length + this.#leaving.length;
  }

  add(item: T): void {
    this.#added.push(item);
  }

  take(): T | undefined {
    if (this.#leaving.length === 0) {
      this.#leaving = this.#added.reverse();
      this.#added = [];
    }
    return this.#leaving.pop();
  }

  /** Lets go of what does not pass; the others keep their order. */
  keep(passes: (item: T) => boolean): void {
    this.#added = this.#added.filter(passes);
    this.#leaving = this.#leaving.filter(passes);
  }
}
