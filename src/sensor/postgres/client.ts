// What the client of a PostgreSQL connection asks. Enters: its messages; leaves: statement and command events.
import type { Span } from '../../flow.ts';
import { ByteReader } from '../sql/byte-reader.ts';
import type { Connection } from './connection.ts';
import { Extended } from './extended.ts';
import type { Message } from './framing.ts';
import { readString } from './frontend.ts';
import { Requests, spanOf } from './requests.ts';
import { type TextEffects, textEffects } from './text-effects.ts';

/** The server gives the connection up at any other (copyfromparse.c, `CopyGetData`). */
const DURING_COPY = new Set('dcfHSX');

interface CopyData {
  readonly start: number;
  readonly request: number;
  bytes: number;
}

export class Client {
  readonly #connection: Connection;
  readonly #requests: Requests;
  readonly #extended: Extended;
  #copy: CopyData | null = null;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#requests = new Requests(connection);
    this.#extended = new Extended(connection, this.#requests);
  }

  /** A message after the start-up. */
  message(message: Message): void {
    if (this.#connection.copyIn && !DURING_COPY.has(message.type)) {
      this.#requests.malformed(message, 'a request in the middle of COPY data');
      return;
    }
    switch (message.type) {
      case 'Q':
        this.#query(message);
        return;
      case 'P':
        this.#extended.parse(message);
        return;
      case 'B':
        this.#extended.bind(message);
        return;
      case 'D':
        this.#extended.describe(message);
        return;
      case 'E':
        this.#extended.execute(message);
        return;
      case 'C':
        this.#extended.close(message);
        return;
      case 'S':
        this.#sync(message);
        return;
      case 'F':
        this.#functionCall(message);
        return;
      case 'd':
        this.#copyData(message);
        return;
      case 'c':
      case 'f':
        this.#copyEnd(message);
        return;
      default:
        // Flush and Terminate ask nothing; what a password message holds is not looked at.
        return;
    }
  }

  #query(message: Message): void {
    const { epoch, skipping, request } = this.#requests.begin();
    const text = message.state === 'whole' ? readString(message.body) : null;
    if (message.state === 'whole' && text === null) {
      this.#requests.malformed(message, 'a query that does not end');
      return;
    }
    let effects: TextEffects = { statements: 'all', portals: true, encoding: true };
    if (text === null) this.#requests.incomplete(message, 'a query');
    else {
      const { characters, ambiguities } = this.#requests.characters(text);
      effects = textEffects(characters);
      this.#requests.emitStatement(message, 'text', request, characters, [], ambiguities);
    }
    if (skipping) {
      this.#requests.refuse(request);
      return;
    }
    this.#connection.apply(effects, epoch);
    this.#connection.statements.delete('');
    this.#connection.portals.delete('');
    this.#requests.await({ kind: 'query', request, epoch, effects }, message);
  }

  #functionCall(message: Message): void {
    const { epoch, skipping, request } = this.#requests.begin();
    const reader = new ByteReader(message.body);
    const oid = reader.u32be();
    const { user, database } = this.#connection;
    this.#connection.emit(spanOf(message), {
      kind: 'sql-command',
      dialect: 'postgres',
      request,
      command: 'FunctionCall',
      argument: reader.ok ? String(oid) : null,
      user,
      database,
    });
    if (skipping) {
      this.#requests.refuse(request);
      return;
    }
    this.#requests.await({ kind: 'function', request, epoch }, message);
  }

  #sync(message: Message): void {
    const connection = this.#connection;
    if (connection.copyIn) return;
    connection.skipping = null;
    this.#extended.synchronised();
    connection.epoch += 1;
    this.#requests.await({ kind: 'sync', epoch: connection.epoch, request: connection.lastOfBatch }, message);
    connection.lastOfBatch = null;
  }

  #copyData(message: Message): void {
    this.#copy ??= { start: message.start, request: this.#connection.request, bytes: 0 };
    this.#copy.bytes += message.length;
  }

  #copyEnd(message: Message): void {
    const copy = this.#copy ?? { start: message.start, request: this.#connection.request, bytes: 0 };
    this.#copy = null;
    this.#connection.copyIn = false;
    const { user, database } = this.#connection;
    const command = {
      kind: 'sql-command',
      dialect: 'postgres',
      request: copy.request,
      user,
      database,
    } as const;
    const span: Span = { side: 'orig', start: copy.start, end: message.end };
    this.#connection.emit(span, { ...command, command: 'CopyData', argument: String(copy.bytes) });
    if (message.type === 'f') {
      this.#connection.emit(spanOf(message), { ...command, command: 'CopyFail', argument: null });
    }
    if (this.#connection.skipping === null) this.#requests.await({ kind: 'copy-end' }, message);
  }
}
