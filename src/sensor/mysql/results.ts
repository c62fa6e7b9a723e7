// What a MySQL server says, as events. Enters: what came of a command or login; leaves: results, sessions, refusals.
import type { Span } from '../../flow.ts';
import { decodeText } from '../sql/text.ts';
import type { Connection } from './connection.ts';
import type { LoginRequest } from './handshake.ts';
import type { ResultRows } from './result.ts';

/** How a result ended. */
export interface Outcome {
  readonly rows: ResultRows | null;
  readonly affected: number | null;
  /** The number of an error; null when it went well. */
  readonly code: string | null;
  readonly last: boolean;
}

/** Reports a result. A bulk execution has several requests and one answer, whose number of rows is of all together. */
export function emitResult(
  connection: Connection,
  span: Span,
  requests: readonly (number | null)[],
  { rows, affected, code, last }: Outcome,
): void {
  requests.forEach((request, index) => {
    connection.emit(span, {
      kind: 'sql-result',
      dialect: 'mysql',
      request,
      outcome: code === null ? 'ok' : 'error',
      code,
      columns: rows?.described ?? [],
      rows: rows?.rows ?? [],
      rowCount: rows?.rowCount ?? 0,
      affected: index === requests.length - 1 ? affected : null,
      last,
    });
  });
}

/** The server asks the client for one of its files (LOCAL INFILE). */
export function emitFileRequest(connection: Connection, span: Span, request: number, name: Uint8Array): void {
  const { user, database } = connection;
  connection.emit(span, {
    kind: 'sql-command',
    dialect: 'mysql',
    request,
    command: 'LOCAL INFILE',
    argument: decodeText(name).text,
    user,
    database,
  });
}

/** The server let a user in. */
export function emitSession(connection: Connection, span: Span, login: LoginRequest): void {
  const { user, database, attributes } = login;
  connection.emit(span, { kind: 'sql-session', dialect: 'mysql', user, database, parameters: attributes });
}

/** The server did not; `login` is null when it had not even asked who it is. */
export function emitRefusal(
  connection: Connection,
  span: Span,
  login: LoginRequest | null,
  code: string,
): void {
  const { user = '', database = null } = login ?? {};
  connection.emit(span, { kind: 'sql-login-failed', dialect: 'mysql', user, database, code });
}
