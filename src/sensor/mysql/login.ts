// The start of a MySQL connection up to the server's OK. Enters: its messages; leaves: the session or its refusal.
import { agree, CLIENT_SSL } from './capabilities.ts';
import type { Connection } from './connection.ts';
import type { Message } from './framing.ts';
import { readFlags, readGreeting, readLoginRequest } from './handshake.ts';
import { readErrorNumber } from './replies.ts';
import { emitRefusal, emitSession } from './results.ts';

const OK = 0x00;
const MORE_DATA = 0x01;
const NEXT_FACTOR = 0x02;
const SWITCH = 0xfe;
const ERROR = 0xff;

export class Login {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** A message of the client that is no command. What proves who it is passes by unread. */
  client(message: Message): void {
    const connection = this.#connection;
    if (connection.phase !== 'request') return;
    const span = { side: 'orig', start: message.start, end: message.end } as const;
    const flags = readFlags(message.body);
    if ((flags.basic & CLIENT_SSL) !== 0) {
      connection.fail('tls', span, 'the client switches to TLS');
      return;
    }
    const login = message.state === 'whole' ? readLoginRequest(message.body) : null;
    if (login === null) {
      connection.malformed('orig', span.start, span.end, 'a login that cannot be read');
      return;
    }
    connection.login = login;
    connection.flags = flags;
    connection.capabilities = agree(connection.serverFlags, flags);
    connection.phase = 'proof';
  }

  /** A message of the server before its OK. */
  server(message: Message): void {
    const connection = this.#connection;
    const span = { side: 'resp', start: message.start, end: message.end } as const;
    const [kind = 0] = message.body;
    if (kind === ERROR) {
      const code = String(readErrorNumber(message.body));
      emitRefusal(connection, span, connection.login, code);
      return;
    }
    if (connection.phase === 'greeting') {
      const greeting = readGreeting(message.body);
      if (greeting === null) {
        connection.fail('other-protocol', span, 'the server does not begin with a greeting');
        return;
      }
      connection.serverFlags = greeting.flags;
      connection.phase = 'request';
      return;
    }
    const { login } = connection;
    if (connection.phase === 'request' || login === null) {
      connection.malformed('resp', span.start, span.end, 'the server answers a login that was not sent');
      return;
    }
    if (kind === OK) {
      connection.phase = 'command';
      connection.accept(login);
      emitSession(connection, span, login);
      if (connection.capabilities.compressed)
        connection.fail('compressed', span, 'both sides agreed to compress');
    } else if (kind !== MORE_DATA && kind !== NEXT_FACTOR && kind !== SWITCH) {
      connection.malformed('resp', span.start, span.end, 'a message that has no place in a login');
    }
  }
}
