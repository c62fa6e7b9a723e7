// What may come at the places of a chain, and what must come first. Enters: places; leaves: whether, and which.
import type { Micros } from '../flow.ts';
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

/** A request, and all requests below it that are kept. */
export function* instancesBelow(instance: Instance): Generator<Instance> {
  yield instance;
  for (const slot of instance.made) {
    if (slot === null) continue;
    for (const attempt of slot.attempts) yield* instancesBelow(attempt);
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

/** When the step was done; infinity while it is not. */
export function doneAt({ plan, attempts, notes }: Slot): Micros {
  const good = attempts.flatMap(({ state, plan, ts, end }) =>
    state === 'answered' ? [end?.at ?? ts] : plan.staysOpen && state === 'open' ? [ts] : [],
  );
  const needed = Math.max(1, plan.least) - notes.settled;
  if (needed <= 0) return Number.NEGATIVE_INFINITY;
  return good.sort((a, b) => a - b)[needed - 1] ?? Number.POSITIVE_INFINITY;
}

/** When everything that has to come before a place was done; infinity while it is not. */
export function openedAt({ parent, plan }: Slot): Micros {
  if (parent.plan.order === 'any') return parent.ts;
  let opened = parent.ts;
  for (let i = 0; i < plan.position; i++) {
    const before = parent.plan.children[i];
    if (before === undefined || mayBeAbsent(before)) continue;
    const slot = parent.made[i];
    if (slot === null || slot === undefined) return Number.POSITIVE_INFINITY;
    opened = Math.max(opened, doneAt(slot));
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
