// SELECT, INSERT, REPLACE, UPDATE and DELETE of MySQL in parts. Enters: the root of a tree; leaves: a statement template.
import { type JoinCondition, whereOf } from '../condition.ts';
import { asNode, listOf, type Node, tagged, under } from '../node.ts';
import type { TableUse } from '../reading.ts';
import { EMPTY_SCOPE, type Scope, type ScopeTable } from '../scope.ts';
import type { StatementTemplate, TemplateExpr, TemplateWhere } from '../template.ts';
import { readCondition } from './condition.ts';
import { type Context, isName, nameOf, partsOf, Refusal, sameName, tableOf, tokenAt } from './context.ts';
import { readExpr } from './expression.ts';
import { isDual } from './survey.ts';

/** Reads a statement whose tree was surveyed before. */
export function readQueryStatement(root: Node, context: Context): StatementTemplate {
  const each = tagged(root);
  if (each === null) throw new Refusal('a statement of an unknown form');
  const { tag, node } = each;
  switch (tag) {
    case 'Query':
      return readSelect(node, context);
    case 'Insert':
      return readInsert(node, context);
    case 'Update':
      return readUpdate(node, context);
    case 'Delete':
      return readDelete(node, context);
    default:
      throw new Refusal('a statement of another kind');
  }
}

function readSelect(query: Node, context: Context): StatementTemplate {
  const columns = new Set<string>();
  let where: TemplateWhere = { kind: 'complex', what: 'a set operation' };
  let single = true;
  const open: { readonly body: unknown; readonly names: ReadonlySet<string> }[] = [
    { body: query.body, names: cteNames(query, new Set(), context) },
  ];
  for (let each = open.pop(); each !== undefined; each = open.pop()) {
    const body = tagged(each.body);
    if (body === null) throw new Refusal('a query of an unknown form');
    const { tag, node } = body;
    if (tag === 'Query') open.push({ body: node.body, names: cteNames(node, each.names, context) });
    else if (tag === 'SetOperation') {
      single = false;
      open.push({ body: node.right, names: each.names }, { body: node.left, names: each.names });
    } else if (tag === 'Select') {
      const from = fromOf(listOf(node.from), each.names, context);
      for (const column of readTargets(node.projection, from.scope, context)) columns.add(column);
      if (single) where = readWhere(node.selection, from, context);
    } else if (tag === 'Values') {
      columns.add('?');
      if (single) where = { kind: 'none' };
    } else throw new Refusal('a query of an unknown form');
  }
  return context.draft.finish('select', { columns: [...columns], where });
}

function cteNames(query: Node, outer: ReadonlySet<string>, context: Context): ReadonlySet<string> {
  const names = new Set(outer);
  for (const each of listOf(asNode(query.with)?.cte_tables))
    names.add(nameOf(asNode(asNode(each)?.alias)?.name, context).toLowerCase());
  return names;
}

/** An output list, in the form that PostgreSQL's reader gives: `*`, `?`, `name`, `name as alias`, or `@@variable`. */
function readTargets(list: unknown, scope: Scope, context: Context): readonly string[] {
  const columns = new Set<string>();
  for (const each of listOf(list)) {
    const outer = asNode(each);
    if (outer?.Wildcard !== undefined || outer?.QualifiedWildcard !== undefined) {
      columns.add('*');
      continue;
    }
    const aliased = under(each, 'ExprWithAlias');
    const value = aliased === null ? outer?.UnnamedExpr : aliased.expr;
    const alias = aliased === null ? null : aliasOf(aliased.alias, context);
    columns.add(targetColumn(value, alias, scope, context));
  }
  return [...columns];
}

function targetColumn(value: unknown, alias: string | null, scope: Scope, context: Context): string {
  const identifier = under(value, 'Identifier');
  const token = identifier === null ? null : tokenAt(identifier, context);
  if (token?.kind === 'variable') return alias === null ? token.name : `${token.name} as ${alias}`;
  const expr = readExpr(value, scope, context);
  if (expr.kind !== 'column') return '?';
  const bare = expr.name.slice(expr.name.lastIndexOf('.') + 1);
  return alias === null || sameName(alias, bare) ? expr.name : `${expr.name} as ${alias}`;
}

/** An alias can be written as a string, too: its text is then one of the values, which templates do not hold. */
function aliasOf(value: unknown, context: Context): string {
  const token = tokenAt(value, context);
  return token.kind === 'word' || token.kind === 'quoted-name' ? token.name : '?';
}

function readInsert(node: Node, context: Context): StatementTemplate {
  const { draft } = context;
  const named = asNode(node.table)?.TableName;
  if (!isName(named)) throw new Refusal('a target of an unknown form');
  const { schema, name } = tableOf(named, context);
  const target = draft.table(schema, name, 'write');
  const scope: Scope = { tables: [{ schema, name, alias: null }], opaque: false };
  if (asNode(node.on) !== null) draft.feature('on-conflict');
  const returning = readTargets(node.returning, scope, context);
  return draft.finish(node.replace_into === true ? 'replace' : 'insert', {
    target,
    inserts: readRows(node, scope, context),
    returning,
  });
}

function readRows(node: Node, scope: Scope, context: Context): StatementTemplate['inserts'] {
  const assignments = listOf(node.assignments);
  if (assignments.length > 0) {
    const pairs = assignments.map((each) => readAssignment(each, scope, context));
    return { columns: pairs.map(({ column }) => column), rows: [pairs.map(({ value }) => value)] };
  }
  const names = listOf(node.columns).map((each) => columnOf(partsOf(each, context), scope));
  // `INSERT INTO t () VALUES ()` names none, and gives none a value.
  const columns = names.length > 0 ? names : null;
  const values = under(asNode(node.source)?.body, 'Values');
  if (values === null) {
    context.draft.feature('insert-select');
    return { columns, rows: [] };
  }
  const rows = listOf(values.rows).map((row) =>
    listOf(asNode(row)?.content).map((value) => readExpr(value, scope, context)),
  );
  return { columns, rows };
}

function readUpdate(node: Node, context: Context): StatementTemplate {
  const { draft } = context;
  const from = fromOf([node.table], new Set(), context);
  const { scope } = from;
  const assigns = listOf(node.assignments).map((each) => readAssignment(each, scope, context));
  const target = writeOnly(scope, context);
  return draft.finish('update', {
    target,
    assigns,
    where: readWhere(node.selection, from, context),
    returning: readTargets(node.returning, scope, context),
  });
}

/** `UPDATE t` and `DELETE FROM t` write t; with several tables, any of them may be written. */
function writeOnly(scope: Scope, context: Context): TableUse | null {
  const [first] = scope.tables;
  const several = scope.tables.length !== 1 || scope.opaque;
  if (several) context.draft.feature('multi-table');
  for (const table of scope.tables) context.draft.written(table.schema, table.name);
  return several || first === undefined ? null : { schema: first.schema, name: first.name, use: 'write' };
}

function readAssignment(
  value: unknown,
  scope: Scope,
  context: Context,
): { readonly column: string; readonly value: TemplateExpr } {
  const node = asNode(value);
  const parts = partsOf(asNode(node?.target)?.ColumnName, context);
  return { column: columnOf(parts, scope), value: readExpr(node?.value, scope, context) };
}

function columnOf(parts: readonly string[], scope: Scope): string {
  if (parts.length === 1) return parts[0] ?? '?';
  const table = parts.at(-2) ?? '';
  const owner = scope.tables.find((each) => sameName(each.alias ?? each.name, table));
  const name = parts.at(-1) ?? '?';
  if (owner === undefined) return '?';
  return scope.tables.length === 1 && !scope.opaque ? name : `${owner.name}.${name}`;
}

function readDelete(node: Node, context: Context): StatementTemplate {
  const { draft } = context;
  const from = asNode(node.from);
  const listed = listOf(from?.WithFromKeyword ?? from?.WithoutKeyword);
  const using = listOf(node.using);
  const several = listOf(node.tables).length > 0 || using.length > 0;
  const all = fromOf([...listed, ...using], new Set(), context);
  const { scope } = all;
  let target: TableUse | null = null;
  if (several) {
    draft.feature('multi-table');
    for (const each of listOf(node.tables)) {
      const { schema, name } = tableOf(each, context);
      draft.written(schema, name);
    }
    for (const table of scope.tables) draft.written(table.schema, table.name);
  } else target = writeOnly(scope, context);
  return draft.finish('delete', {
    target,
    where: several
      ? { kind: 'complex', what: 'a DELETE of several tables' }
      : readWhere(node.selection, all, context),
    returning: readTargets(node.returning, scope, context),
  });
}

/** The members of a FROM list as a scope, and the joins between them, which are read once the scope is whole. */
interface From {
  readonly scope: Scope;
  readonly joins: readonly unknown[];
}

function readWhere(value: unknown, from: From, context: Context): TemplateWhere {
  const where = value === null || value === undefined ? null : readCondition(value, from.scope, context);
  const joins = from.joins.map((join) => joinCondition(join, from.scope, context));
  return whereOf(
    where,
    joins.filter((join) => join !== null),
  );
}

const OUTER: ReadonlySet<string> = new Set(['Left', 'LeftOuter', 'Right', 'RightOuter']);
const INNER: ReadonlySet<string> = new Set(['Join', 'Inner', 'CrossJoin', 'StraightJoin']);

function joinCondition(value: unknown, scope: Scope, context: Context): JoinCondition | null {
  const operator = asNode(value);
  const kind = operator === null ? undefined : Object.keys(operator)[0];
  if (operator === null || kind === undefined || !(OUTER.has(kind) || INNER.has(kind)))
    throw new Refusal('a join of an unknown form');
  const outer = OUTER.has(kind);
  if (outer) context.draft.feature('outer-join');
  const constraint = operator[kind];
  if (constraint === 'None') return null;
  if (constraint === 'Natural') return { kind: 'natural' };
  const node = asNode(constraint);
  if (node?.On !== undefined) return { kind: 'on', condition: readCondition(node.On, scope, context), outer };
  const columns = listOf(node?.Using).map((each) => partsOf(each, context).join('.'));
  if (columns.length === 0) throw new Refusal('a join of an unknown form');
  return { kind: 'using', columns };
}

function fromOf(from: readonly unknown[], withNames: ReadonlySet<string>, context: Context): From {
  if (from.length === 0) return { scope: EMPTY_SCOPE, joins: [] };
  const tables: ScopeTable[] = [];
  let opaque = false;
  const open: unknown[] = [];
  const operators: unknown[] = [];
  const push = (member: unknown): void => {
    const node = asNode(member);
    open.push(node?.relation);
    for (const join of listOf(node?.joins)) {
      open.push(asNode(join)?.relation);
      operators.push(asNode(join)?.join_operator);
    }
  };
  for (const member of from) push(member);
  for (let i = 0; i < open.length; i += 1) {
    const table = under(open[i], 'Table');
    const nested = under(open[i], 'NestedJoin');
    if (nested !== null && asNode(nested.alias) === null) push(nested.table_with_joins);
    else if (table === null) opaque = true;
    else if (!isDual(table, context)) {
      const { schema, name } = tableOf(table.name, context);
      const alias = asNode(table.alias);
      if (schema === null && withNames.has(name.toLowerCase())) opaque = true;
      else if (listOf(alias?.columns).length > 0) opaque = true;
      else tables.push({ schema, name, alias: alias === null ? null : nameOf(alias.name, context) });
    }
  }
  return { scope: { tables, opaque }, joins: operators };
}
