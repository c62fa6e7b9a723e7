// Cuts one side of a PostgreSQL connection into messages. Enters: pieces of the stream; leaves: messages with their offsets.
import type { Side } from '../../flow.ts';
import { ByteStore } from '../sql/byte-store.ts';

/** The server refuses longer start-up packets (MAX_STARTUP_PACKET_LENGTH in its pqcomm.h). */
const LONGEST_STARTUP = 10_000;
/** No message is longer (PQ_LARGE_MESSAGE_LIMIT, one below a gigabyte). */
const LONGEST_MESSAGE = 0x3fff_ffff;
const NOTHING = new Uint8Array(0);

/** `startup`: no type byte. `reply`: one byte, the answer to an SSLRequest. `typed`: type, length, body. `off`: not read. */
export type Mode = 'startup' | 'reply' | 'typed' | 'off';

export interface Message {
  /** The type's letter; `startup` or `reply` for the two forms that have none. */
  readonly type: string;
  readonly start: number;
  readonly end: number;
  /** The body or its beginning; valid only during the call. */
  readonly body: Uint8Array;
  /** Bytes of the body on the wire. */
  readonly length: number;
  /** `cut`: longer than what is kept. `lost`: bytes of it are missing, `body` is empty. */
  readonly state: 'whole' | 'cut' | 'lost';
}

export interface MessageSink {
  /** How many bytes of the body are needed; the rest is passed over. */
  keep(side: Side, type: string, length: number): number;
  message(side: Side, message: Message): void;
  /** The bytes from `start` to `end` begin no message; `header` is these bytes as Latin-1. */
  malformed(side: Side, start: number, end: number, detail: string, header: string): void;
}

const TYPES: Readonly<Record<Side, ReadonlySet<string>>> = {
  orig: new Set('QPBEDSCHXFpdcf'),
  resp: new Set('RSKZTDCEN123nstIAGHWVcdv'),
};
/** Messages that have no body; more would be read otherwise by the server. */
const EMPTY_BODY: Readonly<Record<Side, ReadonlySet<string>>> = {
  orig: new Set('SHXc'),
  resp: new Set('123nsIc'),
};

/** Follows the message boundaries of one side (PostgreSQL documentation, "Message Formats"). */
export class Framing {
  mode: Mode;
  readonly #side: Side;
  readonly #sink: MessageSink;
  readonly #header = new Uint8Array(5);
  #headerLength = 0;
  #start = 0;
  #seen = 0;
  #type = '';
  #length = 0;
  #remaining = -1;
  #keep = 0;
  #lost = false;
  readonly #body = new ByteStore();

  constructor(side: Side, mode: Mode, sink: MessageSink) {
    this.#side = side;
    this.mode = mode;
    this.#sink = sink;
  }

  /** True when a message has begun and not ended. */
  get inside(): boolean {
    return this.#headerLength > 0 || this.#remaining >= 0;
  }

  /** Where the message that has begun starts. */
  get start(): number {
    return this.#start;
  }

  /** Up to where the stream was read. */
  get seen(): number {
    return this.#seen;
  }

  /** Reads `bytes`, which begin at `offset` of the stream. */
  push(offset: number, bytes: Uint8Array): void {
    let at = 0;
    this.#seen = offset + bytes.length;
    while (at < bytes.length && this.mode !== 'off') {
      if (this.#remaining < 0) at = this.#readHeader(offset, bytes, at);
      else at = this.#readBody(offset, bytes, at);
    }
  }

  /** Passes over lost bytes when they lie within the body of one message, whose end is therefore known. */
  skip(offset: number, length: number): boolean {
    if (this.#remaining < length) return false;
    this.#lost = true;
    this.#body.take();
    this.#remaining -= length;
    if (this.#remaining === 0) this.#finish(NOTHING, offset + length);
    return true;
  }

  /** Passes over bytes that are not handed on, as over those that are not kept. False when they are not all of one body. */
  elide(offset: number, length: number): boolean {
    if (this.#remaining < length) return false;
    this.#seen = offset + length;
    this.#keep = Math.min(this.#keep, this.#body.length);
    this.#remaining -= length;
    if (this.#remaining === 0) this.#finish(this.#body.take(), offset + length);
    return true;
  }

  #readHeader(offset: number, bytes: Uint8Array, from: number): number {
    let at = from;
    if (this.#headerLength === 0) this.#start = offset + at;
    if (this.mode === 'reply') {
      const byte = bytes[at] ?? 0;
      // An old server answers an SSLRequest with an ErrorResponse, which is a message.
      if (byte !== 0x45) {
        at += 1;
        const body = Uint8Array.of(byte);
        this.#emit({
          type: 'reply',
          start: offset + at - 1,
          end: offset + at,
          body,
          length: 1,
          state: 'whole',
        });
        return at;
      }
      this.mode = 'typed';
    }
    const needed = this.mode === 'startup' ? 4 : 5;
    while (at < bytes.length && this.#headerLength < needed) {
      this.#header[this.#headerLength] = bytes[at] ?? 0;
      this.#headerLength += 1;
      at += 1;
    }
    if (this.#headerLength < needed) return at;
    const view = new DataView(this.#header.buffer);
    const startup = this.mode === 'startup';
    const declared = view.getUint32(startup ? 0 : 1);
    this.#headerLength = 0;
    this.#type = startup ? 'startup' : String.fromCharCode(this.#header[0] ?? 0);
    const problem = this.#problem(declared);
    if (problem !== null) {
      this.mode = 'off';
      const header = Buffer.from(this.#header.subarray(0, needed)).toString('latin1');
      this.#sink.malformed(this.#side, this.#start, offset + at, problem, header);
      return bytes.length;
    }
    this.#length = declared - 4;
    this.#remaining = this.#length;
    this.#keep = Math.min(this.#length, this.#sink.keep(this.#side, this.#type, this.#length));
    if (this.#remaining === 0) this.#finish(NOTHING, offset + at);
    return at;
  }

  #problem(declared: number): string | null {
    if (this.#type === 'startup') {
      return declared < 8 || declared > LONGEST_STARTUP ? 'it does not begin with a start-up message' : null;
    }
    if (!TYPES[this.#side].has(this.#type)) return 'a message of an unknown type';
    if (declared < 4 || declared > LONGEST_MESSAGE)
      return `a message ${this.#type} with an impossible length`;
    if (declared !== 4 && EMPTY_BODY[this.#side].has(this.#type)) {
      return `a message ${this.#type} with a body, which it never has`;
    }
    return null;
  }

  #readBody(offset: number, bytes: Uint8Array, from: number): number {
    const count = Math.min(this.#remaining, bytes.length - from);
    const piece = bytes.subarray(from, from + count);
    const whole = count === this.#length;
    if (!whole && !this.#lost && this.#body.length < this.#keep) {
      this.#body.append(piece.subarray(0, this.#keep - this.#body.length));
    }
    this.#remaining -= count;
    if (this.#remaining === 0) {
      this.#finish(whole ? piece.subarray(0, this.#keep) : this.#body.take(), offset + from + count);
    }
    return from + count;
  }

  #finish(body: Uint8Array, end: number): void {
    const state = this.#lost ? 'lost' : this.#keep < this.#length ? 'cut' : 'whole';
    this.#remaining = -1;
    this.#lost = false;
    this.#emit({
      type: this.#type,
      start: this.#start,
      end,
      body: state === 'lost' ? NOTHING : body,
      length: this.#length,
      state,
    });
  }

  #emit(message: Message): void {
    this.#sink.message(this.#side, message);
  }
}
