// SQL texts made safe to log. Enters: a text and its tokens; leaves: the text without literals, comments and odd names.
import type { Lexed, Token } from './token.ts';

/** Longer shapes are cut: they go into every audit record. UTF-16 units. */
const MAX_SHAPE = 4_096;

/**
 * The text with every literal replaced by `?`, comments removed and whitespace folded. Where the lexer fails, or a
 * setting of the server could end a literal elsewhere, only the first keyword is kept.
 */
export function shapeOf(text: string, lexed: Lexed): string {
  if (lexed.kind === 'broken' || lexed.doubtful) return hiddenShape(text);
  let shape = '';
  let last = 0;
  for (const token of lexed.tokens) {
    if (shape !== '' && token.start > last) shape += ' ';
    shape += shown(token);
    last = token.end;
    if (shape.length > MAX_SHAPE) return `${shape.slice(0, MAX_SHAPE)}…`;
  }
  return shape;
}

/** What may be said of a text that cannot be cut into tokens: `<unparsable>` and its first keyword. */
export function hiddenShape(text: string): string {
  const word = /^[\s(]{0,64}([A-Za-z]{1,16})(?![A-Za-z0-9_$'"&])/.exec(text.slice(0, 128))?.[1];
  return word !== undefined && FIRST_WORDS.has(word.toUpperCase())
    ? `<unparsable> ${word.toUpperCase()}`
    : '<unparsable>';
}

const FIRST_WORDS: ReadonlySet<string> = new Set(
  (
    'ABORT ALTER ANALYZE BEGIN CALL CHECKPOINT CLOSE CLUSTER COMMENT COMMIT COPY CREATE DEALLOCATE DECLARE DELETE ' +
    'DESC DESCRIBE DISCARD DO DROP END EXECUTE EXPLAIN FETCH FLUSH GRANT HANDLER IMPORT INSERT INSTALL KILL LISTEN ' +
    'LOAD LOCK MERGE MOVE NOTIFY OPTIMIZE PREPARE REASSIGN REFRESH REINDEX RELEASE RENAME REPLACE RESET REVOKE ' +
    'ROLLBACK SAVEPOINT SECURITY SELECT SET SHOW SHUTDOWN START TABLE TRUNCATE UNINSTALL UNLISTEN UNLOCK UPDATE USE ' +
    'VACUUM VALUES WITH XA'
  ).split(' '),
);

function shown(token: Token): string {
  switch (token.kind) {
    case 'string':
    case 'number':
      return '?';
    // A name between quotes can be any text at all, and what one server takes for a name another takes for a literal.
    case 'quoted-name':
      return /^["`][A-Za-z0-9_$]{1,64}["`]$/.test(token.text) ? token.text : '"?"';
    case 'word':
    case 'placeholder':
    case 'variable':
    case 'symbol':
      return token.text.length > 128 ? `${token.text.slice(0, 128)}…` : token.text;
  }
}
