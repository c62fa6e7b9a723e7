// MySQL texts as templates. Enters: a statement text; leaves: a key for its shape, its literals, and how to read it.
import type { SqlValue } from '../../events/sql.ts';
import { StatementDraft } from '../draft.ts';
import { hiddenShape, shapeOf } from '../shape.ts';
import type { Prepared, StatementTemplate, Template } from '../template.ts';
import { refuseShape } from '../token.ts';
import { account } from './account.ts';
import { type Canonical, canonical } from './canonical.ts';
import { type Context, type Ordinals, Refusal } from './context.ts';
import { Cursor } from './cursor.ts';
import { parseMysql } from './grammar.ts';
import { lexMysql, type MysqlLexed, type MysqlToken } from './lexer.ts';
import { readQueryStatement } from './query.ts';
import { survey } from './survey.ts';
import { readUtility } from './utility.ts';

/** Statements in one text; each is parsed alone. */
const MAX_STATEMENTS = 64;

/**
 * Cuts a text into statements and values. Texts that differ in literals, comments and whitespace only have the same key, so
 * that a driver that writes its values into the text is read from the cache, too.
 */
export function prepareMysql(text: string): Prepared {
  const lexed = lexMysql(text);
  const shape = shapeOf(text, lexed);
  const unparsable = (reason: string): Prepared => ({ kind: 'unparsable', reason, shape });
  if (lexed.kind === 'broken') return { kind: 'unparsable', reason: lexed.reason, shape: hiddenShape(text) };
  const refused = refuseShape(lexed.tokens, MAX_DEPTH);
  if (refused !== null) return unparsable(refused);
  const statements = split(lexed.tokens);
  if (statements.length > MAX_STATEMENTS) return unparsable('too many statements in one text');
  const canonicals = statements.map(canonical);
  const slots: (SqlValue | null)[] = [];
  for (const token of lexed.tokens) if (isLiteral(token)) slots.push(token.value);
  const key = JSON.stringify([canonicals.map((each) => [each.text, each.names]), [...lexed.features]]);
  return { kind: 'prepared', key, slots, read: () => readAll(canonicals, lexed, shape) };
}

/** Tokens on the way to the innermost expression: the parser's tree leans on its own stack for a third of the bound elsewhere. */
const MAX_DEPTH = 800;

function isLiteral(token: MysqlToken): boolean {
  return token.kind === 'string' || token.kind === 'number';
}

function split(tokens: readonly MysqlToken[]): readonly (readonly MysqlToken[])[] {
  const statements: MysqlToken[][] = [];
  let current: MysqlToken[] = [];
  for (const token of tokens) {
    if (token.kind === 'symbol' && token.text === ';') {
      if (current.length > 0) statements.push(current);
      current = [];
    } else current.push(token);
  }
  if (current.length > 0) statements.push(current);
  return statements;
}

function readAll(
  canonicals: readonly Canonical[],
  lexed: MysqlLexed & { readonly kind: 'tokens' },
  shape: string,
): Template {
  const ordinals = new Map<MysqlToken, number>();
  let parameters = 0;
  let slots = 0;
  for (const token of lexed.tokens) {
    if (token.kind === 'placeholder') ordinals.set(token, parameters++);
    else if (isLiteral(token)) ordinals.set(token, slots++);
  }
  try {
    const statements = canonicals.map((each) => readOne(each, ordinals, lexed.features));
    if (statements.length === 0) statements.push(new StatementDraft().finish('empty'));
    return { kind: 'template', statements, parameters, shape };
  } catch (error) {
    if (error instanceof Refusal) return { kind: 'unparsable', reason: error.message, shape };
    throw error;
  }
}

function readOne(
  statement: Canonical,
  ordinals: Ordinals,
  features: (MysqlLexed & { readonly kind: 'tokens' })['features'],
): StatementTemplate {
  const draft = new StatementDraft();
  const context: Context = { statement, ordinals, draft };
  // They are noted for the whole text: which statement an executable comment was in does not matter to who must allow it.
  for (const feature of features) draft.feature(feature);
  const cursor = new Cursor(statement.tokens);
  if (cursor.oneOf('EXPLAIN', 'DESCRIBE', 'DESC') !== null || executesAnalyzed(cursor))
    return readExplain(cursor, context);
  return readUtility(cursor, draft) ?? readParsed(context);
}

function readParsed(context: Context): StatementTemplate {
  const parsed = parseMysql(context.statement.text);
  if (parsed.kind === 'refused') throw new Refusal(parsed.reason);
  account(parsed.root, context);
  survey(parsed.root, context);
  return readQueryStatement(parsed.root, context);
}

/** MariaDB's `ANALYZE [FORMAT = JSON] statement`, which executes it; `ANALYZE TABLE` is another statement. */
function executesAnalyzed(cursor: Cursor): boolean {
  const next = cursor.peek(1)?.name.toUpperCase() ?? '';
  return (next === 'FORMAT' || QUERIES.has(next)) && next !== 'TABLE' && cursor.take('ANALYZE');
}

/** `EXPLAIN [ANALYZE | EXTENDED | FORMAT = name] statement`, or `DESCRIBE table [column]`. */
function readExplain(cursor: Cursor, context: Context): StatementTemplate {
  const { draft } = context;
  cursor.oneOf('ANALYZE', 'EXTENDED', 'PARTITIONS');
  if (cursor.take('FORMAT')) {
    if (!cursor.symbol('=')) throw new Refusal('an EXPLAIN of an unknown form');
    cursor.name();
  }
  const next = cursor.peek();
  const query = next?.text === '(' || (next?.kind === 'word' && QUERIES.has(next.name.toUpperCase()));
  if (!query) {
    const { schema, name } = cursor.table();
    draft.table(schema, name, 'read');
    if (!cursor.ended) cursor.any();
    cursor.end();
    return draft.finish('explain');
  }
  readParsed({ ...context, statement: canonical(cursor.rest) });
  return draft.finish('explain', { target: draft.onlyWritten() });
}

const QUERIES: ReadonlySet<string> = new Set([
  'SELECT',
  'INSERT',
  'UPDATE',
  'DELETE',
  'REPLACE',
  'WITH',
  'VALUES',
  'TABLE',
]);
