// Which declared statement a SQL statement is. Enters: declarations between two services, a reading; leaves: a match.
import type { FactReading } from '../../chain/scope.ts';
import type { SqlValue } from '../../events/sql.ts';
import type { Evidence } from '../../flow.ts';
import type { SqlExpr, SqlStatement } from '../../sql/reading.ts';
import type { SqlOperand, SqlRequestDeclaration } from '../document.ts';
import { normalise } from '../normalise.ts';
import { type Match, matched, type Normalisers, reading, sourceText } from './match.ts';

/** Matches one statement. The statement must be the declared one in every part: nothing more, nothing less. */
export function matchSql(
  declarations: readonly SqlRequestDeclaration[],
  normalisers: Normalisers,
  statement: SqlStatement,
  evidence: Evidence,
): Match {
  let why = `no ${statement.verb}${tableText(statement)} is declared`;
  let closest = -1;
  let lacking: Match | null = null;
  for (const declaration of declarations) {
    const result = compare(declaration, normalisers, statement, evidence);
    if (result.kind === 'same') return matched(declaration.id, result.facts);
    if (result.kind === 'lacking') {
      lacking ??= { kind: 'lacking', id: declaration.id, fact: result.fact, why: result.why };
    } else if (result.depth > closest) {
      closest = result.depth;
      if (result.depth > 0) why = result.why;
    }
  }
  return lacking ?? { kind: 'undeclared', why };
}

type Comparison =
  | { readonly kind: 'same'; readonly facts: readonly FactReading[] }
  /** `depth` tells how far they agree, so that the closest declaration gives the reason. */
  | { readonly kind: 'other'; readonly depth: number; readonly why: string }
  | { readonly kind: 'lacking'; readonly fact: string; readonly why: string };

function compare(
  declaration: SqlRequestDeclaration,
  normalisers: Normalisers,
  statement: SqlStatement,
  evidence: Evidence,
): Comparison {
  if (declaration.verb !== statement.verb) return other(0, 'another verb');
  if (declaration.setting !== null && declaration.setting !== statement.setting) {
    return other(1, `${statement.verb} ${statement.setting ?? ''} is not declared`);
  }
  const table = compareTables(declaration, statement);
  if (table !== null) return other(table.depth, table.why);
  const extra = statement.features.find((feature) => !declaration.allowing.includes(feature));
  if (extra !== undefined) return other(3, `it has what is not declared: ${extra}`);
  const call = statement.functions.find((name) => !declaration.calling.includes(name));
  if (call !== undefined) return other(3, `it calls ${call.slice(0, 60)}, which is not declared`);
  const columns = compareColumns(declaration, statement);
  if (columns !== null) return other(4, columns);
  const facts: FactReading[] = [];
  const read = (operand: SqlOperand, value: SqlExpr | undefined, column: string): Comparison | null =>
    readOperand(
      { declaration, normalisers, evidence, facts, column, where: `value of ${column}` },
      operand,
      value,
    );
  const where = comparePredicates(declaration, statement, read);
  if (where !== null) return where;
  return compareValues(declaration, statement, read) ?? { kind: 'same', facts };
}

function other(depth: number, why: string): Comparison & { kind: 'other' } {
  return { kind: 'other', depth, why };
}

function compareTables(
  declaration: SqlRequestDeclaration,
  statement: SqlStatement,
): { depth: number; why: string } | null {
  if (declaration.table === null) {
    return statement.tables.length === 0 ? null : { depth: 1, why: `it names${tableText(statement)}` };
  }
  for (const table of statement.tables) {
    const name = table.schema === null ? table.name : `${table.schema}.${table.name}`;
    if (name !== declaration.table && table.name !== declaration.table) {
      return { depth: 1, why: `${statement.verb}${tableText(statement)} is not declared` };
    }
    // A schema chooses another table of the same name; the author says which one is meant.
    if (table.schema !== null && name !== declaration.table)
      return { depth: 2, why: `it names schema ${table.schema}` };
  }
  return statement.tables.length === 0 ? { depth: 1, why: 'it names no table' } : null;
}

function compareColumns(declaration: SqlRequestDeclaration, statement: SqlStatement): string | null {
  if (declaration.verb === 'select' && declaration.columns !== null) {
    const allowed = new Set(declaration.columns.map((column) => column.toLowerCase()));
    const extra = statement.columns.find((column) => !allowed.has(column.toLowerCase()));
    if (extra !== undefined) return `it reads column ${extra.slice(0, 60)}, which is not declared`;
  }
  const returned = new Set(declaration.returning.map((column) => column.toLowerCase()));
  const extra = statement.returning.find((column) => !returned.has(column.toLowerCase()));
  return extra === undefined ? null : `it returns column ${extra.slice(0, 60)}, which is not declared`;
}

type ReadOperand = (operand: SqlOperand, value: SqlExpr | undefined, column: string) => Comparison | null;

function comparePredicates(
  declaration: SqlRequestDeclaration,
  statement: SqlStatement,
  read: ReadOperand,
): Comparison | null {
  const { where } = statement;
  if (where.kind === 'complex') return other(5, `its WHERE is more than plain comparisons: ${where.what}`);
  const predicates = where.kind === 'none' ? [] : [...where.predicates];
  if (predicates.length === 0 && declaration.where.length > 0) return other(5, 'it has no WHERE');
  for (const wanted of declaration.where) {
    const at = predicates.findIndex(
      (predicate) =>
        predicate.column.toLowerCase() === wanted.column.toLowerCase() &&
        predicate.operator === wanted.operator,
    );
    const [predicate] = at < 0 ? [] : predicates.splice(at, 1);
    if (predicate === undefined)
      return other(6, `its WHERE does not compare ${wanted.column} by ${wanted.operator}`);
    if (wanted.operator === 'is-null' || wanted.operator === 'is-not-null') continue;
    if (predicate.values.length !== 1)
      return other(6, `its WHERE compares ${wanted.column} with several values`);
    const problem = read(wanted.operand, predicate.values[0], wanted.column);
    if (problem !== null) return problem;
  }
  const [left] = predicates;
  return left === undefined ? null : other(6, `its WHERE also compares ${left.column}`);
}

function compareValues(
  declaration: SqlRequestDeclaration,
  statement: SqlStatement,
  read: ReadOperand,
): Comparison | null {
  const given = new Map<string, SqlExpr>();
  for (const { column, value } of statement.assigns) {
    if (given.has(column.toLowerCase())) return other(7, `it assigns ${column} twice`);
    given.set(column.toLowerCase(), value);
  }
  if (statement.inserts !== null) {
    const { columns, rows } = statement.inserts;
    if (columns === null) return other(7, 'it does not name the columns that it inserts');
    if (rows.length !== 1) return other(7, `it inserts ${rows.length} rows`);
    for (const [i, column] of columns.entries()) {
      const value = rows[0]?.[i];
      if (value === undefined || given.has(column.toLowerCase()))
        return other(7, 'its columns and values do not agree');
      given.set(column.toLowerCase(), value);
    }
  }
  for (const { column, operand } of declaration.values) {
    const value = given.get(column.toLowerCase());
    if (value === undefined) return other(7, `it gives no value to ${column}`);
    given.delete(column.toLowerCase());
    const problem = read(operand, value, column);
    if (problem !== null) return problem;
  }
  const [left] = given.keys();
  return left === undefined ? null : other(7, `it also gives a value to ${left.slice(0, 60)}`);
}

interface Reader {
  readonly declaration: SqlRequestDeclaration;
  readonly normalisers: Normalisers;
  readonly evidence: Evidence;
  readonly facts: FactReading[];
  readonly column: string;
  readonly where: string;
}

/** Null when the expression is what the operand asks for; facts on the way are read. */
function readOperand(reader: Reader, operand: SqlOperand, expr: SqlExpr | undefined): Comparison | null {
  const { column } = reader;
  const otherwise = (): Comparison => other(8, `${column} has another value than declared`);
  if (expr === undefined) return otherwise();
  switch (operand.kind) {
    case 'any':
      return expr.kind === 'other' ? other(8, `${column} gets an expression that cannot be read`) : null;
    case 'literal': {
      const value = scalarOf(expr);
      return value !== null && sameLiteral(value, operand.value) ? null : otherwise();
    }
    case 'increase':
    case 'decrease': {
      if (expr.kind !== 'arithmetic' || expr.operator !== (operand.kind === 'increase' ? '+' : '-'))
        return otherwise();
      const own = (side: SqlExpr): boolean =>
        side.kind === 'column' && side.name.toLowerCase() === column.toLowerCase();
      if (own(expr.left)) return readOperand(reader, operand.by, expr.right);
      if (operand.kind === 'increase' && own(expr.right)) return readOperand(reader, operand.by, expr.left);
      return otherwise();
    }
    case 'fact': {
      const value = scalarOf(expr);
      const source = sourceText(reader.declaration, reader.declaration.id, reader.where);
      if (value === null || value.type === 'null' || value.type === 'undecoded') {
        return { kind: 'lacking', fact: operand.fact, why: `${reader.where}: it is no plain value` };
      }
      const read = reading(reader.normalisers, operand, value.text, source, reader.evidence);
      if (read === null)
        return { kind: 'lacking', fact: operand.fact, why: `${reader.where}: not of the fact's kind` };
      reader.facts.push(read);
      return null;
    }
  }
}

function scalarOf(expr: SqlExpr): SqlValue | null {
  return expr.kind === 'literal' || expr.kind === 'parameter' ? expr.value : null;
}

function sameLiteral(value: SqlValue, wanted: string | number | boolean | null): boolean {
  if (value.type === 'null') return wanted === null;
  switch (typeof wanted) {
    case 'string':
      return value.text === wanted;
    case 'number':
      return normalise(value.text, 'decimal') === normalise(String(wanted), 'decimal');
    case 'boolean':
      // MySQL has no boolean: TRUE is 1 (MySQL manual, "Boolean Literals").
      return (
        value.text === String(wanted) || (value.type === 'number' && value.text === String(Number(wanted)))
      );
    default:
      return false;
  }
}

function tableText(statement: SqlStatement): string {
  const names = [...new Set(statement.tables.map((table) => table.name.slice(0, 60)))];
  return names.length === 0 ? '' : ` of ${names.slice(0, 4).join(', ')}`;
}
