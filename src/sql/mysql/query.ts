// SELECT, VALUES, TABLE and their combinations (MySQL manual, "Query expressions"). Enters: tokens; leaves: columns and where.
import { whereOf } from '../condition.ts';
import type { Scope } from '../scope.ts';
import type { TemplateWhere } from '../template.ts';
import { Refusal } from './cursor.ts';
import { type From, NO_FROM, readFrom } from './from.ts';
import { readInto, readLocking } from './outcome.ts';
import { commaList, type Expr, inParentheses, nested, type Parser, readExpr, sameName } from './parser.ts';
import { toCondition, toTemplate } from './resolve.ts';
import { readLimit, readOrder, readSorted, readWindows } from './window.ts';

/** What a query gives, and which of its rows. */
export interface Query {
  readonly columns: readonly string[];
  readonly where: TemplateWhere;
}

/** Reads a query with its WITH clause, its ORDER BY, LIMIT, INTO and locking. */
export function readQuery(parser: Parser): Query {
  const names = parser.names;
  readWith(parser);
  const query = nested(parser, readBody);
  readOrder(parser);
  readLimit(parser);
  readInto(parser);
  readLocking(parser);
  readInto(parser);
  parser.names = names;
  return query;
}

/** Each of them sees the names of those before it, so that the work grows with the square. */
const MAX_WITH_QUERIES = 64;

/** `WITH [RECURSIVE] name [(columns)] AS (query), ...`, when it stands here; its names stay visible. */
export function readWith(parser: Parser): void {
  const { cursor, draft } = parser;
  if (!cursor.take('WITH')) return;
  draft.feature('cte');
  const recursive = cursor.take('RECURSIVE');
  let count = 0;
  do {
    count += 1;
    if (count > MAX_WITH_QUERIES) throw new Refusal('too many WITH queries');
    const name = cursor.name().toLowerCase();
    const within = parser.names;
    // A name is visible in its own query only when that is recursive; one that comes later is then taken for a table.
    const after = new Set([...within, name]);
    if (recursive) parser.names = after;
    if (cursor.peek()?.text === '(') inParentheses(parser, (inner) => commaList(inner, () => cursor.name()));
    cursor.require('AS');
    inParentheses(parser, readQuery);
    parser.names = after;
  } while (cursor.symbol(','));
}

const COMBINED: TemplateWhere = { kind: 'complex', what: 'a set operation' };

function readBody(parser: Parser): Query {
  const { cursor, draft } = parser;
  let query = readTerm(parser);
  while (cursor.oneOf('UNION', 'EXCEPT', 'INTERSECT', 'MINUS') !== null) {
    draft.feature('set-operation');
    cursor.oneOf('ALL', 'DISTINCT');
    const more = readTerm(parser);
    query = { columns: [...new Set([...query.columns, ...more.columns])], where: COMBINED };
  }
  return query;
}

function readTerm(parser: Parser): Query {
  const { cursor, draft } = parser;
  if (cursor.peek()?.text === '(') return inParentheses(parser, readQuery);
  if (cursor.take('SELECT')) return readSelect(parser);
  if (cursor.take('TABLE')) {
    const { schema, name } = cursor.table();
    if (schema !== null || !parser.names.has(name.toLowerCase())) draft.table(schema, name, 'read');
    return { columns: ['*'], where: { kind: 'none' } };
  }
  if (!cursor.take('VALUES')) throw new Refusal('a query was expected');
  commaList(parser, () => {
    cursor.take('ROW');
    inParentheses(parser, (inner) => commaList(inner, readExpr));
  });
  return { columns: ['?'], where: { kind: 'none' } };
}

const MODIFIERS = [
  'HIGH_PRIORITY',
  'STRAIGHT_JOIN',
  'SQL_SMALL_RESULT',
  'SQL_BIG_RESULT',
  'SQL_BUFFER_RESULT',
  'SQL_NO_CACHE',
  'SQL_CACHE',
  'SQL_CALC_FOUND_ROWS',
] as const;

function readSelect(parser: Parser): Query {
  const { cursor, draft } = parser;
  for (;;) {
    if (cursor.oneOf('DISTINCT', 'DISTINCTROW') !== null) draft.feature('distinct');
    else if (cursor.oneOf(...MODIFIERS) !== null) draft.feature('modifier');
    else if (!cursor.take('ALL')) break;
  }
  const items = readItems(parser);
  readInto(parser);
  const from = cursor.take('FROM') ? readFrom(parser) : NO_FROM;
  const where = readWhere(from, parser);
  if (cursor.take('GROUP', 'BY')) {
    draft.feature('group-by');
    commaList(parser, readSorted);
    cursor.take('WITH', 'ROLLUP');
  }
  if (cursor.take('HAVING')) {
    draft.feature('having');
    readExpr(parser);
  }
  readWindows(parser);
  return { columns: columnsOf(items, from.scope), where };
}

/** `WHERE ...`, when it stands here, with the join conditions of its FROM. */
export function readWhere(from: From, parser: Parser): TemplateWhere {
  const condition = parser.cursor.take('WHERE') ? toCondition(readExpr(parser), from.scope) : null;
  return whereOf(condition, from.joins);
}

/** One of an output list. */
export type Item =
  | { readonly kind: 'star' }
  | { readonly kind: 'expr'; readonly expr: Expr; readonly alias: string | null };

/** The output list that stands here. */
export function readItems(parser: Parser): readonly Item[] {
  return commaList(parser, readItem);
}

function readItem(parser: Parser): Item {
  const { cursor } = parser;
  if (cursor.symbol('*') || takeQualifiedStar(parser)) return { kind: 'star' };
  const expr = readExpr(parser);
  const named = cursor.take('AS');
  const next = cursor.peek();
  // An alias may be a string, whose text is a value that the template does not hold.
  if (next?.kind === 'string') {
    cursor.any();
    return { kind: 'expr', expr, alias: '?' };
  }
  return { kind: 'expr', expr, alias: named || cursor.atName() ? cursor.name() : null };
}

function takeQualifiedStar({ cursor }: Parser): boolean {
  for (const length of [3, 5]) {
    const dots = Array.from({ length }, (_, i) => cursor.peek(i)?.text === '.');
    const alternate = dots.every((dot, i) => dot === (i % 2 === 1));
    const star = cursor.peek(length - 1);
    if (!alternate || star?.kind !== 'symbol' || star.text !== '*') continue;
    cursor.name();
    for (let i = 1; i < length - 2; i += 2) {
      cursor.any();
      cursor.afterDot();
    }
    cursor.any();
    cursor.any();
    return true;
  }
  return false;
}

/** An output list in the form that PostgreSQL's reader gives, too: `*`, `?`, `name`, `name as alias`, `@@variable`. */
export function columnsOf(items: readonly Item[], scope: Scope): readonly string[] {
  const columns = new Set<string>();
  for (const item of items) columns.add(item.kind === 'star' ? '*' : columnOf(item.expr, item.alias, scope));
  return [...columns];
}

function columnOf(value: Expr, alias: string | null, scope: Scope): string {
  if (value.kind === 'variable') return alias === null ? value.name : `${value.name} as ${alias}`;
  const expr = toTemplate(value, scope);
  if (expr.kind !== 'column') return '?';
  const bare = expr.name.slice(expr.name.lastIndexOf('.') + 1);
  return alias === null || sameName(alias, bare) ? expr.name : `${expr.name} as ${alias}`;
}
