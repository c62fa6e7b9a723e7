// INTO and the locks of a MySQL SELECT. Enters: tokens; leaves: findings in the draft.
import { Refusal } from './cursor.ts';
import { commaList, type Parser } from './parser.ts';

/** Words between the strings of `INTO OUTFILE 'f' FIELDS TERMINATED BY ',' ...`. */
const FORMAT_WORDS: ReadonlySet<string> = new Set(
  'CHARACTER SET FIELDS COLUMNS LINES TERMINATED OPTIONALLY ENCLOSED ESCAPED STARTING BY'.split(' '),
);

/** `INTO OUTFILE`, `INTO DUMPFILE` and `INTO @variables`, when they stand here. */
export function readInto(parser: Parser): void {
  const { cursor, draft } = parser;
  if (!cursor.take('INTO')) return;
  draft.feature('into');
  if (cursor.oneOf('OUTFILE', 'DUMPFILE') === null) {
    commaList(parser, () => {
      if (cursor.any().kind !== 'variable') throw new Refusal('an INTO of an unknown form');
    });
    return;
  }
  draft.feature('copy-file');
  if (cursor.any().kind !== 'string') throw new Refusal('a file name was expected');
  for (let next = cursor.peek(); next !== undefined; next = cursor.peek()) {
    const charset = cursor.take('CHARACTER', 'SET');
    if (charset) cursor.any();
    else if (next.kind === 'string') cursor.any();
    else if (next.kind === 'word' && FORMAT_WORDS.has(next.name.toUpperCase())) cursor.any();
    else return;
  }
}

/** `FOR UPDATE`, `FOR SHARE` and `LOCK IN SHARE MODE` with their tails, when they stand here. */
export function readLocking(parser: Parser): void {
  const { cursor, draft } = parser;
  for (;;) {
    if (cursor.take('LOCK', 'IN', 'SHARE', 'MODE')) draft.feature('for-update');
    else if (cursor.take('FOR', 'UPDATE') || cursor.take('FOR', 'SHARE')) {
      draft.feature('for-update');
      // They name members of FROM, by their aliases.
      if (cursor.take('OF')) commaList(parser, () => cursor.table());
    } else return;
    if (cursor.take('WAIT')) cursor.any();
    else if (!cursor.take('NOWAIT')) cursor.take('SKIP', 'LOCKED');
  }
}
