// What holds for every text. Enters: statements, rewritten and broken at random; leaves: equal readings, and never a throw.
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { SqlDialect, SqlValue } from '../../src/events/sql.ts';
import { loadSqlParsers, readSql } from '../../src/sql/read.ts';
import type { SqlExpr, SqlReading } from '../../src/sql/reading.ts';
import { brief } from './brief.ts';

beforeAll(loadSqlParsers);

const DIALECTS = ['postgres', 'mysql'] as const;

/** Statements of both dialects, one token a word; `@` stands for a value. */
const STATEMENTS = [
  'select id , name from users where name = @ and balance >= @',
  'select u . id as x from users as u where u . name in ( @ , @ ) order by u . id limit 5',
  'select count ( * ) from users where id between @ and @ and email is not null',
  'update users set balance = balance - @ , name = @ where id = @',
  'insert into users ( id , name ) values ( @ , @ ) , ( @ , default )',
  'delete from users where ( id = @ ) and ( name like @ )',
  'select a . id from a join b on a . id = b . id where b . name = @ or a . id = @',
  'with x as ( select id from users where id = @ ) select id from x union select @',
  'select id from users where id = ( select max ( id ) from users ) for update',
  'begin',
  'commit ; delete from users',
].map((text) => text.split(' '));

const KEYWORDS = new Set(
  'select from where and as in order by limit between is not null update set insert into values default delete like join on or with union for begin commit'.split(
    ' ',
  ),
);

const BLANKS: { readonly [dialect in SqlDialect]: readonly string[] } = {
  postgres: [' ', '\n', '\t ', ' /* or 1=1 */ ', ' /* a /* b */ c */ ', ' -- x\n', '\r\n', ' --\r'],
  mysql: [' ', '\n', '\t ', ' /* or 1=1 */ ', ' /* a /* b */ ', ' -- x\n', '\r\n', ' # x\n', ' --\n'],
};

/** The reading without the shape, which may keep the blanks of the text. */
function meaning(reading: SqlReading): unknown {
  return reading.kind === 'read' ? reading.statements : reading.kind;
}

describe.each(DIALECTS)('%s', (dialect) => {
  const statement = fc.constantFrom(...STATEMENTS);
  const values = fc.array(fc.oneof(fc.integer().map(String), fc.string({ maxLength: 8 })), {
    minLength: 4,
    maxLength: 4,
  });

  it('reads a text in the same way whatever its blanks, its comments and the case of its keywords', () => {
    const blanks = fc.array(fc.constantFrom(...BLANKS[dialect]), { minLength: 60, maxLength: 60 });
    const cases = fc.array(fc.boolean(), { minLength: 60, maxLength: 60 });
    fc.assert(
      fc.property(statement, blanks, cases, (words, spaces, upper) => {
        const plain = words.map((word) => (word === '@' ? '7' : word));
        const varied = plain.map((word, i) => {
          const written = upper[i] === true && KEYWORDS.has(word) ? word.toUpperCase() : word;
          // MySQL takes COUNT for a function only when its parenthesis follows at once.
          return plain[i + 1] === '(' && !KEYWORDS.has(word) ? written : `${written}${spaces[i] ?? ' '}`;
        });
        const expected = readSql(dialect, plain.join(' '), []);
        expect(expected.kind).toBe('read');
        expect(meaning(readSql(dialect, varied.join(''), []))).toEqual(meaning(expected));
      }),
      { numRuns: 400 },
    );
  });

  it('finds the same values in literals and in parameters', () => {
    fc.assert(
      fc.property(statement, values, (words, texts) => {
        const clean = texts.map((text) => text.replaceAll('\0', ''));
        const bound: SqlValue[] = [];
        let n = 0;
        const withParameters = words.map((word) => {
          if (word !== '@') return word;
          bound.push({ type: 'text', text: clean[n++ % 4] ?? '' });
          return dialect === 'postgres' ? `$${n}` : '?';
        });
        n = 0;
        const withLiterals = words.map((word) =>
          word === '@' ? quoted(dialect, clean[n++ % 4] ?? '') : word,
        );
        const one = readSql(dialect, withParameters.join(' '), bound);
        const other = readSql(dialect, withLiterals.join(' '), []);
        expect(valuesOf(one)).toEqual(valuesOf(other));
      }),
      { numRuns: 400 },
    );
  });

  it('never throws on a broken statement, and reads it as something or as unparsable', () => {
    const piece = fc.constantFrom(
      ..."( ) ' \" ` $$ $a$ \\ ; , . -- /* */ /*! # @ @@ ? $1 $0 0x :: := || && or union select E' _utf8 \u00a0 { } [ ] 1e".split(
        ' ',
      ),
    );
    const edit = fc.tuple(fc.nat(200), fc.nat(3), piece);
    fc.assert(
      fc.property(statement, fc.array(edit, { maxLength: 6 }), (words, edits) => {
        let text = words.map((word) => (word === '@' ? "'v'" : word)).join(' ');
        for (const [at, cut, put] of edits) text = `${text.slice(0, at)}${put}${text.slice(at + cut)}`;
        const reading = readSql(dialect, text, []);
        expect(['read', 'unparsable']).toContain(reading.kind);
        expect(brief(readSql(dialect, text, []))).toBe(brief(reading));
      }),
      { numRuns: 1_500 },
    );
  });

  it('never throws on any text at all', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
        expect(['read', 'unparsable']).toContain(readSql(dialect, text, []).kind);
      }),
      { numRuns: 500 },
    );
  });

  it('sees a table wherever it is named', () => {
    const place = fc.constantFrom(
      'select (select 1 from hidden)',
      'select 1 from users where id in (select 1 from hidden)',
      'select 1 from users order by (select 1 from hidden)',
      'select 1 from users group by (select 1 from hidden)',
      'select 1 from users having (select 1 from hidden) = 1',
      'select 1 from (select 1 from hidden) x',
      'select 1 from users join (select 1 from hidden) x on 1 = 1',
      'select 1 from users join users u on (select 1 from hidden) = 1',
      'select case when (select 1 from hidden) = 1 then 1 end',
      'select count(distinct (select 1 from hidden))',
      'select coalesce((select 1 from hidden), 1)',
      'select cast((select 1 from hidden) as char)',
      'select 1 union (select 1 from hidden)',
      'with x as (select 1 from hidden) select 1',
      'select sum(1) over (partition by (select 1 from hidden))',
      'insert into users values ((select 1 from hidden))',
      'insert into users select 1 from hidden',
      'update users set a = (select 1 from hidden)',
      'update users set a = 1 where exists (select 1 from hidden)',
      'delete from users where a = (select 1 from hidden)',
      'explain select 1 from hidden',
      'values ((select 1 from hidden))',
    );
    const wrap = fc.constantFrom(
      'hidden',
      '(hidden)',
      'hidden h',
      'hidden as h',
      'hidden h join hidden i on 1=1',
    );
    fc.assert(
      fc.property(place, wrap, (text, name) => {
        const reading = readSql(dialect, text.replace('hidden', name), []);
        const seen =
          reading.kind === 'unparsable' ||
          reading.statements.some((each) => each.tables.some((table) => table.name === 'hidden'));
        expect(seen).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

function quoted(dialect: SqlDialect, text: string): string {
  const doubled = text.replaceAll("'", "''");
  return `'${dialect === 'mysql' ? doubled.replaceAll('\\', '\\\\') : doubled}'`;
}

/** Every value of the statements in order, without saying whether it was a literal or a parameter. */
function valuesOf(reading: SqlReading): readonly unknown[] {
  if (reading.kind === 'unparsable') return ['unparsable'];
  const values: unknown[] = [];
  const add = (expr: SqlExpr): void => {
    if (expr.kind === 'arithmetic') {
      add(expr.left);
      add(expr.right);
    } else values.push(expr.kind === 'literal' || expr.kind === 'parameter' ? expr.value : expr);
  };
  for (const { where, assigns, inserts } of reading.statements) {
    if (where.kind === 'all') for (const { values: all } of where.predicates) all.forEach(add);
    for (const { value } of assigns) add(value);
    for (const row of inserts?.rows ?? []) row.forEach(add);
  }
  return values;
}
