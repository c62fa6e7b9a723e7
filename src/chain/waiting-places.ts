// The waiting places of one chain. Enters: places; leaves: the first of them, and each by its number in the index.
import type { Slot } from './state.ts';

/** Places that are looked through for one of them; where there are more, they are kept by their numbers as well. */
const MOST_WALKED = 8;

/** A list, since nearly all chains have one or two; some have thousands, which are asked for one by one. */
export class WaitingPlaces {
  first: Slot | null = null;
  /** By the kind of request, then by the number. */
  #numbered: Map<string, Map<number, Slot>> | null = null;

  /** A place began to wait, and has its number. */
  add(slot: Slot): void {
    if (this.#numbered !== null) put(this.#numbered, slot);
    slot.after = this.first;
    if (this.first !== null) this.first.before = slot;
    this.first = slot;
  }

  /** A place no longer waits; it has its number still. */
  remove(slot: Slot): void {
    this.#numbered?.get(slot.plan.request)?.delete(slot.number as number);
    if (slot.before === null) this.first = slot.after;
    else slot.before.after = slot.after;
    if (slot.after !== null) slot.after.before = slot.before;
    slot.before = null;
    slot.after = null;
  }

  /** The place for such a request that has this number; null without one. */
  at(request: string, number: number): Slot | null {
    const isIt = (slot: Slot): boolean => slot.number === number && slot.plan.request === request;
    let slot = this.first;
    for (let walked = 0; slot !== null && !isIt(slot); slot = slot.after)
      if (++walked > MOST_WALKED) return this.#byNumber().get(request)?.get(number) ?? null;
    return slot;
  }

  #byNumber(): ReadonlyMap<string, ReadonlyMap<number, Slot>> {
    if (this.#numbered !== null) return this.#numbered;
    const numbered = new Map<string, Map<number, Slot>>();
    for (let slot = this.first; slot !== null; slot = slot.after) put(numbered, slot);
    this.#numbered = numbered;
    return numbered;
  }
}

function put(numbered: Map<string, Map<number, Slot>>, slot: Slot): void {
  const { request } = slot.plan;
  const kind = numbered.get(request) ?? new Map<number, Slot>();
  kind.set(slot.number as number, slot);
  numbered.set(request, kind);
}
