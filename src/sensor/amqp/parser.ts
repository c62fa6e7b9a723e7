// Reads AMQP 0-9-1 connections. Enters: in-order bytes of both sides; leaves: methods with their content.
import type { AmqpMethod } from '../../events/amqp.ts';
import type { Ambiguity } from '../../events/common.ts';
import type { LostCause } from '../../events/lost.ts';
import type { Side } from '../../flow.ts';
import type { ParserContext, StreamEnd, StreamParser } from '../parser.ts';
import { Content } from './content.ts';
import { MalformedFrame } from './fields.ts';
import { CONTENT_HEADER, FrameReader, HEARTBEAT, METHOD } from './frames.ts';
import { hasContent, readMethod } from './methods.ts';
import { readContentHeader } from './properties.ts';

/** The protocol header of 0-9-1 (amqp0-9-1 section 4.2.2). */
const PROTOCOL_HEADER = Buffer.from('AMQP\0\0\x09\x01', 'latin1');
/** Channels on which content is put together at once. */
const MOST_CHANNELS = 2048;

/** Makes a parser for one connection. */
export function amqpParser(context: ParserContext): StreamParser {
  return new AmqpParser(context);
}

interface SideState {
  readonly frames: FrameReader;
  readonly contents: Map<number, Content>;
  /** Bytes of the protocol header; null once it is over. */
  header: Buffer | null;
  /** Set while the first frame behind a start in the middle is sought. */
  seeking: boolean;
}

class AmqpParser implements StreamParser {
  readonly protocol = 'amqp';
  readonly #context: ParserContext;
  readonly #sides: Readonly<Record<Side, SideState>>;
  #user: string | null = null;
  #vhost: string | null = null;
  #done = false;

  constructor(context: ParserContext) {
    this.#context = context;
    this.#sides = { orig: this.#side('orig'), resp: this.#side('resp') };
  }

  data(side: Side, offset: number, bytes: Uint8Array): void {
    if (this.#done) return;
    const state = this.#sides[side];
    let buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = offset;
    if (state.header !== null) {
      const taken = this.#readHeader(side, state, buffer, offset);
      buffer = buffer.subarray(taken);
      at += taken;
    }
    if (state.seeking && buffer.length > 0) {
      if (!looksLikeFrame(buffer)) return;
      state.seeking = false;
    }
    if (buffer.length > 0 && !this.#done) state.frames.data(at, buffer);
  }

  elided(side: Side, _offset: number, length: number): void {
    if (!this.#done && !this.#sides[side].frames.elided(length)) this.lost(side);
  }

  lost(side: Side): void {
    // Frame boundaries are lost with the bytes, and payloads hold whatever an attacker likes: seeking them would be guessing.
    // The cause `gap` itself is told by the layer below.
    this.#stop();
    this.#sides[side].contents.clear();
  }

  end(_side: Side, _how: StreamEnd): void {
    // Half a frame at the end of a stream is what a broker ignores, too.
  }

  #side(side: Side): SideState {
    const { limits, flow } = this.#context;
    const frames = new FrameReader(Math.max(limits.head, 1 << 17), {
      frame: (type, channel, payload, start, end) => this.#frame(side, type, channel, payload, start, end),
      body: (channel, part, end) => this.#body(side, channel, part, end),
      elided: (channel, length) => this.#sides[side].contents.get(channel)?.skip(length),
      bodyEnd: (channel, end) => this.#bodyEnd(side, channel, end),
      fail: (cause, detail, offset) => this.#lose(side, cause, detail, offset),
    });
    const header = side === 'orig' && !flow.midstream ? Buffer.alloc(0) : null;
    return { frames, contents: new Map(), header, seeking: flow.midstream };
  }

  /** The client begins with the protocol header; a broker that refuses it answers with its own. */
  #readHeader(side: Side, state: SideState, bytes: Buffer, offset: number): number {
    const header = state.header ?? Buffer.alloc(0);
    const taken = Math.min(PROTOCOL_HEADER.length - header.length, bytes.length);
    state.header = Buffer.concat([header, bytes.subarray(0, taken)]);
    const wrong = state.header.findIndex((byte, index) => byte !== PROTOCOL_HEADER[index]);
    if (wrong >= 0) {
      const detail = wrong >= 4 ? 'another version of AMQP' : 'not AMQP 0-9-1';
      this.#lose(side, 'other-protocol', detail, offset + wrong + 1 - header.length);
    } else if (state.header.length === PROTOCOL_HEADER.length) state.header = null;
    return taken;
  }

  #frame(side: Side, type: number, channel: number, payload: Buffer, start: number, end: number): void {
    if (type === HEARTBEAT) return;
    const { contents } = this.#sides[side];
    try {
      if (type === METHOD) this.#method(side, channel, payload, start, end);
      else if (type === CONTENT_HEADER) {
        const content = contents.get(channel);
        if (content === undefined || content.begun)
          throw new MalformedFrame('a content header that no method announced');
        content.begin(readContentHeader(payload));
        this.#finishContent(side, channel, content, end);
      }
    } catch (error) {
      if (!(error instanceof MalformedFrame)) throw error;
      this.#lose(side, 'malformed', error.message, end);
    }
  }

  #method(side: Side, channel: number, payload: Buffer, start: number, end: number): void {
    const { contents } = this.#sides[side];
    // amqp0-9-1 section 4.2.6: a method in the middle of content is an error that closes the connection.
    if (contents.has(channel)) throw new MalformedFrame('a method in the middle of content');
    const read = readMethod(payload);
    if (read === null) throw new MalformedFrame('a method that is not known');
    const { method, doubt } = read;
    const ambiguities: Ambiguity[] = doubt === null ? [] : [{ code: 'amqp-field-table', detail: doubt }];
    if (method.name === 'connection.start-ok') this.#user = method.user;
    if (method.name === 'connection.open') this.#vhost = method.vhost;
    if (!hasContent(method)) {
      this.#emit(side, channel, method, null, ambiguities, start, end);
      return;
    }
    if (contents.size >= MOST_CHANNELS) throw new MalformedFrame('content on too many channels at once');
    contents.set(channel, new Content(method, start, ambiguities, this.#context.limits.body));
  }

  #body(side: Side, channel: number, part: Buffer, end: number): void {
    const content = this.#sides[side].contents.get(channel);
    if (content === undefined) return;
    content.add(part);
    if (this.#context.holding === undefined || content.told || !content.over) return;
    content.told = true;
    this.#emit(side, channel, content.method, content.soFar(), content.ambiguities, content.start, end);
  }

  #bodyEnd(side: Side, channel: number, end: number): void {
    const content = this.#sides[side].contents.get(channel);
    if (content === undefined || !content.begun)
      this.#lose(side, 'malformed', 'a body that no method announced', end);
    else if (content.tooLong) this.#lose(side, 'malformed', 'a body is longer than announced', end);
    else this.#finishContent(side, channel, content, end);
  }

  #finishContent(side: Side, channel: number, content: Content, end: number): void {
    const whole = content.whole();
    if (whole === null) return;
    this.#sides[side].contents.delete(channel);
    if (!content.told)
      this.#emit(side, channel, content.method, whole, content.ambiguities, content.start, end);
    this.#context.holding?.ended(side, end);
  }

  #emit(
    side: Side,
    channel: number,
    method: AmqpMethod,
    content: ReturnType<Content['whole']>,
    ambiguities: readonly Ambiguity[],
    start: number,
    end: number,
  ): void {
    this.#context.emit(
      { side, start, end },
      {
        kind: 'amqp-method',
        channel,
        method,
        content,
        user: this.#user,
        vhost: this.#vhost,
        ambiguities: [...ambiguities],
      },
    );
  }

  #stop(): void {
    this.#done = true;
    for (const { frames } of Object.values(this.#sides)) frames.stop();
  }

  #lose(side: Side, cause: LostCause, detail: string, offset: number): void {
    if (this.#done) return;
    this.#stop();
    this.#context.emit(
      { side, start: offset, end: offset },
      { kind: 'analysis-lost', cause, protocol: 'amqp', detail, lasting: true },
    );
  }
}

/** A frame header whose type, size and, where it is there, end octet are plausible. */
function looksLikeFrame(bytes: Buffer): boolean {
  if (bytes.length < 8) return false;
  const type = bytes.readUInt8(0);
  const size = bytes.readUInt32BE(3);
  if (type !== METHOD && type !== HEARTBEAT) return false;
  return bytes.length >= 8 + size && bytes[7 + size] === 0xce;
}
