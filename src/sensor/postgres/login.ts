// The start of a PostgreSQL connection up to the first ReadyForQuery. Enters: its messages; leaves: the session or its refusal.
import { ByteReader } from '../sql/byte-reader.ts';
import { isUtf8Name, readErrorCode } from './backend.ts';
import type { Connection } from './connection.ts';
import type { Framing, Message } from './framing.ts';
import { readStartup } from './startup.ts';

/** Clients ask for encryption at most once in each way. */
const MOST_REPLIES = 2;

export class Login {
  readonly #connection: Connection;
  readonly #client: Framing;
  readonly #server: Framing;

  constructor(connection: Connection, client: Framing, server: Framing) {
    this.#connection = connection;
    this.#client = client;
    this.#server = server;
  }

  /** A message without a type: StartupMessage, SSLRequest, GSSENCRequest, CancelRequest. */
  startup(message: Message): void {
    const connection = this.#connection;
    const span = { side: 'orig', start: message.start, end: message.end } as const;
    if (message.state === 'lost') {
      connection.fail('gap', span, 'bytes of the start-up message are missing');
      return;
    }
    const startup = readStartup(message.body);
    switch (startup.kind) {
      case 'ssl':
      case 'gss':
        connection.replies.push(startup.kind);
        if (connection.replies.length > MOST_REPLIES) {
          connection.fail('malformed', span, 'too many requests for encryption');
          return;
        }
        this.#server.mode = 'reply';
        return;
      case 'cancel':
        this.#client.mode = 'off';
        connection.emit(span, {
          kind: 'sql-command',
          dialect: 'postgres',
          request: connection.nextRequest(),
          command: 'CancelRequest',
          argument: String(startup.process),
          user: null,
          database: null,
        });
        return;
      case 'session': {
        connection.phase = 'login';
        connection.user = startup.user;
        connection.database = startup.database;
        connection.parameters = startup.parameters;
        const encoding = startup.parameters.get('client_encoding');
        if (encoding !== undefined) connection.setEncoding(isUtf8Name(encoding));
        this.#client.mode = 'typed';
        return;
      }
      case 'unknown':
        connection.fail('other-protocol', span, startup.detail);
        return;
    }
  }

  /** The byte that answers a request for encryption. */
  reply(message: Message): void {
    const connection = this.#connection;
    const span = { side: 'resp', start: message.start, end: message.end } as const;
    const asked = connection.replies.shift();
    const answer = String.fromCharCode(message.body[0] ?? 0);
    if (answer === 'S' && asked === 'ssl') {
      connection.fail('tls', span, 'the server accepted TLS');
      return;
    }
    if (answer === 'G' && asked === 'gss') {
      connection.fail('gss', span, 'the server accepted GSSAPI encryption');
      return;
    }
    if (answer !== 'N') {
      connection.malformed('resp', span.start, span.end, 'no answer to a request for encryption');
      return;
    }
    if (connection.replies.length === 0) this.#server.mode = 'typed';
  }

  /** A message of the server before its first ReadyForQuery. True when it was of the login. */
  server(message: Message): boolean {
    const connection = this.#connection;
    const span = { side: 'resp', start: message.start, end: message.end } as const;
    switch (connection.phase) {
      case 'startup':
        // The answer of an old server, or a refusal, to a request for encryption.
        if (message.type === 'E') return true;
        connection.fail('other-protocol', span, 'the server speaks before the client has begun');
        return true;
      case 'login':
      case 'accepted':
        break;
      default:
        return false;
    }
    const { user, database, parameters } = connection;
    if (message.type === 'E') {
      const code = readErrorCode(message.body);
      connection.emit(span, {
        kind: 'sql-login-failed',
        dialect: 'postgres',
        user: user ?? '',
        database,
        code,
      });
      return true;
    }
    if (message.type === 'Z') {
      connection.phase = 'ready';
      return true;
    }
    if (message.type !== 'R')
      return !'SNAKv'.includes(message.type) ? this.#unexpected(message) : message.type !== 'S';
    const reader = new ByteReader(message.body);
    const code = reader.u32be();
    if (!reader.ok) return this.#unexpected(message);
    if (code === 0 && connection.phase === 'login') {
      connection.phase = 'accepted';
      connection.emit(span, {
        kind: 'sql-session',
        dialect: 'postgres',
        user: user ?? '',
        database,
        parameters,
      });
    }
    return true;
  }

  #unexpected(message: Message): true {
    this.#connection.malformed('resp', message.start, message.end, 'a message that has no place in a login');
    return true;
  }
}

/** What else the first four bytes of a connection say, for a person. */
export function nameOfStart(header: string): string {
  if (/^(?:GET |PUT |POST|HEAD|DELE|OPTI|PATC|CONN|TRAC)/.test(header)) return 'looks like HTTP';
  if (header === 'PRI ') return 'looks like HTTP/2';
  if (header === 'SSH-') return 'looks like SSH';
  if (header === 'AMQP') return 'looks like AMQP';
  return 'it does not begin with a start-up message';
}
