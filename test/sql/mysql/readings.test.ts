// What honest MySQL statements do, one line each. Enters: texts; leaves: their brief readings.
import { beforeAll, describe, expect, it } from 'vitest';
import { loadSqlParsers, readSql } from '../../../src/sql/read.ts';
import { brief } from '../brief.ts';

beforeAll(loadSqlParsers);

const READINGS: readonly (readonly [text: string, reading: string])[] = [
  [
    'SELECT id, title, price, status FROM dvds WHERE id = ?',
    'select dvds | columns id,title,price,status | where id = $1',
  ],
  ["select ID from lab.dvds where Title = 'x'", "select lab.dvds | columns ID | where Title = 'x'"],
  ['SELECT `id`, `a``b` FROM `dvds` WHERE `id` = 1', 'select dvds | columns id,a`b | where id = 1'],
  ['SELECT * FROM dvds', 'select dvds | columns *'],
  ['SELECT d.id, d.* FROM dvds AS d WHERE d.id = 1', 'select dvds | columns id,* | where id = 1'],
  ['SELECT id AS x, id AS ID FROM dvds', 'select dvds | columns id as x,id'],
  [
    "SELECT COUNT(*), LOWER(title), id + 1, 'x', ?, NOW(), CURRENT_USER FROM dvds",
    'select dvds | columns ? | calls count,lower,now,current_user',
  ],
  ['SELECT 1', 'select | columns ?'],
  ['SELECT 1 FROM DUAL', 'select | columns ?'],
  ['SELECT @@max_allowed_packet', 'select | columns @@max_allowed_packet | has session-variable'],
  [
    'SELECT @@session.sql_mode AS m, @v',
    'select | columns @@session.sql_mode as m,@v | has session-variable',
  ],
  [
    'SELECT id FROM dvds WHERE 5 <= id AND ? = title',
    'select dvds | columns id | where id >= 5 & title = $1',
  ],
  [
    'SELECT id FROM dvds WHERE ((a = 1) && (b <> 2 AND c != 3))',
    'select dvds | columns id | where a = 1 & b <> 2 & c <> 3',
  ],
  [
    'SELECT id FROM dvds WHERE a < 1 AND b > 2 AND c <= 3 AND d >= 4',
    'select dvds | columns id | where a < 1 & b > 2 & c <= 3 & d >= 4',
  ],
  [
    "SELECT id FROM dvds WHERE id IN (1, ?) AND b NOT IN ('x')",
    "select dvds | columns id | where id in 1 $1 & b not-in 'x'",
  ],
  [
    "SELECT id FROM dvds WHERE a BETWEEN 1 AND ? AND b LIKE 'x%' AND c IS NULL AND d IS NOT NULL",
    "select dvds | columns id | where a between 1 $1 & b like 'x%' & c is-null & d is-not-null",
  ],
  ['SELECT id FROM dvds WHERE a = b AND c = ? + 1', 'select dvds | columns id | where a = b & c = ($1 + 1)'],
  [
    'SELECT id FROM dvds WHERE a = -5 AND b = +5 AND c = - -5 AND d = .5 AND e = 1. AND f = 12345678901234567890 AND g = 1e-3',
    'select dvds | columns id | where a = -5 & b = 5 & c = 5 & d = .5 & e = 1. & f = 12345678901234567890 & g = 1e-3',
  ],
  [
    "SELECT id FROM dvds WHERE a = 'it\\'s' AND b = 'it''s' AND c = 'a' 'b' AND d = N'n' AND e = _utf8mb4'u' AND f = 'x\\qz'",
    "select dvds | columns id | where a = 'it's' & b = 'it's' & c = 'ab' & d = 'n' & e = 'u' & f = 'xqz'",
  ],
  ['SELECT id FROM dvds WHERE a = "x""y"', "select dvds | columns id | where a = 'x\"y' | has modifier"],
  [
    "SELECT id FROM dvds WHERE a = TRUE AND b = NULL AND c = CAST(? AS CHAR) AND d = CAST('5' AS SIGNED)",
    'select dvds | columns id | where a = true & b = NULL & c = $1 & d = 5',
  ],
  ["SELECT id FROM dvds WHERE a = CAST('abc' AS CHAR(2))", 'select dvds | columns id | where complex'],
  ['SELECT id FROM dvds WHERE a = 0x616263', 'select dvds | columns id | where complex'],
  ["SELECT id FROM dvds WHERE a = X'616263' AND b = b'1'", 'select dvds | columns id | where complex'],
  [
    'SELECT a.id FROM a JOIN b ON a.id = b.a_id WHERE b.name = ?',
    'select a b | columns a.id | where b.name = $1 & a.id = b.a_id | has join',
  ],
  [
    'SELECT x.id FROM a x LEFT JOIN b AS y USING (k) WHERE y.n = 1 ORDER BY x.id LIMIT 10 OFFSET 5',
    'select a b | columns a.id | where b.n = 1 & k = k | has join,limit,offset,order-by,outer-join',
  ],
  ['SELECT id FROM dvds LIMIT 5, 10', 'select dvds | columns id | has limit,offset'],
  [
    'SELECT id FROM dvds GROUP BY id HAVING COUNT(*) > 1',
    'select dvds | columns id | calls count | has group-by,having',
  ],
  [
    'SELECT DISTINCT id FROM dvds FOR UPDATE SKIP LOCKED',
    'select dvds | columns id | has distinct,for-update',
  ],
  [
    'SELECT id FROM dvds WHERE id = 1 LOCK IN SHARE MODE',
    'select dvds | columns id | where id = 1 | has for-update',
  ],
  ['SELECT SQL_NO_CACHE id FROM dvds', 'select dvds | columns id | has modifier'],
  [
    'SELECT ROW_NUMBER() OVER (PARTITION BY a ORDER BY b) FROM dvds',
    'select dvds | columns ? | calls row_number | has order-by,window',
  ],
  [
    'SELECT id FROM dvds UNION ALL SELECT b FROM c',
    'select dvds c | columns id,b | where complex | has set-operation',
  ],
  ['(SELECT id FROM dvds WHERE id = 1) LIMIT 1', 'select dvds | columns id | where id = 1 | has limit'],
  ['WITH x AS (SELECT id FROM dvds) SELECT id FROM x', 'select dvds | columns ? | has cte'],
  [
    'WITH RECURSIVE x(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM x) SELECT n FROM x',
    'select | columns ? | has cte,set-operation',
  ],
  ["VALUES (1, 'a'), (2, 'b')", 'select | columns ?'],
  [
    "UPDATE dvds SET status = 'rented', renter = ? WHERE id = ?",
    "update dvds! | where id = $2 | sets status='rented',renter=$1",
  ],
  [
    'UPDATE dvds d SET d.a = 1, b = DEFAULT, c = NULL, e = NOW(), f = g - ? WHERE d.id = 1 ORDER BY id LIMIT 1',
    'update dvds! | where id = 1 | sets a=1,b=DEFAULT,c=NULL,e=?,f=(g - $1) | calls now | has limit,order-by',
  ],
  ['UPDATE dvds SET a = b = 1', 'update dvds! | sets a=?'],
  [
    'UPDATE a JOIN b ON a.id = b.id SET a.x = 1 WHERE b.y = ?',
    'update a! b! | where b.y = $1 & a.id = b.id | sets a.x=1 | has join,multi-table',
  ],
  [
    "INSERT INTO dvds (id, title) VALUES (?, 'x'), (-2, DEFAULT)",
    "insert dvds! | inserts (id,title) ($1,'x')(-2,DEFAULT)",
  ],
  [
    'INSERT INTO dvds VALUES (1, NOW(), (SELECT 1)) RETURNING id',
    'insert dvds! | inserts (?) (1,?,?) | returns id | calls now | has subquery',
  ],
  ['INSERT INTO dvds () VALUES ()', 'insert dvds! | inserts (?) ()'],
  ['INSERT INTO dvds SET id = 1, title = ?', 'insert dvds! | inserts (id,title) (1,$1)'],
  ['INSERT INTO dvds (id) SELECT b FROM c', 'insert dvds! c | inserts (id)  | has insert-select'],
  ['INSERT IGNORE INTO dvds (id) VALUES (1)', 'insert dvds! | inserts (id) (1) | has modifier'],
  [
    'INSERT INTO dvds (id) VALUES (1) ON DUPLICATE KEY UPDATE title = VALUES(title)',
    'insert dvds! | inserts (id) (1) | calls values | has on-conflict',
  ],
  ['REPLACE INTO dvds (id) VALUES (1)', 'replace dvds! | inserts (id) (1)'],
  ['REPLACE INTO dvds SET id = 1', 'replace dvds! | inserts (id) (1)'],
  ['DELETE FROM dvds', 'delete dvds!'],
  ['DELETE FROM dvds WHERE id = ? LIMIT 1', 'delete dvds! | where id = $1 | has limit'],
  ['DELETE a, b FROM a JOIN b ON a.id = b.id', 'delete a! b! | where a.id = b.id | has join,multi-table'],
  ['DELETE FROM a USING a JOIN b ON a.id = b.id', 'delete b a! | where a.id = b.id | has join,multi-table'],
  ['TRUNCATE TABLE dvds', 'truncate dvds!'],
  ['BEGIN', 'begin'],
  ['START TRANSACTION READ WRITE, WITH CONSISTENT SNAPSHOT', 'begin'],
  ['COMMIT AND NO CHAIN NO RELEASE', 'commit'],
  ['SAVEPOINT a', 'savepoint'],
  ['ROLLBACK TO a', 'rollback | has modifier'],
  ['RELEASE SAVEPOINT a', 'release'],
  ['SET autocommit=1', 'set | setting autocommit'],
  ['SET NAMES utf8mb4 COLLATE utf8mb4_bin', 'set | setting names'],
  ["SET CHARACTER SET 'utf8'", 'set | setting character set'],
  ['SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED', 'set | setting transaction'],
  ['SET GLOBAL TRANSACTION READ ONLY', 'set | setting global.transaction'],
  [
    "SET @@session.time_zone = '+00:00', GLOBAL x = ON, @@global.y = 1, @v := 5",
    'set | has session-variable | setting time_zone,global.x,global.y,@v',
  ],
  [
    "SET SESSION sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')",
    'set | calls concat | has session-variable | setting sql_mode',
  ],
  ['SHOW TABLES', 'show'],
  ['SHOW FULL COLUMNS FROM dvds FROM lab', 'show dvds lab'],
  ["SHOW VARIABLES LIKE 'x'", 'show'],
  ['USE lab', 'use | setting lab'],
  ['DESCRIBE dvds', 'explain dvds'],
  ['EXPLAIN SELECT * FROM dvds', 'explain dvds'],
  ['EXPLAIN FORMAT=JSON DELETE FROM dvds', 'explain dvds!'],
  ['ANALYZE UPDATE dvds SET a = 1', 'explain dvds!'],
  ["PREPARE s FROM 'DELETE FROM dvds'", 'prepare | has modifier'],
  ['EXECUTE s USING @a', 'execute | has session-variable'],
  ["EXECUTE IMMEDIATE 'DELETE FROM dvds'", 'execute | has modifier'],
  ['DEALLOCATE PREPARE s', 'deallocate'],
  ['DROP PREPARE s', 'deallocate'],
  ['CALL lab.p(1)', 'call | calls lab.p'],
  ['DO SLEEP(1)', 'do | calls sleep'],
  ['LOCK TABLES a READ, b AS c WRITE', 'lock a! b!'],
  ['UNLOCK TABLES', 'lock'],
  ['KILL QUERY 5', 'kill'],
  ["LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE lab.dvds", 'load lab.dvds! | has copy-file'],
  ['HANDLER dvds READ FIRST', 'other dvds | has modifier'],
  ['CREATE TABLE IF NOT EXISTS a (b INT)', 'create a! | has modifier'],
  ['CREATE VIEW a AS SELECT * FROM b', 'create a! | has modifier'],
  ["CREATE USER u IDENTIFIED BY 'secret'", 'create | has modifier'],
  ['ALTER TABLE a ADD b INT', 'alter a! | has modifier'],
  ['RENAME TABLE a TO b', 'alter a! | has modifier'],
  ['DROP TABLE IF EXISTS a, b.c', 'drop a! b.c! | has multi-table'],
  ['DROP DATABASE a', 'drop | has modifier'],
  ['GRANT ALL ON *.* TO u', 'grant | has modifier'],
  ['FLUSH PRIVILEGES', 'other | has modifier'],
  ['# nothing', 'empty'],
  ['SELECT 1; UPDATE a SET b = 1;', 'select | columns ? ;; update a! | sets b=1'],
];

describe('reads MySQL statements', () => {
  it.each(READINGS)('%s', (text, expected) => {
    expect(brief(readSql('mysql', text, []))).toBe(expected);
  });
});
