// Reading SQL statements whose shapes repeat, against parsing each of them anew. Enters: nothing; leaves: speed ratios.
import type { SqlDialect, SqlValue } from '../../src/events/sql.ts';
import { prepareMysql } from '../../src/sql/mysql/read.ts';
import { readPostgres } from '../../src/sql/postgres/read.ts';
import { loadSqlParsers, readSql } from '../../src/sql/read.ts';
import { bindStatement } from '../../src/sql/template.ts';
import { Random } from '../../src/testing/mutation/random.ts';
import { costsInTurns, inChild } from './measure.ts';

const STATEMENTS = 4000;
const RUNS = 5;

interface Statement {
  readonly text: string;
  readonly parameters: readonly SqlValue[];
}

export interface SqlFigure {
  readonly dialect: SqlDialect;
  readonly values: 'bound' | 'literal';
  /** Microseconds of processor time for each statement. */
  readonly micros: number;
  /** Speed against parsing each anew. */
  readonly ratio: number;
}

/** What services send again and again, with places for values: `{n}` a number, `{s}` a text. */
const SHAPES = [
  'SELECT id, title, price, status FROM dvds WHERE id = {n}',
  'UPDATE users SET balance = balance - {n} WHERE name = {s} AND balance >= {n} RETURNING balance',
  'INSERT INTO charges (contract, name, amount) VALUES ({s}, {s}, {n})',
  'UPDATE charges SET returned = true WHERE contract = {s} AND name = {s}',
  "UPDATE dvds SET status = 'rented', renter = {s} WHERE id = {n}",
  'DELETE FROM sessions WHERE name = {s} AND created < {n}',
  'SELECT c.contract, c.amount, u.name FROM charges c JOIN users u ON u.name = c.name WHERE u.name = {s} AND c.amount > {n} ORDER BY c.contract LIMIT 20',
  'INSERT INTO audit (actor, action, item, amount, note) VALUES ({s}, {s}, {n}, {n}, {s})',
];

/**
 * Both dialects, values bound and written into the text. No two statements have the same values. In a process of its own: a
 * statement takes less than a microsecond, and whatever else is in the heap and the caches would count more than that.
 */
export async function measureSql(): Promise<readonly SqlFigure[]> {
  return inChild(import.meta.url, ['measure']);
}

async function measure(): Promise<readonly SqlFigure[]> {
  await loadSqlParsers();
  const figures: SqlFigure[] = [];
  for (const dialect of ['postgres', 'mysql'] as const) {
    for (const values of ['bound', 'literal'] as const) {
      const random = new Random(11);
      // Fresh values in each run, or a text with literals would be known from the run before.
      const sets = Array.from({ length: RUNS + 1 }, () => draw(random, dialect, values));
      let set = -1;
      const [ours = Number.NaN, anew = Number.NaN] = await costsInTurns(
        RUNS,
        () => {
          set++;
          for (const { text, parameters } of sets[set] ?? []) readSql(dialect, text, parameters);
        },
        () => {
          for (const { text, parameters } of sets[set] ?? []) readAnew(dialect, text, parameters);
        },
      );
      figures.push({ dialect, values, micros: (ours * 1e6) / STATEMENTS, ratio: anew / ours });
    }
  }
  return figures;
}

function draw(random: Random, dialect: SqlDialect, values: SqlFigure['values']): readonly Statement[] {
  return Array.from({ length: STATEMENTS }, () => {
    const shape = (random.pick(SHAPES) ?? '').replace(dialect === 'mysql' ? ' RETURNING balance' : '\0', '');
    const parameters: SqlValue[] = [];
    const text = shape.replace(/\{([ns])\}/g, (_, kind: string) => {
      const number = Math.floor(random.next() * 1e9);
      const value = kind === 'n' ? `${number % 10_000_000}.${number % 10}` : `name-${number}`;
      if (values === 'literal') return kind === 'n' ? value : `'${value}'`;
      parameters.push({ type: kind === 'n' ? 'number' : 'text', text: value });
      return dialect === 'mysql' ? '?' : `$${parameters.length}`;
    });
    return { text, parameters };
  });
}

/** What `readSql` does, without what it remembers. */
function readAnew(dialect: SqlDialect, text: string, parameters: readonly SqlValue[]): void {
  const prepared = dialect === 'mysql' ? prepareMysql(text) : null;
  const template = prepared?.kind === 'prepared' ? prepared.read() : readPostgres(text);
  if (template.kind !== 'template') throw new Error(`${template.reason}: ${text}`);
  const slots = prepared?.kind === 'prepared' ? prepared.slots : [];
  for (const statement of template.statements) bindStatement(statement, { parameters, slots });
}

if (process.argv[2] === 'measure') process.stdout.write(`${JSON.stringify(await measure())}\n`);
