// What the server of a PostgreSQL connection answers. Enters: its messages; leaves: results, matched to what they answer.
import type { SqlColumn, SqlValue } from '../../events/sql.ts';
import type { Span } from '../../flow.ts';
import {
  type ColumnDescription,
  isUtf8Name,
  readErrorCode,
  readParameterDescription,
  readParameterStatus,
  readRowDescription,
  readTag,
} from './backend.ts';
import type { Connection } from './connection.ts';
import type { Message } from './framing.ts';
import { ResultRows } from './result.ts';
import type { Pending, Portal, Statement } from './state.ts';
import type { TextEffects } from './text-effects.ts';

/** A result as it will be reported. */
interface Finished {
  readonly span: Span;
  readonly request: number | null;
  readonly code: string | null;
  readonly columns: readonly SqlColumn[];
  readonly rows: readonly (readonly SqlValue[])[];
  readonly rowCount: number;
  readonly affected: number | null;
}

const NO_COLUMNS: readonly ColumnDescription[] = [];
/** Tags of commands that drop or define prepared statements. */
const DEFINING = new Set(['DEALLOCATE', 'DEALLOCATE ALL', 'DISCARD ALL', 'PREPARE']);

export class Server {
  readonly #connection: Connection;
  #rows: ResultRows | null = null;
  /** A result of a simple query: whether it is the last one shows only with what follows. */
  #held: Finished | null = null;
  #copy: { readonly start: number; bytes: number } | null = null;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** True while a row of `length` bytes would be kept. */
  wantsRow(length: number): boolean {
    if (this.#rows !== null) return this.#rows.wants(length);
    const { rows, statement } = this.#connection.limits;
    return rows > 0 && length <= statement;
  }

  /** A message after the login. */
  message(message: Message): void {
    switch (message.type) {
      case 'S':
        this.#parameterStatus(message);
        return;
      case 'E':
        this.#error(message);
        return;
      case 'Z':
        this.#ready(message);
        return;
      case '1':
      case '2':
      case '3':
      case 'n':
      case 't':
        this.#prepared(message);
        return;
      case 'T':
        this.#description(message);
        return;
      case 'D':
        this.#row(message);
        return;
      case 'C':
      case 'I':
      case 's':
        this.#complete(message);
        return;
      case 'V':
        this.#functionResult(message);
        return;
      case 'G':
      case 'H':
      case 'W':
        this.#copyStart(message);
        return;
      case 'd':
        this.#copyData(message);
        return;
      case 'c':
        this.#copyEnd(message);
        return;
      default:
        // Notices, notifications, the key for cancelling, and the negotiated version say nothing of requests.
        return;
    }
  }

  /** The connection is over: what was held back will not be followed by another result. */
  end(): void {
    this.#release(true);
  }

  /** What the server answers now. */
  #head(): Pending | undefined {
    const { pending } = this.#connection;
    while (pending.peek()?.kind === 'copy-end') pending.shift();
    return pending.peek();
  }

  #parameterStatus(message: Message): void {
    const status = message.state === 'whole' ? readParameterStatus(message.body) : null;
    if (status === null) {
      this.#malformed(message, 'a ParameterStatus that is none');
      return;
    }
    if (status.name === 'client_encoding') this.#connection.setEncoding(isUtf8Name(status.value));
  }

  #prepared(message: Message): void {
    const head = this.#head();
    const { pending, statements } = this.#connection;
    if (head === undefined) {
      this.#unasked(message);
      return;
    }
    switch (head.kind) {
      case 'parse':
        if (message.type !== '1') break;
        if (head.statement !== null) head.statement.confirmed = true;
        pending.shift();
        return;
      case 'bind':
        if (message.type !== '2') break;
        pending.shift();
        return;
      case 'close':
        if (message.type !== '3') break;
        pending.shift();
        return;
      case 'describe-portal':
        if (message.type !== 'n') break;
        pending.shift();
        return;
      case 'describe-statement':
        if (message.type === 'n') {
          pending.shift();
          return;
        }
        if (message.type !== 't') break;
        if (head.statement !== null && message.state === 'whole') {
          const oids = readParameterDescription(message.body);
          if (oids === null) {
            this.#malformed(message, 'a ParameterDescription that is none');
            return;
          }
          head.statement.described = oids;
          statements.grow(head.statement.name, head.statement, message.length);
        }
        return;
      default:
        break;
    }
    this.#unfitting(message);
  }

  #description(message: Message): void {
    const columns = message.state === 'whole' ? readRowDescription(message.body) : NO_COLUMNS;
    if (columns === null) {
      this.#malformed(message, 'a RowDescription that is none');
      return;
    }
    if (message.state !== 'whole')
      this.#connection.note('limit', spanOf(message), 'a RowDescription was not read');
    const head = this.#head();
    if (head?.kind === 'describe-statement' || head?.kind === 'describe-portal') {
      this.#describe(head.kind === 'describe-portal' ? head.portal : head.statement, columns, message);
      this.#connection.pending.shift();
      return;
    }
    if (head !== undefined && head.kind !== 'query') {
      this.#unfitting(message);
      return;
    }
    this.#release(false);
    this.#rows = this.#begin(message, columns, null);
  }

  #describe(what: Portal | Statement | null, columns: readonly ColumnDescription[], message: Message): void {
    if (what === null) return;
    what.columns = columns;
    const { statements, portals } = this.#connection;
    if ('oids' in what) statements.grow(what.name, what, message.length * 4);
    else portals.grow(what.name, what, message.length * 4);
  }

  #begin(message: Message, columns: readonly ColumnDescription[], formats: Uint8Array | null): ResultRows {
    return new ResultRows(message.start, columns, formats, this.#connection.limits);
  }

  #row(message: Message): void {
    const head = this.#head();
    const fits = head === undefined || head.kind === 'query' || head.kind === 'execute';
    if (!fits) {
      this.#unfitting(message);
      return;
    }
    this.#rows ??= this.#beginFor(head, message);
    const length = message.length;
    if (message.state === 'lost') {
      this.#connection.note('gap', spanOf(message), 'bytes of a row are missing');
    } else if (message.state === 'cut' && length > this.#connection.limits.statement) {
      this.#connection.note('limit', spanOf(message), `a row of ${length} bytes`);
    }
    const body = message.state === 'whole' ? message.body : null;
    if (!this.#rows.add(body)) this.#malformed(message, 'a row that does not fit its description');
  }

  #beginFor(head: Pending | undefined, message: Message): ResultRows {
    const portal = head?.kind === 'execute' ? head.portal : null;
    const columns = portal?.columns ?? portal?.statement?.columns ?? NO_COLUMNS;
    return this.#begin(message, columns, portal?.resultFormats ?? null);
  }

  #complete(message: Message): void {
    const head = this.#head();
    if (head !== undefined && head.kind !== 'query' && head.kind !== 'execute') {
      this.#unfitting(message);
      return;
    }
    this.#connection.copyIn = false;
    const tag = message.type === 'C' ? readTag(message.body) : { command: '', affected: null };
    this.#distrust(head, tag.command);
    const finished = this.#finish(message, head, null, tag.affected);
    if (head?.kind === 'query') {
      this.#release(false);
      this.#held = finished;
      return;
    }
    this.#emit(finished, true);
    if (head !== undefined) this.#connection.pending.shift();
  }

  /** The server says that names were defined or dropped, and we had not read that in the text: no name is sure. */
  #distrust(head: Pending | undefined, command: string): void {
    if (!DEFINING.has(command)) return;
    const effects: TextEffects | undefined =
      head?.kind === 'query'
        ? head.effects
        : head?.kind === 'execute'
          ? head.portal?.statement?.effects
          : undefined;
    if (effects === undefined || effects.statements.length === 0) this.#connection.statements.clear();
  }

  #finish(
    message: Message,
    head: Pending | undefined,
    code: string | null,
    affected: number | null,
  ): Finished {
    const rows = this.#rows;
    this.#rows = null;
    const portal = head?.kind === 'execute' ? head.portal : null;
    const columns = rows?.columns ?? this.#beginFor(head, message).columns;
    return {
      span: { side: 'resp', start: rows?.start ?? message.start, end: message.end },
      request: requestOf(head),
      code,
      columns: portal === null && rows === null ? [] : columns,
      rows: rows?.rows ?? [],
      rowCount: rows?.rowCount ?? 0,
      affected,
    };
  }

  #functionResult(message: Message): void {
    const head = this.#head();
    if (head !== undefined && head.kind !== 'function') {
      this.#unfitting(message);
      return;
    }
    this.#emit(this.#finish(message, head, null, null), true);
  }

  /** An error ends a simple query, and makes the server pass over the rest of an extended one. */
  #error(message: Message): void {
    const connection = this.#connection;
    const head = this.#head();
    const code = readErrorCode(message.body);
    connection.copyIn = false;
    this.#copy = null;
    this.#release(false);
    const failed = this.#finish(message, head, code, null);
    const extended =
      head !== undefined && head.kind !== 'query' && head.kind !== 'function' && head.kind !== 'sync';
    const skipped = extended ? this.#skip(message, code) : [];
    // A Parse that fails takes its Execute with it: then that one's result says all.
    if (failed.request !== null || skipped.length === 0) this.#emit(failed, true);
    for (const result of skipped) if (result.request !== failed.request) this.#emit(result, true);
    if (extended && this.#head() === undefined) connection.skipping = { code, span: spanOf(message) };
  }

  /** Takes away what is not done for an error, up to the Sync that is answered next. */
  #skip(message: Message, code: string): readonly Finished[] {
    const skipped: Finished[] = [];
    for (let next = this.#head(); next !== undefined && next.kind !== 'sync'; next = this.#head()) {
      this.#connection.pending.shift();
      this.#undo(next);
      if (requestOf(next) !== null) skipped.push(this.#finish(message, next, code, null));
    }
    return skipped;
  }

  /** What a message that failed or was passed over defined does not exist; what had that name before may. */
  #undo(entry: Pending): void {
    const { statements, portals } = this.#connection;
    if (entry.kind === 'parse' && entry.statement !== null) {
      statements.deleteIf(entry.statement.name, entry.statement);
    }
    if (entry.kind === 'bind' && entry.portal !== null) portals.deleteIf(entry.portal.name, entry.portal);
  }

  #ready(message: Message): void {
    const connection = this.#connection;
    const head = this.#head();
    if (head === undefined) {
      this.#unasked(message);
      return;
    }
    if (head.kind !== 'query' && head.kind !== 'function' && head.kind !== 'sync') {
      this.#unfitting(message);
      return;
    }
    this.#release(true);
    this.#rows = null;
    connection.pending.shift();
    connection.answered(head.epoch);
    // Outside of a transaction no portal outlives the batch that it was made in.
    const idle = message.body[0] === 0x49;
    if (idle) connection.portals.deleteOldest((portal) => portal.batch < head.epoch);
  }

  #copyStart(message: Message): void {
    const head = this.#head();
    const { pending } = this.#connection;
    if (head !== undefined && head.kind !== 'query' && head.kind !== 'execute') {
      this.#unfitting(message);
      return;
    }
    this.#copy = { start: message.start, bytes: 0 };
    if (message.type === 'H') return;
    // What came before the end of the client's data was read while the server ignores Sync.
    let ended = false;
    pending.filter((entry) => {
      ended ||= entry.kind === 'copy-end';
      return ended || entry.kind !== 'sync';
    });
    this.#connection.copyIn = !ended;
  }

  #copyData(message: Message): void {
    this.#copy ??= { start: message.start, bytes: 0 };
    this.#copy.bytes += message.length;
    this.#rows ??= this.#begin(message, NO_COLUMNS, null);
    this.#rows.add(null);
  }

  #copyEnd(message: Message): void {
    const { user, database } = this.#connection;
    const request = requestOf(this.#head());
    this.#connection.emit(
      { side: 'resp', start: this.#copy?.start ?? message.start, end: message.end },
      {
        kind: 'sql-command',
        dialect: 'postgres',
        request: request ?? 0,
        command: 'CopyData',
        argument: String(this.#copy?.bytes ?? 0),
        user,
        database,
      },
    );
    this.#copy = null;
  }

  #release(last: boolean): void {
    if (this.#held !== null) this.#emit(this.#held, last);
    this.#held = null;
  }

  #emit({ span, code, ...result }: Finished, last: boolean): void {
    const outcome = code === null ? 'ok' : 'error';
    this.#connection.emit(span, { kind: 'sql-result', dialect: 'postgres', outcome, code, ...result, last });
  }

  /** An answer with nothing asked: only of a connection that was under way, to what was asked before we looked. */
  #unasked(message: Message): void {
    if (this.#connection.phase !== 'midstream') this.#unfitting(message);
  }

  /** Our account of what the server answers is wrong, so no later result could be matched. */
  #unfitting(message: Message): void {
    this.#malformed(message, `a message ${message.type} that answers nothing that was asked`);
  }

  #malformed(message: Message, detail: string): void {
    this.#connection.malformed('resp', message.start, message.end, detail);
  }
}

function requestOf(entry: Pending | undefined): number | null {
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

function spanOf(message: Message): Span {
  return { side: 'resp', start: message.start, end: message.end };
}
