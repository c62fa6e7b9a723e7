// Reads a PostgreSQL connection, protocol 3. Enters: in-order bytes of both sides; leaves: SQL events.
import type { Side } from '../../flow.ts';
import { looksLikeMessages, looksLikeStartup } from '../detect/postgres.ts';
import type { ParserContext, ParserFactory, StreamEnd, StreamParser } from '../parser.ts';
import { Client } from './client.ts';
import { Connection } from './connection.ts';
import { Framing, type Message, type MessageSink } from './framing.ts';
import { Login, nameOfStart } from './login.ts';
import { Server } from './server.ts';

/** Of these the content is not needed, and of a password not wanted. */
const NOT_KEPT: Readonly<Record<Side, ReadonlySet<string>>> = {
  orig: new Set('pdfcSHX'),
  resp: new Set('dNAKGHWVv'),
};
/** Enough for a SQLSTATE, which comes among an error's first fields, and for any tag. */
const SHORT = 1 << 16;

/** Where a side stands. `unsure`: the next bytes need not begin with a message. */
interface SideState {
  readonly framing: Framing;
  unsure: boolean;
  /** It was said that bytes were passed over. */
  told: boolean;
  begun: boolean;
}

class PostgresParser implements StreamParser, MessageSink {
  readonly protocol = 'postgres';
  readonly #connection: Connection;
  readonly #client: Client;
  readonly #server: Server;
  readonly #login: Login;
  readonly #sides: Readonly<Record<Side, SideState>>;
  /** First bytes of a stream, to tell what else it may be. */
  readonly #midstream: boolean;

  constructor(context: ParserContext) {
    this.#midstream = context.flow.midstream;
    this.#connection = new Connection(context, () => this.#stop());
    const side = (name: Side, mode: 'startup' | 'typed'): SideState => ({
      framing: new Framing(name, mode, this),
      unsure: context.flow.midstream,
      told: false,
      begun: false,
    });
    this.#sides = { orig: side('orig', 'startup'), resp: side('resp', 'typed') };
    this.#client = new Client(this.#connection);
    this.#server = new Server(this.#connection);
    this.#login = new Login(this.#connection, this.#sides.orig.framing, this.#sides.resp.framing);
  }

  data(side: Side, offset: number, bytes: Uint8Array): void {
    if (this.#connection.dead || bytes.length === 0) return;
    const state = this.#sides[side];
    if (!state.begun && offset > 0) state.unsure = true;
    state.begun = true;
    if (state.unsure && !this.#synchronise(side, offset, bytes)) return;
    state.framing.push(offset, bytes);
  }

  elided(side: Side, offset: number, length: number): void {
    const { framing, unsure } = this.#sides[side];
    if (this.#connection.dead || (!unsure && framing.elide(offset, length))) return;
    this.lost(side, offset, length);
  }

  lost(side: Side, offset: number, length: number): void {
    const state = this.#sides[side];
    if (this.#connection.dead || length <= 0) return;
    const span = { side, start: offset, end: offset + length };
    if (!state.begun || state.unsure) {
      state.begun = true;
      state.unsure = true;
      // The loss itself is reported by who found it.
      state.told = true;
      return;
    }
    if (!state.framing.skip(offset, length)) {
      this.#connection.fail('gap', span, 'bytes are missing, and where the next message begins is not known');
    }
  }

  end(side: Side, how: StreamEnd): void {
    const { framing, unsure } = this.#sides[side];
    if (this.#connection.dead) return;
    if (side === 'resp') this.#server.end();
    if (how === 'fin' && framing.inside && !unsure) {
      this.#connection.fail(
        'malformed',
        { side, start: framing.start, end: framing.seen },
        'it ends inside a message',
      );
    }
  }

  keep(side: Side, type: string, length: number): number {
    if (NOT_KEPT[side].has(type)) return 0;
    if (type === 'D' && side === 'resp') return this.#server.wantsRow(length) ? length : 0;
    if (side === 'resp' && type !== 'T' && type !== 't') return SHORT;
    return this.#connection.limits.statement;
  }

  message(side: Side, message: Message): void {
    if (this.#connection.dead) return;
    if (message.type === 'startup') this.#login.startup(message);
    else if (message.type === 'reply') this.#login.reply(message);
    else if (side === 'orig') this.#client.message(message);
    else if (!this.#login.server(message)) this.#server.message(message);
  }

  malformed(side: Side, start: number, end: number, detail: string, header: string): void {
    const first = start === 0 && this.#connection.phase === 'startup' && !this.#midstream;
    const span = { side, start, end };
    if (side === 'orig' && header.startsWith('\x16\x03')) {
      this.#connection.fail('tls', span, 'a TLS handshake where a start-up message is expected');
    } else if (first && side === 'orig') this.#connection.fail('other-protocol', span, nameOfStart(header));
    else if (first)
      this.#connection.fail('other-protocol', span, 'the server speaks first, as in MySQL or SSH');
    else this.#connection.fail('malformed', span, detail);
  }

  /** Looks for a message at the beginning of `bytes`, which is also the beginning of a segment. */
  #synchronise(side: Side, offset: number, bytes: Uint8Array): boolean {
    const state = this.#sides[side];
    const span = { side, start: offset, end: offset + bytes.length };
    if (bytes[1] === 3 && bytes.length >= 5 && (bytes[0] ?? 0) >= 0x14 && (bytes[0] ?? 0) <= 0x17) {
      this.#connection.fail('tls', span, 'TLS records');
      return false;
    }
    if (side === 'orig' && looksLikeStartup(bytes) === 'yes') {
      this.#sides.resp.unsure = false;
      state.unsure = false;
      return true;
    }
    const guess = looksLikeMessages(bytes, side);
    if (guess === 'yes' || (guess === 'more' && bytes.length >= 5)) {
      if (this.#connection.phase === 'startup') this.#connection.phase = 'midstream';
      state.unsure = false;
      state.framing.mode = 'typed';
      return true;
    }
    if (!state.told)
      this.#connection.note('midstream', span, 'bytes before the first message that can be recognised');
    state.told = true;
    return false;
  }

  #stop(): void {
    this.#sides.orig.framing.mode = 'off';
    this.#sides.resp.framing.mode = 'off';
  }
}

/**
 * Reads the frontend/backend protocol 3.0 to 3.2 (PostgreSQL documentation, chapter "Frontend/Backend Protocol").
 * Midstream it begins at the first segment of a side that is typed messages throughout; who is logged in is then unknown.
 * A portal's Execute gives one result with `last`; later fetches from the same portal give further ones, same `request`.
 */
export const postgresParser: ParserFactory = (context) => new PostgresParser(context);
