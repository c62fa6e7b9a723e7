// Things by numbers that are given out again. Enters: things; leaves: the number of each, and the thing again.

/** The numbers stay small however many things come and go: each is given out again when its thing has left. */
export class Numbered<T> {
  readonly #items: (T | null)[] = [];
  /** Numbers that nothing has. */
  readonly #gaps: number[] = [];

  /** Things that have a number. */
  get size(): number {
    return this.#items.length - this.#gaps.length;
  }

  /** Gives the number that it has from now on. */
  add(item: T): number {
    const number = this.#gaps.pop() ?? this.#items.length;
    this.#items[number] = item;
    return number;
  }

  /** The thing with this number; null without one. */
  get(number: number): T | null {
    return this.#items[number] ?? null;
  }

  /** Another thing has this number. */
  replace(number: number, item: T): void {
    this.#items[number] = item;
  }

  remove(number: number): void {
    this.#items[number] = null;
    this.#gaps.push(number);
  }

  /** All numbers that are given out, in their order. */
  *numbers(): Generator<number> {
    for (const [number, item] of this.#items.entries()) if (item !== null) yield number;
  }
}
