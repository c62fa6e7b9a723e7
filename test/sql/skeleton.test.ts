// Texts whose like was read before, against reading each anew. Enters: shapes, values; leaves: that both are the same.
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { SqlDialect } from '../../src/events/sql.ts';
import { prepareMysql } from '../../src/sql/mysql/read.ts';
import { readPostgres } from '../../src/sql/postgres/read.ts';
import { loadSqlParsers, readSql, sqlCacheCounts } from '../../src/sql/read.ts';
import type { SqlReading } from '../../src/sql/reading.ts';
import { cutPlain } from '../../src/sql/skeleton.ts';
import { bindStatement } from '../../src/sql/template.ts';

beforeAll(loadSqlParsers);

/** What parsing gives, with nothing remembered. */
function anew(dialect: SqlDialect, text: string): SqlReading {
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

/** What services send, as they write their values into the text. */
const REAL = [
  "UPDATE users SET balance = balance - 3.50 WHERE name = 'alice' AND balance >= 3.50",
  "INSERT INTO charges (contract, name, amount) VALUES ('c1', 'alice', 3.50), ('c2', 'bob', 12)",
  "SELECT c.contract, u.name FROM charges c JOIN users u ON u.name = c.name WHERE u.name = 'bob' AND c.amount > 5 ORDER BY 1 LIMIT 20",
  "DELETE FROM sessions WHERE name = 'alice' AND created < 17 AND id IN (1, 2, 3)",
  "UPDATE dvds SET status = 'rented', renter = 'alice' WHERE id = 7",
  "SELECT id FROM dvds WHERE title LIKE 'star%' AND price BETWEEN 1 AND 9.99",
];

/** What one server, one version or one setting reads otherwise than another. */
const EDITS = [
  ..."' '' \\ \\' \" \"\" ` -- /* */ /*! /*!50000 /*!99999 /*M! /*+ # ; $ $1 $$ ? @ @@ := : :: || & N' n' E' e' B' b'1' X' x'41' 0x41 0b1 U&' _latin1 _utf8'é' _binary \0 \b \t \v \r\n \n . .. 1e3 e5 007 1. .5 - + ( ) , = é ı \u00a0 \u0127 \u2019 \ud800 \ufeff place OR or UNION INTERVAL DATE CAST( NULL DEFAULT".split(
    ' ',
  ),
  ' ',
  "' '",
  "'\n'",
  '--\n',
  '-- ',
  ' OR 1=1 ',
  ' # ',
];

describe.each(['postgres', 'mysql'] as const)('%s texts of one skeleton', (dialect) => {
  it('are read as if each were parsed anew, also when a real statement was altered', () => {
    const edit = fc.tuple(fc.nat(140), fc.nat(3), fc.constantFrom(...EDITS));
    fc.assert(
      fc.property(fc.constantFrom(...REAL), fc.array(edit, { minLength: 1, maxLength: 4 }), (real, edits) => {
        let text = real;
        for (const [at, cut, put] of edits) text = `${text.slice(0, at)}${put}${text.slice(at + cut)}`;
        // The real one comes before, so that the altered one has something to be mistaken for.
        for (const each of [real, text, real, text]) {
          const { shape, ...reading } = readSql(dialect, each, []);
          if (/\0|[\ud800-\udfff]/u.test(each)) {
            expect(reading.kind).toBe('unparsable');
            continue;
          }
          const { shape: expectedShape, ...expected } = anew(dialect, each);
          expect(reading).toEqual(expected);
          // Where the texts differ in blanks alone, the first of them gives the shape.
          expect(shape.replaceAll(/\s/g, '')).toBe(expectedShape.replaceAll(/\s/g, ''));
        }
      }),
      { numRuns: 3_000 },
    );
  });

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
