// What the server of a MySQL connection answers. Enters: its messages; leaves: results, matched to what they answer.
import { assertNever } from '../../errors.ts';
import type { Span } from '../../flow.ts';
import { ByteReader } from '../sql/byte-reader.ts';
import { decodeText } from '../sql/text.ts';
import { charsetByName } from './charset.ts';
import type { Connection } from './connection.ts';
import type { Message } from './framing.ts';
import { readLenenc } from './lenenc.ts';
import {
  type Column,
  type OkReply,
  PROGRESS_REPORT,
  readColumn,
  readEof,
  readErrorNumber,
  readOk,
  readPrepareOk,
} from './replies.ts';
import { ResultRows } from './result.ts';
import type { Pending } from './state.ts';

const OK = 0x00;
const LOCAL_INFILE = 0xfb;
const END = 0xfe;
const ERROR = 0xff;
/** An EOF_Packet is shorter than any row that begins with the same byte. */
const LONGEST_EOF = 8;
/** No table has more columns, and no statement more parameters. */
const MOST_COLUMNS = 0xffff;
/** Bytes that a column's definition is taken to hold in memory. */
const COLUMN_WEIGHT = 128;
/** Bytes kept of a packet that is not wanted whole: enough for its kind, and for an OK with what it tracks. */
const SHORT = 4096;

/** What the next message of the answer is. `-end`: perhaps an EOF_Packet. */
type Stage =
  | 'first'
  | 'columns'
  | 'columns-end'
  | 'rows'
  | 'parameters'
  | 'parameters-end'
  | 'prepared'
  | 'prepared-end';

export class Server {
  readonly #connection: Connection;
  #stage: Stage = 'first';
  #rows: ResultRows | null = null;
  /** Definitions that are still to come. */
  #left = 0;
  /** Columns of the statement, after its parameters. */
  #columnsOfStatement = 0;
  #columns: Column[] = [];
  #told = false;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** Bytes of the next message that are needed. */
  get keep(): number {
    const skip = this.#stage === 'rows' && this.#rows !== null && !this.#rows.wanting;
    return skip ? SHORT : this.#connection.limits.statement;
  }

  /** True when a message whose bytes are lost can be counted as a row, so that its end is the next one's beginning. */
  get amongRows(): boolean {
    return this.#stage === 'rows' && this.#rows !== null;
  }

  /** Nothing that has begun will be ended. */
  reset(): void {
    this.#stage = 'first';
    this.#rows = null;
    this.#connection.expected = null;
  }

  /** A message after the login. */
  message(message: Message): void {
    const head = this.#head(message);
    if (head === null) return;
    this.#checkSequence(message, head);
    this.#connection.expected = (message.last + 1) & 0xff;
    if (message.state === 'lost') {
      this.#connection.note('gap', spanOf(message), 'bytes of a row are missing');
      this.#rows?.add(null);
      return;
    }
    const [kind = 0] = message.body;
    if (kind === ERROR && this.#mayFail()) {
      this.#error(message, head);
      return;
    }
    switch (this.#stage) {
      case 'first':
        this.#first(message, head, kind);
        break;
      case 'columns':
        this.#column(message, head, (column) => this.#rows?.columns.push(column), 'columns-end');
        break;
      case 'columns-end':
        this.#columnsEnd(message, head);
        break;
      case 'rows':
        this.#row(message, head, kind);
        break;
      case 'parameters':
        this.#column(message, head, () => {}, 'parameters-end');
        break;
      case 'prepared':
        this.#column(message, head, (column) => this.#columns.push(column), 'prepared-end');
        break;
      case 'parameters-end':
      case 'prepared-end':
        this.#definitionsEnd(message, head);
        break;
      default:
        assertNever(this.#stage);
    }
  }

  /** The command that this message answers. A prepare may have been answered without us being sure that it was. */
  #head(message: Message): Pending | null {
    const { pending } = this.#connection;
    const ended = this.#stage === 'parameters-end' || this.#stage === 'prepared-end';
    if (ended && !(isEof(message) && message.first === this.#connection.expected)) this.#endDefinitions();
    const head = pending.peek();
    if (head !== undefined) return head;
    if (message.body[0] === ERROR) this.#unasked(message);
    else this.#malformed(message, 'an answer to nothing that was asked');
    return null;
  }

  /** An error that nothing asked for: the server ends the connection, for example after a time. */
  #unasked(message: Message): void {
    this.#emitResult(spanOf(message), [null], null, {
      code: String(readErrorNumber(message.body)),
      last: true,
    });
  }

  #checkSequence(message: Message, head: Pending): void {
    const expected = this.#stage === 'first' && this.#rows === null ? this.#connection.expected : null;
    const should = this.#stage === 'first' ? (expected ?? head.next) : this.#connection.expected;
    // During a login both sides count on together, and what the client sends is not followed.
    if (this.#told || should === null || message.first === should || head.answer === 'login') return;
    this.#told = true;
    const detail = `the server's packet has number ${message.first} where ${should} follows`;
    this.#connection.emit(spanOf(message), { kind: 'ambiguity', code: 'sql-message', detail });
  }

  /** Where an error can come; the definitions of a prepared statement are sent whole. */
  #mayFail(): boolean {
    return this.#stage === 'first' || this.#stage === 'rows' || this.#stage === 'columns-end';
  }

  #error(message: Message, head: Pending): void {
    const number = readErrorNumber(message.body);
    // A report of progress between the packets of an answer.
    if (number === PROGRESS_REPORT) return;
    const code = String(number);
    if (head.login !== null) {
      const { user, database } = head.login;
      this.#connection.emit(spanOf(message), {
        kind: 'sql-login-failed',
        dialect: 'mysql',
        user,
        database,
        code,
      });
    }
    const requests = head.requests.length === 0 ? [null] : head.requests;
    this.#emitResult(spanOf(message), requests, this.#rows, { code, last: true });
    this.#done(false);
  }

  #first(message: Message, head: Pending, kind: number): void {
    switch (head.answer) {
      case 'prepare':
        this.#prepareOk(message, head);
        break;
      case 'string':
        this.#finish(message, head, null);
        break;
      case 'simple':
        this.#finish(message, head, kind === OK ? readOk(message.body, this.#connection.capabilities) : null);
        break;
      case 'login':
        if (kind === OK) this.#loggedIn(message, head);
        break;
      case 'stream':
        // Binary log events: no results, and no end but an EOF.
        if (kind === END && message.length <= LONGEST_EOF) this.#finish(message, head, null);
        break;
      case 'fields':
        this.#stage = 'rows';
        this.#rows = new ResultRows(message.start, [], false, this.#connection.limits);
        this.#row(message, head, kind);
        break;
      case 'fetch':
        this.#stage = 'rows';
        this.#rows = new ResultRows(
          message.start,
          head.statement?.columns ?? [],
          true,
          this.#connection.limits,
        );
        this.#row(message, head, kind);
        break;
      case 'result':
        this.#resultBegins(message, head, kind);
        break;
      case 'none':
        break;
      default:
        assertNever(head.answer);
    }
  }

  /** COM_QUERY Response (MySQL documentation): OK, a request for a file, or the number of columns. */
  #resultBegins(message: Message, head: Pending, kind: number): void {
    const { capabilities } = this.#connection;
    if (kind === OK && !(capabilities.optionalMetadata && message.length <= 4)) {
      this.#finish(message, head, readOk(message.body, capabilities));
      return;
    }
    if (kind === LOCAL_INFILE) {
      this.#localInfile(message, head);
      return;
    }
    const reader = new ByteReader(message.body);
    const defined = !capabilities.optionalMetadata || reader.u8() !== 0;
    const count = readLenenc(reader) ?? 0;
    const cached = capabilities.cachedMetadata && reader.ok && reader.left > 0 && reader.u8() === 0;
    if (!reader.finished || count === 0 || count > MOST_COLUMNS) {
      this.#malformed(message, 'an answer that is neither OK nor a result set');
      return;
    }
    const known = defined && !cached ? [] : (head.statement?.columns ?? []);
    this.#rows = new ResultRows(
      message.start,
      known,
      head.binary && head.statement !== null,
      this.#connection.limits,
    );
    this.#left = defined && !cached ? count : 0;
    this.#stage = this.#left > 0 ? 'columns' : this.#afterColumns();
  }

  #afterColumns(): Stage {
    return this.#connection.capabilities.deprecateEof === true ? 'rows' : 'columns-end';
  }

  /** The server asks the client for one of its files. */
  #localInfile(message: Message, head: Pending): void {
    const { user, database } = this.#connection;
    this.#connection.phase = 'infile';
    this.#connection.emit(spanOf(message), {
      kind: 'sql-command',
      dialect: 'mysql',
      request: head.requests[0] ?? 0,
      command: 'LOCAL INFILE',
      argument: decodeText(message.body.subarray(1)).text,
      user,
      database,
    });
  }

  #column(message: Message, head: Pending, add: (column: Column) => void, next: Stage): void {
    const { capabilities } = this.#connection;
    const column = capabilities.protocol41 ? readColumn(message.body, capabilities) : OLD_COLUMN;
    if (column === null) {
      this.#malformed(message, 'a column definition that is none');
      return;
    }
    add(column);
    this.#left -= 1;
    if (this.#left > 0) return;
    if (next === 'columns-end') {
      if (head.statement !== null && this.#rows !== null) this.#setColumns(head, this.#rows.columns);
      this.#stage = this.#afterColumns();
    } else {
      this.#stage = next;
      if (capabilities.deprecateEof === true) this.#nextDefinitions(head);
    }
  }

  #columnsEnd(message: Message, head: Pending): void {
    const { capabilities } = this.#connection;
    this.#stage = 'rows';
    if (isEof(message)) {
      if (capabilities.deprecateEof === null)
        this.#connection.capabilities = { ...capabilities, deprecateEof: false };
      const eof = readEof(message.body);
      if (eof.cursor && head.binary) this.#finish(message, head, eof);
    } else if (capabilities.deprecateEof === null) {
      this.#connection.capabilities = { ...capabilities, deprecateEof: true };
      this.#row(message, head, message.body[0] ?? 0);
    } else this.#malformed(message, 'column definitions without an end');
  }

  #row(message: Message, head: Pending, kind: number): void {
    const { capabilities, limits } = this.#connection;
    const eof = kind === END && message.length <= LONGEST_EOF;
    if (kind === END && (eof || (capabilities.deprecateEof !== false && message.length < 0xff_ffff))) {
      const plain = capabilities.deprecateEof === false || (eof && message.length <= 5);
      this.#finish(message, head, plain ? readEof(message.body) : readOk(message.body, capabilities));
      return;
    }
    if (head.answer === 'fields') return;
    if (message.state === 'cut' && message.length > limits.statement) {
      this.#connection.note('limit', spanOf(message), `a row of ${message.length} bytes`);
    }
    if (this.#rows?.add(message.state === 'whole' ? message.body : null) === false) {
      this.#malformed(message, 'a row that does not fit its columns');
    }
  }

  #prepareOk(message: Message, head: Pending): void {
    const reply = readPrepareOk(message.body, this.#connection.capabilities);
    const { statement } = head;
    if (reply === null || statement === null || message.body[0] !== OK) {
      this.#malformed(message, 'an answer to a prepare that is none');
      return;
    }
    const { statements } = this.#connection;
    statement.id = reply.id;
    statement.parameters = reply.parameters;
    const length = statement.span.end - statement.span.start;
    statements.set(reply.id, statement, length + (reply.parameters + reply.columns) * COLUMN_WEIGHT);
    if (statement.text !== null) {
      this.#connection.emit(statement.span, {
        kind: 'sql-prepare',
        dialect: 'mysql',
        name: String(reply.id),
        text: statement.text,
        ambiguities: statement.ambiguities,
      });
    }
    this.#columns = [];
    this.#columnsOfStatement = reply.definitions ? reply.columns : 0;
    this.#left = reply.definitions ? reply.parameters : 0;
    if (this.#left > 0) this.#stage = 'parameters';
    else this.#nextDefinitions(head);
  }

  /** After the parameters come the columns, where there are any; then the answer is over. */
  #nextDefinitions(head: Pending): void {
    this.#left = this.#columnsOfStatement;
    this.#columnsOfStatement = 0;
    if (this.#left > 0) {
      this.#stage = 'prepared';
      return;
    }
    if (head.statement !== null) this.#setColumns(head, this.#columns);
    this.#done(true);
  }

  #definitionsEnd(message: Message, head: Pending): void {
    if (isEof(message)) {
      this.#nextDefinitions(head);
      return;
    }
    this.#malformed(message, 'definitions of a prepared statement without an end');
  }

  /** No EOF_Packet came after the definitions: then none comes after any. */
  #endDefinitions(): void {
    const { capabilities, pending } = this.#connection;
    const head = pending.peek();
    if (head === undefined || capabilities.deprecateEof !== null) return;
    this.#connection.capabilities = { ...capabilities, deprecateEof: true };
    this.#nextDefinitions(head);
  }

  #setColumns(head: Pending, columns: readonly Column[]): void {
    if (head.statement !== null) head.statement.columns = columns;
  }

  #loggedIn(message: Message, head: Pending): void {
    this.#finish(message, head, readOk(message.body, this.#connection.capabilities));
    if (head.login === null) return;
    const { user, database, attributes } = head.login;
    this.#connection.emit(spanOf(message), {
      kind: 'sql-session',
      dialect: 'mysql',
      user,
      database,
      parameters: attributes,
    });
  }

  #finish(message: Message, head: Pending, reply: OkReply | null): void {
    const rows = this.#rows;
    const more = reply?.moreResults === true;
    // A cursor's rows come with COM_STMT_FETCH.
    const cursor = reply?.cursor === true && head.answer === 'result' && rows !== null && rows.rowCount === 0;
    const changed = rows === null && head.answer === 'result' ? (reply?.affected ?? null) : null;
    const span = { ...spanOf(message), start: rows?.start ?? message.start };
    this.#emitResult(span, head.requests, rows, { affected: changed, code: null, last: !more && !cursor });
    this.#rows = null;
    this.#stage = 'first';
    if (!more) this.#done(true);
    const charset = reply?.charset === undefined ? undefined : charsetByName(reply.charset);
    this.#connection.track(reply?.database, charset);
  }

  #done(ok: boolean): void {
    this.#rows = null;
    this.#stage = 'first';
    this.#connection.expected = null;
    this.#connection.settle(ok);
  }

  #emitResult(
    span: Span,
    requests: readonly (number | null)[],
    rows: ResultRows | null,
    { affected = null, code, last }: { affected?: number | null; code: string | null; last: boolean },
  ): void {
    requests.forEach((request, index) => {
      this.#connection.emit(span, {
        kind: 'sql-result',
        dialect: 'mysql',
        request,
        outcome: code === null ? 'ok' : 'error',
        code,
        columns: rows?.described ?? [],
        rows: rows?.rows ?? [],
        rowCount: rows?.rowCount ?? 0,
        // The number is of all executions of a bulk together.
        affected: index === requests.length - 1 ? affected : null,
        last,
      });
    });
  }

  #malformed(message: Message, detail: string): void {
    this.#connection.malformed('resp', message.start, message.end, detail);
  }
}

/** Of the protocol before 4.1: nothing that its text form would be needed for. */
const OLD_COLUMN: Column = { name: '', type: 253, unsigned: false, binary: false };

function isEof({ body, length }: Message): boolean {
  return body[0] === END && length <= 5;
}

function spanOf(message: Message): Span {
  return { side: 'resp', start: message.start, end: message.end };
}
