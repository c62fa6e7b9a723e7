// SQL texts with bound values, in both dialects. Enters: a text, values; leaves: the same reading from the caches as without them.
import { isDeepStrictEqual } from 'node:util';
import type { SqlDialect, SqlValue } from '../../../src/events/sql.ts';
import { prepareMysql } from '../../../src/sql/mysql/read.ts';
import { readPostgres } from '../../../src/sql/postgres/read.ts';
import { loadSqlParsers, readSql } from '../../../src/sql/read.ts';
import { bindStatement, type Template } from '../../../src/sql/template.ts';
import { MAX_TEXT } from '../../../src/sql/token.ts';
import type { Input } from '../input.ts';
import { piece } from '../seeds.ts';
import { Mismatch, type Target } from '../target.ts';
import { weigh } from '../weigh.ts';

const TYPES = ['null', 'text', 'number', 'boolean', 'time', 'bytes', 'undecoded'] as const;

function boundValue({ tag, bytes }: Input[number]): SqlValue {
  const type = TYPES[tag % TYPES.length] ?? 'null';
  return type === 'null' ? { type } : { type, text: Buffer.from(bytes).toString('latin1') };
}

/** Reads without any cache. Trees that are too deep overflow the stack, which is foreseen. */
function readAnew(
  dialect: SqlDialect,
  text: string,
): { template: Template; slots: readonly (SqlValue | null)[] } | null {
  try {
    if (dialect === 'postgres') return { template: readPostgres(text), slots: [] };
    const prepared = prepareMysql(text);
    return prepared.kind === 'prepared'
      ? { template: prepared.read(), slots: prepared.slots }
      : { template: prepared, slots: [] };
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

async function read(dialect: SqlDialect, input: Input): Promise<number> {
  // The first piece with an odd tag is Latin-1, as from a connection in another character set.
  const [first, ...others] = input;
  if (first === undefined) return 0;
  const text = Buffer.from(first.bytes).toString(first.tag % 2 === 0 ? 'utf8' : 'latin1');
  const parameters = others.map(boundValue);
  const reading = readSql(dialect, text, parameters);
  // The grammar of PostgreSQL may have broken, and be on its way to be replaced.
  await loadSqlParsers();
  if (!isDeepStrictEqual(readSql(dialect, text, parameters), reading) && reading.kind === 'read')
    throw new Mismatch('read again, it is another');
  if (text.length > MAX_TEXT || reading.kind === 'unparsable') {
    if (text.length <= MAX_TEXT && !/[\0\ud800-\udfff]/.test(text)) readAnew(dialect, text);
    await loadSqlParsers();
    return weigh(reading);
  }
  const anew = readAnew(dialect, text);
  await loadSqlParsers();
  if (anew?.template.kind !== 'template') throw new Mismatch('without a cache, it cannot be read');
  const values = { parameters, slots: anew.slots };
  const statements = anew.template.statements.map((each) => bindStatement(each, values));
  if (!isDeepStrictEqual(statements, reading.statements))
    throw new Mismatch('without a cache, it is another');
  // Texts that differ in white space alone are one to the cache, and the first of them gives the shape.
  const [one, other] = [anew.template.shape, reading.shape].map((shape) => shape.replaceAll(/\s/g, ''));
  if (one !== other && !reading.shape.endsWith('…'))
    throw new Mismatch('without a cache, it has another shape');
  return weigh(reading);
}

const STATEMENTS = [
  'SELECT id, title AS t FROM dvds WHERE id = 7 AND price >= 3.5 ORDER BY 1 LIMIT 1 OFFSET 2',
  "UPDATE users SET balance = balance - 3.50 WHERE name = 'alice' AND balance >= 3.50 RETURNING balance",
  "INSERT INTO charges (contract, name, amount) VALUES ('c1', 'alice', -3.50), (DEFAULT, NULL, 1e3)",
  'DELETE FROM t WHERE a IN (1, 2, 3) AND b BETWEEN 1 AND 2 AND c IS NOT NULL',
  'WITH a AS (SELECT 1) SELECT * FROM a UNION SELECT b FROM c JOIN d USING (e) LEFT JOIN f ON f.x = d.x',
  'SELECT f(x), count(*) FROM s.t GROUP BY y HAVING count(*) > 1 FOR UPDATE',
  'BEGIN; SET TRANSACTION READ ONLY; COMMIT',
  'SET ROLE admin',
  'PREPARE p AS SELECT 1',
  'EXECUTE p',
  'TRUNCATE t',
  'CALL f(1)',
  'LOCK TABLE t',
  'SHOW x',
  'USE shop',
  'EXPLAIN SELECT 1',
  'SELECT a FROM t WHERE NOT (a = 1 OR b = 2) AND EXISTS (SELECT 1)',
  'SELECT CASE WHEN a THEN 1 ELSE 2 END, CAST(a AS char), a + b * 3 - -4 FROM t',
  '',
];
const OF_DIALECT: Readonly<Record<SqlDialect, readonly string[]>> = {
  postgres: [
    'SELECT $1::int, $2 FROM t WHERE a = $1',
    "SELECT $$a$$, $x$b$x$, E'\\n', U&'\\0041', B'1', X'ff'",
    "COPY t FROM PROGRAM 'id'",
    'COPY t TO STDOUT',
    'DO $$ BEGIN END $$',
    'SELECT DISTINCT ON (a) a FROM ONLY t',
    'INSERT INTO t (a) VALUES (1) ON CONFLICT (a) DO UPDATE SET a = 2 RETURNING *',
    'MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN DELETE',
    'SELECT a FROM t, LATERAL (SELECT 1) x WINDOW w AS (ORDER BY a)',
    '/* a /* b */ c */ SELECT 1 -- d',
    'UPDATE t SET (a, b) = (1, 2) FROM s',
    'DELETE FROM t USING s WHERE t.a = s.a',
    'LISTEN x; NOTIFY x; DISCARD ALL; RESET ALL',
    "SELECT a->>'b' FROM t WHERE c @> '{}'",
  ],
  mysql: [
    'SELECT ? FROM t WHERE a = ? AND b <=> NULL',
    "SELECT 'a' 'b', \"c\", `d`, N'e', _utf8mb4'f', x'41', 0x41, b'1', @a, @@global.b",
    '/*!50000 SELECT 1 */',
    'SELECT /*+ HINT */ 1 # c',
    'INSERT INTO t SET a = 1 ON DUPLICATE KEY UPDATE a = 2',
    'REPLACE INTO t VALUES (1)',
    "LOAD DATA LOCAL INFILE 'x' INTO TABLE t",
    "SELECT 1 INTO OUTFILE 'x'",
    'UPDATE a, b SET a.x = 1 WHERE a.y = b.y',
    'DELETE a FROM a JOIN b ON a.x = b.x',
    'SELECT a FROM t LIMIT 1, 2',
    "SET NAMES utf8mb4; SET @@session.sql_mode = ''",
    'SELECT SQL_CALC_FOUND_ROWS * FROM t STRAIGHT_JOIN u',
    'SELECT a DIV 2, a MOD 3, a REGEXP b, a XOR b, INTERVAL 1 DAY + a',
    'HANDLER t OPEN',
    'KILL 3',
    "SELECT GROUP_CONCAT(a ORDER BY b SEPARATOR ',') FROM t",
    'SELECT a OVER w FROM t WINDOW w AS (PARTITION BY b)',
  ],
};
const TOKENS = [
  ...'SELECT,FROM,WHERE,UPDATE,SET,INSERT,INTO,VALUES,DELETE,UNION,ALL,DISTINCT,JOIN,LEFT,NATURAL,ON,USING,AND,OR,NOT,IN,IS,NULL,LIKE,BETWEEN,CASE,WHEN,THEN,ELSE,END,CAST,AS,WITH,RECURSIVE,LIMIT,OFFSET,GROUP,BY,HAVING,ORDER,EXISTS,RETURNING,DEFAULT,TRUE,INTERVAL,COLLATE,ESCAPE,ROW,FOR,WINDOW,OVER'
    .split(',')
    .map((word) => ` ${word} `),
  ...[
    '(',
    ')',
    ',',
    ';',
    '=',
    '<>',
    '<=>',
    '||',
    '::',
    '.',
    '*',
    '?',
    '$1',
    '$2',
    '$$',
    '$a$',
    "'",
    "''",
    "\\'",
    '"',
    '`',
    '--',
    '-- \n',
    '/*',
    '*/',
    '/*!',
    '#',
    '@',
    '@@',
    ':=',
    '0x',
    '1e',
    "E'",
    'U&"',
    "N'",
    '\\',
    '\0',
    '\xc3\xa9',
    '\xf0\x9f\x98\x80',
    '\xed\xa0\x80',
    '[',
    ']',
    '{',
    '1',
    '-1',
    'a',
    "'x'",
  ],
];

export function sqlTarget(dialect: SqlDialect): Target {
  const seeds = [...STATEMENTS, ...OF_DIALECT[dialect]].map((text) => [
    piece(text),
    piece('7', 2),
    piece('alice', 1),
  ]);
  return {
    name: `sql-${dialect}`,
    covers: [
      'sql/read.',
      'sql/template',
      'sql/plain',
      'sql/skeleton',
      'sql/shape',
      'sql/cast',
      'sql/condition',
      'sql/draft',
      'sql/token',
      `sql/${dialect}/`,
    ],
    tags: 14,
    longest: 70_000,
    expansion: 400,
    dictionary: TOKENS,
    seeds: [...seeds, ...seeds.map((input) => input.slice(0, 1))],
    keeps: 100 << 20,
    run: (input) => read(dialect, input),
  };
}
