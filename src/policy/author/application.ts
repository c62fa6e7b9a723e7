// Builds the policy document from what an author's function declares. Enters: the function; leaves: a plain document.
import { isIP } from 'node:net';
import type { Protocol } from '../../events/common.ts';
import { DEFAULT_KEYS, DEFAULT_LIMITS, DEFAULT_POSTURES } from '../defaults.ts';
import type {
  ChainDeclaration,
  PolicyDocument,
  RequestDeclaration,
  StepDeclaration,
  TokenSettings,
} from '../document.ts';
import type { Rule, Settings, Step, TokenOptions } from './chain.ts';
import { type Collector, callSite, collect, collector, invalid, type RequestDraft } from './context.ts';
import { microseconds } from './duration.ts';
import { draftOf, type Principal } from './request.ts';

type Ports = number | readonly number[];

/** Where a service is and what it speaks. */
export type ServiceOptions = {
  /** IP addresses or CIDR prefixes. */
  readonly at: string | readonly string[];
  /** `audit`: whatever comes from it and would be denied is said, and not blocked. */
  readonly mode?: PolicyDocument['mode'];
} & { readonly [P in Protocol]?: Ports };

/** Where somebody outside is; without addresses, at every address that nobody else has. */
type ExternalOptions = Partial<Pick<ServiceOptions, 'at' | 'mode'>>;

/** What the function given to `application` may use. */
export interface Tools {
  /** A microservice, a broker or a database of the application. */
  service(name: string, options: ServiceOptions): Exclude<Principal, string>;
  /** A principal outside of it; without addresses, every address that no service has. */
  external(name: string, options?: ExternalOptions): Exclude<Principal, string>;
}

/**
 * Declares an application: its services, their requests, and how a user request is served. From this one declaration
 * follow the connection, request and integrity policies of the paper (section V-A); whatever is not in it is denied.
 * @throws InputError with the author's line.
 */
export function application(name: string, define: (tools: Tools) => Rule | readonly Rule[]): PolicyDocument {
  const place = callSite();
  if (name === '') throw invalid(place, 'an application needs a name', 'give it as the first argument');
  const { result, collector: collected } = collect(() => define({ service, external }));
  const rules = 'kind' in result ? [result] : result;
  return build(name, rules, collected);
}

const PROTOCOLS: readonly Protocol[] = ['http', 'amqp', 'postgres', 'mysql'];

function service(name: string, options: ServiceOptions): Exclude<Principal, string> {
  const place = callSite();
  const ports: Partial<Record<Protocol, readonly number[]>> = {};
  for (const protocol of PROTOCOLS) {
    const given = options[protocol];
    if (given !== undefined) ports[protocol] = typeof given === 'number' ? [given] : given;
  }
  collector().services.push({
    name,
    kind: 'service',
    at: addresses(options.at),
    ports,
    ...(options.mode === 'audit' ? { audited: true } : {}),
    place,
  });
  return { kind: 'principal', name };
}

function external(name: string, options?: ExternalOptions): Exclude<Principal, string> {
  const place = callSite();
  const at = options?.at === undefined ? [] : addresses(options.at);
  const audited = options?.mode === 'audit' ? ({ audited: true } as const) : {};
  collector().services.push({ name, kind: 'external', at, ports: {}, ...audited, place });
  return { kind: 'principal', name };
}

function addresses(at: string | readonly string[]): readonly string[] {
  const list = typeof at === 'string' ? [at] : at;
  for (const address of list) {
    const [ip = '', length] = address.split('/');
    const most = isIP(ip) === 4 ? 32 : 128;
    const good =
      isIP(ip) !== 0 && (length === undefined || (/^\d{1,3}$/.test(length) && Number(length) <= most));
    if (!good) {
      throw invalid(
        callSite(),
        `"${address}" is no IP address or prefix`,
        'write it as 10.1.0.11 or 10.1.0.0/24',
      );
    }
  }
  return list;
}

function build(name: string, rules: readonly Rule[], collected: Collector): PolicyDocument {
  const ids = nameRequests(collected.requests);
  const idOf = (draft: RequestDraft): string => {
    const id = ids.get(draft);
    if (id === undefined)
      throw invalid(draft.place, 'a request of another application', 'declare it in this one');
    return id;
  };
  const chains: ChainDeclaration[] = [];
  const outside: string[] = [];
  let settings: Settings = {};
  for (const rule of rules) {
    if (rule.kind === 'chain')
      chains.push({ root: stepDeclaration(rule.root, idOf), every: rule.every, place: rule.place });
    else if (rule.kind === 'outside') outside.push(...rule.requests.map((request) => idOf(draftOf(request))));
    else settings = { ...settings, ...rule.settings };
  }
  const requests: RequestDeclaration[] = collected.requests.map((draft) => draft.finish(idOf(draft)));
  return {
    format: 1,
    application: name,
    mode: settings.mode ?? 'enforce',
    services: collected.services,
    requests,
    chains,
    outside,
    keys: [...DEFAULT_KEYS, ...(settings.keys ?? [])],
    postures: { ...DEFAULT_POSTURES, ...settings.postures },
    limits: {
      reorder: settings.reorder === undefined ? DEFAULT_LIMITS.reorder : microseconds(settings.reorder),
      skew: settings.clockSkew === undefined ? DEFAULT_LIMITS.skew : microseconds(settings.clockSkew),
      chain:
        settings.chainLifetime === undefined ? DEFAULT_LIMITS.chain : microseconds(settings.chainLifetime),
      chains: settings.chains ?? DEFAULT_LIMITS.chains,
      block: settings.block === undefined ? DEFAULT_LIMITS.block : microseconds(settings.block),
    },
    ...(collected.memories.length === 0 ? {} : { memories: collected.memories }),
    ...(settings.refuse === undefined ? {} : { refuse: settings.refuse }),
    ...(settings.tokens === undefined ? {} : { tokens: tokenSettings(settings.tokens) }),
  };
}

function tokenSettings({ keys, algorithms, issuer, audience = [] }: TokenOptions): TokenSettings {
  return {
    keys: keys.keys,
    algorithms,
    issuer: issuer ?? null,
    audience: typeof audience === 'string' ? [audience] : audience,
  };
}

function stepDeclaration(step: Step, idOf: (draft: RequestDraft) => string): StepDeclaration {
  return {
    request: idOf(draftOf(step.request)),
    cardinality: step.cardinality,
    within: step.limit,
    least: step.least,
    most: step.most,
    retries: step.retries,
    order: step.order,
    children: step.children.map((child) => stepDeclaration(child, idOf)),
    place: step.place,
  };
}

/** Gives every request the author's name, or what it is; what is not unique says who asks whom, too. */
function nameRequests(drafts: readonly RequestDraft[]): Map<RequestDraft, string> {
  const shared = new Map<string, number>();
  for (const { name, label } of drafts) shared.set(name ?? label, (shared.get(name ?? label) ?? 0) + 1);
  const ids = new Map<RequestDraft, string>();
  const taken = new Set<string>();
  for (const draft of drafts) {
    const short = draft.name ?? draft.label;
    const long = shared.get(short) === 1 ? short : `${short} (${draft.from()} to ${draft.to()})`;
    let id = long;
    for (let n = 2; taken.has(id); n++) id = `${long} #${n}`;
    taken.add(id);
    ids.set(draft, id);
  }
  return ids;
}
