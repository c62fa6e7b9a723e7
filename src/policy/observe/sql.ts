// SQL events as observations. Enters: statements, commands and results; leaves: what they mean to the policy.
import type { SqlCommand, SqlEvent, SqlResult, SqlSession, SqlStatementRequest } from '../../events/sql.ts';
import { readSql } from '../../sql/read.ts';
import type { SqlReading, SqlStatement } from '../../sql/reading.ts';
import type { CompiledPolicy } from '../compile.ts';
import { keysOf } from '../keys.ts';
import type { Match } from '../match/match.ts';
import { isHarmless, settingsOf } from '../match/session-settings.ts';
import { matchSql } from '../match/sql.ts';
import { readSqlResult } from '../match/sql-result.ts';
import {
  type Ends,
  type Observation,
  type ObservedRequest,
  type ObservedSubject,
  printable,
} from './observation.ts';

/** Reads a SQL event. */
export function observeSql(policy: CompiledPolicy, ends: Ends, event: SqlEvent): Observation | null {
  switch (event.kind) {
    case 'sql-statement':
      return observeStatement(policy, ends, event);
    case 'sql-command':
      return observeCommand(policy, ends, event);
    case 'sql-result':
      return observeResult(policy, ends, event);
    case 'sql-session':
      return observeSession(policy, ends, event);
    case 'sql-login-failed':
    case 'sql-prepare':
      return null;
  }
}

/**
 * PostgreSQL takes settings with the log-in, also in `options`: they are as good as a SET. Null when each is harmless or
 * declared by `sql.set(...)`.
 */
function observeSession(policy: CompiledPolicy, ends: Ends, event: SqlSession): Observation | null {
  if (event.dialect !== 'postgres') return null;
  const declared = policy
    .sql(ends.client, ends.server)
    .flatMap((each) => (each.verb === 'set' ? [each.setting] : []));
  const setting = settingsOf(event.parameters).find((name) => !isHarmless(name) && !declared.includes(name));
  if (setting === undefined) return null;
  return {
    kind: 'offence',
    code: 'request-not-declared',
    decidedBy: 'request',
    text: `the session begins with the setting ${printable(setting, 60)}, and no SET of it is declared`,
    subject: {
      what: 'request',
      protocol: 'postgres',
      request: printable(`log in with ${setting}`),
      from: ends.client,
      to: ends.server,
    },
    ts: event.ts,
    evidence: event.at,
  };
}

function observeStatement(
  policy: CompiledPolicy,
  ends: Ends,
  event: SqlStatementRequest,
): Observation | null {
  const subject = (request: string): ObservedSubject => ({
    what: 'request',
    protocol: event.dialect,
    request: printable(request),
    from: ends.client,
    to: ends.server,
  });
  const base = { ts: event.ts, evidence: event.at };
  if (event.text === null) {
    const text = 'it executes a statement that was prepared before we began to look';
    return { kind: 'blindness', cause: 'midstream', text, subject: subject('(unknown statement)'), ...base };
  }
  const reading = readSql(event.dialect, event.text, event.parameters);
  const [ambiguity] = event.ambiguities;
  if (ambiguity !== undefined) {
    const text = `readers can take this statement differently: ${printable(ambiguity.detail)} (${ambiguity.code})`;
    return {
      kind: 'offence',
      code: 'ambiguous-bytes',
      decidedBy: 'request',
      text,
      subject: subject(reading.shape),
      ...base,
    };
  }
  if (reading.kind === 'unparsable') {
    const text = `the statement cannot be read: ${printable(reading.reason)}`;
    return {
      kind: 'offence',
      code: 'sql-unparsable',
      decidedBy: 'request',
      text,
      subject: subject(reading.shape),
      ...base,
    };
  }
  const statements = reading.statements.filter((statement) => statement.verb !== 'empty');
  if (statements.length === 0) return null;
  return {
    kind: 'request',
    match: matchAll(policy, ends, statements, event),
    keys: keysOf(policy.document.keys, event),
    awaits: event.request,
    source: event.flow.orig.ip,
    unanswered: false,
    control: controlOf(reading),
    subject: subject(reading.shape),
    ...base,
  };
}

/** The last of its statements that begins or ends a transaction. */
function controlOf(reading: SqlReading & { kind: 'read' }): ObservedRequest['control'] {
  const verb = reading.statements.findLast(({ verb }) => CONTROLS.has(verb))?.verb;
  if (verb === 'rollback' && /^ROLLBACK\b.*\bTO\b/i.test(reading.shape)) return 'rollback-to';
  return verb === 'begin' || verb === 'commit' || verb === 'rollback' ? verb : undefined;
}

const CONTROLS: ReadonlySet<string> = new Set(['begin', 'commit', 'rollback']);

/** Several statements in one text pass only when each may stand outside of any chain. */
function matchAll(
  policy: CompiledPolicy,
  ends: Ends,
  statements: readonly SqlStatement[],
  event: SqlStatementRequest,
): Match {
  const declarations = policy.sql(ends.client, ends.server);
  const matches = statements.map((statement) =>
    matchSql(declarations, policy.normalisers, statement, event.at),
  );
  const [first] = matches;
  if (first !== undefined && matches.length === 1) return first;
  const inner = matches.every((match) => match.kind === 'matched' && policy.outside.has(match.id));
  if (inner && first !== undefined) return first;
  return { kind: 'undeclared', why: `it stacks ${statements.length} statements in one text` };
}

/** Commands that change nothing that a policy speaks of. */
const HOUSEKEEPING: ReadonlySet<string> = new Set([
  'COM_PING',
  'COM_QUIT',
  'COM_STATISTICS',
  'COM_STMT_CLOSE',
  'COM_STMT_RESET',
  'COM_STMT_FETCH',
  'COM_STMT_SEND_LONG_DATA',
  'COM_RESET_CONNECTION',
  'COM_SET_OPTION',
  'CopyData',
  'CopyDone',
  'CopyFail',
]);

function observeCommand(policy: CompiledPolicy, ends: Ends, event: SqlCommand): Observation | null {
  if (HOUSEKEEPING.has(event.command)) return null;
  const subject = {
    what: 'request',
    protocol: event.dialect,
    request: printable(event.command),
    from: ends.client,
    to: ends.server,
  } as const;
  const base = { subject, ts: event.ts, evidence: event.at, keys: new Map<string, string>() };
  const declared = policy
    .sql(ends.client, ends.server)
    .find(
      ({ verb, setting }) => event.command === 'COM_INIT_DB' && verb === 'use' && setting === event.argument,
    );
  const match: Match =
    declared === undefined
      ? { kind: 'undeclared', why: `the command ${printable(event.command, 40)} is not declared` }
      : { kind: 'matched', id: declared.id, facts: [] };
  return {
    kind: 'request',
    match,
    awaits: event.request,
    source: event.flow.orig.ip,
    unanswered: false,
    ...base,
  };
}

function observeResult(policy: CompiledPolicy, ends: Ends, event: SqlResult): Observation | null {
  if (event.request === null || !(event.last || event.outcome === 'error')) return null;
  return {
    kind: 'answer',
    of: [event.request],
    ok: event.outcome === 'ok',
    text:
      event.outcome === 'ok' ? `ok, ${event.affected ?? event.rowCount} rows` : `error ${event.code ?? ''}`,
    read: (id) => {
      const declaration = policy.requests.get(id);
      return declaration?.protocol === 'sql' ? readSqlResult(declaration, policy.normalisers, event) : null;
    },
    subject: {
      what: 'response',
      protocol: event.dialect,
      request: 'result',
      from: ends.server,
      to: ends.client,
    },
    ts: event.ts,
    evidence: event.at,
  };
}
