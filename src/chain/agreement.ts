// How well a place fits a request, and what a chain still lacks. Enters: chains, readings; leaves: counts and names.
import type { Micros } from '../flow.ts';
import type { ChainState } from './chain-state.ts';
import { isDone, mayBeAbsent, wentWell } from './places.ts';
import type { StepPlan } from './plan.ts';
import type { ChainRequest, Requirement, Unmet } from './request.ts';
import type { FactReading } from './scope.ts';
import { attemptsOf, type Instance, type Slot } from './state.ts';

/** Steps that were expected, whose parent went well, and that are not done. */
export function missingSteps(chain: ChainState): string[] {
  return [...chain.missed, ...missingBelow(chain.root)];
}

/** The same of one request and what is below it. */
export function missingBelow(instance: Instance): string[] {
  const well = wentWell(instance);
  return instance.plan.children.flatMap((plan, position) => {
    // An attempt whose places were taken over has none any more.
    if (!instance.expecting) return [];
    const place = instance.placeAt(position);
    const missing = well && !mayBeAbsent(plan) && (place === null || !isDone(place));
    const below = place === null ? [] : attemptsOf(place).flatMap(missingBelow);
    return missing ? [plan.request, ...below] : below;
  });
}

/** How many settled facts the readings agree with; null when one differs. */
export function agreement(slot: Slot, readings: readonly FactReading[]): number | null {
  let agreeing = 0;
  for (const reading of readings) {
    const settled = slot.fact(reading.fact);
    if (settled === undefined) continue;
    if (settled.value !== reading.value) return null;
    agreeing++;
  }
  return agreeing;
}

/** The relation of a request that does not hold at a place; its own facts go before those that are settled there. */
export function unmetAt(
  request: ChainRequest,
  settled: (name: string) => FactReading | undefined,
): Unmet | null {
  const { facts, requires } = request;
  return requires === null
    ? null
    : requires((name) => facts.find(({ fact }) => fact === name) ?? settled(name));
}

/** True when every relation of the request holds at a place. */
export function holdsAt(request: ChainRequest, slot: Slot): boolean {
  return request.requires === null || unmetAt(request, (name) => slot.fact(name)) === null;
}

/** True when relations hold between facts that are all settled. */
export function holdsWith(
  requires: Requirement | null,
  settled: (name: string) => FactReading | undefined,
): boolean {
  return requires === null || requires(settled) === null;
}

/**
 * How long a service may go on with a user request whose connection ended before its answer: it does not have to notice,
 * and whoever asked could otherwise, by hanging up, have what it does for him taken for an attack.
 */
const AFTER_LOSS: Micros = 30_000_000;

/** How long a request is served beyond its end. */
export function lingerOf({ state, above }: Instance): Micros {
  return state === 'lost' && above === null ? AFTER_LOSS : 0;
}

/**
 * Whoever still serves goes before whoever has answered and is in its grace; then the older chain, and in one chain the place
 * that has waited longer.
 */
export function goesBefore(a: Slot, b: Slot): boolean {
  const serves = (slot: Slot): boolean => slot.parent.state === 'open' || slot.parent.plan.staysOpen;
  if (serves(a) !== serves(b)) return serves(a);
  if (a.chain.opened !== b.chain.opened) return a.chain.opened < b.chain.opened;
  if (a.chain !== b.chain) return false;
  if (a.since !== b.since) return a.since < b.since;
  return a.parent === b.parent ? a.plan.position < b.plan.position : a.parent.ts < b.parent.ts;
}

/** True when a request for this place could be made at that time because of one that its service serves. */
export function servesAt(host: Instance, place: StepPlan, made: Micros, skew: Micros): boolean {
  if (place.within !== null && made > host.ts + place.within + skew) return false;
  const { endedAt } = host;
  if (endedAt === null || host.plan.staysOpen || place.cardinality === 'eventually') return true;
  return made <= endedAt + skew + lingerOf(host);
}

/**
 * A cause comes before its effect: the request may not be made before the place for it opened, nor after its service was
 * done, but for what clocks may differ. Events that merely arrive late keep their own times.
 */
export function isTimely(slot: Slot, made: Micros, skew: Micros): boolean {
  return made + skew >= slot.since && servesAt(slot.parent, slot.plan, made, skew);
}
