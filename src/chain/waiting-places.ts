// The waiting places of one chain. Enters: places; leaves: the first of them, and each by its number in the index.
import type { Slot } from './state.ts';

/** Places that are looked through for one of them; where there are more, they are kept by their numbers as well. */
const MOST_WALKED = 8;

/** A list, since nearly all chains have one or two; some have thousands, which are asked for one by one. */
export class WaitingPlaces {
  first: Slot | null = null;
  #numbered: Map<number, Slot> | null = null;

  /** A place began to wait, and has its number. */
  add(slot: Slot): void {
    if (slot.number !== null) this.#numbered?.set(slot.number, slot);
    slot.after = this.first;
    if (this.first !== null) this.first.before = slot;
    this.first = slot;
  }

  /** A place no longer waits; it has its number still. */
  remove(slot: Slot): void {
    if (slot.number !== null) this.#numbered?.delete(slot.number);
    if (slot.before === null) this.first = slot.after;
    else slot.before.after = slot.after;
    if (slot.after !== null) slot.after.before = slot.before;
    slot.before = null;
    slot.after = null;
  }

  /** The place that has this number; null without one. */
  at(number: number): Slot | null {
    let slot = this.first;
    for (let walked = 0; slot !== null && slot.number !== number; slot = slot.after)
      if (++walked > MOST_WALKED) return this.#byNumber().get(number) ?? null;
    return slot;
  }

  #byNumber(): ReadonlyMap<number, Slot> {
    if (this.#numbered !== null) return this.#numbered;
    const numbered = new Map<number, Slot>();
    for (let slot = this.first; slot !== null; slot = slot.after)
      if (slot.number !== null) numbered.set(slot.number, slot);
    this.#numbered = numbered;
    return numbered;
  }
}
