// Which request caused which, guessed from who was serving what. Enters: exchanges with their kinds; leaves: trees of user requests.
import type { Micros } from '../../flow.ts';
import type { Exchange } from './exchange.ts';
import type { Kind } from './kind.ts';
import { keyOf, type Reading, readingsOf } from './spot.ts';

/** One exchange in its place. */
export interface Instance {
  readonly exchange: Exchange;
  readonly kind: Kind;
  readonly readings: readonly Reading[];
  readonly parent: Instance | null;
  readonly children: Instance[];
  readonly root: Instance;
}

export interface Forest {
  /** Requests that nobody inside was asked for, each with what it caused. */
  readonly trees: readonly Instance[];
  /** Requests that a service made while it served nothing. */
  readonly orphans: readonly Instance[];
  /** Roots of trees of which a part might belong to another one: they are no evidence. */
  readonly doubtful: ReadonlySet<Instance>;
}

/** Clocks and packets may be so late. */
const SLACK: Micros = 5_000;

/** Kinds of the housekeeping of pools and brokers: they belong to no user request. */
function isHousekeeping({ what }: Kind): boolean {
  switch (what.kind) {
    case 'http':
      return false;
    case 'amqp':
      return what.action.kind !== 'publish' && what.action.kind !== 'deliver';
    case 'sql':
      return !['select', 'insert', 'update', 'delete'].includes(what.statement.verb);
  }
}

/** Joins the exchanges of one source. `isService` tells addresses inside of the application. */
export function forestOf(
  exchanges: readonly Exchange[],
  kindOf: (exchange: Exchange) => Kind | null,
  isService: (ip: string) => boolean,
): Forest {
  const trees: Instance[] = [];
  const orphans: Instance[] = [];
  const doubtful = new Set<Instance>();
  const telling = tellingPlaces(exchanges, kindOf);
  const serving = new Map<string, Instance[]>();
  const published = new Map<string, Instance[]>();

  for (const exchange of exchanges) {
    const kind = kindOf(exchange);
    if (kind === null) continue;
    const readings = readingsOf(exchange);
    const place = (parent: Instance | null): Instance => {
      const instance: Instance = {
        exchange,
        kind,
        readings,
        parent,
        children: [],
        get root() {
          return parent === null ? instance : parent.root;
        },
      };
      parent?.children.push(instance);
      return instance;
    };
    const delivered = kind.what.kind === 'amqp' && kind.what.action.kind === 'deliver';
    const candidates = delivered
      ? (published.get(messageName(exchange, exchange.from)) ?? [])
      : (serving.get(exchange.from) ?? []).filter((each) => isServing(each, exchange.ts));
    const { best, tied } = delivered ? newest(candidates) : choose(candidates, exchange, kind, telling);
    const joined = isHousekeeping(kind) ? null : best;
    const instance = place(joined);
    if (joined === null) (isService(exchange.from) ? orphans : trees).push(instance);
    else if (tied) doubtful.add(joined.root);
    if (joined !== null && tied) for (const other of candidates) doubtful.add(other.root);
    if (kind.what.kind === 'amqp' && kind.what.action.kind === 'publish') {
      const name = messageName(exchange, exchange.to);
      published.set(name, [...(published.get(name) ?? []), instance]);
    } else {
      const others = (serving.get(exchange.to) ?? []).filter((each) => isServing(each, exchange.ts));
      serving.set(exchange.to, [...others, instance]);
    }
  }
  return { trees, orphans, doubtful };
}

function isServing({ exchange }: Instance, at: Micros): boolean {
  return exchange.ended === null || at <= exchange.ended + SLACK;
}

/** Places whose value is not always the same: a shared constant ties nothing to anything. */
type Telling = (kind: Kind, reading: Reading) => boolean;

function tellingPlaces(exchanges: readonly Exchange[], kindOf: (exchange: Exchange) => Kind | null): Telling {
  const values = new Map<string, Set<string>>();
  const name = (kind: Kind, { spot }: Reading): string => `${kind.id}\n${keyOf(spot)}`;
  for (const exchange of exchanges) {
    const kind = kindOf(exchange);
    if (kind === null) continue;
    for (const reading of readingsOf(exchange)) {
      const known = values.get(name(kind, reading)) ?? new Set();
      if (known.size < 2) values.set(name(kind, reading), known.add(reading.value));
    }
  }
  return (kind, reading) => (values.get(name(kind, reading))?.size ?? 0) > 1;
}

/**
 * The one that shares a key with it, then most values, then has not caused such a request yet, then is still open; `tied`
 * when another one is as good.
 */
function choose(
  candidates: readonly Instance[],
  exchange: Exchange,
  kind: Kind,
  telling: Telling,
): { readonly best: Instance | null; readonly tied: boolean } {
  const own = readingsOf(exchange).filter((reading) => telling(kind, reading));
  const values = new Set(own.map(({ value }) => value));
  const scored = candidates
    .filter(({ root }) => !contradicts(root.exchange, exchange))
    .map((instance) => {
      const named = sharesKey(instance.root.exchange, exchange) || sharesKey(instance.exchange, exchange);
      const shared = [...valuesOf(instance.root, telling)].filter((value) => values.has(value)).length;
      const first = instance.children.every((child) => child.kind.id !== kind.id);
      const open = instance.exchange.ended === null || exchange.ts <= instance.exchange.ended;
      return { instance, score: (named ? 1e6 : 0) + shared * 10 + (first ? 2 : 0) + (open ? 1 : 0) };
    })
    .sort((a, b) => b.score - a.score);
  const [best, second] = scored;
  return { best: best?.instance ?? null, tied: second !== undefined && second.score === best?.score };
}

/** What a user request and everything that it caused said, and was answered. */
function valuesOf(root: Instance, telling: Telling): ReadonlySet<string> {
  const values = new Set<string>();
  const add = ({ kind, readings, children }: Instance): void => {
    for (const reading of readings) if (telling(kind, reading)) values.add(reading.value);
    for (const child of children) add(child);
  };
  add(root);
  return values;
}

/** A message was published before it is delivered; of several that say the same, any may be it. */
function newest(published: readonly Instance[]): {
  readonly best: Instance | null;
  readonly tied: boolean;
} {
  return { best: published.at(-1) ?? null, tied: published.length > 1 };
}

/** By which a message is found again: its id, or, without one, everything that it says. */
function messageName(exchange: Exchange, broker: string): string {
  const id = exchange.keys.get('message');
  return `${broker}\n${id === undefined ? contentOf(exchange) : `id ${id}`}`;
}

function contentOf(exchange: Exchange): string {
  return JSON.stringify(readingsOf(exchange).map(({ spot, value }) => [keyOf(spot), value]));
}

function sharesKey(a: Exchange, b: Exchange): boolean {
  return [...b.keys].some(([key, value]) => a.keys.get(key) === value);
}

function contradicts(a: Exchange, b: Exchange): boolean {
  return [...b.keys].some(([key, value]) => {
    const own = a.keys.get(key);
    return own !== undefined && own !== value;
  });
}
