// Which exchanges are requests of one kind. Enters: exchanges of all sources; leaves: kinds, with path templates and statements.

import { readTarget } from '../../policy/match/target.ts';
import type { SqlStatement } from '../../sql/reading.ts';
import { onlyStatement } from '../mutation/sql-fields.ts';
import type { Action, Exchange } from './exchange.ts';
import { Shapes } from './shape.ts';
import { readingsOf } from './spot.ts';

/** A kind of request between two principals. */
export interface Kind {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly what:
    | { readonly kind: 'http'; readonly method: string; readonly segments: readonly (string | null)[] }
    | { readonly kind: 'sql'; readonly statement: SqlStatement }
    | { readonly kind: 'amqp'; readonly action: Action };
}

/** Different words in one place of otherwise equal paths that make it a parameter. */
const MANY_WORDS = 8;

const ID =
  /^(?:\d+|(?=.*\d)[0-9a-f]{8,}|[0-9a-f]{8}-[0-9a-f-]{27}|(?=.*\d)[A-Za-z]{1,4}[-_][0-9A-Za-z]{4,}|(?=.*\d.*\d)[0-9A-Za-z_-]{16,})$/i;

/** Tells the kinds apart. `nameOf` gives the principal at an address. */
export class Kinds {
  readonly #values: ReadonlySet<string>;
  readonly #templates = new Map<string, readonly (string | null)[]>();
  readonly #shapes = new Shapes();
  readonly #nameOf: (ip: string) => string;

  constructor(exchanges: readonly Exchange[], nameOf: (ip: string) => string) {
    this.#nameOf = nameOf;
    const values = new Set<string>();
    for (const exchange of exchanges)
      for (const { spot, value } of readingsOf(exchange)) if (spot.in !== 'path') values.add(value);
    this.#values = values;
    this.#learnPaths(exchanges);
    for (const { asked, from, to } of exchanges) {
      const statement = asked.kind === 'sql' ? onlyStatement(asked.statement) : null;
      if (asked.kind === 'sql' && statement !== null)
        this.#shapes.learn(`${nameOf(from)}\n${nameOf(to)}`, statement, asked.statement.via === 'bound');
    }
  }

  /** Why no policy can declare a request; null when one can. */
  refusal({ asked }: Exchange): string | null {
    if (asked.kind === 'http') {
      const target = readTarget(asked.request.target);
      if (target.kind === 'refused') return `its target is not plain: ${target.why}`;
      return target.segments.some((segment) => segment.startsWith(':')) ? 'its path has a colon' : null;
    }
    if (asked.kind === 'amqp' || onlyStatement(asked.statement) !== null) return null;
    return asked.statement.text === null
      ? 'it was prepared before the capture began'
      : 'it is no single statement that can be read';
  }

  /** Null for what no policy can declare. */
  of(exchange: Exchange): Kind | null {
    if (this.refusal(exchange) !== null) return null;
    const from = this.#nameOf(exchange.from);
    const to = this.#nameOf(exchange.to);
    const { asked } = exchange;
    const between = `${from}\n${to}`;
    switch (asked.kind) {
      case 'http': {
        const { method, target } = asked.request;
        const segments = this.#templates.get(`${between}\n${method}\n${pathOf(target)}`) ?? [];
        const id = `${between}\n${method}\n${segments.map((each) => each ?? ':').join('/')}`;
        return { id, from, to, what: { kind: 'http', method, segments } };
      }
      case 'amqp': {
        const id = `${between}\n${Object.values(asked.action).join(' ')}`;
        return { id, from, to, what: { kind: 'amqp', action: asked.action } };
      }
      case 'sql': {
        const statement = onlyStatement(asked.statement);
        if (statement === null) return null;
        const shape = this.#shapes.of(between, statement, asked.statement.via === 'bound');
        return { id: `${between}\n${shape}`, from, to, what: { kind: 'sql', statement } };
      }
    }
  }

  #learnPaths(exchanges: readonly Exchange[]): void {
    const groups = new Map<string, Map<string, readonly string[]>>();
    for (const { asked, from, to } of exchanges) {
      if (asked.kind !== 'http') continue;
      const path = pathOf(asked.request.target);
      const parsed = readTarget(asked.request.target);
      if (parsed.kind === 'refused') continue;
      const { segments } = parsed;
      const group = `${this.#nameOf(from)}\n${this.#nameOf(to)}\n${asked.request.method}`;
      const known = groups.get(`${group}\n${segments.length}`) ?? new Map();
      groups.set(`${group}\n${segments.length}`, known.set(`${group}\n${path}`, segments));
    }
    for (const group of groups.values()) {
      const templates = new Map(
        [...group].map(([name, segments]) => [name, segments.map((segment, i) => this.#literal(segment, i))]),
      );
      for (const [name, template] of generalised(templates)) this.#templates.set(name, template);
    }
  }

  /** Null for a segment that is a value: it looks like an id, or stands as a value somewhere else, too. */
  #literal(segment: string, position: number): string | null {
    if (ID.test(segment)) return null;
    // What a path begins with names a collection, whatever else has that name.
    return position > 0 && segment.length > 1 && this.#values.has(segment) ? null : segment;
  }
}

function pathOf(target: string): string {
  return target.split('?')[0] ?? '';
}

type Template = readonly (string | null)[];

/** A word becomes a parameter where paths that are otherwise equal have one, or have many words. */
function generalised(templates: ReadonlyMap<string, Template>): ReadonlyMap<string, Template> {
  let current = templates;
  for (;;) {
    const groups = new Map<string, Set<string | null>>();
    const keys = (template: Template): readonly string[] =>
      template.map((_, i) => JSON.stringify([i, template.with(i, null)]));
    for (const template of current.values())
      for (const [i, key] of keys(template).entries()) {
        const words = groups.get(key) ?? new Set();
        groups.set(key, words.add(template[i] ?? null));
      }
    const next = new Map(
      [...current].map(([name, template]) => {
        const here = keys(template);
        return [
          name,
          template.map((segment, i) => {
            const words = groups.get(here[i] ?? '') ?? new Set();
            return words.has(null) || (i > 0 && words.size > MANY_WORDS) ? null : segment;
          }),
        ] as const;
      }),
    );
    if (JSON.stringify([...next]) === JSON.stringify([...current])) return current;
    current = next;
  }
}
