// MySQL's statements that are no queries, word by word. Enters: a statement's tokens; leaves: its template.
//
// Each form is either known to its last word or refused; only statements that no service sends (GRANT, FLUSH, CREATE USER, ...)
// are named by their verb alone, and then carry `modifier`, so that no policy passes them by their verb.
import type { StatementDraft } from '../draft.ts';
import type { SqlVerb, TableUse } from '../reading.ts';
import type { StatementTemplate } from '../template.ts';
import { type Cursor, Refusal } from './cursor.ts';
import { readBegin, readEnd, readSet, readShow, readStart } from './session.ts';

/** Reads a statement by its first word; null when it is one for the parser. */
export function readUtility(cursor: Cursor, draft: StatementDraft): StatementTemplate | null {
  const first = cursor.peek();
  if (first?.kind !== 'word') return null;
  const word = first.name.toUpperCase();
  const read = Object.hasOwn(READERS, word) ? READERS[word] : undefined;
  if (read !== undefined) {
    cursor.any();
    return read(cursor, draft);
  }
  const verb = Object.hasOwn(NAMED, word) ? NAMED[word] : undefined;
  if (verb === undefined) return null;
  draft.feature('modifier');
  cursor.any();
  const names = verb === 'create' || verb === 'alter';
  const target = names ? namedTable(cursor, draft) : null;
  cursor.skipRest();
  return draft.finish(verb, { target });
}

/** The table that a CREATE, ALTER or RENAME names first; what else it touches is covered by `modifier`. */
function namedTable(cursor: Cursor, draft: StatementDraft): TableUse | null {
  cursor.take('OR', 'REPLACE');
  cursor.oneOf('TEMPORARY', 'ONLINE', 'IGNORE');
  if (cursor.oneOf('TABLE', 'TABLES', 'VIEW') === null) return null;
  if (!cursor.take('IF', 'NOT', 'EXISTS')) cursor.take('IF', 'EXISTS');
  const { schema, name } = cursor.table();
  return draft.table(schema, name, 'write');
}

type Reader = (cursor: Cursor, draft: StatementDraft) => StatementTemplate;

const READERS: { readonly [word: string]: Reader } = {
  BEGIN: readBegin,
  START: readStart,
  COMMIT: (cursor, draft) => readEnd('commit', cursor, draft),
  ROLLBACK: (cursor, draft) => readEnd('rollback', cursor, draft),
  SAVEPOINT: (cursor, draft) => {
    cursor.name();
    return ended('savepoint', cursor, draft);
  },
  RELEASE: (cursor, draft) => {
    if (!cursor.take('SAVEPOINT')) throw new Refusal('RELEASE of something else');
    cursor.name();
    return ended('release', cursor, draft);
  },
  SET: readSet,
  SHOW: readShow,
  USE: (cursor, draft) => {
    const setting = cursor.name();
    cursor.end();
    return draft.finish('use', { setting });
  },
  TRUNCATE: (cursor, draft) => {
    cursor.take('TABLE');
    const { schema, name } = cursor.table();
    const target = draft.table(schema, name, 'write');
    cursor.end();
    return draft.finish('truncate', { target });
  },
  DO: (cursor, draft) => {
    readOpaque(cursor, draft);
    return draft.finish('do');
  },
  CALL: (cursor, draft) => {
    const { schema, name } = cursor.table();
    draft.call(schema === null ? name : `${schema}.${name}`);
    readOpaque(cursor, draft);
    return draft.finish('call');
  },
  LOAD: readLoad,
  HANDLER: (cursor, draft) => {
    const { schema, name } = cursor.table();
    draft.table(schema, name, 'read');
    draft.feature('modifier');
    cursor.skipRest();
    return draft.finish('other');
  },
  LOCK: readLock,
  UNLOCK: (cursor, draft) => {
    if (!cursor.take('TABLES') && !cursor.take('TABLE')) throw new Refusal('UNLOCK of something else');
    return ended('lock', cursor, draft);
  },
  PREPARE: (cursor, draft) => {
    cursor.name();
    if (!cursor.take('FROM')) throw new Refusal('a PREPARE of an unknown form');
    // What it prepares is the content of a literal or of a variable.
    cursor.any();
    draft.feature('modifier');
    return ended('prepare', cursor, draft);
  },
  EXECUTE: (cursor, draft) => {
    if (cursor.take('IMMEDIATE')) draft.feature('modifier');
    else {
      cursor.name();
      if (!cursor.ended && !cursor.take('USING')) throw new Refusal('an EXECUTE of an unknown form');
    }
    readOpaque(cursor, draft);
    return draft.finish('execute');
  },
  DEALLOCATE: (cursor, draft) => {
    if (!cursor.take('PREPARE')) throw new Refusal('DEALLOCATE of something else');
    cursor.name();
    return ended('deallocate', cursor, draft);
  },
  DROP: readDrop,
  KILL: (cursor, draft) => {
    cursor.oneOf('HARD', 'SOFT');
    cursor.oneOf('CONNECTION', 'QUERY');
    cursor.any();
    return ended('kill', cursor, draft);
  },
};

/** Verbs whose statements are not read further. */
const NAMED: { readonly [word: string]: SqlVerb } = {
  CREATE: 'create',
  ALTER: 'alter',
  RENAME: 'alter',
  GRANT: 'grant',
  REVOKE: 'revoke',
  FLUSH: 'other',
  RESET: 'reset',
  ANALYZE: 'other',
  OPTIMIZE: 'other',
  CHECK: 'other',
  REPAIR: 'other',
  CHECKSUM: 'other',
  CACHE: 'other',
  INSTALL: 'other',
  UNINSTALL: 'other',
  SHUTDOWN: 'other',
  XA: 'other',
  BINLOG: 'other',
  CHANGE: 'other',
  PURGE: 'other',
  STOP: 'other',
  CLONE: 'other',
  IMPORT: 'other',
  HELP: 'other',
};

function ended(verb: SqlVerb, cursor: Cursor, draft: StatementDraft): StatementTemplate {
  cursor.end();
  return draft.finish(verb);
}

/** Expressions whose functions are noted and that may hold no query. */
function readOpaque(cursor: Cursor, draft: StatementDraft): void {
  while (!cursor.ended) {
    const token = cursor.any();
    const name = token.kind === 'word' || token.kind === 'quoted-name';
    if (token.kind === 'word' && QUERIES.has(token.name.toUpperCase()))
      throw new Refusal('a query in a statement of another kind');
    if (name && cursor.peek()?.text === '(') draft.call(token.name);
    // A qualified function would be noted by its last part only.
    if (token.text === '.') throw new Refusal('a qualified name in a statement of another kind');
  }
}

const QUERIES: ReadonlySet<string> = new Set(['SELECT', 'TABLE', 'VALUES', 'WITH']);

function readLoad(cursor: Cursor, draft: StatementDraft): StatementTemplate {
  draft.feature('copy-file');
  if (cursor.oneOf('DATA', 'XML') === null) throw new Refusal('LOAD of something else');
  while (!cursor.take('INTO', 'TABLE')) cursor.any();
  const { schema, name } = cursor.table();
  const target = draft.table(schema, name, 'write');
  readOpaque(cursor, draft);
  return draft.finish('load', { target });
}

function readLock(cursor: Cursor, draft: StatementDraft): StatementTemplate {
  if (!cursor.take('TABLES') && !cursor.take('TABLE')) throw new Refusal('LOCK of something else');
  do {
    const { schema, name } = cursor.table();
    if (cursor.take('AS') || cursor.oneOf('READ', 'WRITE', 'LOW_PRIORITY') === null) {
      cursor.name();
      cursor.oneOf('READ', 'WRITE', 'LOW_PRIORITY');
    }
    cursor.oneOf('LOCAL', 'WRITE', 'CONCURRENT');
    draft.table(schema, name, 'write');
  } while (cursor.symbol(','));
  return ended('lock', cursor, draft);
}

/** `DROP [TEMPORARY] TABLE|VIEW [IF EXISTS] t [, t] ...`; other objects by their verb alone. */
function readDrop(cursor: Cursor, draft: StatementDraft): StatementTemplate {
  if (cursor.take('PREPARE')) {
    cursor.name();
    return ended('deallocate', cursor, draft);
  }
  cursor.take('TEMPORARY');
  if (cursor.oneOf('TABLE', 'TABLES', 'VIEW') === null) {
    draft.feature('modifier');
    cursor.skipRest();
    return draft.finish('drop');
  }
  cursor.take('IF', 'EXISTS');
  do {
    const { schema, name } = cursor.table();
    draft.table(schema, name, 'write');
  } while (cursor.symbol(','));
  cursor.oneOf('RESTRICT', 'CASCADE');
  cursor.end();
  const target = draft.onlyWritten();
  if (target === null) draft.feature('multi-table');
  return draft.finish('drop', { target });
}
