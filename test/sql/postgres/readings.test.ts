// What honest PostgreSQL statements do, one line each. Enters: texts; leaves: their brief readings.
import { beforeAll, describe, expect, it } from 'vitest';
import { loadSqlParsers, readSql } from '../../../src/sql/read.ts';
import { brief } from '../brief.ts';

beforeAll(loadSqlParsers);

const READINGS: readonly (readonly [text: string, reading: string])[] = [
  [
    "SELECT id, name FROM users WHERE name = 'alice'",
    "select users | columns id,name | where name = 'alice'",
  ],
  [
    'select ID, "Name" from public.users where "Name" = \'alice\'',
    "select public.users | columns id,Name | where Name = 'alice'",
  ],
  ['SELECT * FROM users', 'select users | columns *'],
  [
    'SELECT u.id, u.* FROM users AS u WHERE u.name = $1 AND users.id = 1',
    'select users | columns id,* | where complex',
  ],
  ['SELECT id AS x, name AS name FROM users', 'select users | columns id as x,name'],
  [
    "SELECT count(*), lower(name), id + 1, 'x', $1 FROM users",
    'select users | columns ? | calls count,lower',
  ],
  ['SELECT 1', 'select | columns ?'],
  [
    'SELECT id FROM users WHERE 5 <= id AND $1 = name',
    'select users | columns id | where id >= 5 & name = $1',
  ],
  [
    'SELECT id FROM users WHERE ((a = 1) AND (b <> 2 AND c != 3))',
    'select users | columns id | where a = 1 & b <> 2 & c <> 3',
  ],
  [
    'SELECT id FROM users WHERE a < 1 AND b > 2 AND c <= 3 AND d >= 4',
    'select users | columns id | where a < 1 & b > 2 & c <= 3 & d >= 4',
  ],
  [
    "SELECT id FROM users WHERE id IN (1, $1) AND b NOT IN ('x')",
    "select users | columns id | where id in 1 $1 & b not-in 'x'",
  ],
  [
    "SELECT id FROM users WHERE a BETWEEN 1 AND $1 AND b LIKE 'x%' AND c IS NULL AND d IS NOT NULL",
    "select users | columns id | where a between 1 $1 & b like 'x%' & c is-null & d is-not-null",
  ],
  ['SELECT id FROM users WHERE a = b', 'select users | columns id | where a = b'],
  ['SELECT id FROM users WHERE a = $1 + 1', 'select users | columns id | where a = ($1 + 1)'],
  [
    'SELECT id FROM users WHERE a = -5 AND b = +5 AND c = - -5 AND d = 1_000 AND e = 0x1f AND f = 12345678901234567890 AND g = 0.10 AND h = 1e3',
    'select users | columns id | where a = -5 & b = 5 & c = 5 & d = 1000 & e = 31 & f = 12345678901234567890 & g = 0.10 & h = 1e3',
  ],
  [
    "SELECT id FROM users WHERE a = $1::text AND b = CAST($2 AS uuid) AND c = '5'::int AND d = $3::numeric AND e = $4::date AND f = 7::text AND g = NULL::text",
    "select users | columns id | where a = $1 & b = $2 & c = 5 & d = $3 & e = $4 & f = '7' & g = NULL",
  ],
  [
    "SELECT id FROM users WHERE a = E'x\\'y' AND b = 'it''s' AND c = $$do\"l$$ AND d = $t$a$b$t$ AND e = U&'d\\0061t' AND f = 'a'\n'b' AND g = N'n'",
    "select users | columns id | where a = 'x'y' & b = 'it's' & c = 'do\"l' & d = 'a$b' & e = 'dat' & f = 'ab' & g = 'n'",
  ],
  [
    'SELECT id FROM users WHERE a = TRUE AND b = NULL',
    'select users | columns id | where a = true & b = NULL',
  ],
  [
    'SELECT a.id FROM a JOIN b ON a.id = b.a_id WHERE b.name = $1',
    'select a b | columns a.id | where b.name = $1 & a.id = b.a_id | has join',
  ],
  [
    'SELECT x.id FROM a x LEFT JOIN b AS y USING (k) WHERE y.n = 1 ORDER BY x.id LIMIT 10 OFFSET 5',
    'select a b | columns a.id | where b.n = 1 & k = k | has join,limit,offset,order-by,outer-join',
  ],
  [
    'SELECT id FROM users GROUP BY id HAVING count(*) > 1',
    'select users | columns id | calls count | has group-by,having',
  ],
  [
    'SELECT DISTINCT id FROM users FOR UPDATE SKIP LOCKED',
    'select users | columns id | has distinct,for-update',
  ],
  [
    'SELECT row_number() OVER (PARTITION BY a ORDER BY b) FROM users WINDOW w AS (ORDER BY a)',
    'select users | columns ? | calls row_number | has window',
  ],
  [
    'SELECT id FROM users UNION ALL SELECT b FROM c',
    'select users c | columns id,b | where complex | has set-operation',
  ],
  ['WITH x AS (SELECT id FROM users) SELECT id FROM x', 'select users | columns ? | has cte'],
  [
    'WITH RECURSIVE x(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM x) SELECT n FROM x',
    'select | columns ? | has cte,set-operation',
  ],
  ['TABLE users', 'select users | columns *'],
  ["VALUES (1, 'a'), (2, 'b')", 'select | columns ?'],
  [
    'UPDATE users SET balance = balance - $1 WHERE name = $2 AND balance >= $1 RETURNING balance',
    'update users! | where name = $2 & balance >= $1 | sets balance=(balance - $1) | returns balance',
  ],
  [
    'UPDATE users u SET a = 1, b = DEFAULT, c = NULL, d = now(), e = a || b WHERE u.id = 1',
    'update users! | where id = 1 | sets a=1,b=DEFAULT,c=NULL,d=?,e=? | calls now',
  ],
  ['UPDATE users SET (a, b) = (1, $1), (c) = ROW(3)', 'update users! | sets a=1,b=$1,c=3'],
  [
    'UPDATE users SET (a, b) = (SELECT 1, 2), c[1] = 2, d.e = 3',
    'update users! | sets a=?,b=?,c=?,d=? | has subquery',
  ],
  [
    'UPDATE a SET x = b.y FROM b WHERE a.id = b.id AND b.name = $1',
    'update a! b | where a.id = b.id & b.name = $1 | sets x=b.y | has multi-table',
  ],
  ['UPDATE ONLY users SET a = (b + 1) * 2 / c', 'update users! | sets a=(((b + 1) * 2) / c) | has only'],
  [
    'INSERT INTO charges (contract, name, amount) VALUES ($1, $2, $3)',
    'insert charges! | inserts (contract,name,amount) ($1,$2,$3)',
  ],
  [
    'INSERT INTO charges VALUES (1, -2.5, DEFAULT, now(), (SELECT 1)) RETURNING id, *',
    'insert charges! | inserts (?) (1,-2.5,DEFAULT,?,?) | returns id,* | calls now | has subquery',
  ],
  ['INSERT INTO charges DEFAULT VALUES', 'insert charges! | inserts () ()'],
  ['INSERT INTO charges (a) SELECT b FROM c', 'insert charges! c | inserts (a)  | has insert-select'],
  [
    'INSERT INTO charges (a) VALUES (1), (2) ON CONFLICT (a) DO UPDATE SET a = 3',
    'insert charges! | inserts (a) (1)(2) | has on-conflict',
  ],
  [
    'INSERT INTO charges (a) OVERRIDING SYSTEM VALUE VALUES (1)',
    'insert charges! | inserts (a) (1) | has modifier',
  ],
  ['DELETE FROM charges', 'delete charges!'],
  [
    'DELETE FROM charges c USING users u WHERE c.name = u.name AND u.id = 1 RETURNING c.id',
    'delete charges! users | where charges.name = users.name & users.id = 1 | returns charges.id | has multi-table',
  ],
  [
    'MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN DELETE',
    'merge a! b | where complex | has multi-table',
  ],
  ['TRUNCATE users', 'truncate users!'],
  ['TRUNCATE users, charges CASCADE', 'truncate users! charges! | has multi-table'],
  ['BEGIN', 'begin'],
  ['BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY', 'begin'],
  ['START TRANSACTION', 'begin'],
  ['END', 'commit'],
  ['ABORT', 'rollback'],
  ['COMMIT AND CHAIN', 'commit | has modifier'],
  ['SAVEPOINT a', 'savepoint'],
  ['ROLLBACK TO SAVEPOINT a', 'rollback | has modifier'],
  ['RELEASE a', 'release'],
  ["SET application_name = 'x'", 'set | setting application_name'],
  ['SET SESSION search_path TO a, b', 'set | setting search_path'],
  ['SET LOCAL statement_timeout = 5', 'set | setting statement_timeout'],
  ["SET TIME ZONE 'UTC'", 'set | setting timezone'],
  ["SET NAMES 'utf8'", 'set | setting client_encoding'],
  ['SET TRANSACTION ISOLATION LEVEL SERIALIZABLE', 'set | setting transaction'],
  ['SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY', 'set | setting session characteristics'],
  ['RESET ALL', 'reset | setting all'],
  ['RESET work_mem', 'reset | setting work_mem'],
  ['SHOW server_version', 'show | setting server_version'],
  ['DISCARD ALL', 'discard'],
  ['PREPARE s (int) AS UPDATE users SET a = $1', 'prepare users!'],
  ['EXECUTE s (1)', 'execute'],
  ['DEALLOCATE s', 'deallocate'],
  ['DECLARE c CURSOR FOR SELECT id FROM users', 'declare users'],
  ['FETCH 10 FROM c', 'fetch'],
  ['CLOSE c', 'close'],
  ['LISTEN x', 'listen'],
  ["NOTIFY x, 'y'", 'notify'],
  ['LOCK TABLE users IN EXCLUSIVE MODE', 'lock users!'],
  ['EXPLAIN SELECT id FROM users', 'explain users'],
  ['EXPLAIN (ANALYZE) DELETE FROM users', 'explain users!'],
  ['COPY users (id, name) FROM STDIN', 'copy users! | columns id,name'],
  ['COPY users TO STDOUT WITH (FORMAT csv)', 'copy users | columns *'],
  ["COPY (SELECT id FROM users) TO '/tmp/x'", 'copy users | columns ? | has copy-file'],
  ['CALL p($1)', 'call | calls p'],
  ["DO 'BEGIN END'", 'do'],
  ['CREATE TABLE a (b int REFERENCES c (d))', 'create a! c!'],
  ['CREATE TABLE a AS SELECT * FROM b', 'create b a!'],
  ['CREATE VIEW a AS SELECT * FROM b', 'create a! b'],
  ['CREATE INDEX i ON a (lower(b))', 'create a! | calls lower'],
  ["CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", 'create | calls f'],
  ['ALTER TABLE a ADD COLUMN b int', 'alter a!'],
  ['ALTER TABLE a RENAME TO b', 'alter a!'],
  ['DROP TABLE IF EXISTS a, b.c', 'drop a! b.c! | has multi-table'],
  ['DROP FUNCTION f', 'drop'],
  ['GRANT SELECT ON a TO b', 'grant a!'],
  ['REVOKE ALL ON a FROM b', 'revoke a!'],
  ["LOAD 'x'", 'load'],
  ['VACUUM a', 'other a!'],
  ['-- nothing', 'empty'],
  ['SELECT 1; UPDATE a SET b = 1;', 'select | columns ? ;; update a! | sets b=1'],
];

describe('reads PostgreSQL statements', () => {
  it.each(READINGS)('%s', (text, expected) => {
    expect(brief(readSql('postgres', text, []))).toBe(expected);
  });
});
