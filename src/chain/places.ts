// What may come at the places of a chain, and what must come first. Enters: places; leaves: whether, and which.
import type { StepPlan } from './plan.ts';
import type { Instance, Slot } from './state.ts';

/** All places below a request that were made, those above before those below. */
export function* slotsBelow(instance: Instance): Generator<Slot> {
  for (const slot of instance.made) {
    if (slot === null) continue;
    yield slot;
    for (const attempt of slot.attempts) yield* slotsBelow(attempt);
  }
}

/** True when the step has come, as often as it must, and went well: by now, or by a time. */
export function isDone(slot: Slot, by = Number.POSITIVE_INFINITY): boolean {
  let good = slot.notes.settled;
  for (const { state, plan, ts, end } of slot.attempts) {
    if (state === 'answered' ? (end?.at ?? ts) <= by : plan.staysOpen && state === 'open' && ts <= by) good++;
  }
  return good >= Math.max(1, slot.plan.least);
}

/** True when the step need not have come before later ones in order. */
export function mayBeAbsent(plan: StepPlan): boolean {
  return plan.cardinality === 'optional' || (plan.cardinality === 'many' && plan.least === 0);
}

/** True when another step must be done before the one at this position. */
export function isBlocked(parent: Instance, position: number): boolean {
  if (parent.plan.order === 'any') return false;
  for (let i = 0; i < position; i++) {
    const plan = parent.plan.children[i];
    const slot = parent.made[i];
    if (plan !== undefined && !mayBeAbsent(plan) && (slot === null || slot === undefined || !isDone(slot)))
      return true;
  }
  return false;
}

/** The slots that a slot waits for: by now, or by a time. */
export function blockersOf(slot: Slot, by = Number.POSITIVE_INFINITY): Slot[] {
  if (slot.parent.plan.order === 'any') return [];
  return slot.parent.slots.filter(
    (other) => other.plan.position < slot.plan.position && !mayBeAbsent(other.plan) && !isDone(other, by),
  );
}
