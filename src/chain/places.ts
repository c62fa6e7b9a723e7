// What may come at the places of a chain, and what must come first. Enters: places; leaves: whether, and which.
import type { Micros } from '../flow.ts';
import type { StepPlan } from './plan.ts';
import { attemptsOf, Instance, type Place, Slot } from './state.ts';

/** All places below a request that wait, those above before those below. */
export function* waitingBelow(instance: Instance): Generator<Slot> {
  for (let place = instance.first; place !== null; place = place.next) {
    if (place instanceof Slot && place.state === 'waiting') yield place;
    for (const attempt of attemptsOf(place)) yield* waitingBelow(attempt);
  }
}

/** A request that is about to come to a place. */
export interface Coming {
  readonly slot: Slot;
  readonly at: Micros;
}

/** True when the step has come, as often as it must, and went well: by now, or by a time. */
export function isDone(place: Place, by = Number.POSITIVE_INFINITY): boolean {
  if (place instanceof Instance) return wentWellBy(place, by);
  let good = place.notes.settled;
  for (const attempt of place.attempts) if (wentWellBy(attempt, by)) good++;
  return good >= Math.max(1, place.plan.least);
}

/** When a request that went well was answered, or was made where it stays open. */
function wellAt({ endedAt, ts }: Instance): Micros {
  return endedAt ?? ts;
}

function wentWellBy(instance: Instance, by: Micros): boolean {
  return wentWell(instance) && wellAt(instance) <= by;
}

/** True for a request that was answered with success, or that is not answered and stays open. */
export function wentWell({ state, plan }: Instance): boolean {
  return state === 'answered' || (plan.staysOpen && state === 'open');
}

/** The same for one of the places of a request, whether it was made or not. */
export function isDoneAt(parent: Instance, position: number, by = Number.POSITIVE_INFINITY): boolean {
  const place = parent.placeAt(position);
  return place !== null && isDone(place, by);
}

/** When the step was done; infinity while it is not. */
export function doneAt(place: Place): Micros {
  const good = attemptsOf(place).filter(wentWell).map(wellAt);
  const settled = place instanceof Slot ? place.notes.settled : 0;
  const needed = Math.max(1, place.plan.least) - settled;
  if (needed <= 0) return Number.NEGATIVE_INFINITY;
  return good.sort((a, b) => a - b)[needed - 1] ?? Number.POSITIVE_INFINITY;
}

/**
 * When everything that has to come before a place was done; infinity while it is not.
 *
 * @param coming a place that is about to be taken: it counts as done by then, since what its request is answered with is not known
 */
export function openedAt(parent: Instance, { position }: StepPlan, coming: Coming | null = null): Micros {
  if (parent.plan.order === 'any') return parent.ts;
  let opened = parent.ts;
  for (let i = 0; i < position; i++) {
    const before = parent.plan.children[i];
    if (before === undefined || mayBeAbsent(before)) continue;
    const place = parent.placeAt(i);
    const done = place === null ? Number.POSITIVE_INFINITY : doneAt(place);
    opened = Math.max(opened, place === coming?.slot ? Math.min(coming.at, done) : done);
  }
  return opened;
}

/** True when the step need not have come before later ones in order. */
export function mayBeAbsent(plan: StepPlan): boolean {
  return plan.cardinality === 'optional' || (plan.cardinality === 'many' && plan.least === 0);
}

/** True when another step must be done before the one at this position. */
export function isBlocked(parent: Instance, position: number): boolean {
  if (parent.plan.order === 'any') return false;
  // Both are in the order of the plan.
  let place = parent.first;
  return parent.plan.children.slice(0, position).some((plan) => {
    while (place !== null && place.plan.position < plan.position) place = place.next;
    const made = place !== null && place.plan.position === plan.position ? place : null;
    return !mayBeAbsent(plan) && (made === null || !isDone(made));
  });
}

/** The slots that a slot waits for: by now, or by a time. */
export function blockersOf({ parent, plan }: Slot, by = Number.POSITIVE_INFINITY): Slot[] {
  if (parent.plan.order === 'any' || !parent.expecting) return [];
  return parent.plan.children
    .filter(
      (other) =>
        other.position < plan.position && !mayBeAbsent(other) && !isDoneAt(parent, other.position, by),
    )
    .map(({ position }) => parent.slotAt(position));
}
