// Statements rewritten so that only the server's lexical rules matter. Enters: tokens; leaves: a text for the parser.
import type { MysqlToken } from './lexer.ts';

/** One statement of a text, as the parser gets it. */
export interface Canonical {
  /** ASCII on one line, without comments, literals or odd names. */
  readonly text: string;
  /** The index of the token at each column (counted from 1) of `text`. */
  readonly columns: ReadonlyMap<number, number>;
  readonly tokens: readonly MysqlToken[];
  /** Names that do not stand in `text` as they are. */
  readonly names: readonly string[];
}

const SAFE_NAME = /^[A-Za-z0-9_$]+$/;

/**
 * Every literal becomes a dummy of its kind, every odd name a plain quoted one, and words after a dot are quoted, as the
 * server takes them for names. So the parser's own lexer has nothing left to differ in.
 */
export function canonical(tokens: readonly MysqlToken[]): Canonical {
  const columns = new Map<number, number>();
  const names: string[] = [];
  let text = '';
  for (const [i, token] of tokens.entries()) {
    if (text !== '') text += ' ';
    columns.set(text.length + 1, i);
    text += rewritten(token, tokens, i, names);
  }
  return { text, columns, tokens, names };
}

function rewritten(token: MysqlToken, tokens: readonly MysqlToken[], i: number, names: string[]): string {
  switch (token.kind) {
    case 'string':
      return "'s'";
    case 'number':
      return '1';
    case 'placeholder':
      return '?';
    case 'symbol':
      // PIPES_AS_CONCAT is off by default; either way no simple comparison comes of it.
      return token.text === '||' ? 'OR' : token.text === '&&' ? 'AND' : token.text;
    case 'variable':
      names.push(token.name);
      return '`v`';
    case 'quoted-name':
      if (SAFE_NAME.test(token.name)) return `\`${token.name}\``;
      names.push(token.name);
      return '`q`';
    case 'word': {
      const shared = sharedLock(tokens, i);
      if (shared !== null) return shared;
      if (!SAFE_NAME.test(token.name)) {
        names.push(token.name);
        return '`q`';
      }
      return tokens[i - 1]?.text === '.' ? `\`${token.name}\`` : token.name;
    }
  }
}

const SHARED_LOCK = ['LOCK', 'IN', 'SHARE', 'MODE'] as const;

/** The parser knows `FOR SHARE`, but not its older form. */
function sharedLock(tokens: readonly MysqlToken[], i: number): string | null {
  for (const [part, word] of SHARED_LOCK.entries()) {
    if (tokens[i]?.name.toUpperCase() !== word) continue;
    const matches = SHARED_LOCK.every((each, j) => {
      const token = tokens[i - part + j];
      return token?.kind === 'word' && token.name.toUpperCase() === each;
    });
    if (matches) return ['FOR', 'SHARE', '', ''][part] ?? null;
  }
  return null;
}
