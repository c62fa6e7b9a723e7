// What the client of a MySQL connection commands. Enters: its messages; leaves: statement and command events.
import { ByteReader } from '../sql/byte-reader.ts';
import { decodeText } from '../sql/text.ts';
import * as command from './commands.ts';
import type { Connection } from './connection.ts';
import type { Message } from './framing.ts';
import { readChangeUser } from './handshake.ts';
import { skipAttributes } from './parameters.ts';
import { Prepared } from './prepared.ts';
import { Requests, spanOf } from './requests.ts';
import { NO_EFFECTS, textEffects } from './text-effects.ts';

/** The commands of one connection. */
export class Client {
  readonly #connection: Connection;
  readonly #requests: Requests;
  readonly #prepared: Prepared;

  constructor(connection: Connection) {
    this.#connection = connection;
    this.#requests = new Requests(connection);
    this.#prepared = new Prepared(connection, this.#requests);
  }

  /** A message that begins with a command byte. */
  message(message: Message): void {
    const reader = new ByteReader(message.body);
    const code = reader.u8();
    if (!reader.ok) {
      this.#connection.malformed('orig', message.start, message.end, 'a command without a command byte');
      return;
    }
    if (message.state === 'cut') {
      this.#connection.note(
        'limit',
        spanOf(message),
        `${command.commandName(code)} of ${message.length} bytes`,
      );
    }
    switch (code) {
      case command.COM_QUERY:
        this.#query(message, reader);
        break;
      case command.COM_STMT_PREPARE:
        this.#prepared.prepare(message, reader);
        break;
      case command.COM_STMT_EXECUTE:
        this.#prepared.execute(message, reader);
        break;
      case command.COM_STMT_BULK_EXECUTE:
        this.#prepared.bulk(message, reader);
        break;
      case command.COM_STMT_SEND_LONG_DATA:
        this.#prepared.longData(message, reader);
        break;
      case command.COM_STMT_FETCH:
        this.#prepared.fetch(message, reader);
        break;
      case command.COM_CHANGE_USER:
        this.#changeUser(message, reader);
        break;
      default:
        this.#other(message, code, reader);
    }
  }

  #query(message: Message, reader: ByteReader): void {
    const request = this.#connection.nextRequest();
    const { queryAttributes } = this.#connection.capabilities;
    // Where the login was not seen: no SQL begins with a control character, attributes always do.
    const attributes = queryAttributes ?? (message.body[1] ?? 32) < 9;
    if (attributes && !skipAttributes(reader)) {
      this.#connection.malformed(
        'orig',
        message.start,
        message.end,
        'a query whose attributes cannot be read',
      );
      return;
    }
    const entry = { message, command: command.COM_QUERY, requests: [request] };
    if (message.state === 'cut') {
      this.#requests.await({ ...entry, effects: { database: null, charset: 'other' } });
      return;
    }
    const { text, ambiguities } = this.#connection.characters(reader.rest());
    this.#requests.emitStatement(message, 'text', request, text, [], ambiguities);
    this.#requests.await({ ...entry, effects: textEffects(text) });
  }

  #changeUser(message: Message, reader: ByteReader): void {
    const login = readChangeUser(reader.rest(), this.#connection.flags);
    if (login === null) {
      this.#connection.malformed('orig', message.start, message.end, 'a COM_CHANGE_USER that is none');
      return;
    }
    const request = this.#requests.emitCommand(message, command.COM_CHANGE_USER, login.user);
    this.#connection.forgetStatements();
    this.#requests.await({ message, command: command.COM_CHANGE_USER, requests: [request], login });
  }

  #other(message: Message, code: number, reader: ByteReader): void {
    const connection = this.#connection;
    const argument = readArgument(code, reader);
    const request = this.#requests.emitCommand(message, code, argument);
    let effects = NO_EFFECTS;
    if (code === command.COM_INIT_DB) effects = { database: argument, charset: undefined };
    if (code === command.COM_STMT_CLOSE) this.#prepared.close(Number(argument));
    if (code === command.COM_STMT_RESET) this.#prepared.reset(Number(argument));
    if (code === command.COM_RESET_CONNECTION) {
      // The character set becomes the server's own default, which is not on the wire.
      connection.forgetStatements();
      effects = { database: undefined, charset: 'other' };
    }
    if (command.answerKind(code) === 'none') return;
    this.#requests.await({ message, command: code, requests: [request], effects });
  }
}

/** What a command is about, where it says so in a form worth knowing; never credentials. */
function readArgument(code: number, reader: ByteReader): string | null {
  switch (code) {
    case command.COM_INIT_DB:
    case command.COM_CREATE_DB:
    case command.COM_DROP_DB:
      return decodeText(reader.rest()).text;
    case command.COM_FIELD_LIST:
      return decodeText(reader.untilZero()).text;
    case command.COM_STMT_CLOSE:
    case command.COM_STMT_RESET:
    case command.COM_PROCESS_KILL:
      return String(reader.u32le());
    case command.COM_SET_OPTION:
      return String(reader.u16le());
    default:
      return null;
  }
}
