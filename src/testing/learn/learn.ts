// Proposes a policy from honest traffic. Enters: sources; leaves: the text of a policy module, and what its author should know.
import { InputError } from '../../errors.ts';
import type { Micros } from '../../flow.ts';
import { loadSqlParsers } from '../../sql/read.ts';
import { eventsOf, type Source } from '../source.ts';
import { type Forest, forestOf, type Instance } from './chains.ts';
import { type Exchange, exchangesOf } from './exchange.ts';
import { factsOf } from './facts.ts';
import { type Kind, Kinds } from './kind.ts';
import { principalsOf } from './principals.ts';
import { print } from './print.ts';
import { stepOf } from './structure.ts';

export interface LearnOptions {
  /** The application's name; `learnt` by default. */
  readonly application?: string;
  /** Names of principals that are known, by address. */
  readonly names?: ReadonlyMap<string, string>;
}

export interface LearntPolicy {
  /** A TypeScript module, ready to be written to a file. */
  readonly text: string;
  /** What the words of a policy cannot say, and where the traffic told too little. */
  readonly notes: readonly string[];
  /** Requests that it was learnt from. */
  readonly requests: number;
}

/**
 * Proposes a policy that is as narrow as the traffic that it saw: services and ports, requests with path parameters, what
 * causes what how often and in which order, and the values that are the same along a chain. The traffic has to be honest,
 * for whatever it does will be allowed.
 * @throws InputError for a capture that cannot be read, or for traffic without a request
 */
export async function learn(
  sources: readonly Source[],
  { application = 'learnt', names = new Map() }: LearnOptions = {},
): Promise<LearntPolicy> {
  await loadSqlParsers();
  const traffic = [];
  for (const source of sources) traffic.push(exchangesOf(await eventsOf(source, null)));
  const exchanges = traffic.flatMap((each) => each.exchanges);
  if (exchanges.length === 0)
    throw new InputError(
      'usage',
      null,
      'there is no request in this traffic',
      'give captures in which HTTP, AMQP or SQL is spoken in the clear',
    );
  const principals = principalsOf(traffic, names);
  const kinds = new Kinds(exchanges, principals.nameOf);
  const services = new Set(principals.list.filter(({ kind }) => kind === 'service').map(({ name }) => name));
  const isService = (ip: string): boolean => services.has(principals.nameOf(ip));
  const forests = traffic.map((each) =>
    forestOf(each.exchanges, (exchange) => kinds.of(exchange), isService),
  );

  const anybody = principals.list.find(({ kind, at }) => kind === 'external' && at.length === 0);
  const { roots, outside } = rootsOf(forests, anybody?.name ?? null);
  const sure = new Set(roots.filter((root) => forests.every(({ doubtful }) => !doubtful.has(root))));
  const chains = byKind(roots).map((alike) => {
    const evidence = alike.filter((root) => sure.has(root));
    const byService = services.has(alike[0]?.kind.from ?? '');
    return {
      root: stepOf(evidence.length > 0 ? evidence : alike),
      every: byService ? intervalOf(alike) : null,
    };
  });
  const facts = factsOf(sure.size > 0 ? [...sure] : roots);
  const printed = print({
    application,
    seen: `Learnt from ${exchanges.length} requests, of which ${roots.length} are user requests.`,
    principals: principals.list,
    chains,
    outside,
    facts,
    exchanges: group(exchanges, kinds),
  });
  const refused = exchanges.flatMap((exchange) => {
    const why = kinds.refusal(exchange);
    const [from, to] = [principals.nameOf(exchange.from), principals.nameOf(exchange.to)];
    return why === null ? [] : [`Not declared: a request of ${from} to ${to}: ${why}.`];
  });
  return {
    text: printed.text,
    notes: [...printed.notes, ...new Set(refused)],
    requests: exchanges.length,
  };
}

/** User requests, and kinds of requests that belong to none. */
function rootsOf(
  forests: readonly Forest[],
  anybody: string | null,
): { readonly roots: readonly Instance[]; readonly outside: readonly Kind[] } {
  const all = forests.flatMap(({ trees, orphans }) => [...trees, ...orphans]);
  const causing = new Set(all.filter(({ children }) => children.length > 0).map(({ kind }) => kind.id));
  // What a customer asks for is a user request even when it causes nothing; what a probe or a pool does is none.
  const isRoot = ({ kind }: Instance): boolean => causing.has(kind.id) || kind.from === anybody;
  const roots = all.filter(isRoot);
  const outside = new Map(all.filter((each) => !isRoot(each)).map(({ kind }) => [kind.id, kind]));
  return { roots, outside: [...outside.values()] };
}

/** The shortest time between two runs of a job; a minute for one that ran once. */
function intervalOf(runs: readonly Instance[]): Micros {
  const times = runs.map(({ exchange }) => exchange.ts).sort((a, b) => a - b);
  const gaps = times.slice(1).map((time, i) => time - (times[i] ?? time));
  return gaps.length === 0 ? MINUTE : Math.min(...gaps);
}

const MINUTE: Micros = 60_000_000;

function byKind(roots: readonly Instance[]): readonly (readonly Instance[])[] {
  const groups = new Map<string, Instance[]>();
  for (const root of roots) groups.set(root.kind.id, [...(groups.get(root.kind.id) ?? []), root]);
  return [...groups.values()];
}

function group(exchanges: readonly Exchange[], kinds: Kinds): ReadonlyMap<string, readonly Exchange[]> {
  const groups = new Map<string, Exchange[]>();
  for (const exchange of exchanges) {
    const id = kinds.of(exchange)?.id;
    if (id !== undefined) groups.set(id, [...(groups.get(id) ?? []), exchange]);
  }
  return groups;
}
