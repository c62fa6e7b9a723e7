// One kind of request as a declaration in TypeScript. Enters: a kind, its exchanges, the facts; leaves: code, or why there is none.

import { onlyStatement } from '../mutation/sql-fields.ts';
import type { Exchange } from './exchange.ts';
import type { LearntFact } from './facts.ts';
import type { Kind } from './kind.ts';
import { predicateWords, valueWords } from './operands.ts';
import { keyOf, readingsOf, type Spot } from './spot.ts';
import { call, object, quoted } from './words.ts';

export interface Declaration {
  /** A call on each line; the first without an indent. */
  readonly lines: readonly string[];
}

export type Declared =
  | { readonly kind: 'declared'; readonly declaration: Declaration }
  /** The words of a policy cannot say it. */
  | { readonly kind: 'unsayable'; readonly why: string };

/** What a declaration is made from. */
export interface Material {
  readonly kind: Kind;
  readonly exchanges: readonly Exchange[];
  readonly facts: readonly LearntFact[];
  /** Variables of principals. */
  readonly from: string;
  readonly to: string;
  /** Given where several requests would have the same name. */
  readonly name: string | null;
  readonly indent: string;
}

/** Writes a request down as narrowly as it was seen. */
export function declare(material: Material): Declared {
  const { what } = material.kind;
  switch (what.kind) {
    case 'http':
      return declared(
        material,
        [`http`, methodWord(what.method, pathWord(material, what.segments))],
        [queryWord(material)],
      );
    case 'amqp': {
      // The words take their names in the order in which an action has them.
      const [, ...names] = Object.values(what.action);
      return declared(
        material,
        ['amqp', `.${call(camelAction(what.action.kind), ...names.map(quoted))}`],
        [],
      );
    }
    case 'sql':
      return declareSql(material, what.statement);
  }
}

function declared(
  { from, to, name, indent, ...material }: Material,
  head: readonly string[],
  tail: readonly (string | null)[],
): Declared {
  const lines = [
    ...head,
    `.${call('from', from)}`,
    `.${call('to', to)}`,
    ...tail.filter((line) => line !== null),
    ...factWords({ ...material, from, to, name, indent }),
    ...(name === null ? [] : [`.${call('named', quoted(name))}`]),
  ];
  return { kind: 'declared', declaration: { lines } };
}

function methodWord(method: string, path: string): string {
  const known = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'].includes(method);
  return known
    ? `.${call(method.toLowerCase(), quoted(path))}`
    : `.${call('request', quoted(method), quoted(path))}`;
}

function pathWord(material: Material, segments: readonly (string | null)[]): string {
  const used = new Set(material.facts.map(({ name }) => name));
  const names = segments.map((segment, i) => {
    if (segment !== null) return segment;
    const fact = factAt(material, { in: 'path', segment: i + 1 });
    if (fact !== null) return `:${fact.name}`;
    // It agrees with nothing: a name of its own, or it would be compared with the fact of that name.
    let name = `part${i + 1}`;
    while (used.has(name)) name = `${name}_`;
    return `:${name}`;
  });
  return `/${names.join('/')}`;
}

function queryWord(material: Material): string | null {
  const names = new Set(
    material.exchanges.flatMap((exchange) =>
      readingsOf(exchange).flatMap(({ spot }) => (spot.in === 'query' ? [spot.name] : [])),
    ),
  );
  const others = [...names].filter((name) => factAt(material, { in: 'query', name }) === null);
  return others.length === 0 ? null : `.${call('query', ...others.map(quoted))}`;
}

function camelAction(kind: string): string {
  return kind.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}

const PROPERTIES: ReadonlySet<string> = new Set([
  'message-id',
  'correlation-id',
  'reply-to',
  'type',
  'user-id',
  'app-id',
]);

/** Facts by the place where they stand. A second place of the same fact needs a call of its own. */
function factWords(material: Material): readonly string[] {
  const calls: (readonly [string, string])[][] = [];
  for (const fact of material.facts) {
    let nth = 0;
    for (const { kind, spot } of fact.positions) {
      if (kind.id !== material.kind.id) continue;
      const word = sourceWord(spot);
      if (word === null) continue;
      const present = isAlwaysThere(material.exchanges, spot) ? word : call('maybe', word);
      const pair = [fact.name, fact.as === 'decimal' ? call('decimal', present) : present] as const;
      calls[nth] = [...(calls[nth] ?? []), pair];
      nth++;
    }
  }
  return calls.map(
    (pairs) => `.facts(${object(pairs, `${material.indent}  `, material.indent.length + 10)})`,
  );
}

function sourceWord(spot: Spot): string | null {
  switch (spot.in) {
    case 'path':
    case 'where':
    case 'value':
      return null;
    case 'property':
      return PROPERTIES.has(spot.name) ? call('property', quoted(spot.name)) : null;
    case 'response-header':
      return call('responseHeader', quoted(spot.name));
    default:
      return call(spot.in, quoted(spot.name));
  }
}

/** A value of the answer has to be there whenever the answer says that it went well. */
function isAlwaysThere(exchanges: readonly Exchange[], spot: Spot): boolean {
  const answered = spot.in === 'response' || spot.in === 'response-header' || spot.in === 'result';
  return exchanges
    .filter(({ ok }) => !answered || ok === true)
    .every((exchange) => readingsOf(exchange).some((reading) => keyOf(reading.spot) === keyOf(spot)));
}

function factAt({ kind, facts }: Pick<Material, 'kind' | 'facts'>, spot: Spot): LearntFact | null {
  const here = (position: LearntFact['positions'][number]): boolean =>
    position.kind.id === kind.id && keyOf(position.spot) === keyOf(spot);
  return facts.find(({ positions }) => positions.some(here)) ?? null;
}

type Statement = Extract<Kind['what'], { kind: 'sql' }>['statement'];

function declareSql(material: Material, statement: Statement): Declared {
  const { verb, tables, setting } = statement;
  const columns = allOf(material, (each) => each.columns);
  const returning = allOf(material, (each) => each.returning);
  const functions = allOf(material, (each) => each.functions);
  const features = allOf(material, (each) => each.features);
  const unsayable = (why: string): Declared => ({ kind: 'unsayable', why });
  const names = new Set(tables.map(({ schema, name }) => (schema === null ? name : `${schema}.${name}`)));
  const [table] = names;
  if (names.size > 1) return unsayable(`it joins ${[...names].join(' and ')}`);
  const head = sqlHead(verb, table ?? null, setting, columns);
  if (head === null) return unsayable(`there is no word for ${verb}`);
  const at = (spot: Spot): string | null => factAt(material, spot)?.name ?? null;
  const where = predicateWords(material.exchanges, at);
  if (where === null) return unsayable('its WHERE is more than plain comparisons');
  const values = valueWords(material.exchanges, at);
  if (values === null) return unsayable('it inserts several rows, or does not name its columns');
  const write = verb === 'insert' ? 'values' : 'sets';
  return declared(
    material,
    ['sql', head],
    [
      ...calls('where', where, material.indent),
      ...calls(write, values, material.indent),
      returning.length === 0 ? null : `.${call('returning', ...returning.map(quoted))}`,
      features.length === 0 ? null : `.${call('allowing', ...features.map(quoted))}`,
      functions.length === 0 ? null : `.${call('calling', ...functions.map(quoted))}`,
    ],
  );
}

/** What the statements of one kind read, call and use: a policy cannot tell them apart by that. */
function allOf(
  { exchanges }: Material,
  part: (statement: Statement) => readonly string[],
): readonly string[] {
  const parts = exchanges.flatMap(({ asked }) => {
    const statement = asked.kind === 'sql' ? onlyStatement(asked.statement) : null;
    return statement === null ? [] : part(statement);
  });
  return [...new Set(parts)];
}

function sqlHead(
  verb: Statement['verb'],
  table: string | null,
  setting: string | null,
  columns: readonly string[],
): string | null {
  switch (verb) {
    case 'select':
      return table === null
        ? null
        : `.${call('select', quoted(table), `[${columns.map(quoted).join(', ')}]`)}`;
    case 'insert':
    case 'update':
    case 'delete':
      return table === null ? null : `.${call(verb, quoted(table))}`;
    case 'begin':
    case 'commit':
    case 'rollback':
      return `.${call(verb)}`;
    case 'set':
    case 'show':
    case 'use':
      return setting === null ? null : `.${call(verb, quoted(setting))}`;
    default:
      return null;
  }
}

/** An object has each column once; a second comparison of one column needs a call of its own. */
function calls(
  word: string,
  pairs: readonly (readonly [string, string])[],
  indent: string,
): readonly string[] {
  const groups: (readonly [string, string])[][] = [];
  for (const pair of pairs) {
    const free = groups.find((group) => group.every(([column]) => column !== pair[0]));
    if (free === undefined) groups.push([pair]);
    else free.push(pair);
  }
  return groups.map((group) => `.${word}(${object(group, `${indent}  `, indent.length + word.length + 5)})`);
}
