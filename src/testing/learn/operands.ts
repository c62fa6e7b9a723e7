// What values in a learnt statement must be. Enters: all statements of one kind; leaves: the words of a policy for each column.
import { normalise } from '../../policy/normalise.ts';
import type { SqlComparison, SqlExpr, SqlStatement } from '../../sql/reading.ts';
import { onlyStatement } from '../mutation/sql-fields.ts';
import type { Exchange } from './exchange.ts';
import { changeOf, type Spot } from './spot.ts';
import { call, quoted } from './words.ts';

/** Bound values that were always the same are code after so many statements. */
const ENOUGH = 3;

/** Comparisons that a policy has words for; equality has none. */
const COMPARISONS: Readonly<Partial<Record<SqlComparison, string>>> = {
  '<>': 'not',
  '<': 'below',
  '<=': 'atMost',
  '>': 'above',
  '>=': 'atLeast',
  'is-null': 'isNull',
  'is-not-null': 'isNotNull',
};

/** Pairs of a column and what it must be, in their order; null for a condition that no policy can state. */
export function predicateWords(
  exchanges: readonly Exchange[],
  factAt: (spot: Spot) => string | null,
): readonly (readonly [string, string])[] | null {
  const statements = statementsOf(exchanges);
  const where = statements[0]?.where;
  if (where === undefined || where.kind === 'complex') return null;
  if (where.kind === 'none') return [];
  const words: (readonly [string, string])[] = [];
  for (const { column, operator, values } of where.predicates) {
    const word = COMPARISONS[operator];
    if (operator === 'is-null' || operator === 'is-not-null') {
      words.push([column, call(word ?? '')]);
      continue;
    }
    if ((operator !== '=' && word === undefined) || values.length !== 1) return null;
    const all = statements.map(({ where }) =>
      where.kind === 'all'
        ? where.predicates.find((other) => same(other.column, column) && other.operator === operator)
            ?.values[0]
        : undefined,
    );
    const operand = operandWord(factAt({ in: 'where', name: column, operator }), all);
    words.push([column, operator === '=' ? operand : call(word ?? '', operand)]);
  }
  return words;
}

/** What each column is set to, or filled with; null where an INSERT does not name its columns or has several rows. */
export function valueWords(
  exchanges: readonly Exchange[],
  factAt: (spot: Spot) => string | null,
): readonly (readonly [string, string])[] | null {
  const rows = statementsOf(exchanges).map(rowOf);
  const [first] = rows;
  if (first === undefined || first === null) return null;
  return first.map(({ column, value }) => {
    const all = rows.map((row) => row?.find((cell) => same(cell.column, column))?.value);
    const change = changeOf(column, value);
    if (change === null)
      return [column, operandWord(factAt({ in: 'value', name: column, change: null }), all)];
    const fact = factAt({ in: 'value', name: column, change: change.kind });
    const by = all.map((expr) => changeOf(column, expr)?.by);
    return [column, call(change.kind === 'increase' ? 'increasedBy' : 'decreasedBy', operandWord(fact, by))];
  });
}

/** Databases compare names of columns without case, unless they are quoted. */
function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

interface Cell {
  readonly column: string;
  readonly value: SqlExpr | undefined;
}

function rowOf({ assigns, inserts }: SqlStatement): readonly Cell[] | null {
  if (inserts === null) return assigns;
  if (inserts.columns === null || inserts.rows.length !== 1) return null;
  return [...inserts.columns.map((column, i) => ({ column, value: inserts.rows[0]?.[i] })), ...assigns];
}

function statementsOf(exchanges: readonly Exchange[]): readonly SqlStatement[] {
  return exchanges.flatMap(({ asked }) =>
    asked.kind === 'sql' ? (onlyStatement(asked.statement) ?? []) : [],
  );
}

/** The fact that stands there, the constant that always stood there, or any value. */
function operandWord(fact: string | null, all: readonly (SqlExpr | undefined)[]): string {
  if (fact !== null) return call('fact', quoted(fact));
  const values = all.map((expr) =>
    expr?.kind === 'literal' || expr?.kind === 'parameter' ? expr.value : null,
  );
  const [first] = values;
  const constant = values.every((value) => JSON.stringify(value) === JSON.stringify(first));
  const written = all.every((expr) => expr?.kind === 'literal');
  if (first === undefined || first === null || !constant || !(written || all.length >= ENOUGH))
    return call('any');
  return first.type === 'null' ? 'null' : literalWord(first.text);
}

function literalWord(text: string): string {
  if (text === 'true' || text === 'false') return text;
  const plain = /^-?(?:0|[1-9]\d{0,14})(?:\.\d{1,6})?$/.test(text);
  const number = String(Number(text));
  return plain && normalise(number, 'decimal') === normalise(text, 'decimal') ? number : quoted(text);
}
