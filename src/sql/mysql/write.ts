// INSERT, REPLACE, UPDATE and DELETE of MySQL. Enters: tokens after the verb; leaves: a statement template.
import type { TableUse } from '../reading.ts';
import type { Scope, ScopeTable } from '../scope.ts';
import type { StatementTemplate, TemplateExpr } from '../template.ts';
import { Refusal } from './cursor.ts';
import { type From, readFrom, readPartition } from './from.ts';
import { commaList, inParentheses, type Parser, readExpr, sameName } from './parser.ts';
import { columnsOf, readItems, readQuery, readWhere } from './query.ts';
import { toTemplate } from './resolve.ts';
import { readLimit, readOrder } from './window.ts';

/** What follows INSERT or REPLACE. */
export function readInsert(verb: 'insert' | 'replace', parser: Parser): StatementTemplate {
  const { cursor, draft } = parser;
  readModifiers(['LOW_PRIORITY', 'DELAYED', 'HIGH_PRIORITY', 'IGNORE'], parser);
  cursor.take('INTO');
  const { schema, name } = cursor.table();
  const target = draft.table(schema, name, 'write');
  const scope: Scope = { tables: [{ schema, name, alias: null }], opaque: false };
  readPartition(parser);
  const inserts = readSource(scope, parser);
  if (cursor.take('AS')) {
    // The row gets a name, which ON DUPLICATE KEY UPDATE then uses.
    draft.feature('modifier');
    cursor.name();
    if (cursor.peek()?.text === '(') inParentheses(parser, (inner) => commaList(inner, () => cursor.name()));
  }
  if (cursor.take('ON', 'DUPLICATE', 'KEY', 'UPDATE')) {
    draft.feature('on-conflict');
    readAssignments(scope, parser);
  }
  return draft.finish(verb, { target, inserts, returning: readReturning(scope, parser) });
}

function readSource(scope: Scope, parser: Parser): StatementTemplate['inserts'] {
  const { cursor, draft } = parser;
  if (cursor.take('SET')) {
    const pairs = readAssignments(scope, parser);
    return { columns: pairs.map(({ column }) => column), rows: [pairs.map(({ value }) => value)] };
  }
  const columns = startsColumns(parser) ? readColumns(scope, parser) : null;
  if (cursor.oneOf('VALUES', 'VALUE') === null) {
    draft.feature('insert-select');
    readQuery(parser);
    return { columns, rows: [] };
  }
  const rows = commaList(parser, () => {
    cursor.take('ROW');
    return inParentheses(parser, (inner) =>
      cursor.peek()?.text === ')' ? [] : commaList(inner, readExpr).map((value) => toTemplate(value, scope)),
    );
  });
  return { columns, rows };
}

/** True for `(a, b)` and `()`, false for the parenthesis of a query. */
function startsColumns({ cursor }: Parser): boolean {
  if (cursor.peek()?.text !== '(') return false;
  const next = cursor.peek(1);
  return next?.kind !== 'word' || !/^(?:SELECT|WITH|TABLE|VALUES)$/i.test(next.name);
}

/** `()` names none, and is the same as none at all. */
function readColumns(scope: Scope, parser: Parser): readonly string[] | null {
  const { cursor } = parser;
  return inParentheses(parser, (inner) =>
    cursor.peek()?.text === ')' ? null : commaList(inner, () => readColumn(scope, parser)),
  );
}

/** A column that gets a value; `?` when its table is none of the statement's. */
function readColumn(scope: Scope, { cursor }: Parser): string {
  const parts = [cursor.name()];
  while (cursor.symbol('.')) parts.push(cursor.afterDot());
  const name = parts.at(-1) ?? '?';
  if (parts.length === 1) return name;
  const owner = ownersOf(parts.at(-2) ?? '', scope)[0];
  if (owner === undefined || parts.length > 3) return '?';
  return scope.tables.length === 1 && !scope.opaque ? name : `${owner.name}.${name}`;
}

function ownersOf(table: string, scope: Scope): readonly ScopeTable[] {
  return scope.tables.filter((each) => sameName(each.alias ?? each.name, table));
}

interface Assignment {
  readonly column: string;
  readonly value: TemplateExpr;
}

function readAssignments(scope: Scope, parser: Parser): readonly Assignment[] {
  const { cursor } = parser;
  return commaList(parser, () => {
    const column = readColumn(scope, parser);
    if (!cursor.symbol('=') && !cursor.symbol(':=')) throw new Refusal('an assignment was expected');
    return { column, value: toTemplate(readExpr(parser), scope) };
  });
}

function readReturning(scope: Scope, parser: Parser): readonly string[] {
  return parser.cursor.take('RETURNING') ? columnsOf(readItems(parser), scope) : [];
}

function readModifiers(words: readonly string[], { cursor, draft }: Parser): void {
  while (cursor.oneOf(...words) !== null) draft.feature('modifier');
}

/** What follows UPDATE. */
export function readUpdate(parser: Parser): StatementTemplate {
  const { cursor, draft } = parser;
  readModifiers(['LOW_PRIORITY', 'IGNORE'], parser);
  const from = readFrom(parser);
  const target = writtenOf(from.scope, parser);
  cursor.require('SET');
  const assigns = readAssignments(from.scope, parser);
  const where = readWhere(from, parser);
  readOrder(parser);
  readLimit(parser);
  return draft.finish('update', { target, assigns, where });
}

/** One table is the target; of several, any may be written. */
function writtenOf(scope: Scope, { draft }: Parser): TableUse | null {
  for (const { schema, name } of scope.tables) draft.written(schema, name);
  const [first] = scope.tables;
  if (scope.tables.length === 1 && !scope.opaque && first !== undefined)
    return draft.table(first.schema, first.name, 'write');
  draft.feature('multi-table');
  return null;
}

/** What follows DELETE. */
export function readDelete(parser: Parser): StatementTemplate {
  const { cursor } = parser;
  readModifiers(['LOW_PRIORITY', 'QUICK', 'IGNORE'], parser);
  if (cursor.at('HISTORY')) throw new Refusal('a DELETE of an unknown form');
  const single = cursor.take('FROM') ? readSingle(parser) : null;
  return single ?? readSeveral(parser);
}

/** `DELETE FROM t ...`; null when USING shows that the names so far are of the other form. */
function readSingle(parser: Parser): StatementTemplate | null {
  const { draft } = parser;
  if (usesUsing(parser)) return null;
  const from = readFrom(parser);
  if (from.scope.tables.length !== 1 || from.scope.opaque || from.joins.length > 0)
    throw new Refusal('a DELETE of an unknown form');
  const target = writtenOf(from.scope, parser);
  const where = readWhere(from, parser);
  readOrder(parser);
  readLimit(parser);
  return draft.finish('delete', { target, where, returning: readReturning(from.scope, parser) });
}

function usesUsing({ cursor }: Parser): boolean {
  for (let i = 0; ; i += 1) {
    const token = cursor.peek(i);
    if (token === undefined) return false;
    if (token.kind === 'word' && token.name.toUpperCase() === 'USING') return true;
    const listed = token.kind === 'word' || token.kind === 'quoted-name' || /^[.,*]$/.test(token.text);
    if (!listed || (token.kind === 'word' && /^(?:WHERE|ORDER|LIMIT)$/i.test(token.name))) return false;
  }
}

/** `t, u FROM refs WHERE ...`, or `t, u USING refs WHERE ...`. */
function readSeveral(parser: Parser): StatementTemplate {
  const { cursor, draft } = parser;
  draft.feature('multi-table');
  const listed = commaList(parser, () => {
    const parts = [cursor.name()];
    while (cursor.symbol('.')) if (!cursor.symbol('*')) parts.push(cursor.afterDot());
    return parts;
  });
  if (cursor.oneOf('FROM', 'USING') === null) throw new Refusal('a DELETE of an unknown form');
  const from: From = readFrom(parser);
  for (const parts of listed) {
    const owner = parts.length === 1 ? ownersOf(parts[0] ?? '', from.scope)[0] : undefined;
    const schema = parts.length === 1 ? null : (parts.at(-2) ?? null);
    draft.written(owner?.schema ?? schema, owner?.name ?? parts.at(-1) ?? '?');
  }
  const where = readWhere(from, parser);
  return draft.finish('delete', { where });
}
