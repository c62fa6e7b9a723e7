// What a SQL text changes in the connection's own state. Enters: text; leaves: database and character set, where it names them.
import { type HeadToken, statementHeads } from '../sql/statement-heads.ts';
import { type CharsetClass, charsetByName } from './charset.ts';

export interface TextEffects {
  /** `USE`: the database's name; null where it changes to one that cannot be told; undefined where it does not change. */
  readonly database: string | null | undefined;
  readonly charset: CharsetClass | undefined;
}

export const NO_EFFECTS: TextEffects = { database: undefined, charset: undefined };
const SUSPECTS = /\b(?:use|names|charset|character(?:_set_client)?)\b/i;

/** Looks at the first words of every statement; what stored routines do inside is not seen. */
export function textEffects(text: string): TextEffects {
  if (!SUSPECTS.test(text)) return NO_EFFECTS;
  const { heads, whole } = statementHeads(text, 'mysql');
  let database: string | null | undefined;
  let charset: CharsetClass | undefined;
  for (const head of heads) {
    const [first, second] = head;
    if (first?.kind !== 'word') continue;
    if (first.text === 'use') {
      const named = second?.kind === 'word' || second?.kind === 'quoted';
      database = named && heads.length === 1 && head.length === 2 ? second.raw : null;
    }
    if (first.text === 'set') charset = worse(charset, charsetOf(head));
  }
  if (!whole) return { database: null, charset: 'other' };
  return { database, charset };
}

/** In one text the stricter class stands: which of several comes last depends on what fails before. */
function worse(one: CharsetClass | undefined, other: CharsetClass | undefined): CharsetClass | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one === 'other' || other === 'other' ? 'other' : one === 'single' ? one : other;
}

/** `SET NAMES x`, `SET CHARACTER SET x`, `SET CHARSET x`, `SET character_set_client = x`, also among other settings. */
function charsetOf(head: readonly HeadToken[]): CharsetClass | undefined {
  let found: CharsetClass | undefined;
  head.forEach((token, index) => {
    if (token.kind === 'string' || token.kind === 'sign') return;
    const next = head[index + 1];
    if (token.text === 'names' || token.text === 'charset') found = worse(found, classOf(next));
    else if (token.text === 'character' && next?.text === 'set')
      found = worse(found, classOf(head[index + 2]));
    else if (token.text === 'character_set_client') {
      const colon = next?.text === ':' ? 1 : 0;
      found = worse(found, classOf(head[index + 2 + colon]));
    }
  });
  return found;
}

function classOf(token: HeadToken | undefined): CharsetClass {
  return token === undefined || token.kind === 'sign' ? 'other' : charsetByName(token.text);
}
