// What the requests that came to a place mean for it: how often it may be taken again. Enters: places; leaves: whether.
import type { Instance, Slot } from './state.ts';

/** The first few are copied, since an array that grows takes room for 16 more. */
export function addAttempt(slot: Slot, instance: Instance): void {
  if (slot.attempts.length < 4) slot.attempts = [...slot.attempts, instance];
  else slot.attempts.push(instance);
}

/** True for a request that went well or is not answered yet; false for one that failed, was taken back or was lost. */
export function holdsItsPlace({ state }: Instance): boolean {
  return state === 'answered' || state === 'open';
}

/** True for a place that is expected after its parent is served no more: its time is not over yet. */
export function lastsBeyond({ plan, parent, notes }: Slot): boolean {
  return plan.cardinality === 'eventually' && parent.state === 'answered' && !notes.overdue;
}

/** What a place in this state counts for in `ChainState.live`. */
export function isLive(state: Slot['state']): 0 | 1 {
  return state === 'waiting' || state === 'blocked' ? 1 : 0;
}

/** True when a step that may come often has come as often as it may; what failed does not count. */
export function cameAsOftenAsItMay({ plan, attempts, notes }: Slot): boolean {
  if (plan.most === null) return false;
  const good = attempts.filter(holdsItsPlace).length;
  return notes.settled + good >= plan.most;
}

/** True when a place that was taken may be taken again, because what came failed. */
export function mayComeAgain(slot: Slot): boolean {
  if (slot.plan.cardinality === 'many') return !cameAsOftenAsItMay(slot);
  return slot.attempts.length - slot.notes.forgiven <= slot.plan.retries;
}

/** True when nothing will come of a request any more. */
export function isOver(instance: Instance): boolean {
  if (instance.state === 'open') return false;
  return instance.made.every(
    (slot) =>
      slot !== null && (slot.state === 'spent' || slot.state === 'closed') && slot.attempts.every(isOver),
  );
}

/** The requests that a place was below, one after the other: a further attempt takes over the places of the one before. */
export function hostsOf({ parent }: Slot): readonly Instance[] {
  const place = parent.slot;
  return place === null || parent.plan.cardinality === 'many' ? [parent] : place.attempts;
}
