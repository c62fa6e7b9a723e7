// The statement that is being read, and what a place in the tree points to. Enters: the canonical statement; leaves: tokens.
import type { StatementDraft } from '../draft.ts';
import { asNode, listOf } from '../node.ts';
import type { Canonical } from './canonical.ts';
import type { MysqlToken } from './lexer.ts';

/** Thrown within this folder only, when the tree holds what the reader does not surely understand. */
export class Refusal extends Error {}

/** Numbers of literals and placeholders within the whole text, by token. */
export type Ordinals = ReadonlyMap<MysqlToken, number>;

export interface Context {
  readonly statement: Canonical;
  readonly ordinals: Ordinals;
  readonly draft: StatementDraft;
}

/** The token that a node was read from. */
export function tokenAt(node: unknown, { statement }: Context): MysqlToken {
  const start = asNode(asNode(asNode(node)?.span)?.start);
  const index = typeof start?.column === 'number' ? statement.columns.get(start.column) : undefined;
  const token = index === undefined ? undefined : statement.tokens[index];
  if (token === undefined) throw new Refusal('a name or value that cannot be found in the text');
  return token;
}

/** The name that an identifier node stands for; never the parser's own copy, which may be a dummy. */
export function nameOf(node: unknown, context: Context): string {
  const token = tokenAt(node, context);
  if (token.kind !== 'word' && token.kind !== 'quoted-name') throw new Refusal('a name was expected');
  return token.name;
}

/** The parts of `[{Identifier: {...}}, ...]`, a possibly qualified name. */
export function partsOf(value: unknown, context: Context): readonly string[] {
  return listOf(value).map((part) => {
    const node = asNode(asNode(part)?.Identifier);
    if (node === null) throw new Refusal('a name of an unknown form');
    return nameOf(node, context);
  });
}

/** `schema.table` or `table`. */
export function tableOf(
  value: unknown,
  context: Context,
): { readonly schema: string | null; readonly name: string } {
  const parts = partsOf(value, context);
  const name = parts.at(-1);
  if (name === undefined || parts.length > 2) throw new Refusal('a table name of an unknown form');
  return { schema: parts.length === 2 ? (parts[0] ?? null) : null, name };
}

/** True for an array of identifier nodes, the parser's form of a qualified name. */
export function isName(value: unknown): boolean {
  const parts = listOf(value);
  return parts.length > 0 && parts.every((part) => asNode(asNode(part)?.Identifier) !== null);
}

/** MySQL compares column names, aliases and, on some systems, table names without case. */
export function sameName(a: string, b: string): boolean {
  return a === b || a.toLowerCase() === b.toLowerCase();
}
