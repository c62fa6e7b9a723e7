// Texts made safe to log. Enters: texts with secrets; leaves: shapes without them.
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { SqlDialect } from '../../src/events/sql.ts';
import { loadSqlParsers, readSql } from '../../src/sql/read.ts';

beforeAll(loadSqlParsers);

function shape(dialect: SqlDialect, text: string): string {
  return readSql(dialect, text, []).shape;
}

describe('a shape', () => {
  it.each([
    ['postgres', "SELECT  a\n FROM t WHERE b = 'x' AND c = 1.5", 'SELECT a FROM t WHERE b = ? AND c = ?'],
    ['postgres', 'SELECT a /* x */ FROM t -- y', 'SELECT a FROM t'],
    ['postgres', "SELECT E'a\\'b', $$c$$, $d$e$d$, x'1f', U&'f'", 'SELECT ?, ?, ?, ?, ?'],
    ['postgres', 'SELECT "a", "b c", U&"d" FROM t', 'SELECT "a", "?", "?" FROM t'],
    ['postgres', 'SELECT $1::int', 'SELECT $1::int'],
    ['postgres', "SELECT 'a'\n'b'", 'SELECT ?'],
    ['mysql', 'SELECT a FROM t WHERE b = "x" # y', 'SELECT a FROM t WHERE b = ?'],
    ['mysql', "SELECT 'a\\'b', 0x1f, N'c', _utf8'd' 'e', 1e5", 'SELECT ?, ?, ?, ?, ?'],
    ['mysql', 'SELECT `a`, `b c` FROM t', 'SELECT `a`, "?" FROM t'],
    ['mysql', 'SELECT ? /*! + 1 */', 'SELECT ? + ?'],
  ] as const)('of %s: %s', (dialect, text, expected) => {
    expect(shape(dialect, text)).toBe(expected);
  });

  it.each([
    ['postgres', "UPDATE users SET password = 'hunter2"],
    ['postgres', "SELECT 'a\\' OR b = 'hunter2' --'"],
    ['postgres', 'SELECT $$hunter2'],
    ['postgres', 'SELECT 1 /* hunter2'],
    ['postgres', "SELEC 'hunter2'"],
    ['postgres', "CREATE USER x PASSWORD 'hunter2'"],
    ['mysql', "UPDATE users SET password = 'hunter2\\'"],
    ['mysql', 'SELECT "hunter2'],
    ['mysql', "SELECT 1 /*!99999 'hunter2' */"],
    ['mysql', "SELECT 'x', 'hunter2' :"],
    ['mysql', "CREATE USER x IDENTIFIED BY 'hunter2'"],
    ['mysql', "GRANT ALL ON a TO 'x'@'y' IDENTIFIED BY 'hunter2'"],
    ['mysql', `SELECT '${'x'.repeat(70_000)}hunter2'`],
  ] as const)('of a %s text that cannot be read holds no literal: %s', (dialect, text) => {
    expect(shape(dialect, text)).not.toContain('hunter2');
  });

  it('names at most the first keyword when the text cannot be cut into tokens', () => {
    expect(shape('postgres', "update users set a = 'x")).toBe('<unparsable> UPDATE');
    expect(shape('mysql', "hunter2 'x")).toBe('<unparsable>');
  });

  it('has a bounded length', () => {
    expect(shape('mysql', `SELECT ${'a, '.repeat(20_000)}a`).length).toBeLessThan(4_500);
  });

  it('never holds what was written between quotes', () => {
    const secret = fc.stringMatching(/^[A-Za-z0-9 _%;?$()=,.-]{6,20}$/).map((text) => `zq${text}`);
    const place = fc.constantFrom(
      'SELECT a FROM t WHERE b = ',
      'INSERT INTO t VALUES (1, ',
      "UPDATE t SET a = 'x', b = ",
      'SELECT ((',
      'nonsense ',
      'SELECT 1; DELETE FROM t WHERE a IN (2, ',
    );
    const tail = fc.constantFrom('', ')', ' AND c = 1', " OR 'x' = 'x'", ' --', ' /* x */', " || 'y'", ';');
    fc.assert(
      fc.property(secret, place, tail, (value, before, after) => {
        for (const dialect of ['postgres', 'mysql'] as const)
          expect(shape(dialect, `${before}'${value}'${after}`)).not.toContain(value);
        expect(shape('mysql', `${before}"${value}"${after}`)).not.toContain(value);
        expect(shape('postgres', `${before}$q$${value}$q$${after}`)).not.toContain(value);
      }),
      { numRuns: 300 },
    );
  });
});
