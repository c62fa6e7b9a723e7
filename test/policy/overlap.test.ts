// Whether two declarations overlap, against what matching itself says. Enters: generated declarations and requests; leaves: assertions.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { SqlValue } from '../../src/events/sql.ts';
import type { Evidence, FlowId } from '../../src/flow.ts';
import type { HttpRequestDeclaration, SqlOperand, SqlRequestDeclaration } from '../../src/policy/document.ts';
import type { FactDeclaration, Normaliser } from '../../src/policy/fact.ts';
import { matchHttp } from '../../src/policy/match/http.ts';
import { matchSql } from '../../src/policy/match/sql.ts';
import { overlapOf } from '../../src/policy/overlap.ts';
import type { SqlExpr, SqlStatement } from '../../src/sql/reading.ts';
import { Story } from '../support/story.ts';

const NORMALISERS: ReadonlyMap<string, Normaliser> = new Map([
  ['amount', 'decimal'],
  ['count', 'integer'],
]);
const EVIDENCE: Evidence = {
  flow: 'f1' as FlowId,
  side: 'orig',
  start: 0,
  end: 1,
  ts: 0,
  capture: null,
  packets: [],
};
const BASE = { from: 'a', to: 'b', facts: [], place: null } as const;

const literal = fc.constantFrom(null, true, false, 0, 1, 3.5, '1', '3.50', '3.5', 'true', 'sold');
const leaf: fc.Arbitrary<SqlOperand> = fc.oneof(
  fc.constant({ kind: 'any' } as const),
  literal.map((value) => ({ kind: 'literal', value }) as const),
  fc.constantFrom('name', 'amount', 'count').map((fact) => ({ kind: 'fact', fact }) as const),
);
const operand: fc.Arbitrary<SqlOperand> = fc.oneof(
  { weight: 4, arbitrary: leaf },
  fc.record({ kind: fc.constantFrom('increase' as const, 'decrease' as const), by: leaf }),
);
const column = fc.constantFrom('id', 'ID', 'state');
const names = fc.subarray(['id', 'state', 'price']);
const declaration: fc.Arbitrary<Omit<SqlRequestDeclaration, 'id'>> = fc
  .record({
    verb: fc.constantFrom('select' as const, 'update' as const),
    columns: fc.option(fc.subarray(['id', 'State', 'price'], { minLength: 1 })),
    where: fc.array(
      fc.record({
        column,
        operator: fc.constantFrom('=' as const, '>=' as const, 'is-null' as const),
        operand,
      }),
      { maxLength: 2 },
    ),
    values: fc.uniqueArray(fc.record({ column: fc.constantFrom('state', 'price'), operand }), {
      selector: ({ column }) => column,
      maxLength: 2,
    }),
    returning: names,
    allowing: fc.subarray(['limit', 'order-by'] as const),
    calling: fc.subarray(['now', 'lower']),
  })
  .map((parts) => ({
    ...BASE,
    protocol: 'sql' as const,
    table: 't',
    setting: null,
    ...parts,
    values: parts.verb === 'select' ? [] : parts.values,
  }));

/** Two that mostly ask for the same columns, so that they overlap more often than never. */
const pair = fc.tuple(declaration, declaration, fc.boolean(), operand).map(
  ([a, b, alike, other]) =>
    [
      { ...a, id: 'a' },
      {
        ...b,
        id: 'b',
        ...(alike
          ? {
              verb: a.verb,
              where: a.where.map((place, i) => (i === 0 ? { ...place, operand: other } : place)),
              values: a.values,
            }
          : {}),
      },
    ] as const,
);

const VALUES: readonly SqlValue[] = [
  { type: 'null' },
  ...['1', '0', '3.5', '3.50', 'true', 'false', 'sold'].map((text) => ({ type: 'text', text }) as const),
  ...['1', '0', '3.5', '3.50'].map((text) => ({ type: 'number', text }) as const),
];
const scalars: readonly SqlExpr[] = VALUES.map((value) => ({ kind: 'literal', value }));

function expressionsFor(name: string): readonly SqlExpr[] {
  const own = { kind: 'column', name } as const;
  return [
    ...scalars,
    ...scalars.flatMap((right) =>
      (['+', '-'] as const).map((operator) => ({ kind: 'arithmetic', operator, left: own, right }) as const),
    ),
    { kind: 'default' },
  ];
}

/** Every statement that has the places of the declaration, one value of our list in each. */
function* statementsOf(declared: SqlRequestDeclaration): Generator<SqlStatement> {
  const bare = ({ operator }: { operator?: string }): boolean => operator === 'is-null';
  const places = [...declared.where, ...declared.values.map((value) => ({ ...value, operator: 'set' }))];
  const fill = function* (i: number, chosen: readonly SqlExpr[]): Generator<readonly SqlExpr[]> {
    const place = places[i];
    if (place === undefined) yield chosen;
    else if (bare(place)) yield* fill(i + 1, [...chosen, { kind: 'default' }]);
    else for (const expr of expressionsFor(place.column)) yield* fill(i + 1, [...chosen, expr]);
  };
  for (const chosen of fill(0, [])) {
    const predicates = declared.where.map(({ column: name, operator }, i) => ({
      column: name.toLowerCase(),
      operator,
      values: operator === 'is-null' ? [] : chosen.slice(i, i + 1),
    }));
    const assigns = declared.values.flatMap(({ column: name }, i) => {
      const value = chosen[declared.where.length + i];
      return value === undefined ? [] : [{ column: name, value }];
    });
    for (const columns of declared.verb === 'select' ? [['id'], ['state'], ['price']] : [[]]) {
      yield {
        verb: declared.verb,
        tables: [{ schema: null, name: 't', use: 'read' }],
        target: null,
        columns,
        where: predicates.length === 0 ? { kind: 'none' } : { kind: 'all', predicates },
        assigns,
        inserts: null,
        returning: [],
        functions: [],
        features: [],
        setting: null,
      };
    }
  }
}

/** A contradiction of facts is found after the declaration was chosen. */
function takes(declared: SqlRequestDeclaration, statement: SqlStatement): boolean {
  const { kind } = matchSql([declared], NORMALISERS, statement, EVIDENCE);
  return kind === 'matched' || kind === 'contradiction';
}

describe('the overlap of two declared statements', () => {
  it('is said exactly when some statement is what both declare', () => {
    let overlapping = 0;
    fc.assert(
      fc.property(pair, ([a, b]) => {
        const small = (one: SqlRequestDeclaration): boolean => one.where.length + one.values.length <= 2;
        fc.pre(small(a) && small(b));
        const both = [...statementsOf(a)].filter((statement) => takes(a, statement) && takes(b, statement));
        const overlap = overlapOf(a, b, NORMALISERS);
        if (both.length > 0) overlapping++;
        expect(overlap !== null).toBe(both.length > 0);
      }),
      { numRuns: 400, seed: 5 },
    );
    expect(overlapping).toBeGreaterThan(40);
  });

  it('says that one covers the other only when it takes every statement of it', () => {
    let covering = 0;
    fc.assert(
      fc.property(pair, ([a, b]) => {
        fc.pre(a.where.length + a.values.length <= 2 && b.where.length + b.values.length <= 2);
        const relation = overlapOf(a, b, NORMALISERS)?.relation ?? null;
        if (relation !== 'first' && relation !== 'same') return;
        covering++;
        const left = [...statementsOf(b)].filter((statement) => takes(b, statement) && !takes(a, statement));
        expect(left).toEqual([]);
      }),
      { numRuns: 400, seed: 6 },
    );
    expect(covering).toBeGreaterThan(20);
  });
});

const query = (name: string, optional: boolean): FactDeclaration => ({
  fact: name,
  source: { in: 'query', name },
  as: 'text',
  optional,
});
const request: fc.Arbitrary<Omit<HttpRequestDeclaration, 'id'>> = fc
  .record({
    path: fc.array(fc.constantFrom('me', 'x', ':user'), { minLength: 1, maxLength: 2 }),
    facts: fc.uniqueArray(fc.tuple(fc.constantFrom('q', 'tag'), fc.boolean()), {
      selector: ([name]) => name,
    }),
    query: fc.subarray(['q', 'page']),
  })
  .map(({ path, facts, query: allowed }) => ({
    ...BASE,
    protocol: 'http' as const,
    overriding: null,
    method: 'GET',
    path: `/${path.map((segment, i) => (segment.startsWith(':') ? `:n${i}` : segment)).join('/')}`,
    query: allowed,
    facts: facts.map(([name, optional]) => query(name, optional)),
  }));

const TARGETS = ['me', 'x', 'y', 'me/me', 'me/x', 'x/me', 'x/x', 'y/y', 'me/y', 'x/y', 'y/me', 'y/x'].flatMap(
  (path) =>
    ['', 'q=1', 'tag=1', 'page=1', 'q=1&tag=1', 'q=1&page=1', 'tag=1&page=1', 'q=1&tag=1&page=1'].map(
      (pairs) => `/${path}${pairs === '' ? '' : `?${pairs}`}`,
    ),
);

describe('the overlap of two declared HTTP requests', () => {
  const events = TARGETS.map((target) => {
    const story = new Story();
    story.connect('10.0.0.1', '10.0.0.2:80').http('GET', target);
    const event = story.events.at(-1);
    if (event?.kind !== 'http-request') throw new Error('the story has no request');
    return event;
  });

  it('is said exactly when the first takes a request that the second would explain', () => {
    let overlapping = 0;
    fc.assert(
      fc.property(request, request, (one, other) => {
        const a = { ...one, id: 'a' };
        const b = { ...other, id: 'b' };
        const stolen = events.filter(
          (event) =>
            matchHttp([a], new Map(), event).kind !== 'undeclared' &&
            matchHttp([b], new Map(), event).kind === 'matched',
        );
        const overlap = overlapOf(a, b, new Map());
        if (stolen.length > 0) overlapping++;
        expect(overlap !== null).toBe(stolen.length > 0);
        if (overlap === null) return;
        const kept = events.filter(
          (event) => matchHttp([b], new Map(), event).kind === 'matched' && !stolen.includes(event),
        );
        expect(overlap.relation === 'first' || overlap.relation === 'same').toBe(kept.length === 0);
      }),
      { numRuns: 600, seed: 7 },
    );
    expect(overlapping).toBeGreaterThan(60);
  });
});

describe('the overlap of two literals', () => {
  const where = (id: string, value: string | number | boolean | null): SqlRequestDeclaration => ({
    ...BASE,
    id,
    protocol: 'sql',
    verb: 'delete',
    table: 't',
    setting: null,
    columns: null,
    where: [{ column: 'flag', operator: '=', operand: { kind: 'literal', value } }],
    values: [],
    returning: [],
    allowing: [],
    calling: [],
  });
  const relation = (first: Parameters<typeof where>[1], second: Parameters<typeof where>[1]) =>
    overlapOf(where('a', first), where('b', second), NORMALISERS)?.relation ?? null;

  it.each([
    [true, true, 'same'],
    [true, 'true', 'first'],
    ['true', true, 'second'],
    [true, '1', 'crossing'],
    [true, 1, 'crossing'],
    [true, false, null],
    [true, 'yes', null],
    [1, '1', 'first'],
    [1, '1.0', 'first'],
    ['1', 1, 'second'],
    ['1', '1.0', null],
    [1, 2, null],
    [null, null, 'same'],
    [null, 'null', null],
  ])('%j before %j is %s', (first, second, expected) => {
    expect(relation(first, second)).toBe(expected);
  });
});
