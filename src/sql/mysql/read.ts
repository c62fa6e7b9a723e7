// MySQL texts as templates. Enters: a statement text; leaves: a key for its shape, its literals, and how to read it.
import type { SqlValue } from '../../events/sql.ts';
import { StatementDraft } from '../draft.ts';
import type { SqlFeature } from '../reading.ts';
import { hiddenShape, shapeOf } from '../shape.ts';
import type { Prepared, StatementTemplate, Template } from '../template.ts';
import { refuseShape } from '../token.ts';
import { Cursor, Refusal } from './cursor.ts';
import { readExpression, readOperand } from './expression.ts';
import { lexMysql, type MysqlLexed, type MysqlToken } from './lexer.ts';
import type { Ordinals, Parser } from './parser.ts';
import { readQuery, readWith } from './query.ts';
import { readUtility } from './utility.ts';
import { readDelete, readInsert, readUpdate } from './write.ts';

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
  const refused = refuseShape(lexed.tokens);
  if (refused !== null) return unparsable(refused);
  const statements = split(lexed.tokens);
  if (statements.length > MAX_STATEMENTS) return unparsable('too many statements in one text');
  const slots: (SqlValue | null)[] = [];
  for (const token of lexed.tokens) if (isLiteral(token)) slots.push(token.value);
  return {
    kind: 'prepared',
    key: keyOf(lexed.tokens, lexed.features),
    slots,
    read: () => readAll(statements, lexed, shape),
  };
}

/** The text without its literals, in a form that no two readings share. */
function keyOf(tokens: readonly MysqlToken[], features: ReadonlySet<SqlFeature>): string {
  let key = [...features].join(',');
  for (const token of tokens) {
    // A name can hold anything, so its length is given; every other token is free of spaces.
    const { kind, name, text } = token;
    if (kind === 'string' || kind === 'number') key += kind === 'string' ? " ''" : ' 0';
    else key += kind === 'quoted-name' ? ` \`${name.length} ${name}` : ` ${text}`;
  }
  return key;
}

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
  statements: readonly (readonly MysqlToken[])[],
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
    const read = statements.map((tokens) => readOne(tokens, ordinals, lexed.features));
    if (read.length === 0) read.push(new StatementDraft().finish('empty'));
    return { kind: 'template', statements: read, parameters, shape };
  } catch (error) {
    if (error instanceof Refusal) return { kind: 'unparsable', reason: error.message, shape };
    throw error;
  }
}

function readOne(
  tokens: readonly MysqlToken[],
  ordinals: Ordinals,
  features: ReadonlySet<SqlFeature>,
): StatementTemplate {
  const draft = new StatementDraft();
  // They are noted for the whole text: which statement an executable comment was in does not matter to who must allow it.
  for (const feature of features) draft.feature(feature);
  const cursor = new Cursor(tokens);
  const grammar = { subquery, expression: readExpression, operand: readOperand };
  const parser: Parser = { cursor, draft, ordinals, names: new Set(), depth: 0, ...grammar };
  const explained = cursor.oneOf('EXPLAIN', 'DESCRIBE', 'DESC') !== null || takeAnalyze(cursor);
  const statement = explained ? readExplain(parser) : (readUtility(cursor, draft) ?? readStatement(parser));
  cursor.end();
  return statement;
}

function subquery(parser: Parser): void {
  parser.draft.feature('subquery');
  readQuery(parser);
}

/** A statement of the grammar proper. */
function readStatement(parser: Parser): StatementTemplate {
  const { cursor, draft } = parser;
  if (cursor.at('WITH') && writesAfterWith(cursor)) readWith(parser);
  if (cursor.take('INSERT')) return readInsert('insert', parser);
  if (cursor.take('REPLACE')) return readInsert('replace', parser);
  if (cursor.take('UPDATE')) return readUpdate(parser);
  if (cursor.take('DELETE')) return readDelete(parser);
  return draft.finish('select', readQuery(parser));
}

/** Which verb comes after the WITH clause: the first one outside of all parentheses. */
function writesAfterWith(cursor: Cursor): boolean {
  let depth = 0;
  for (const token of cursor.rest) {
    if (token.kind === 'symbol' && token.text === '(') depth += 1;
    else if (token.kind === 'symbol' && token.text === ')') depth -= 1;
    else if (depth === 0 && token.kind === 'word') {
      const word = token.name.toUpperCase();
      if (word === 'SELECT' || word === 'VALUES' || word === 'TABLE') return false;
      if (word === 'UPDATE' || word === 'DELETE') return true;
    }
  }
  return false;
}

/** MariaDB's `ANALYZE [FORMAT = JSON] statement`, which executes it; `ANALYZE TABLE` is another statement. */
function takeAnalyze(cursor: Cursor): boolean {
  const next = cursor.peek(1)?.name.toUpperCase() ?? '';
  return (next === 'FORMAT' || QUERIES.has(next)) && next !== 'TABLE' && cursor.take('ANALYZE');
}

/** `EXPLAIN [ANALYZE | EXTENDED | FORMAT = name] statement`, or `DESCRIBE table [column]`. */
function readExplain(parser: Parser): StatementTemplate {
  const { cursor, draft } = parser;
  cursor.oneOf('ANALYZE', 'EXTENDED', 'PARTITIONS');
  if (cursor.take('FORMAT')) {
    cursor.expect('=');
    cursor.name();
  }
  const next = cursor.peek();
  if (next?.text === '(' || (next?.kind === 'word' && QUERIES.has(next.name.toUpperCase()))) {
    readStatement(parser);
    return draft.finish('explain', { target: draft.onlyWritten() });
  }
  const { schema, name } = cursor.table();
  draft.table(schema, name, 'read');
  if (!cursor.ended) cursor.any();
  return draft.finish('explain');
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
