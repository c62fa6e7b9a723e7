// Reads a MySQL or MariaDB connection. Enters: in-order bytes of both sides; leaves: SQL events.
import type { Side } from '../../flow.ts';
import { looksLikeGreeting } from '../detect/mysql.ts';
import type { ParserContext, ParserFactory, StreamEnd, StreamParser } from '../parser.ts';
import { Client } from './client.ts';
import { Connection } from './connection.ts';
import { Framing, type Message, type MessageSink } from './framing.ts';
import { Login } from './login.ts';
import { Server } from './server.ts';
import { beginsAnswer, beginsCommands } from './synchronise.ts';

/** Greetings and logins are not longer. */
const LONGEST_LOGIN = 1 << 17;

class MysqlParser implements StreamParser, MessageSink {
  readonly protocol = 'mysql';
  readonly #connection: Connection;
  readonly #client: Client;
  readonly #server: Server;
  readonly #login: Login;
  readonly #framing: Readonly<Record<Side, Framing>>;
  /** Sides whose next bytes need not begin with a packet. */
  readonly #unsure: Record<Side, boolean>;
  readonly #begun: Record<Side, boolean> = { orig: false, resp: false };
  #told = false;

  constructor(context: ParserContext) {
    const { midstream } = context.flow;
    this.#connection = new Connection(context, () => this.#stop());
    this.#framing = { orig: new Framing('orig', this), resp: new Framing('resp', this) };
    this.#unsure = { orig: midstream, resp: midstream };
    this.#client = new Client(this.#connection);
    this.#server = new Server(this.#connection);
    this.#login = new Login(this.#connection);
  }

  data(side: Side, offset: number, bytes: Uint8Array): void {
    if (this.#connection.dead || bytes.length === 0) return;
    if (!this.#begun[side] && offset > 0) this.#unsure[side] = true;
    this.#begun[side] = true;
    if (this.#unsure[side] && !this.#synchronise(side, offset, bytes)) return;
    this.#framing[side].push(offset, bytes);
  }

  elided(side: Side, offset: number, length: number): void {
    if (this.#connection.dead || (!this.#unsure[side] && this.#framing[side].elide(offset, length))) return;
    this.lost(side, offset, length);
  }

  lost(side: Side, offset: number, length: number): void {
    const connection = this.#connection;
    if (connection.dead || length <= 0) return;
    const first = !this.#begun[side];
    this.#begun[side] = true;
    if (this.#unsure[side]) return;
    const span = { side, start: offset, end: offset + length };
    if (connection.phase === 'infile' || (!first && connection.phase !== 'command')) {
      connection.fail('gap', span, 'bytes of a login or of a file are missing');
      return;
    }
    const among = side === 'resp' && this.#server.amongRows && this.#framing.resp.inside;
    if (among && this.#framing.resp.skip(offset, length)) return;
    if (side === 'resp' && connection.pending.length > 1) {
      connection.fail(
        'gap',
        span,
        'bytes are missing, and of several answers it is not known which come next',
      );
      return;
    }
    this.#unsure[side] = true;
    this.#framing[side].reset();
    this.#beginAgain(side === 'orig');
  }

  end(side: Side, how: StreamEnd): void {
    const framing = this.#framing[side];
    if (this.#connection.dead || this.#unsure[side] || how !== 'fin' || !framing.inside) return;
    const span = { side, start: framing.start, end: framing.start };
    this.#connection.fail('malformed', span, 'it ends inside a packet');
  }

  packet(side: Side, start: number, length: number, sequence: number): boolean {
    const { phase } = this.#connection;
    const span = { side, start, end: start + 4 };
    if (side === 'orig' && phase === 'greeting') {
      this.#connection.fail('other-protocol', span, 'the client speaks first, as in HTTP or PostgreSQL');
      return false;
    }
    if (side === 'resp' && phase === 'greeting' && (sequence !== 0 || length > LONGEST_LOGIN)) {
      this.#connection.fail('other-protocol', span, 'the server does not begin with a greeting');
      return false;
    }
    if (side === 'orig' && phase === 'request' && length > LONGEST_LOGIN) {
      this.#connection.fail('malformed', span, 'a login of impossible length');
      return false;
    }
    return true;
  }

  keep(side: Side): number {
    const { phase, limits } = this.#connection;
    if (phase === 'infile' && side === 'orig') return 0;
    if (phase !== 'command' && phase !== 'infile') return LONGEST_LOGIN;
    return side === 'resp' ? this.#server.keep : limits.statement;
  }

  message(side: Side, message: Message): void {
    if (this.#connection.dead) return;
    const { phase } = this.#connection;
    if (side === 'orig') this.#clientMessage(message);
    else if (phase === 'command' || phase === 'infile') this.#server.message(message);
    else this.#login.server(message);
  }

  malformed(side: Side, start: number, end: number, detail: string): void {
    this.#connection.malformed(side, start, end, detail);
  }

  #clientMessage(message: Message): void {
    const connection = this.#connection;
    switch (connection.phase) {
      case 'infile':
        // An empty packet ends the file.
        connection.expected = (message.last + 1) & 0xff;
        if (message.length === 0) connection.phase = 'command';
        return;
      case 'greeting':
      case 'request':
        this.#login.client(message);
        return;
      case 'proof':
        // A command that was sent before the server's OK begins to count anew.
        if (message.first === 0) this.#client.message(message);
        return;
      case 'command':
        if (message.first === 0) this.#client.message(message);
        else if (!this.#changingUser()) {
          connection.malformed(
            'orig',
            message.start,
            message.end,
            'a command whose packet is not numbered 0',
          );
        }
    }
  }

  #changingUser(): boolean {
    return this.#connection.pending.peek()?.answer === 'login';
  }

  /** A side whose state is not known goes on where its bytes begin with a packet that can only be the next one. */
  #synchronise(side: Side, offset: number, bytes: Uint8Array): boolean {
    const connection = this.#connection;
    if (
      connection.phase === 'greeting' &&
      side === 'resp' &&
      offset === 0 &&
      looksLikeGreeting(bytes) === 'yes'
    ) {
      this.#unsure.orig = false;
      this.#unsure.resp = false;
      return true;
    }
    const found = side === 'orig' ? beginsCommands(bytes) : beginsAnswer(bytes, connection.pending.peek());
    if (found) {
      this.#unsure[side] = false;
      if (connection.phase === 'greeting') this.#beginAgain(true);
      return true;
    }
    if (!this.#told) {
      const detail = 'bytes before the first packet that can be recognised';
      connection.note('midstream', { side, start: offset, end: offset + bytes.length }, detail);
    }
    this.#told = true;
    return false;
  }

  /** After lost bytes, or midstream: the next command is answered next. `commands`: commands may have been lost. */
  #beginAgain(commands: boolean): void {
    const connection = this.#connection;
    connection.phase = 'command';
    this.#framing.resp.reset();
    this.#unsure.resp = true;
    if (commands) connection.distrust();
    else connection.abandon();
    this.#server.reset();
    this.#told = false;
  }

  #stop(): void {
    this.#framing.orig.stop();
    this.#framing.resp.stop();
  }
}

/**
 * Reads the client/server protocol (MySQL documentation, "MySQL Client/Server Protocol"; MariaDB's extensions of it).
 * Midstream, and after lost bytes, it begins with client bytes that are whole commands numbered 0, and with an answer
 * numbered as theirs. What was agreed on in a login that was not seen is taken from the answers: an EOF packet after the
 * column definitions shows that these are not deprecated, a control character before a query that it has attributes.
 * A cursor's rows come as further results of its statement's request.
 */
export const mysqlParser: ParserFactory = (context) => new MysqlParser(context);
