// FROM lists of MySQL (MySQL manual, "JOIN Clause"). Enters: tokens; leaves: the scope and the join conditions.
import type { JoinCondition } from '../condition.ts';
import { EMPTY_SCOPE, type Scope, type ScopeTable } from '../scope.ts';
import { Refusal } from './cursor.ts';
import { atQuery, commaList, type Expr, inParentheses, type Parser, readExpr } from './parser.ts';
import { toCondition } from './resolve.ts';

/** The members of a FROM list, and the joins between them, whose columns are resolved once the scope is whole. */
export interface From {
  readonly scope: Scope;
  readonly joins: readonly JoinCondition[];
}

export const NO_FROM: From = { scope: EMPTY_SCOPE, joins: [] };

type Join =
  | { readonly kind: 'on'; readonly expr: Expr; readonly outer: boolean }
  | { readonly kind: 'using'; readonly columns: readonly string[] }
  | { readonly kind: 'natural' };

interface Gathered {
  readonly tables: ScopeTable[];
  readonly joins: Join[];
  opaque: boolean;
  members: number;
}

/** Reads the table references that stand here. */
export function readFrom(parser: Parser): From {
  const found: Gathered = { tables: [], joins: [], opaque: false, members: 0 };
  commaList(parser, () => readReference(found, parser));
  if (found.members > 1) parser.draft.feature('join');
  const scope = { tables: found.tables, opaque: found.opaque };
  const joins = found.joins.map(
    (join): JoinCondition =>
      join.kind === 'on' ? { kind: 'on', condition: toCondition(join.expr, scope), outer: join.outer } : join,
  );
  return { scope, joins };
}

function readReference(found: Gathered, parser: Parser): void {
  const { cursor, draft } = parser;
  readFactor(found, parser);
  for (;;) {
    if (cursor.take('NATURAL')) {
      const outer = cursor.oneOf('LEFT', 'RIGHT') !== null;
      if (outer) cursor.take('OUTER');
      else cursor.take('INNER');
      cursor.require('JOIN');
      readFactor(found, parser);
      if (outer) draft.feature('outer-join');
      found.joins.push({ kind: 'natural' });
    } else if (cursor.oneOf('LEFT', 'RIGHT') !== null) {
      cursor.take('OUTER');
      cursor.require('JOIN');
      readFactor(found, parser);
      draft.feature('outer-join');
      if (!readConstraint(true, found, parser)) throw new Refusal('an outer join without a condition');
    } else if (
      cursor.take('JOIN') ||
      cursor.take('INNER', 'JOIN') ||
      cursor.take('CROSS', 'JOIN') ||
      cursor.take('STRAIGHT_JOIN')
    ) {
      readFactor(found, parser);
      readConstraint(false, found, parser);
    } else return;
  }
}

function readConstraint(outer: boolean, found: Gathered, parser: Parser): boolean {
  const { cursor } = parser;
  if (cursor.take('ON')) {
    found.joins.push({ kind: 'on', expr: readExpr(parser), outer });
    return true;
  }
  // The USING of a DELETE has no parenthesis.
  if (!cursor.at('USING') || cursor.peek(1)?.text !== '(') return false;
  cursor.any();
  const columns = inParentheses(parser, (inner) => commaList(inner, () => cursor.name()));
  found.joins.push({ kind: 'using', columns });
  return true;
}

function readFactor(found: Gathered, parser: Parser): void {
  const { cursor, draft } = parser;
  found.members += 1;
  if (cursor.take('LATERAL')) {
    draft.feature('lateral');
    if (cursor.peek()?.text !== '(') throw new Refusal('a LATERAL of an unknown form');
  }
  if (cursor.peek()?.kind === 'symbol' && cursor.peek()?.text === '(') {
    const derived = inParentheses(parser, (inner) => {
      if (atQuery(inner)) {
        inner.subquery(inner);
        return true;
      }
      found.members -= 1;
      commaList(inner, () => readReference(found, inner));
      return false;
    });
    if (derived) {
      found.opaque = true;
      readAlias(parser);
      if (cursor.peek()?.text === '(')
        inParentheses(parser, (inner) => commaList(inner, () => cursor.name()));
    }
    return;
  }
  if (cursor.take('DUAL')) return;
  readTable(found, parser);
}

function readTable(found: Gathered, parser: Parser): void {
  const { cursor, draft, names } = parser;
  const { schema, name } = cursor.table();
  if (cursor.peek()?.text === '(' || cursor.peek()?.text === '.')
    throw new Refusal('a table of an unknown form');
  readPartition(parser);
  const alias = readAlias(parser);
  while (cursor.oneOf('USE', 'FORCE', 'IGNORE') !== null) readHint(parser);
  if (schema === null && names.has(name.toLowerCase())) {
    found.opaque = true;
    return;
  }
  draft.table(schema, name, 'read');
  found.tables.push({ schema, name, alias });
}

/** `PARTITION (a, b)`, when it stands here. */
export function readPartition(parser: Parser): void {
  const { cursor, draft } = parser;
  if (!cursor.take('PARTITION')) return;
  draft.feature('modifier');
  inParentheses(parser, (inner) => commaList(inner, () => cursor.name()));
}

/** `[AS] alias`, when it stands here. */
function readAlias({ cursor }: Parser): string | null {
  return cursor.take('AS') || cursor.atName() ? cursor.name() : null;
}

/** What follows USE, FORCE or IGNORE: `INDEX [FOR JOIN | ORDER BY | GROUP BY] (names)`. */
function readHint(parser: Parser): void {
  const { cursor, draft } = parser;
  draft.feature('modifier');
  if (cursor.oneOf('INDEX', 'KEY') === null) throw new Refusal('an index hint of an unknown form');
  if (
    cursor.take('FOR') &&
    !cursor.take('JOIN') &&
    !cursor.take('ORDER', 'BY') &&
    !cursor.take('GROUP', 'BY')
  )
    throw new Refusal('an index hint of an unknown form');
  inParentheses(parser, () => {
    if (cursor.peek()?.text === ')') return;
    do if (!cursor.take('PRIMARY')) cursor.name();
    while (cursor.symbol(','));
  });
}
