// SET, SHOW and transactions of MySQL, word by word. Enters: a statement's tokens; leaves: its template.
import type { StatementDraft } from '../draft.ts';
import type { StatementTemplate } from '../template.ts';
import { type Cursor, Refusal } from './cursor.ts';

/** `BEGIN [WORK]`; a compound statement of MariaDB goes on after it and is refused. */
export function readBegin(cursor: Cursor, draft: StatementDraft): StatementTemplate {
  cursor.take('WORK');
  cursor.end();
  return draft.finish('begin');
}

/** `START TRANSACTION [mode [, mode] ...]`. */
export function readStart(cursor: Cursor, draft: StatementDraft): StatementTemplate {
  if (!cursor.take('TRANSACTION')) throw new Refusal('START of something else');
  if (!cursor.ended) {
    do {
      const mode =
        cursor.take('READ', 'ONLY') ||
        cursor.take('READ', 'WRITE') ||
        cursor.take('WITH', 'CONSISTENT', 'SNAPSHOT');
      if (!mode) throw new Refusal('a transaction mode that is not known');
    } while (cursor.symbol(','));
  }
  cursor.end();
  return draft.finish('begin');
}

/** `COMMIT` and `ROLLBACK` with their tails. */
export function readEnd(
  verb: 'commit' | 'rollback',
  cursor: Cursor,
  draft: StatementDraft,
): StatementTemplate {
  cursor.take('WORK');
  if (verb === 'rollback' && cursor.take('TO')) {
    cursor.take('SAVEPOINT');
    cursor.name();
    draft.feature('modifier');
  } else {
    if (cursor.take('AND')) {
      if (!cursor.take('NO')) draft.feature('modifier');
      if (!cursor.take('CHAIN')) throw new Refusal('words that are not known there');
    }
    if (!cursor.take('NO', 'RELEASE') && cursor.take('RELEASE')) draft.feature('modifier');
  }
  cursor.end();
  return draft.finish(verb);
}

/**
 * `SET` in its forms. The setting is `names`, `character set`, `transaction`, or the variable's lower-case name, with
 * `global.` or `persist.` before it when it is not of the session, `@name` for a user variable; several are joined by commas.
 */
export function readSet(cursor: Cursor, draft: StatementDraft): StatementTemplate {
  const scope =
    cursor.peek(1)?.name.toUpperCase() === 'TRANSACTION' ? cursor.oneOf('GLOBAL', 'SESSION', 'LOCAL') : null;
  if (cursor.take('TRANSACTION')) {
    for (const token of cursor.rest)
      if (token.kind !== 'word' && token.text !== ',')
        throw new Refusal('a transaction mode that is not known');
    cursor.skipRest();
    return draft.finish('set', { setting: scope === 'GLOBAL' ? 'global.transaction' : 'transaction' });
  }
  const settings: string[] = [];
  do settings.push(readSetting(cursor, draft));
  while (cursor.symbol(','));
  cursor.end();
  return draft.finish('set', { setting: settings.join(',') });
}

function readSetting(cursor: Cursor, draft: StatementDraft): string {
  if (cursor.take('NAMES')) {
    readCharset(cursor);
    if (cursor.take('COLLATE')) readCharset(cursor);
    return 'names';
  }
  if (cursor.take('CHARACTER', 'SET') || cursor.take('CHARSET')) {
    readCharset(cursor);
    return 'character set';
  }
  const next = cursor.any();
  const name = next.kind === 'variable' ? next.name : scoped(next.name, next.kind, cursor);
  if (!cursor.symbol('=') && !cursor.symbol(':=')) throw new Refusal('a SET of an unknown form');
  readSettingValue(cursor, draft);
  return name.replace(/^@@(?:session\.|local\.)?/, '').replace(/^@@/, '');
}

/** `SET STATEMENT`, `SET PASSWORD`, `SET ROLE` and the like have no `=` after their second word, and are refused. */
function scoped(word: string, kind: string, cursor: Cursor): string {
  if (kind !== 'word' && kind !== 'quoted-name') throw new Refusal('a SET of an unknown form');
  const upper = word.toUpperCase();
  const own = cursor.peek()?.kind === 'word' || cursor.peek()?.kind === 'quoted-name';
  if (!own) return dotted(word, cursor);
  switch (upper) {
    case 'SESSION':
    case 'LOCAL':
      return dotted(cursor.name(), cursor);
    case 'GLOBAL':
    case 'PERSIST':
    case 'PERSIST_ONLY':
      return `${upper.toLowerCase()}.${dotted(cursor.name(), cursor)}`;
    default:
      throw new Refusal('a SET of an unknown form');
  }
}

function dotted(first: string, cursor: Cursor): string {
  return (cursor.symbol('.') ? `${first}.${cursor.name()}` : first).toLowerCase();
}

function readCharset(cursor: Cursor): void {
  const token = cursor.any();
  if (token.kind !== 'word' && token.kind !== 'string') throw new Refusal('a character set was expected');
}

/** Up to the comma that ends it; functions are noted, a query in it only when it reads no table. */
function readSettingValue(cursor: Cursor, draft: StatementDraft): void {
  let depth = 0;
  let parts = 0;
  for (let token = cursor.peek(); token !== undefined; token = cursor.peek()) {
    if (depth === 0 && token.text === ',' && token.kind === 'symbol') break;
    cursor.any();
    parts += 1;
    if (token.kind === 'symbol' && token.text === '(') depth += 1;
    if (token.kind === 'symbol' && token.text === ')') depth -= 1;
    const word = token.kind === 'word' ? token.name.toUpperCase() : '';
    if (word === 'SELECT') draft.feature('subquery');
    if (FORBIDDEN.has(word) || token.text === '.' || token.text === '=' || token.text === ':=')
      throw new Refusal('a SET of an unknown form');
    const called = (token.kind === 'word' || token.kind === 'quoted-name') && word !== 'SELECT';
    if (called && cursor.peek()?.text === '(') draft.call(token.name);
    if (called && depth > 0 && cursor.peek()?.text !== '(') throw new Refusal('a SET of an unknown form');
  }
  if (parts === 0 || depth !== 0) throw new Refusal('a SET of an unknown form');
}

const FORBIDDEN: ReadonlySet<string> = new Set([
  'FROM',
  'INTO',
  'UNION',
  'TABLE',
  'VALUES',
  'WITH',
  'NEXT',
  'CASE',
]);

/** `SHOW ...`: names after FROM, IN and TABLE are tables or databases that it reads; a condition is refused. */
export function readShow(cursor: Cursor, draft: StatementDraft): StatementTemplate {
  while (!cursor.ended) {
    if (cursor.oneOf('FROM', 'IN', 'TABLE', 'VIEW', 'TRIGGER') !== null && !cursor.ended) {
      const { schema, name } = cursor.table();
      draft.table(schema, name, 'read');
      continue;
    }
    const token = cursor.any();
    const known = token.kind === 'word' || token.kind === 'string' || token.kind === 'number';
    if (!known || token.name.toUpperCase() === 'WHERE') throw new Refusal('a SHOW of an unknown form');
  }
  return draft.finish('show');
}
