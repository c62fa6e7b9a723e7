// What the server of a PostgreSQL connection answers. Enters: its messages; leaves: results, matched to what they answer.
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
import { type Finished, NO_COLUMNS, Results, requestOf } from './results.ts';
import { ServerCopy } from './server-copy.ts';
import type { Pending, Portal, Statement } from './state.ts';

/** Tags of commands that drop or define prepared statements. */
const DEFINING = new Set(['DEALLOCATE', 'DEALLOCATE ALL', 'DISCARD ALL', 'PREPARE']);
/** The request under way and each kind of message that can answer it. */
const ANSWERS: Readonly<Record<Pending['kind'], string>> = {
  query: 'TDCIEZGHWdc',
  function: 'VEZ',
  parse: '1E',
  bind: '2E',
  close: '3E',
  'describe-statement': 'tTnE',
  'describe-portal': 'TnE',
  execute: 'DCIsEGHWdc',
  sync: 'EZ',
  'copy-end': '',
};
/** Messages that answer nothing, and may come at any time. */
const ASYNCHRONOUS = 'SNAKv';

export class Server {
  readonly #connection: Connection;
  readonly #results: Results;
  readonly #copy: ServerCopy;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#results = new Results(connection);
    this.#copy = new ServerCopy(connection, this.#results);
  }

  /** True while a row of `length` bytes would be kept. */
  wantsRow(length: number): boolean {
    return this.#results.wantsRow(length);
  }

  /** The connection is over: what was held back will not be followed by another result. */
  end(): void {
    this.#results.release(true);
  }

  /** A message after the login. */
  message(message: Message): void {
    if (ASYNCHRONOUS.includes(message.type)) {
      if (message.type === 'S') this.#parameterStatus(message);
      return;
    }
    const { pending } = this.#connection;
    while (pending.peek()?.kind === 'copy-end') pending.shift();
    const head = pending.peek();
    // An error can come unasked, before the server ends the connection; anything else only of what was asked unseen.
    const asked =
      head === undefined
        ? this.#connection.phase === 'midstream' || message.type === 'E'
        : ANSWERS[head.kind].includes(message.type);
    if (!asked) {
      // Our account of what the server answers is wrong, so no later result could be matched.
      this.#malformed(message, `a message ${message.type} that answers nothing that was asked`);
      return;
    }
    this.#answer(message, head);
  }

  #answer(message: Message, head: Pending | undefined): void {
    switch (message.type) {
      case 'E':
        this.#error(message, head);
        return;
      case 'Z':
        this.#ready(message, head);
        return;
      case '1':
        if (head?.kind === 'parse' && head.statement !== null) head.statement.confirmed = true;
        this.#connection.pending.shift();
        return;
      case '2':
      case '3':
      case 'n':
        this.#connection.pending.shift();
        return;
      case 't':
        this.#parameters(message, head);
        return;
      case 'T':
        this.#description(message, head);
        return;
      case 'D':
        this.#row(message, head);
        return;
      case 'C':
      case 'I':
      case 's':
        this.#complete(message, head);
        return;
      case 'V':
        this.#results.emit(this.#results.finish(message, head, null, null), true);
        return;
      case 'd':
        this.#copy.data(message);
        return;
      case 'c':
        this.#copy.end(message, head);
        return;
      default:
        this.#copy.begin(message);
    }
  }

  #parameterStatus(message: Message): void {
    const status = message.state === 'whole' ? readParameterStatus(message.body) : null;
    if (status === null) {
      this.#malformed(message, 'a ParameterStatus that is none');
      return;
    }
    if (status.name === 'client_encoding') this.#connection.setEncoding(isUtf8Name(status.value));
  }

  #parameters(message: Message, head: Pending | undefined): void {
    const statement = head?.kind === 'describe-statement' ? head.statement : null;
    if (statement === null || message.state !== 'whole') return;
    const oids = readParameterDescription(message.body);
    if (oids === null) {
      this.#malformed(message, 'a ParameterDescription that is none');
      return;
    }
    statement.described = oids;
    this.#connection.statements.grow(statement.name, statement, message.length);
  }

  #description(message: Message, head: Pending | undefined): void {
    const columns = message.state === 'whole' ? readRowDescription(message.body) : NO_COLUMNS;
    if (columns === null) {
      this.#malformed(message, 'a RowDescription that is none');
      return;
    }
    if (message.state !== 'whole') {
      const cause = message.state === 'lost' ? 'gap' : 'limit';
      this.#connection.note(cause, spanOf(message), 'a RowDescription was not read');
    }
    if (head?.kind === 'describe-statement' || head?.kind === 'describe-portal') {
      this.#describe(head.kind === 'describe-portal' ? head.portal : head.statement, columns, message);
      this.#connection.pending.shift();
    } else this.#results.begin(message, columns);
  }

  #describe(what: Portal | Statement | null, columns: readonly ColumnDescription[], message: Message): void {
    if (what === null) return;
    what.columns = columns;
    const { statements, portals } = this.#connection;
    if ('oids' in what) statements.grow(what.name, what, message.length * 4);
    else portals.grow(what.name, what, message.length * 4);
  }

  #row(message: Message, head: Pending | undefined): void {
    const { length, state } = message;
    if (state === 'lost') {
      this.#connection.note('gap', spanOf(message), 'bytes of a row are missing');
    } else if (state === 'cut' && length > this.#connection.limits.statement) {
      this.#connection.note('limit', spanOf(message), `a row of ${length} bytes`);
    }
    const fits = this.#results.row(message, head, state === 'whole' ? message.body : null);
    if (!fits) this.#malformed(message, 'a row that does not fit its description');
  }

  #complete(message: Message, head: Pending | undefined): void {
    this.#copy.over();
    const tag = message.type === 'C' ? readTag(message.body) : { command: '', affected: null };
    this.#distrust(head, tag.command);
    const finished = this.#results.finish(message, head, null, tag.affected);
    if (head?.kind === 'query') {
      this.#results.hold(finished);
      return;
    }
    this.#results.emit(finished, true);
    this.#connection.pending.shift();
  }

  /** The server says that names were defined or dropped, and we had not read that in the text: no name is sure. */
  #distrust(head: Pending | undefined, command: string): void {
    if (!DEFINING.has(command)) return;
    const of = head?.kind === 'execute' ? head.portal?.statement?.effects : undefined;
    const effects = head?.kind === 'query' ? head.effects : of;
    if (effects === undefined || effects.statements.length === 0) this.#connection.statements.clear();
  }

  /** An error ends a simple query, and makes the server pass over the rest of an extended one. */
  #error(message: Message, head: Pending | undefined): void {
    const connection = this.#connection;
    const code = readErrorCode(message.body);
    this.#copy.over();
    this.#results.release(false);
    const failed = this.#results.finish(message, head, code, null);
    const extended =
      head !== undefined && head.kind !== 'query' && head.kind !== 'function' && head.kind !== 'sync';
    const skipped = extended ? this.#skip(message, code) : [];
    // A Parse that fails takes its Execute with it: then that one's result says all.
    if (failed.request !== null || skipped.length === 0) this.#results.emit(failed, true);
    for (const result of skipped) if (result.request !== failed.request) this.#results.emit(result, true);
    if (extended && connection.pending.length === 0) connection.skipping = { code, span: spanOf(message) };
  }

  /** Takes away what is not done for an error, up to the Sync that is answered next. */
  #skip(message: Message, code: string): readonly Finished[] {
    const { pending } = this.#connection;
    const skipped: Finished[] = [];
    for (let next = pending.peek(); next !== undefined && next.kind !== 'sync'; next = pending.peek()) {
      pending.shift();
      this.#undo(next);
      if (requestOf(next) !== null) skipped.push(this.#results.finish(message, next, code, null));
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

  #ready(message: Message, head: Pending | undefined): void {
    const connection = this.#connection;
    this.#results.release(true);
    if (head?.kind !== 'query' && head?.kind !== 'function' && head?.kind !== 'sync') return;
    connection.pending.shift();
    connection.answered(head.epoch);
    // Outside of a transaction no portal outlives the batch that it was made in.
    const idle = message.body[0] === 0x49;
    if (idle) connection.portals.deleteOldest((portal) => portal.batch < head.epoch);
  }

  #malformed(message: Message, detail: string): void {
    this.#connection.malformed('resp', message.start, message.end, detail);
  }
}

function spanOf(message: Message): Span {
  return { side: 'resp', start: message.start, end: message.end };
}
