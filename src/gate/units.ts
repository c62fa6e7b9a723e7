// The units of one side in the order of its stream. Enters: units; leaves: the one that stands first, and the one at an offset.
import type { Group, Unit } from './hold.ts';

export class Units {
  #list: Unit[] = [];
  #head = 0;

  get first(): Unit | undefined {
    return this.#list[this.#head];
  }

  add(unit: Unit): void {
    this.#list.push(unit);
  }

  shift(): void {
    this.#head += 1;
    if (this.#head === this.#list.length || this.#head > 1024) {
      this.#list.splice(0, this.#head);
      this.#head = 0;
    }
  }

  /** The group of the unit whose last byte is before `end`, or that holds it; null when that is gone. */
  groupAt(end: number): Group | null {
    let low = this.#head;
    let high = this.#list.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#list[middle]?.start ?? 0) < end) low = middle + 1;
      else high = middle;
    }
    return low === this.#head ? null : (this.#list[low - 1]?.group ?? null);
  }
}
