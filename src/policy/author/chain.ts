// The words for chains: what one user request causes, how often, in which order. Enters: requests; leaves: rules.
import type { Cardinality } from '../../chain/plan.ts';
import type { Place } from '../../errors.ts';
import type {
  Jwk,
  KeyDeclaration,
  PolicyDocument,
  Posture,
  PostureCause,
  Refusal,
  TokenAlgorithm,
} from '../document.ts';
import { callSite } from './context.ts';
import { microseconds } from './duration.ts';
import type { Request } from './request.ts';

/** A request in its place in a chain. */
export interface Step {
  readonly kind: 'step';
  readonly request: Request;
  readonly cardinality: Cardinality;
  readonly limit: number | null;
  readonly least: number;
  readonly most: number | null;
  readonly retries: number;
  readonly order: 'any' | 'in-order';
  readonly children: readonly Step[];
  readonly place: Place | null;
  /** Allows this many further attempts after one that failed or got no answer. */
  retried(times: number): Step;
  /** It may come within this time of its parent, such as `500ms`, and not later. */
  within(time: string): Step;
  /** For `many`: how often it has to come, and how often it may. A chain with fewer is recorded as incomplete. */
  times(least: number, most?: number): Step;
}

/** Steps that must come one after the other: each only when the one before it was answered with success. */
export interface Ordered {
  readonly kind: 'in-order';
  readonly steps: readonly Step[];
}

/** What a step causes: steps in any order, or all of them in order. */
export type Causes = readonly (Step | Request)[] | readonly [Ordered];

/** A part of an application: what `application` takes. */
export type Rule =
  | {
      readonly kind: 'chain';
      readonly root: Step;
      readonly every: number | null;
      readonly place: Place | null;
    }
  | { readonly kind: 'outside'; readonly requests: readonly Request[] }
  | { readonly kind: 'settings'; readonly settings: Settings };

/** By which keys tokens are verified, and for whom they must be. */
export interface TokenOptions {
  /** A JSON Web Key Set (RFC 7517) of public keys, such as an import of a JSON file beside the policy. */
  readonly keys: { readonly keys: readonly Jwk[] };
  readonly algorithms: readonly TokenAlgorithm[];
  /** What `iss` must be; without it, any. */
  readonly issuer?: string;
  /** What `aud` must name, or one of them; without it, any. */
  readonly audience?: string | readonly string[];
}

/** Everything about an application that is not a request. */
export interface Settings {
  /** `audit` says what it would do; `enforce` does it. */
  readonly mode?: PolicyDocument['mode'];
  /** What to do with what cannot be told, by cause. */
  readonly postures?: Readonly<Partial<Record<PostureCause, Posture>>>;
  /** Further keys beside those that are known anyway (traceparent, b3, x-request-id, correlation-id, message-id). */
  readonly keys?: readonly KeyDeclaration[];
  /** How the tokens are verified that `claim` reads. */
  readonly tokens?: TokenOptions;
  /** How long an unexplained request waits for what may explain it, such as `20ms`. */
  readonly reorder?: string;
  /** By how much the clocks of several sources may differ. */
  readonly clockSkew?: string;
  /** How long a chain may stay open. */
  readonly chainLifetime?: string;
  /** How many chains may be open at once. */
  readonly chains?: number;
  /** How long a block lasts. */
  readonly block?: string;
  /**
   * What a gate in the path does with a denied request: `reset` its connection, or `answer` it in its own protocol (HTTP 403,
   * AMQP channel.close, a SQL error), so that other users of the connection go on. A request may say otherwise.
   */
  readonly refuse?: Refusal;
}

function step(cardinality: Cardinality, request: Request, causes: Causes, within: number | null): Step {
  const first = causes[0];
  const ordered = first?.kind === 'in-order';
  const children = (ordered ? first.steps : (causes as readonly (Step | Request)[])).map(asStep);
  const place = callSite();
  const make = (limits: Pick<Step, 'limit' | 'least' | 'most' | 'retries'>): Step => ({
    kind: 'step',
    request,
    cardinality,
    ...limits,
    order: ordered ? 'in-order' : 'any',
    children,
    place,
    retried: (retries) => make({ ...limits, retries }),
    within: (time) => make({ ...limits, limit: microseconds(time) }),
    times: (least, most) => make({ ...limits, least, most: most ?? null }),
  });
  return make({ limit: within, least: 0, most: null, retries: 0 });
}

function asStep(item: Step | Request): Step {
  return item.kind === 'step' ? item : once(item);
}

/** Exactly once; a chain without it is recorded as incomplete. */
export const once = (request: Request, ...causes: Causes): Step => step('once', request, causes, null);
/** At most once. */
export const optional = (request: Request, ...causes: Causes): Step =>
  step('optional', request, causes, null);
/** Any number of times. */
export const many = (request: Request, ...causes: Causes): Step => step('many', request, causes, null);
/** Exactly once, and before its parent is answered with success: an answer without it is a violation. */
export const required = (request: Request, ...causes: Causes): Step =>
  step('required', request, causes, null);
/** Exactly once, within this time of its parent: when the time is up without it, that is a violation. */
export const eventually = (request: Request, within: string, ...causes: Causes): Step =>
  step('eventually', request, causes, microseconds(within));
/** Steps of which each may come only when the one before it was answered with success. */
export const inOrder = (...steps: (Step | Request)[]): Ordered => ({
  kind: 'in-order',
  steps: steps.map(asStep),
});

/** What one user request causes. */
export const chain = (root: Request, ...causes: Causes): Rule => ({
  kind: 'chain',
  root: step('once', root, causes, null),
  every: null,
  place: callSite(),
});
/**
 * What a service does by itself, on a timer: `root` is the first request that it makes. A service that was taken over could
 * begin it at any time, so it may begin no more often than said: `job(expire, { every: '1h' }, ...)`.
 */
export const job = (root: Request, timing: { readonly every: string }, ...causes: Causes): Rule => ({
  kind: 'chain',
  root: step('once', root, causes, null),
  every: microseconds(timing.every),
  place: callSite(),
});
/** Requests that are allowed outside any chain: health checks, a pool's BEGIN and SET, declarations of queues. */
export const outside = (...requests: Request[]): Rule => ({ kind: 'outside', requests });
/** Settings of the application. */
export const settings = (given: Settings): Rule => ({ kind: 'settings', settings: given });
