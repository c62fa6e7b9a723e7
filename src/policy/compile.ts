// Turns a document into look-ups. Enters: a checked document; leaves: what matching and deciding need, nothing else.
import type { Requirements, StepPlan } from '../chain/plan.ts';
import type { Protocol } from '../events/common.ts';
import { AddressBook, type Prefix, type Principal, parsePrefix, UNKNOWN } from '../identity/addresses.ts';
import { derivedConnections } from './connections.ts';
import type {
  AmqpRequestDeclaration,
  HttpRequestDeclaration,
  PolicyDocument,
  RequestDeclaration,
  SqlRequestDeclaration,
  StepDeclaration,
} from './document.ts';
import type { Normaliser } from './fact.ts';
import { factsByRequest, factsOfRequest } from './fact-names.ts';
import { hashOf } from './hash.ts';
import { requirementsOf } from './relations/requirements.ts';
import { scopesOf } from './scopes.ts';
import { NO_TOKENS, type TokenLookup } from './tokens/reading.ts';

export interface CompiledPolicy {
  readonly document: PolicyDocument;
  readonly hash: string;
  readonly addresses: AddressBook;
  readonly normalisers: ReadonlyMap<string, Normaliser>;
  /** What is known of the tokens that requests show. */
  readonly tokens: TokenLookup;
  /** The relations of each request that has any. */
  readonly requirements: ReadonlyMap<string, Requirements>;
  readonly requests: ReadonlyMap<string, RequestDeclaration>;
  /** The plan that a request begins. */
  readonly roots: ReadonlyMap<string, StepPlan>;
  /** For roots of jobs: microseconds that lie at least between two runs. */
  readonly intervals: ReadonlyMap<string, number>;
  /** One place of each request in a chain, whichever comes first. */
  readonly steps: ReadonlyMap<string, StepPlan>;
  readonly outside: ReadonlySet<string>;
  /** Principals of which nothing is blocked. */
  readonly audited: ReadonlySet<string>;
  /** True for a service of the application, false for everybody outside of it. */
  serves(name: string): boolean;
  /** What a service's port speaks; null for a port that is not declared. */
  protocolAt(service: string, port: number): Protocol | null;
  mayConnect(from: string, to: string, protocol: Protocol): boolean;
  http(from: string, to: string): readonly HttpRequestDeclaration[];
  amqp(from: string, to: string): readonly AmqpRequestDeclaration[];
  sql(from: string, to: string): readonly SqlRequestDeclaration[];
}

/** Compiles a document that `checkPolicy` found without errors. */
export function compile(document: PolicyDocument, tokens: TokenLookup = NO_TOKENS): CompiledPolicy {
  const requests = new Map(document.requests.map((request) => [request.id, request]));
  const ports = new Map<string, Protocol>();
  for (const service of document.services) {
    for (const [protocol, numbers] of Object.entries(service.ports)) {
      for (const port of numbers ?? []) ports.set(`${service.name}\n${port}`, protocol as Protocol);
    }
  }
  const allowed = new Set(
    derivedConnections(document).map(({ from, to, protocol }) => `${from}\n${to}\n${protocol}`),
  );
  // By protocol, by source, by destination: a name made of the three would have to be made for each request.
  const between = new Map<string, Map<string, Map<string, RequestDeclaration[]>>>();
  for (const request of document.requests) {
    const bySource = between.get(request.protocol) ?? new Map<string, Map<string, RequestDeclaration[]>>();
    between.set(request.protocol, bySource);
    const byDestination = bySource.get(request.from) ?? new Map<string, RequestDeclaration[]>();
    bySource.set(request.from, byDestination);
    const declared = byDestination.get(request.to);
    if (declared === undefined) byDestination.set(request.to, [request]);
    else declared.push(request);
  }
  const list = (protocol: string, from: string, to: string): readonly RequestDeclaration[] =>
    between.get(protocol)?.get(from)?.get(to) ?? [];
  const facts = factsByRequest(document);
  const normalisers = normalisersOf(document);
  const requirements = requirementsOf(document, normalisers);
  const spoken = new Map(
    document.requests.map((request) => [
      request.id,
      [...new Set(factsOfRequest(request, document.memories ?? []))].sort(),
    ]),
  );
  const steps = new Map<string, StepPlan>();
  const roots = new Map<string, StepPlan>();
  for (const { root } of document.chains) {
    const scopes = scopesOf(root, requests, document.memories);
    roots.set(root.request, planOf(root, null, 0, { requests, facts, spoken, requirements, scopes }, steps));
  }
  return {
    document,
    hash: hashOf(document),
    addresses: addressBook(document),
    normalisers,
    tokens,
    requirements,
    requests,
    roots,
    intervals: new Map(
      document.chains.flatMap(({ root, every }) => (every === null ? [] : [[root.request, every] as const])),
    ),
    steps,
    outside: new Set(document.outside),
    audited: new Set(document.services.flatMap(({ name, audited }) => (audited === true ? [name] : []))),
    serves: (name) =>
      document.services.some((service) => service.name === name && service.kind === 'service'),
    protocolAt: (service, port) => ports.get(`${service}\n${port}`) ?? null,
    mayConnect: (from, to, protocol) => allowed.has(`${from}\n${to}\n${protocol}`),
    http: (from, to) => list('http', from, to) as readonly HttpRequestDeclaration[],
    amqp: (from, to) => list('amqp', from, to) as readonly AmqpRequestDeclaration[],
    sql: (from, to) => list('sql', from, to) as readonly SqlRequestDeclaration[],
  };
}

function addressBook(document: PolicyDocument): AddressBook {
  const entries: [Prefix, Principal][] = [];
  let otherwise = UNKNOWN;
  for (const { name, kind, at } of document.services) {
    const principal: Principal = { kind, name };
    if (kind === 'external' && at.length === 0) otherwise = principal;
    for (const address of at) {
      const prefix = parsePrefix(address);
      if (prefix !== null) entries.push([prefix, principal]);
    }
  }
  return new AddressBook(entries, otherwise);
}

/** How each fact is compared: one place that says so says it for all places. */
export function normalisersOf(document: PolicyDocument): ReadonlyMap<string, Normaliser> {
  const normalisers = new Map<string, Normaliser>();
  for (const { facts } of document.requests) {
    for (const { fact, as } of facts) if (as !== 'text') normalisers.set(fact, as);
  }
  return normalisers;
}

function planOf(
  step: StepDeclaration,
  parent: StepPlan | null,
  position: number,
  known: {
    readonly requests: ReadonlyMap<string, RequestDeclaration>;
    readonly facts: ReadonlyMap<string, readonly string[]>;
    readonly spoken: ReadonlyMap<string, readonly string[]>;
    readonly requirements: ReadonlyMap<string, Requirements>;
    readonly scopes: ReadonlyMap<StepDeclaration, ReadonlySet<string>>;
  },
  steps: Map<string, StepPlan>,
): StepPlan {
  const request = known.requests.get(step.request);
  const delivered = request?.protocol === 'amqp' && request.action.kind === 'deliver';
  const children: StepPlan[] = [];
  const plan: StepPlan = {
    request: step.request,
    cardinality: step.cardinality,
    within: step.within,
    least: step.least,
    most: step.most,
    // A broker delivers again what was not acknowledged; that is its duty and not the consumer's doing.
    retries: delivered ? Math.max(step.retries, REDELIVERIES) : step.retries,
    order: step.order,
    facts: known.facts.get(step.request) ?? [],
    speaks: known.spoken.get(step.request) ?? [],
    requires: known.requirements.get(step.request) ?? null,
    owns: known.scopes.get(step) ?? NONE,
    staysOpen: request?.protocol === 'amqp' && request.action.kind === 'publish',
    parent,
    position,
    children,
  };
  if (!steps.has(step.request)) steps.set(step.request, plan);
  for (const [i, child] of step.children.entries()) children.push(planOf(child, plan, i, known, steps));
  return plan;
}

const NONE: ReadonlySet<string> = new Set();

/** Redeliveries of one message that are explained. */
const REDELIVERIES = 16;
