// Texts whose like was read before, against reading each anew. Enters: shapes, values; leaves: that both are the same.
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { SqlDialect } from '../../src/events/sql.ts';
import { prepareMysql } from '../../src/sql/mysql/read.ts';
import { readPostgres } from '../../src/sql/postgres/read.ts';
import { loadSqlParsers, readSql, sqlCacheCounts } from '../../src/sql/read.ts';
import { cutPlain } from '../../src/sql/skeleton.ts';
import { bindStatement } from '../../src/sql/template.ts';

beforeAll(loadSqlParsers);

/** What parsing gives, with nothing remembered. */
function anew(dialect: SqlDialect, text: string): unknown {
  const prepared = dialect === 'mysql' ? prepareMysql(text) : null;
  if (prepared?.kind === 'unparsable') return prepared;
  const template = prepared === null ? readPostgres(text) : prepared.read();
  if (template.kind === 'unparsable') return template;
  const values = { parameters: [], slots: prepared?.slots ?? [] };
  return {
    kind: 'read',
    statements: template.statements.map((each) => bindStatement(each, values)),
    shape: template.shape,
  };
}

const SHAPES = [
  'SELECT a FROM t WHERE b = {}',
  'SELECT a, {} FROM t WHERE b IN ({}, {}) AND c >= {} ORDER BY 1 LIMIT {}',
  'UPDATE t SET a = a - {}, b={} WHERE c = {} AND d < {}',
  'INSERT INTO t (a, b, c) VALUES ({}, {},{})',
  'INSERT INTO t (a) VALUES ({}), ({})',
  'DELETE FROM t WHERE a = -{} AND b <> +{}',
  'SELECT a FROM t WHERE b LIKE {} OR c BETWEEN {} AND {}',
  'SELECT CAST({} AS integer) FROM t WHERE a = {}',
  'SELECT f({}) FROM t WHERE g(a, {}) = {}',
  'SELECT a FROM t WHERE DATE {} = b',
  'SELECT a FROM t WHERE a = {} {}',
  'SELECT a FROM t WHERE ({}, {}) = (a, b) AND {}',
  'SET a = {}',
  'SELECT a FROM t WHERE a = {}; DELETE FROM t',
  'SELECT a FROM t WHERE a = E{} AND b = n{} AND c = x{}',
  'SELECT a FROM t1 WHERE t1.a = {} -- {}',
  'SELECT a FROM t WHERE a = {}b AND c = {}.5',
];

const numbers = fc.oneof(
  fc.nat().map(String),
  fc.constantFrom(
    '0',
    '007',
    '1.50',
    '.5',
    '5.',
    '1e3',
    '0x1F',
    '99999999999999999999',
    '2147483648',
    '1_000',
  ),
  fc.double({ min: 0, max: 1e6, noNaN: true }).map((value) => value.toFixed(2)),
);
const texts = fc
  .oneof(
    fc.string({ maxLength: 12 }),
    fc.constantFrom("it''s", '\\', "\\'", 'place 0', '900000000', '--', '/*', '$1', 'é', '\n', "' '", 'true'),
  )
  .map((value) => `'${value}'`);
const values = fc.array(fc.oneof(numbers, texts), { minLength: 8, maxLength: 8 });

describe.each(['postgres', 'mysql'] as const)('%s texts of one skeleton', (dialect) => {
  it('are read as if each were parsed anew, whatever their literals', () => {
    fc.assert(
      fc.property(fc.constantFrom(...SHAPES), values, values, (shape, first, second) => {
        for (const chosen of [first, second, first]) {
          let next = 0;
          const text = shape.replaceAll('{}', () => chosen[next++] ?? '0');
          expect(readSql(dialect, text, [])).toEqual(anew(dialect, text));
        }
      }),
      { numRuns: 600 },
    );
  });

  it('are parsed once', () => {
    const read = (user: string, amount: string): unknown =>
      readSql(dialect, `UPDATE once SET a = a - ${amount} WHERE name = '${user}' AND a >= ${amount}`, []);
    read('alice', '3.50');
    const before = sqlCacheCounts();
    read('bob', '4.75');
    expect(sqlCacheCounts().misses).toBe(before.misses);
    // A whole number is another kind of token.
    read('bob', '4');
    expect(sqlCacheCounts().misses).toBe(before.misses + (dialect === 'postgres' ? 1 : 0));
  });
});

describe('a plain text', () => {
  it.each([
    ["SELECT a FROM t WHERE b = 'x' AND c = 1.5", "SELECT a FROM t WHERE b = ' AND c = $"],
    ["SELECT a FROM t WHERE b LIKE 'x%'", "SELECT a FROM t WHERE b LIKE '"],
    ['INSERT INTO t VALUES (1,2)', 'INSERT INTO t VALUES (#,#)'],
  ])('%s loses its literals', (text, key) => {
    expect(cutPlain(text)?.key).toBe(key);
  });

  it.each([
    "a = 'it''s'",
    "a = 'x' 'y'",
    "a = E'x'",
    "a = N 'x'",
    "a = _latin1 'x'",
    "DATE '2020-01-01'",
    "a = '\\'",
    "a = 'x",
    'a = "x"',
    'a = 1 -- b',
    'a = 1 /* b */',
    'a = 1; b = 2',
    'a = 1e3',
    'a = 007',
    'a = 1234567890',
    'a = t.5',
    "a = 'é'",
    'a = $1',
    'a = b',
  ])('is not %s', (text) => {
    expect(cutPlain(text)).toBeNull();
  });
});
