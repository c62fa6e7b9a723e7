// SELECT, INSERT, UPDATE, DELETE and MERGE of PostgreSQL in parts. Enters: their nodes; leaves: columns, values, where.
import { type JoinCondition, whereOf } from '../condition.ts';
import type { StatementDraft } from '../draft.ts';
import { asNode, itemsOf, listOf, type Node, stringsOf, tagged, textOf, under } from '../node.ts';
import type { TableUse } from '../reading.ts';
import { EMPTY_SCOPE, type Scope, type ScopeTable } from '../scope.ts';
import type { StatementTemplate, TemplateExpr, TemplateWhere } from '../template.ts';
import { readCondition } from './condition.ts';
import { readExpr } from './expression.ts';

/** The parts of a statement that only its outermost level has; tables, functions and features come from the survey. */
export type Parts = Partial<Omit<StatementTemplate, 'verb' | 'tables' | 'functions' | 'features'>>;

/** Columns and condition of a SELECT, VALUES or TABLE; a set operation gives the columns of every arm. */
export function readSelect(node: Node): Parts {
  if (node.op !== undefined && node.op !== 'SETOP_NONE') {
    const columns = new Set<string>();
    for (const arm of armsOf(node)) for (const column of selectColumns(arm)) columns.add(column);
    return { columns: [...columns], where: { kind: 'complex', what: 'a set operation' } };
  }
  return {
    columns: selectColumns(node),
    where: readWhere(node.whereClause, fromOf(null, listOf(node.fromClause), cteNames(node))),
  };
}

function armsOf(node: Node): readonly Node[] {
  const arms: Node[] = [];
  const open: Node[] = [node];
  for (let each = open.pop(); each !== undefined; each = open.pop()) {
    if (each.op === undefined || each.op === 'SETOP_NONE') arms.push(each);
    else for (const arm of [asNode(each.rarg), asNode(each.larg)]) if (arm !== null) open.push(arm);
  }
  return arms;
}

function selectColumns(node: Node): readonly string[] {
  if (node.valuesLists !== undefined) return ['?'];
  return readTargets(node.targetList, fromOf(null, listOf(node.fromClause), cteNames(node)).scope);
}

function cteNames(node: Node): ReadonlySet<string> {
  const ctes = listOf(asNode(node.withClause)?.ctes);
  return new Set(ctes.map((each) => textOf(under(each, 'CommonTableExpr')?.ctename)));
}

/**
 * An output list: the column that is read, `*`, or `?`. A column that leaves under another name is `name as alias`, because
 * whoever reads the result by its column names would otherwise take one column for another.
 */
function readTargets(list: unknown, scope: Scope): readonly string[] {
  const columns = new Set<string>();
  for (const each of listOf(list)) {
    const target = under(each, 'ResTarget');
    const reference = under(target?.val, 'ColumnRef');
    const fields = listOf(reference?.fields);
    if (reference !== null && under(fields.at(-1), 'A_Star') !== null) {
      columns.add('*');
      continue;
    }
    const expr = readExpr(target?.val, scope);
    const alias = typeof target?.name === 'string' ? target.name : null;
    if (expr.kind !== 'column') columns.add('?');
    else if (alias === null || alias === bare(expr.name)) columns.add(expr.name);
    else columns.add(`${expr.name} as ${alias}`);
  }
  return [...columns];
}

function bare(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1);
}

/** Rows of an INSERT; null when they come from a query. */
export function readInsert(node: Node): { readonly parts: Parts; readonly fromQuery: boolean } {
  const { scope } = fromOf(asNode(node.relation), [], new Set());
  const names = listOf(node.cols).map(columnName);
  const columns = node.cols === undefined ? null : names;
  const returning = readTargets(node.returningList, scope);
  const select = under(node.selectStmt, 'SelectStmt');
  if (node.selectStmt === undefined)
    return { parts: { inserts: { columns: [], rows: [[]] }, returning }, fromQuery: false };
  const lists = select?.valuesLists;
  if (lists === undefined) return { parts: { inserts: { columns, rows: [] }, returning }, fromQuery: true };
  // Values of an INSERT name no columns.
  const rows = listOf(lists).map((row) => itemsOf(row).map((value) => readExpr(value, EMPTY_SCOPE)));
  return { parts: { inserts: { columns, rows }, returning }, fromQuery: false };
}

/** The column of a target; `?` for an element or field of it. */
function columnName(value: unknown): string {
  const target = under(value, 'ResTarget');
  return target === null || target.indirection !== undefined ? '?' : textOf(target.name);
}

/** Assignments and condition of an UPDATE. */
export function readUpdate(node: Node): Parts {
  const from = fromOf(asNode(node.relation), listOf(node.fromClause), cteNames(node));
  const { scope } = from;
  return {
    assigns: listOf(node.targetList).map((each) => readAssignment(under(each, 'ResTarget'), scope)),
    where: readWhere(node.whereClause, from),
    returning: readTargets(node.returningList, scope),
  };
}

function readAssignment(
  target: Node | null,
  scope: Scope,
): { readonly column: string; readonly value: TemplateExpr } {
  const column = textOf(target?.name);
  if (target === null || target.indirection !== undefined)
    return { column, value: { kind: 'other', what: 'a part of the column' } };
  const multi = under(target.val, 'MultiAssignRef');
  if (multi === null) return { column, value: readExpr(target.val, scope) };
  const args = listOf(under(multi.source, 'RowExpr')?.args);
  const value = typeof multi.colno === 'number' ? args[multi.colno - 1] : undefined;
  const fits = value !== undefined && args.length === multi.ncolumns;
  return { column, value: fits ? readExpr(value, scope) : { kind: 'other', what: 'a row from a query' } };
}

/** Condition of a DELETE. */
export function readDelete(node: Node): Parts {
  const from = fromOf(asNode(node.relation), listOf(node.usingClause), cteNames(node));
  return {
    where: readWhere(node.whereClause, from),
    returning: readTargets(node.returningList, from.scope),
  };
}

/** A MERGE has no single condition. */
export function readMerge(node: Node): Parts {
  const { scope } = fromOf(asNode(node.relation), [node.sourceRelation], cteNames(node));
  return {
    where: { kind: 'complex', what: 'MERGE' },
    returning: readTargets(node.returningList, scope),
  };
}

/** A WHERE clause; an absent one is `none`. */
export function readWhere(value: unknown, from: From): TemplateWhere {
  return whereOf(value === undefined ? null : readCondition(value, from.scope), joinConditions(from));
}

/** The members of a FROM list as a scope, and the joins between them, which are read once the scope is whole. */
export interface From {
  readonly scope: Scope;
  readonly joins: readonly Node[];
}

/** The scope of a statement: the table that is written, if any, then the members of its FROM list. */
export function fromOf(written: Node | null, from: readonly unknown[], withNames: ReadonlySet<string>): From {
  const tables: ScopeTable[] = [];
  const joins: Node[] = [];
  let opaque = false;
  const add = (node: Node): void => {
    const schema = typeof node.schemaname === 'string' ? node.schemaname : null;
    const alias = asNode(node.alias);
    // `users AS u(a, b)` renames its columns.
    if (alias !== null && alias.colnames !== undefined) opaque = true;
    const aliasName = alias === null ? null : textOf(alias.aliasname);
    tables.push({ schema, name: textOf(node.relname), alias: aliasName });
  };
  if (written !== null) add(written);
  const open = [...from].reverse();
  for (let each = open.pop(); each !== undefined; each = open.pop()) {
    const member = tagged(each);
    const table = member?.tag === 'RangeVar' ? member.node : null;
    if (table !== null && !(table.schemaname === undefined && withNames.has(textOf(table.relname))))
      add(table);
    else if (member?.tag === 'JoinExpr' && member.node.alias === undefined) {
      open.push(member.node.rarg, member.node.larg);
      joins.push(member.node);
    } else opaque = true;
  }
  return { scope: { tables, opaque }, joins };
}

function joinConditions({ scope, joins }: From): readonly JoinCondition[] {
  const conditions: JoinCondition[] = [];
  for (const join of joins) {
    if (join.isNatural === true) conditions.push({ kind: 'natural' });
    else if (join.usingClause !== undefined)
      conditions.push({ kind: 'using', columns: stringsOf(join.usingClause) ?? ['?'] });
    else if (join.quals !== undefined) {
      const outer = join.jointype !== 'JOIN_INNER';
      conditions.push({ kind: 'on', condition: readCondition(join.quals, scope), outer });
    }
  }
  return conditions;
}

/** `schema.table` or `table` of a list of names, or null. */
export function nameOf(value: unknown): { readonly schema: string | null; readonly name: string } | null {
  const names = stringsOf(listOf(value).length > 0 ? value : itemsOf(value));
  const name = names?.at(-1);
  if (names === null || name === undefined) return null;
  return { schema: names.length > 1 ? (names.at(-2) ?? null) : null, name };
}

/** The table that a relation node names, as it is written to. */
export function targetOf(relation: unknown, draft: StatementDraft): TableUse | null {
  const node = asNode(relation);
  if (node === null) return null;
  return draft.table(
    typeof node.schemaname === 'string' ? node.schemaname : null,
    textOf(node.relname),
    'write',
  );
}
