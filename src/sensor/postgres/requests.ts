// What all requests of a PostgreSQL client have in common. Enters: messages and what was read of them; leaves: events.
import type { Ambiguity } from '../../events/common.ts';
import type { SqlValue } from '../../events/sql.ts';
import type { Span } from '../../flow.ts';
import { decodeText, latin1 } from '../sql/text.ts';
import type { Connection } from './connection.ts';
import type { Message } from './framing.ts';
import type { Pending } from './state.ts';

/** Requests of one connection. */
export class Requests {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** A message that is answered by a ReadyForQuery of its own, unless the server passes over it. */
  begin(): { readonly epoch: number; readonly skipping: boolean; readonly request: number } {
    const connection = this.#connection;
    const skipping = connection.skipping !== null;
    if (!skipping) {
      connection.epoch += 1;
      connection.lastOfBatch = null;
    }
    return { epoch: connection.epoch, skipping, request: connection.nextRequest() };
  }

  /** A SQL text as characters, and whether these are sure. */
  characters(bytes: Uint8Array): {
    readonly characters: string;
    readonly ambiguities: readonly Ambiguity[];
  } {
    const { text, ascii, valid } = decodeText(bytes);
    if (ascii || (valid && this.#connection.utf8)) return { characters: text, ambiguities: [] };
    return { characters: latin1(bytes), ambiguities: [this.#connection.encodingAmbiguity('the text')] };
  }

  /** A statement is executed; `at` is what it was read from. */
  emitStatement(
    at: { readonly start: number; readonly end: number },
    via: 'text' | 'bound',
    request: number,
    text: string | null,
    parameters: readonly SqlValue[],
    ambiguities: readonly Ambiguity[],
  ): void {
    const { user, database } = this.#connection;
    this.#connection.emit(
      { side: 'orig', start: at.start, end: at.end },
      {
        kind: 'sql-statement',
        dialect: 'postgres',
        request,
        via,
        text,
        parameters,
        user,
        database,
        ambiguities,
      },
    );
  }

  /** The server passes over this request: its result is the error that made it do so. */
  refuse(request: number): void {
    const { skipping } = this.#connection;
    if (skipping === null) return;
    this.#connection.emit(skipping.span, {
      kind: 'sql-result',
      dialect: 'postgres',
      request,
      outcome: 'error',
      code: skipping.code,
      columns: [],
      rows: [],
      rowCount: 0,
      affected: null,
      last: true,
    });
  }

  /** A message that is too long to be read whole, or of which bytes are missing. */
  incomplete(message: Message, what: string): void {
    if (message.state === 'lost')
      this.#connection.note('gap', spanOf(message), `bytes of ${what} are missing`);
    else this.#connection.note('limit', spanOf(message), `${what} of ${message.length} bytes`);
  }

  /** The server will answer this message. */
  await(entry: Pending, message: Message, weight = 0): void {
    this.#connection.await(entry, spanOf(message), weight);
  }

  /** A message that breaks the protocol's rules. */
  malformed(message: Message, detail: string): void {
    this.#connection.malformed('orig', message.start, message.end, detail);
  }
}

/** The bytes of a client's message. */
export function spanOf(message: Message): Span {
  return { side: 'orig', start: message.start, end: message.end };
}
