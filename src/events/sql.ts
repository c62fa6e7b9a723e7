// SQL sessions, statements and results of PostgreSQL and MySQL as events. Enters: nothing; leaves: types.
import type { Ambiguity, Common } from './common.ts';

export type SqlDialect = 'postgres' | 'mysql';

/**
 * A value as the database will see it. `text` is canonical: exact decimal digits for numbers (never through a double),
 * `true`/`false`, ISO 8601 for times, lower-case hex for `bytes` and for `undecoded` (a binary form of an unknown type).
 */
export type SqlValue =
  | { readonly type: 'null' }
  | {
      readonly type: 'text' | 'number' | 'boolean' | 'time' | 'bytes' | 'undecoded';
      readonly text: string;
    };

/** Who logged in; sent once the server accepted it. */
export interface SqlSession extends Common {
  readonly kind: 'sql-session';
  readonly dialect: SqlDialect;
  readonly user: string;
  readonly database: string | null;
  /** Start-up parameters (PostgreSQL) or connection attributes (MySQL). Never credentials. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** A login that the server refused. */
export interface SqlLoginFailed extends Common {
  readonly kind: 'sql-login-failed';
  readonly dialect: SqlDialect;
  readonly user: string;
  readonly database: string | null;
  readonly code: string;
}

/** A statement was prepared. Preparing executes nothing; the statement event comes with each execution. */
export interface SqlPrepare extends Common {
  readonly kind: 'sql-prepare';
  readonly dialect: SqlDialect;
  /** PostgreSQL: its name, empty for the unnamed one. MySQL: the number that the server gave, in decimal. */
  readonly name: string;
  readonly text: string;
  readonly ambiguities: readonly Ambiguity[];
}

/** A statement is executed, with its bound values in the order of its placeholders. */
export interface SqlStatementRequest extends Common {
  readonly kind: 'sql-statement';
  readonly dialect: SqlDialect;
  /** Counts statements and commands within the flow, from 1; results name the same number. */
  readonly request: number;
  /** `text`: the simple protocol or COM_QUERY. `bound`: Bind and Execute, or COM_STMT_EXECUTE. */
  readonly via: 'text' | 'bound';
  /** The SQL text; null when it was prepared before the source began. */
  readonly text: string | null;
  readonly parameters: readonly SqlValue[];
  readonly user: string | null;
  readonly database: string | null;
  readonly ambiguities: readonly Ambiguity[];
}

/** A protocol command that is not a statement: COM_INIT_DB, COM_CHANGE_USER, FunctionCall, CancelRequest, COPY data, ... */
export interface SqlCommand extends Common {
  readonly kind: 'sql-command';
  readonly dialect: SqlDialect;
  readonly request: number;
  /** The name in the protocol's documentation, for example `COM_INIT_DB`, `CancelRequest`, `CopyData`. */
  readonly command: string;
  readonly argument: string | null;
  readonly user: string | null;
  readonly database: string | null;
}

export interface SqlColumn {
  readonly name: string;
  /** The protocol's name of the type in lower case where known (`int4`, `varchar`), else its number. */
  readonly type: string;
}

/** What came of a statement or command. A text of several statements gives several, the last one with `last`. */
export interface SqlResult extends Common {
  readonly kind: 'sql-result';
  readonly dialect: SqlDialect;
  readonly request: number | null;
  readonly outcome: 'ok' | 'error';
  /** SQLSTATE (PostgreSQL) or the error number (MySQL); null when it went well. */
  readonly code: string | null;
  readonly columns: readonly SqlColumn[];
  /** The first rows, up to the row limit. */
  readonly rows: readonly (readonly SqlValue[])[];
  /** All rows that came, also those over the limit. */
  readonly rowCount: number;
  /** Rows changed, when the server said so. */
  readonly affected: number | null;
  readonly last: boolean;
}

export type SqlEvent =
  | SqlSession
  | SqlLoginFailed
  | SqlPrepare
  | SqlStatementRequest
  | SqlCommand
  | SqlResult;
