// Texts made to break a reader. Enters: texts too long, too deep, too wide, of no characters; leaves: `unparsable`, and a reader that goes on.
import { beforeAll, describe, expect, it } from 'vitest';
import { parsePostgres } from '../../src/sql/postgres/grammar.ts';
import { loadSqlParsers, readSql } from '../../src/sql/read.ts';
import { brief } from './brief.ts';

beforeAll(loadSqlParsers);

const DIALECTS = ['postgres', 'mysql'] as const;

describe.each(DIALECTS)('%s', (dialect) => {
  it.each([
    ['too long', `SELECT ${'1,'.repeat(40_000)}1`],
    ['a NUL', 'SELECT a FROM t WHERE b = 1\0 OR TRUE'],
    ['a NUL in a literal', "SELECT 'a\0b'"],
    ['a lone high surrogate', "SELECT '\ud800'"],
    ['a lone low surrogate', "SELECT '\udc00a'"],
    ['open parentheses', '('.repeat(30_000)],
    ['parentheses', `SELECT ${'('.repeat(20_000)}1${')'.repeat(20_000)}`],
    ['functions', `SELECT ${'f('.repeat(5_000)}1${')'.repeat(5_000)}`],
    ['sub-selects', `SELECT ${'(SELECT '.repeat(4_000)}1${')'.repeat(4_000)}`],
    ['casts', `SELECT ${'CAST('.repeat(1_000)}1${' AS char)'.repeat(1_000)}`],
    ['casts without an end', `SELECT ${'CAST('.repeat(40)}1`],
    ['a chain of sums', `SELECT 1${'+1'.repeat(30_000)}`],
    ['a chain of NOT', `SELECT ${'NOT '.repeat(15_000)}TRUE`],
    ['a chain of signs', `SELECT ${'- '.repeat(30_000)}a`],
    ['a chain of CASE', `SELECT ${'CASE WHEN '.repeat(3_000)}1${' THEN 1 END'.repeat(3_000)}`],
    ['a chain of UNION', `SELECT 1${' UNION SELECT 1'.repeat(4_000)}`],
    ['a chain of joins', `SELECT * FROM a${' NATURAL JOIN a'.repeat(4_000)}`],
    ['a chain of dots', `SELECT a${'.a'.repeat(20_000)}`],
    ['a chain of comparisons', `SELECT a${' IS NULL'.repeat(6_000)}`],
    ['many statements', 'SELECT 1;'.repeat(7_000)],
    [
      'many WITH queries',
      `WITH ${Array.from({ length: 500 }, (_, i) => `a${i} AS (SELECT 1)`).join(',')} SELECT 1`,
    ],
    ['a wide row assignment', `UPDATE t SET (${'a,'.repeat(7_000)}a) = (${'1,'.repeat(7_000)}1)`],
    ['brackets that do not match', 'SELECT (a] FROM t WHERE b = 1)'],
    ['nothing but closing ones', ')'.repeat(60_000)],
  ])('refuses %s', (_, text) => {
    expect(readSql(dialect, text, [])).toMatchObject({ kind: 'unparsable' });
    expect(brief(readSql(dialect, 'DELETE FROM t WHERE a = 1', []))).toBe('delete t! | where a = 1');
  });

  it('reads long lists and long conjunctions', () => {
    const list = Array.from({ length: 5_000 }, (_, i) => i).join(',');
    expect(readSql(dialect, `SELECT a FROM t WHERE b IN (${list})`, [])).toMatchObject({ kind: 'read' });
    const rows = Array.from({ length: 1_500 }, (_, i) => `(${i}, 'x', -1, NULL)`).join(',');
    expect(readSql(dialect, `INSERT INTO t (a, b, c, d) VALUES ${rows}`, [])).toMatchObject({ kind: 'read' });
    const all = Array.from({ length: 300 }, (_, i) => `c${i} = ${i}`).join(' AND ');
    const reading = readSql(dialect, `SELECT a FROM t WHERE ${all}`, []);
    expect(reading.kind === 'read' && reading.statements[0]?.where.kind === 'all').toBe(true);
  });

  it('keeps characters outside of the basic plane', () => {
    expect(brief(readSql(dialect, "DELETE FROM t WHERE a = '😀é'", []))).toBe("delete t! | where a = '😀é'");
  });
});

describe('MySQL', () => {
  it.each(['\u00a0', '\u0085', '\u2003', '\u200b', '\ufeff'])(
    'refuses %j, which is a space in some character sets',
    (space) => {
      expect(brief(readSql('mysql', `DELETE FROM t${space}WHERE a = 1`, []))).toBe('unparsable');
    },
  );
});

describe('the PostgreSQL grammar', () => {
  it('is replaced when a text breaks it, and goes on', async () => {
    for (let i = 0; i < 4; i += 1) {
      expect(parsePostgres(`SELECT 1${'+1'.repeat(30_000)}`)).toMatchObject({ kind: 'refused' });
      expect(parsePostgres('SELECT 1')).toMatchObject({ kind: 'tree', statements: [{}] });
      await loadSqlParsers();
    }
  });

  it('names no part of the text in its reason', () => {
    const reading = readSql('postgres', "SELEC 'hunter2' hunter3", []);
    expect(reading).toMatchObject({ kind: 'unparsable', reason: 'syntax error' });
  });

  it('reads a text without any statement as empty', () => {
    for (const text of ['', ' \n', ';', '-- x', '/* x */']) {
      expect(brief(readSql('postgres', text, []))).toBe('empty');
      expect(brief(readSql('mysql', text, []))).toBe('empty');
    }
  });
});
