// Holds the parser to the text: every token must be somewhere in the tree, or be a keyword that we know. Enters: both; leaves: features.
import { asNode } from '../node.ts';
import { type Context, Refusal } from './context.ts';
import { isBareCall, isReserved, queryKeyword } from './keywords.ts';
import type { MysqlToken } from './lexer.ts';

const SYMBOLS: ReadonlySet<string> = new Set(
  '( ) , . * + - / % = < > <= >= <> != <=> << >> & | ^ ~ ! && || -> ->>'.split(' '),
);

/** Types whose length the tree keeps without its place. */
const SIZED_TYPES: ReadonlySet<string> = new Set(
  'CHAR BINARY VARCHAR NCHAR DECIMAL DATETIME TIME FLOAT DOUBLE'.split(' '),
);

/**
 * Refuses a statement when a word, a literal or a placeholder of its text left no trace in the tree, when a reserved word
 * was taken for a name, or when a keyword is unknown. Notes the features that the keywords stand for.
 */
export function account(root: unknown, context: Context): void {
  const { statement, draft } = context;
  const seen = new Set<number>();
  collectPlaces(root, statement.columns, seen);
  for (const [i, token] of statement.tokens.entries()) {
    const before = statement.tokens[i - 1];
    if (seen.has(i)) {
      checkName(token, before, statement.tokens[i + 1]);
      if (isBareCall(token, before)) draft.call(token.name);
    } else if (token.kind === 'word' && before?.text !== '.') {
      const feature = queryKeyword(token.name);
      if (feature === undefined) throw new Refusal('a keyword that is not known');
      if (feature !== null && !isPlainFor(token, statement.tokens[i + 1])) draft.feature(feature);
    } else if (token.kind === 'symbol') {
      if (!SYMBOLS.has(token.text)) throw new Refusal('an operator that is not known');
    } else if (token.kind !== 'number' || !isTypeLength(statement.tokens, i)) {
      throw new Refusal('a part of the text that the parser passed over');
    }
  }
}

/** The FOR of `SUBSTRING(a FROM 1 FOR 2)` locks nothing. */
function isPlainFor(token: MysqlToken, after: MysqlToken | undefined): boolean {
  return token.name.toUpperCase() === 'FOR' && !/^(?:UPDATE|SHARE)$/i.test(after?.name ?? '');
}

function checkName(token: MysqlToken, before: MysqlToken | undefined, after: MysqlToken | undefined): void {
  if (token.kind !== 'word' || before?.text === '.') return;
  if (!isReserved(token.name) || after?.text === '(' || isBareCall(token, before)) return;
  const upper = token.name.toUpperCase();
  // TRUE and NULL are values; DEFAULT comes as a name; FROM DUAL is no table; both are handled where they stand.
  if (['TRUE', 'FALSE', 'NULL', 'DEFAULT', 'DUAL'].includes(upper)) return;
  throw new Refusal('a reserved word where a name would be');
}

function isTypeLength(tokens: readonly MysqlToken[], i: number): boolean {
  let open = i - 1;
  if (tokens[open]?.text === ',' && tokens[open - 1]?.kind === 'number') open -= 2;
  const type = tokens[open - 1];
  return tokens[open]?.text === '(' && type?.kind === 'word' && SIZED_TYPES.has(type.name.toUpperCase());
}

/** The tokens that names and values in the tree were read from. Nodes that span more begin at a keyword. */
function collectPlaces(root: unknown, columns: ReadonlyMap<number, number>, seen: Set<number>): void {
  const open: unknown[] = [root];
  while (open.length > 0) {
    const value = open.pop();
    if (Array.isArray(value)) {
      for (const each of value) open.push(each);
      continue;
    }
    const node = asNode(value);
    if (node === null) continue;
    if (node.span !== undefined && node.value !== undefined) {
      const column = asNode(asNode(node.span)?.start)?.column;
      const index = typeof column === 'number' ? columns.get(column) : undefined;
      if (index !== undefined) seen.add(index);
    }
    for (const each of Object.values(node)) if (typeof each === 'object') open.push(each);
  }
}
