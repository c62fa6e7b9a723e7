// What the server of a MySQL connection answers. Enters: its messages; leaves: results, matched to what they answer.
import { assertNever } from '../../errors.ts';
import type { Span } from '../../flow.ts';
import { charsetByName } from './charset.ts';
import type { Connection } from './connection.ts';
import { Definitions, type Progress } from './definitions.ts';
import type { Message } from './framing.ts';
import {
  isEof,
  type OkReply,
  PROGRESS_REPORT,
  readColumn,
  readEof,
  readErrorNumber,
  readOk,
  readResultHeader,
} from './replies.ts';
import { ResultRows } from './result.ts';
import { emitFileRequest, emitRefusal, emitResult, emitSession } from './results.ts';
import type { Pending } from './state.ts';

const OK = 0x00;
const LOCAL_INFILE = 0xfb;
const END = 0xfe;
const ERROR = 0xff;
/** An EOF_Packet is shorter than any row that begins with the same byte. */
const LONGEST_EOF = 8;
/** Kept of a packet that is not wanted whole (bytes): its kind, or an OK with what it tracks. */
const SHORT = 4096;

/** What the next message of the answer is. `columns-end`: an EOF_Packet, or nothing where these are not used. */
type Stage = 'first' | 'columns' | 'columns-end' | 'rows' | 'definitions';

/** The answers of one connection. */
export class Server {
  readonly #connection: Connection;
  readonly #definitions: Definitions;
  #stage: Stage = 'first';
  #rows: ResultRows | null = null;
  /** Column definitions that are still to come. */
  #left = 0;
  #told = false;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#definitions = new Definitions(connection);
  }

  /** Bytes of the next message that are needed. */
  get keep(): number {
    return this.#rows !== null && this.amongRows && !this.#rows.wanting
      ? SHORT
      : this.#connection.limits.statement;
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
    const { pending } = this.#connection;
    if (this.#stage === 'definitions' && this.#definitions.perhapsDone) this.#endDefinitions(message);
    const head = pending.peek();
    if (head === undefined) this.#unasked(message);
    else this.#answer(message, head);
  }

  #answer(message: Message, head: Pending): void {
    this.#checkSequence(message, head);
    this.#connection.expected = (message.last + 1) & 0xff;
    if (message.state === 'lost') {
      this.#connection.note('gap', spanOf(message), 'bytes of a row are missing');
      this.#rows?.add(null);
      return;
    }
    const [kind = 0] = message.body;
    // The definitions of columns and parameters are sent whole.
    if (kind === ERROR && this.#stage !== 'columns' && this.#stage !== 'definitions') {
      this.#error(message, head);
      return;
    }
    switch (this.#stage) {
      case 'first':
        this.#first(message, head, kind);
        break;
      case 'columns':
        this.#column(message, head);
        break;
      case 'columns-end':
        this.#columnsEnd(message, head);
        break;
      case 'rows':
        this.#row(message, head, kind);
        break;
      case 'definitions':
        this.#define(message, this.#definitions.message(message));
        break;
      default:
        assertNever(this.#stage);
    }
  }

  /** The server ends the connection with an error that nothing asked for, for example after a time. */
  #unasked(message: Message): void {
    if (message.body[0] !== ERROR) {
      this.#malformed(message, 'an answer to nothing that was asked');
      return;
    }
    const code = String(readErrorNumber(message.body));
    emitResult(this.#connection, spanOf(message), [null], { rows: null, affected: null, code, last: true });
  }

  #checkSequence(message: Message, head: Pending): void {
    const should = this.#connection.expected ?? (this.#stage === 'first' ? head.next : null);
    // During a login both sides count on together, and what the client sends is not followed.
    if (this.#told || should === null || message.first === should || head.answer === 'login') return;
    this.#told = true;
    const detail = `the server's packet has number ${message.first} where ${should} follows`;
    this.#connection.emit(spanOf(message), { kind: 'ambiguity', code: 'sql-message', detail });
  }

  #error(message: Message, head: Pending): void {
    const number = readErrorNumber(message.body);
    // A report of progress between the packets of an answer.
    if (number === PROGRESS_REPORT) return;
    const code = String(number);
    if (head.login !== null) emitRefusal(this.#connection, spanOf(message), head.login, code);
    const requests = head.requests.length === 0 ? [null] : head.requests;
    const outcome = { rows: this.#rows, affected: null, code, last: true };
    emitResult(this.#connection, spanOf(message), requests, outcome);
    this.#done(false);
  }

  #first(message: Message, head: Pending, kind: number): void {
    const { capabilities, limits } = this.#connection;
    switch (head.answer) {
      case 'prepare':
        this.#stage = 'definitions';
        this.#define(message, kind === OK ? this.#definitions.begin(message, head.statement) : 'malformed');
        break;
      case 'string':
        this.#finish(message, head, null);
        break;
      case 'simple':
        this.#finish(message, head, kind === OK ? readOk(message.body, capabilities) : null);
        break;
      case 'login':
        if (kind === OK) this.#loggedIn(message, head);
        break;
      case 'stream':
        // Binary log events: no results, and no end but an EOF.
        if (kind === END && message.length <= LONGEST_EOF) this.#finish(message, head, null);
        break;
      case 'fields':
      case 'fetch':
        this.#stage = 'rows';
        this.#rows = new ResultRows(message.start, head.statement?.columns ?? [], true, limits);
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
    const { capabilities, limits } = this.#connection;
    // A column count with a byte before it that says whether definitions follow may begin like an OK, which is longer.
    if (kind === OK && !(capabilities.optionalMetadata && message.length <= 4)) {
      this.#finish(message, head, readOk(message.body, capabilities));
      return;
    }
    if (kind === LOCAL_INFILE) {
      this.#connection.phase = 'infile';
      emitFileRequest(this.#connection, spanOf(message), head.requests[0] ?? 0, message.body.subarray(1));
      return;
    }
    const header = readResultHeader(message.body, capabilities);
    if (header === null) {
      this.#malformed(message, 'an answer that is neither OK nor a result set');
      return;
    }
    const known = header.defined ? [] : (head.statement?.columns ?? []);
    this.#rows = new ResultRows(message.start, known, head.binary, limits);
    this.#left = header.defined ? header.columns : 0;
    this.#stage = this.#left > 0 ? 'columns' : this.#afterColumns();
  }

  #afterColumns(): Stage {
    return this.#connection.capabilities.deprecateEof === true ? 'rows' : 'columns-end';
  }

  #column(message: Message, head: Pending): void {
    const column = readColumn(message.body, this.#connection.capabilities);
    if (column === null) {
      this.#malformed(message, 'a column definition that is none');
      return;
    }
    this.#rows?.columns.push(column);
    this.#left -= 1;
    if (this.#left > 0) return;
    if (head.statement !== null && this.#rows !== null) {
      this.#connection.setColumns(head.statement, this.#rows.columns);
    }
    this.#stage = this.#afterColumns();
  }

  #columnsEnd(message: Message, head: Pending): void {
    const { capabilities } = this.#connection;
    this.#stage = 'rows';
    if (isEof(message)) {
      if (capabilities.deprecateEof === null) this.#connection.learnEof(false);
      const eof = readEof(message.body);
      if (eof.cursor && head.binary) this.#finish(message, head, eof);
    } else if (capabilities.deprecateEof === null) {
      this.#connection.learnEof(true);
      this.#row(message, head, message.body[0] ?? 0);
    } else this.#malformed(message, 'column definitions without an end');
  }

  #row(message: Message, head: Pending, kind: number): void {
    const { capabilities, limits } = this.#connection;
    const { deprecateEof } = capabilities;
    const eof = kind === END && message.length <= LONGEST_EOF;
    if (kind === END && (eof || (deprecateEof !== false && message.length < 0xff_ffff))) {
      const plain = deprecateEof === false || isEof(message);
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

  #define(message: Message, progress: Progress): void {
    if (progress === 'malformed') this.#malformed(message, 'an answer to a prepare that is none');
    else if (progress === 'done') this.#done(true);
  }

  /** Is this the EOF packet that may stand here? If not, none stands behind any definitions. */
  #endDefinitions(message: Message): void {
    const eof = isEof(message) && message.first === this.#connection.expected;
    this.#connection.learnEof(!eof);
    if (!eof) this.#define(message, this.#definitions.next());
  }

  #loggedIn(message: Message, head: Pending): void {
    this.#finish(message, head, readOk(message.body, this.#connection.capabilities));
    if (head.login !== null) emitSession(this.#connection, spanOf(message), head.login);
  }

  #finish(message: Message, head: Pending, reply: OkReply | null): void {
    const rows = this.#rows;
    const more = reply?.moreResults === true;
    // A cursor's rows come with COM_STMT_FETCH.
    const cursor = reply?.cursor === true && head.answer === 'result' && rows !== null && rows.rowCount === 0;
    const affected = rows === null && head.answer === 'result' ? (reply?.affected ?? null) : null;
    const span = { ...spanOf(message), start: rows?.start ?? message.start };
    emitResult(this.#connection, span, head.requests, { rows, affected, code: null, last: !more && !cursor });
    this.#rows = null;
    this.#stage = 'first';
    if (!more) this.#done(true);
    const charset = reply?.charset === undefined ? undefined : charsetByName(reply.charset);
    this.#connection.track(reply?.database, charset);
  }

  #done(ok: boolean): void {
    this.reset();
    this.#connection.settle(ok);
  }

  #malformed(message: Message, detail: string): void {
    this.#connection.malformed('resp', message.start, message.end, detail);
  }
}

function spanOf(message: Message): Span {
  return { side: 'resp', start: message.start, end: message.end };
}
