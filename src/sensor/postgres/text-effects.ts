// What a SQL text changes in the connection's own state. Enters: text; leaves: which names can no longer be trusted.
import { type HeadToken, statementHeads } from '../sql/statement-heads.ts';

/** Names that the text may define anew or drop; whatever is used of them later is unknown. */
export interface TextEffects {
  /** Prepared statements. SQL's PREPARE and the protocol's Parse share their names. */
  readonly statements: 'all' | readonly string[];
  /** Portals: a cursor is one, and the end of a transaction drops them. */
  readonly portals: boolean;
  /** It may change client_encoding. */
  readonly encoding: boolean;
}

export const NO_EFFECTS: TextEffects = { statements: [], portals: false, encoding: false };
/** Identifiers are cut here (NAMEDATALEN - 1), so a longer one names something else. */
const LONGEST_NAME = 63;
const SUSPECTS =
  /\b(?:deallocate|discard|prepare|declare|close|commit|rollback|abort|end|client_encoding|names|reset)\b/i;
const ENDS_PORTALS = new Set(['commit', 'rollback', 'abort', 'end', 'declare', 'close']);

/** Looks at the first words of every statement. A function that does the same inside is not seen: its call is another text. */
export function textEffects(text: string): TextEffects {
  if (!SUSPECTS.test(text)) return NO_EFFECTS;
  const encoding = /client_encoding|names|reset|discard/i.test(text);
  const { heads, whole } = statementHeads(text, 'postgres');
  if (!whole) return { statements: 'all', portals: true, encoding };
  const names: string[] = [];
  let all = false;
  let portals = false;
  for (const head of heads) {
    const [first, second] = head;
    if (first?.kind !== 'word') continue;
    if (ENDS_PORTALS.has(first.text)) portals = true;
    // An anonymous block, or EXPLAIN ANALYZE, may run any of these.
    else if (first.text === 'do') all ||= /deallocate|discard|prepare/i.test(text);
    else if (first.text === 'discard') all ||= second?.text !== 'plans' && second?.text !== 'temp';
    else if (first.text === 'prepare' && isWord(second, 'transaction')) portals = true;
    else if (first.text === 'prepare' || first.text === 'deallocate') {
      const named = first.text === 'deallocate' && isWord(second, 'prepare') ? head[2] : second;
      const name = nameOf(named);
      if (name === null || isWord(named, 'all')) all = true;
      else names.push(name);
    }
  }
  return { statements: all ? 'all' : names, portals, encoding };
}

function isWord(token: HeadToken | undefined, word: string): boolean {
  return token?.kind === 'word' && token.text === word;
}

/** The identifier as the server folds it; null where that depends on its locale, its encoding or its rules of length. */
function nameOf(token: HeadToken | undefined): string | null {
  if (token === undefined || (token.kind !== 'word' && token.kind !== 'quoted')) return null;
  const plain = Buffer.byteLength(token.text) === token.text.length;
  if (token.text.length > LONGEST_NAME || !plain || token.text === 'u') return null;
  return token.text;
}
