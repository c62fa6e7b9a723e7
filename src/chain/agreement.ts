// How well a place fits a request, and what a chain still lacks. Enters: chains, readings; leaves: counts and names.
import type { Micros } from '../flow.ts';
import { type ChainState, type FactReading, isDone, mayBeAbsent, type Slot } from './state.ts';

/** Steps that were expected exactly once, whose parent went well, and that are not done. */
export function missingSteps(chain: ChainState): string[] {
  return chain.slots
    .filter((slot) => !mayBeAbsent(slot) && !isDone(slot))
    .filter(({ parent }) => parent.state === 'answered' || (parent.plan.staysOpen && parent.state === 'open'))
    .map((slot) => slot.plan.request);
}

/** How many settled facts the readings agree with; null when one differs. */
export function agreement(chain: ChainState, readings: readonly FactReading[]): number | null {
  let agreeing = 0;
  for (const reading of readings) {
    const settled = chain.facts.get(reading.fact);
    if (settled === undefined) continue;
    if (settled.value !== reading.value) return null;
    agreeing++;
  }
  return agreeing;
}

/** Whoever still serves goes before whoever has answered and is in its grace; then the older chain. */
export function goesBefore(a: Slot, b: Slot): boolean {
  const serves = (slot: Slot): boolean => slot.parent.state === 'open' || slot.parent.plan.staysOpen;
  if (serves(a) !== serves(b)) return serves(a);
  return a.chain.opened < b.chain.opened;
}

/**
 * A cause comes before its effect: the request may not be made before the place for it opened, nor after its service was
 * done, but for what clocks may differ. Events that merely arrive late keep their own times.
 */
export function isTimely(slot: Slot, made: Micros, skew: Micros): boolean {
  if (made + skew < slot.since) return false;
  const { ended, plan } = slot.parent;
  return ended === null || plan.staysOpen || slot.plan.within !== null || made <= ended + skew;
}
