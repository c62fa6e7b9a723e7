// The results of one PostgreSQL connection as they come in. Enters: rows and ends of results; leaves: result events.
import type { SqlColumn, SqlValue } from '../../events/sql.ts';
import type { Span } from '../../flow.ts';
import type { ColumnDescription } from './backend.ts';
import type { Connection } from './connection.ts';
import type { Message } from './framing.ts';
import { ResultRows } from './result.ts';
import type { Pending } from './state.ts';

/** A result as it will be reported. */
export interface Finished {
  readonly span: Span;
  readonly request: number | null;
  readonly code: string | null;
  readonly columns: readonly SqlColumn[];
  readonly rows: readonly (readonly SqlValue[])[];
  readonly rowCount: number;
  readonly affected: number | null;
}

export const NO_COLUMNS: readonly ColumnDescription[] = [];

/** One result at a time gathers rows, and one may be held back until it shows whether it is the last. */
export class Results {
  readonly #connection: Connection;
  #rows: ResultRows | null = null;
  #held: Finished | null = null;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** True while a row of `length` bytes would be kept. */
  wantsRow(length: number): boolean {
    if (this.#rows !== null) return this.#rows.wants(length);
    const { rows, statement } = this.#connection.limits;
    return rows > 0 && length <= statement;
  }

  /** A result with these columns begins. */
  begin(message: Message, columns: readonly ColumnDescription[]): void {
    this.release(false);
    this.#rows = this.#open(message, columns, null);
  }

  /** A row of what `head` asked for; null where its bytes are not there. False when it does not fit its columns. */
  row(message: Message, head: Pending | undefined, body: Uint8Array | null): boolean {
    this.#rows ??= this.#openFor(head, message);
    return this.#rows.add(body);
  }

  /** A line of COPY data. */
  line(message: Message): void {
    this.#rows ??= this.#open(message, NO_COLUMNS, null);
    this.#rows.add(null);
  }

  /** Ends the result that gathers rows; `code` is that of an error. */
  finish(
    message: Message,
    head: Pending | undefined,
    code: string | null,
    affected: number | null,
  ): Finished {
    const rows = this.#rows;
    this.#rows = null;
    const described =
      rows ?? (code === null && head?.kind === 'execute' ? this.#openFor(head, message) : null);
    return {
      span: { side: 'resp', start: rows?.start ?? message.start, end: message.end },
      request: requestOf(head),
      code,
      columns: described?.columns ?? [],
      rows: rows?.rows ?? [],
      rowCount: rows?.rowCount ?? 0,
      affected,
    };
  }

  /** Holds a result of a simple query back: whether it is the last one shows only with what follows. */
  hold(finished: Finished): void {
    this.release(false);
    this.#held = finished;
  }

  /** Reports what was held back. */
  release(last: boolean): void {
    if (this.#held !== null) this.emit(this.#held, last);
    this.#held = null;
  }

  /** Reports a result. */
  emit({ span, code, ...result }: Finished, last: boolean): void {
    const outcome = code === null ? 'ok' : 'error';
    this.#connection.emit(span, { kind: 'sql-result', dialect: 'postgres', outcome, code, ...result, last });
  }

  #openFor(head: Pending | undefined, message: Message): ResultRows {
    const portal = head?.kind === 'execute' ? head.portal : null;
    const columns = portal?.columns ?? portal?.statement?.columns ?? NO_COLUMNS;
    return this.#open(message, columns, portal?.resultFormats ?? null);
  }

  #open(message: Message, columns: readonly ColumnDescription[], formats: Uint8Array | null): ResultRows {
    return new ResultRows(message.start, columns, formats, this.#connection.limits);
  }
}

/** The request that an answer is of. */
export function requestOf(entry: Pending | undefined): number | null {
  switch (entry?.kind) {
    case 'query':
    case 'function':
    case 'execute':
    case 'sync':
      return entry.request;
    default:
      return null;
  }
}
