// Bound values and literals in their places. Enters: texts with values; leaves: predicates, assignments and rows with them.
import { beforeAll, describe, expect, it } from 'vitest';
import type { SqlDialect, SqlValue } from '../../src/events/sql.ts';
import { loadSqlParsers, readSql } from '../../src/sql/read.ts';
import { brief } from './brief.ts';

beforeAll(loadSqlParsers);

function text(value: string): SqlValue {
  return { type: 'text', text: value };
}

function number(value: string): SqlValue {
  return { type: 'number', text: value };
}

function read(dialect: SqlDialect, sql: string, ...values: readonly SqlValue[]): string {
  return brief(readSql(dialect, sql, values));
}

describe('puts values in place', () => {
  it('by their number, for PostgreSQL', () => {
    const sql = 'UPDATE users SET balance = balance - $2 WHERE name = $1 AND balance >= $2';
    expect(read('postgres', sql, text('alice'), number('3.50'))).toBe(
      "update users! | where name = $1:'alice' & balance >= $2:3.50 | sets balance=(balance - $2:3.50)",
    );
  });

  it('by their order, for MySQL, over all statements of a text', () => {
    const sql = 'UPDATE dvds SET a = ? WHERE id = ?; DELETE FROM dvds WHERE id = ?';
    expect(read('mysql', sql, text('x'), number('1'), number('2'))).toBe(
      "update dvds! | where id = $2:1 | sets a=$1:'x' ;; delete dvds! | where id = $3:2",
    );
  });

  it('of every type, unchanged', () => {
    const values: readonly SqlValue[] = [
      { type: 'null' },
      { type: 'boolean', text: 'true' },
      { type: 'time', text: '2026-01-01T00:00:00Z' },
      { type: 'bytes', text: '00ff' },
      { type: 'undecoded', text: '01' },
    ];
    for (const [dialect, sql] of [
      ['postgres', 'INSERT INTO t VALUES ($1, $2, $3, $4, $5)'],
      ['mysql', 'INSERT INTO t VALUES (?, ?, ?, ?, ?)'],
    ] as const) {
      const row = values.map((value, i) => ({ kind: 'parameter', index: i + 1, value }));
      expect(readSql(dialect, sql, values)).toMatchObject({ statements: [{ inserts: { rows: [row] } }] });
    }
  });

  it('as null when none was bound at all', () => {
    expect(read('postgres', 'DELETE FROM t WHERE a = $1')).toBe('delete t! | where a = $1');
    expect(read('mysql', 'DELETE FROM t WHERE a = ?')).toBe('delete t! | where a = $1');
  });

  it('only when there are as many as the text takes', () => {
    expect(read('postgres', 'DELETE FROM t WHERE a = $2', text('x'))).toBe('unparsable');
    expect(read('postgres', 'DELETE FROM t WHERE a = $1', text('x'), text('y'))).toBe('unparsable');
    expect(read('postgres', 'DELETE FROM t', text('x'))).toBe('unparsable');
    expect(read('mysql', 'DELETE FROM t WHERE a = ? AND b = ?', text('x'))).toBe('unparsable');
    expect(read('mysql', "DELETE FROM t WHERE a = '?'", text('x'))).toBe('unparsable');
  });

  it('not those of a statement that is only prepared', () => {
    expect(read('postgres', 'PREPARE s AS DELETE FROM t WHERE a = $1')).toBe('prepare t!');
    expect(readSql('postgres', 'PREPARE s AS SELECT $1', [])).toMatchObject({ kind: 'read' });
  });
});

describe('sees through casts that keep the value', () => {
  it.each([
    ['$1::text', text('x'), "$1:'x'"],
    ['$1::text', number('5'), "$1:'5'"],
    ['$1::text', number('1e3'), null],
    ['$1::int', text('5'), '$1:5'],
    ['$1::int', number('5.7'), null],
    ['$1::int8', text('five'), null],
    ['$1::numeric', text('+5.70'), '$1:5.70'],
    ['$1::numeric', text('NaN'), null],
    ['$1::numeric(5,2)', text('5.777'), null],
    ['$1::varchar(3)', text('alice'), null],
    ['$1::uuid', text('A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'), "$1:'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'"],
    ['$1::uuid', text('{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}'), null],
    ['$1::date', text('2026-01-02'), "$1:'2026-01-02'"],
    ['$1::date', text('2026-01-02 10:00'), null],
    ['$1::text::int', text('5'), '$1:5'],
    ['$1::bytea', text('x'), null],
    ['$1::text[]', text('x'), null],
    ['$1::int', { type: 'null' }, '$1:NULL'],
    ['$1::int', { type: 'bytes', text: '05' }, null],
  ] as const)('%s of %j', (expression, value, expected) => {
    expect(read('postgres', `DELETE FROM t WHERE a = ${expression}`, value)).toBe(
      expected === null ? 'delete t! | where complex' : `delete t! | where a = ${expected}`,
    );
  });

  it('and leaves an assignment unknown where the cast would change it', () => {
    expect(read('postgres', 'UPDATE t SET a = $1::int', number('5.7'))).toBe('update t! | sets a=?');
  });
});

describe('keeps literals apart from each other', () => {
  it('in texts of one shape that come one after the other', () => {
    expect(read('mysql', "DELETE FROM t WHERE a = 'x' AND b = -1")).toBe(
      "delete t! | where a = 'x' & b = -1",
    );
    expect(read('mysql', "DELETE FROM t WHERE a = 'y' AND b = -2")).toBe(
      "delete t! | where a = 'y' & b = -2",
    );
  });

  it('in texts that differ in their names only', () => {
    expect(read('mysql', 'DELETE FROM `a b` WHERE `c` = 1')).toBe('delete a b! | where c = 1');
    expect(read('mysql', 'DELETE FROM `a  b` WHERE `c` = 1')).toBe('delete a  b! | where c = 1');
    expect(read('mysql', 'DELETE FROM `a` WHERE `b` = 1')).toBe('delete a! | where b = 1');
  });

  it('and has none for a literal whose value depends on its use', () => {
    for (const literal of ["x'616c696365'", '0x616c696365', "b'1'", "_utf16'a'", "_binary'é'"]) {
      expect(read('mysql', `DELETE FROM t WHERE a = ${literal}`)).toBe('delete t! | where complex');
      expect(read('mysql', `INSERT INTO t VALUES (${literal})`)).toBe('insert t! | inserts (?) (?)');
    }
  });
});
