// Reasons as whole sentences. Enters: what was decided; leaves: a text that a person understands.
import type { ChainState } from '../chain/chain-state.ts';
import type { Nearness } from '../chain/nearest.ts';
import type { ChainRequest, Unmet } from '../chain/request.ts';
import type { FactReading } from '../chain/scope.ts';
import type { Instance } from '../chain/state.ts';
import type { DropCode, VerdictId } from '../verdict.ts';
import { type ObservedSubject, printable } from './observe/observation.ts';

type Who = Pick<ObservedSubject, 'from' | 'to' | 'request'>;

const value = (text: string): string => printable(text, 60);

export function connectionDeclared(from: string, to: string, protocol: string): string {
  return `${from} has declared ${protocol} requests to ${to}.`;
}

/** `offered`: whether the destination answers on that port; null when it is no service of the application. */
export function connectionDenied(from: string, to: string, address: string, offered: boolean | null): string {
  const why =
    offered === null
      ? `no declared request of ${from} goes there`
      : offered
        ? `no declared request of ${from} goes to ${to}`
        : `${to} is not declared to answer on that port`;
  return `${from} may not connect to ${to} at ${address}: ${why}.`;
}

export function undeclared({ from, to, request }: Who, why: string): string {
  return `${from} may not make this request to ${to}: ${request} (${why}).`;
}

export function lacking({ from, to }: Who, fact: string, why: string): string {
  return `The request of ${from} to ${to} does not clearly say its ${fact}: ${why}.`;
}

export function contradiction({ from, to }: Who, first: FactReading, second: FactReading): string {
  return `The request of ${from} to ${to} contradicts itself: ${first.fact} is ${value(first.value)} (${first.source}) and ${value(second.value)} (${second.source}).`;
}

export function cannotRead({ from, to, request }: Who, why: string): string {
  return `${request} of ${from} to ${to} cannot be judged: ${why}.`;
}

export function lost({ request, summary }: ChainRequest): string {
  return `${summary} may be "${request}" of a user request that is open and of which too little is known.`;
}

export function opened({ from, to, request }: Who): string {
  return `${from} asks ${to} for ${request}: a user request that begins a chain.`;
}

export function begun({ from, to, request }: Who): string {
  return `${from} asks ${to} for ${request}: a job that begins a chain.`;
}

export function tooSoon({ from, to, request }: Who, every: number): string {
  return `${from} asks ${to} for ${request}, a job that may begin every ${every / 1e6} s, too soon after the last time.`;
}

export function outside({ from, to, request }: Who): string {
  return `${from} may always ask ${to} for ${request}.`;
}

/** `moved`: requests that were found to be of other chains than had been taken. */
export function explained(
  { request }: Who,
  chain: ChainState,
  candidates: number,
  moved: readonly Instance[],
): string {
  const others =
    candidates > 1 ? ` (${candidates} open chains fit; the oldest with most agreeing facts was taken)` : '';
  const found = moved.map((other) => `; ${value(other.summary)} was found to serve ${other.chain.title}`);
  return `${request} serves ${chain.title}${others}${found.join('')}.`;
}

export function consequence({ from, request }: Who, of: VerdictId): string {
  return `${request} is what ${from} does because of a request that was denied but had already arrived (${of}).`;
}

export function overdue(step: string, within: number, chain: ChainState): string {
  return `"${step}" had to follow within ${within / 1e6} s for ${chain.title}, and did not.`;
}

export function answeredTooEarly(
  { from, request }: Who,
  missing: readonly string[],
  chain: ChainState,
): string {
  return `${from} says that it is done (${request}) with ${chain.title}, but has not made ${list(missing)}.`;
}

export function responseDiffers({ from }: Who, read: FactReading, settled: FactReading): string {
  return `${from} answers with ${read.fact} ${value(read.value)} (${read.source}), but it is ${value(settled.value)} (${settled.source}).`;
}

/** A relation that fails within one request, or its answer. */
export function relationFails({ from, to, request }: Who, unmet: Unmet): string {
  return `${request} of ${from} to ${to} may not be so: ${unmet.text}.`;
}

/** Why nothing explains a declared request: the closest chain, and what stands against it. */
export function unexplained(
  who: Who,
  request: ChainRequest,
  code: DropCode,
  nearest: Nearness | null,
): string {
  const { from, to } = who;
  const saying = request.facts.length === 0 ? '' : ` for ${facts(request.facts)}`;
  const what = `${from} makes "${request.request}" to ${to}${saying}`;
  if (nearest === null) return `${what}, but no user request is open that needs it.`;
  const chain = nearest.slot.chain;
  switch (code) {
    case 'fact-differs':
      return `${what}, but the closest open request, ${chain.title}, ${nearest.differing.map(differs).join(' and ')}.`;
    case 'relation-fails':
    case 'fact-missing':
      return `${what}, but for ${chain.title} ${nearest.unmet?.text ?? 'a relation does not hold'}.`;
    case 'already-done':
      return `${what} again: ${chain.title} had it already.`;
    case 'out-of-order':
      return `${what} too early: for ${chain.title} it has to wait for ${list(nearest.blockers.map((slot) => slot.plan.request))}.`;
    case 'key-names-no-chain':
      return `${what} under a key that no open request has; the closest, ${chain.title}, has another.`;
    default:
      if (nearest.state === 'closed' && nearest.differing.length === 0) {
        return `${what}, but ${chain.title} has already been answered.`;
      }
      return `${what}, but no user request is open that needs it${closest(nearest)}.`;
  }
}

function closest(nearest: Nearness): string {
  if (nearest.differing.length === 0) return '';
  return `; the closest, ${nearest.slot.chain.title}, ${nearest.differing.map(differs).join(' and ')}`;
}

function differs({ settled, read }: Nearness['differing'][number]): string {
  return `has ${settled.fact} ${value(settled.value)}, not ${value(read.value)}`;
}

function facts(readings: readonly FactReading[]): string {
  return readings.map((read) => `${read.fact} ${value(read.value)}`).join(', ');
}

function list(names: readonly string[]): string {
  return names.map((name) => `"${name}"`).join(' and ');
}
