// What the requests that came to a place mean for it: how often it may be taken again. Enters: places; leaves: whether.
import { attemptsOf, type Instance, Slot } from './state.ts';

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
  if (!instance.expecting) return true;
  let made = 0;
  for (let place = instance.first; place !== null; place = place.next) {
    made++;
    if (place instanceof Slot && place.state !== 'spent' && place.state !== 'closed') return false;
    if (!attemptsOf(place).every(isOver)) return false;
  }
  return made === instance.plan.children.length;
}

/** The requests that a place was below, one after the other: a further attempt takes over the places of the one before. */
export function hostsOf({ parent }: Slot): readonly Instance[] {
  const place = parent.slot;
  return place === null || parent.plan.cardinality === 'many' ? [parent] : place.attempts;
}
