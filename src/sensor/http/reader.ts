// Cuts one side's stream into messages. Enters: in-order bytes; leaves: heads, bodies and trailers, in bounded memory.
// Longer than other files because the states of one message, which follow each other byte by byte, are kept in one class.

import { assertNever } from '../../errors.ts';
import type { Ambiguity, Body, Header } from '../../events/common.ts';
import type { SensorLimits } from '../parser.ts';
import { BodyCollector } from './body.ts';
import type { Framing } from './framing.ts';
import { elementsOf, type Head, note, readFields, readHead, splitLines, valuesOf } from './head.ts';
import { LineBuffer } from './line-buffer.ts';

/** A message whose head is known and whose body is being read. */
export interface Message {
  readonly head: Head;
  readonly start: number;
  /** Behind the head's empty line. */
  readonly headEnd: number;
}

/** A whole message. */
export interface Finished extends Message {
  readonly end: number;
  readonly body: Body;
  readonly trailers: readonly Header[];
}

export interface MessageHandler {
  /** A head is complete: says how long its body is, or `stop` when nothing behind it is for this reader. */
  begin(message: Message): Framing | 'stop';
  finish(message: Finished): void;
  /** The body of a message is longer than what is kept of it: called once, with its beginning. */
  over?(message: Finished): void;
  /** Nothing more of this side can be read. */
  fail(cause: 'malformed' | 'limit', detail: string, start: number, end: number): void;
}

type State =
  | { readonly kind: 'head' }
  /** Bytes are missing: waits for a chunk that begins with a start line. */
  | { readonly kind: 'resync' }
  | { readonly kind: 'body'; left: number }
  | { readonly kind: 'until-close' }
  | { readonly kind: 'chunk-size' | 'chunk-end' | 'trailers' }
  | { readonly kind: 'chunk'; left: number }
  | { readonly kind: 'stopped' };

/** RFC 9112 sections 3 and 4, strictly: only such a line restarts reading behind missing bytes. */
const START_LINE = /^(?:[A-Z]{1,20} [!-~]+ HTTP\/1\.[01]|HTTP\/1\.[01] [1-5]\d\d(?: [^\r\n]*)?)\r\n/;
/** A chunk size is hexadecimal digits and nothing else (RFC 9112 section 7.1); extensions are told. */
const CHUNK_SIZE = /^([0-9a-fA-F]{1,8})([ \t]*(?:;[^\r\n]*)?)\r\n$/;

export class MessageReader {
  readonly #limits: SensorLimits;
  readonly #handler: MessageHandler;
  readonly #line: LineBuffer;
  #state: State;
  #message: Message | null = null;
  #body: BodyCollector | null = null;
  #told = false;
  /** Set when the peer refused a body that it was asked for (RFC 9110 section 10.1.1): it may never come. */
  bodyRefused = false;

  constructor(limits: SensorLimits, handler: MessageHandler, midstream: boolean) {
    this.#limits = limits;
    this.#handler = handler;
    this.#line = new LineBuffer(limits.head);
    this.#state = { kind: midstream ? 'resync' : 'head' };
  }

  /** The message whose body is being read. */
  get current(): Message | null {
    return this.#message;
  }

  data(offset: number, bytes: Uint8Array): void {
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    if (this.bodyRefused && this.#state.kind === 'body' && startsMessage(buffer)) this.#finish(offset, []);
    let at = 0;
    while (at < buffer.length && this.#state.kind !== 'stopped')
      at += this.#step(buffer.subarray(at), offset + at);
  }

  /** Bytes that were there and are not handed on. False when they are not all of the body under way. */
  elided(offset: number, length: number): boolean {
    const state = this.#state;
    if (state.kind === 'until-close') {
      this.#body?.skip(length);
      return true;
    }
    if ((state.kind !== 'body' && state.kind !== 'chunk') || length > state.left) return false;
    this.#body?.skip(length);
    this.#pass(state, offset, length);
    return true;
  }

  lost(offset: number, length: number): 'inside-body' | 'resync' | 'stopped' {
    const state = this.#state;
    if (state.kind === 'stopped') return 'stopped';
    if (state.kind === 'until-close') {
      this.#body?.lose(length);
      return 'inside-body';
    }
    if ((state.kind === 'body' || state.kind === 'chunk') && length <= state.left) {
      this.#body?.lose(length);
      this.#pass(state, offset, length);
      return 'inside-body';
    }
    if (this.#message !== null) {
      this.#body?.lose(0);
      this.#finish(offset, []);
    }
    this.#line.clear();
    this.#state = { kind: 'resync' };
    return 'resync';
  }

  /** The stream ended; a body that lasts until then is complete. */
  end(offset: number, clean: boolean): void {
    if (this.#state.kind === 'until-close') {
      if (!clean) this.#body?.lose(0);
      this.#finish(offset, []);
    } else if (this.#message !== null) {
      this.#body?.lose(0);
      this.#finish(offset, []);
    } else if (clean && this.#state.kind === 'head' && this.#line.length > 0) {
      this.#fail('malformed', 'the stream ends inside a head', offset);
    }
    this.#state = { kind: 'stopped' };
  }

  stop(): void {
    this.#state = { kind: 'stopped' };
  }

  /** Consumes some bytes; gives how many. */
  #step(bytes: Buffer, offset: number): number {
    const state = this.#state;
    switch (state.kind) {
      case 'head':
        return this.#readHead(bytes, offset);
      case 'resync':
        if (!startsMessage(bytes)) return bytes.length;
        this.#state = { kind: 'head' };
        return 0;
      case 'body':
      case 'chunk': {
        const taken = Math.min(state.left, bytes.length);
        this.#body?.add(bytes.subarray(0, taken));
        this.#tellOver(offset + taken);
        this.#pass(state, offset, taken);
        return taken;
      }
      case 'until-close':
        this.#body?.add(bytes);
        this.#tellOver(offset + bytes.length);
        return bytes.length;
      case 'chunk-size':
        return this.#readLine(bytes, offset, (line, end) => this.#beginChunk(line, end));
      case 'chunk-end':
        return this.#readLine(bytes, offset, (line, end) => {
          if (line === '\r\n') this.#state = { kind: 'chunk-size' };
          else this.#fail('malformed', 'a chunk is not as long as it says', end);
        });
      case 'trailers':
        return this.#readTrailers(bytes, offset);
      case 'stopped':
        return bytes.length;
      default:
        return assertNever(state);
    }
  }

  #tellOver(end: number): void {
    const { over } = this.#handler;
    if (over === undefined || this.#told || this.#body?.over !== true || this.#message === null) return;
    this.#told = true;
    over({ ...this.#message, end, trailers: [], body: this.#body.finish([]) });
  }

  /** `length` bytes of a body or chunk are over. */
  #pass(state: { readonly kind: 'body' | 'chunk'; left: number }, offset: number, length: number): void {
    state.left -= length;
    if (state.left > 0) return;
    if (state.kind === 'body') this.#finish(offset + length, []);
    else this.#state = { kind: 'chunk-end' };
  }

  #readHead(bytes: Buffer, offset: number): number {
    // An empty line in front of a message is ignored (RFC 9112 section 2.2).
    if (this.#line.length === 0 && (bytes[0] === 0x0d || bytes[0] === 0x0a)) return 1;
    const { taken, done } = this.#line.takeSection(bytes, offset);
    if (!done) {
      if (this.#line.full) this.#fail('limit', 'a head is longer than the limit', offset + taken);
      return taken;
    }
    const message = { head: readHead(this.#line.bytes), start: this.#line.start, headEnd: offset + taken };
    this.#line.clear();
    const framing = this.#handler.begin(message);
    if (framing === 'stop') {
      this.stop();
      return taken;
    }
    this.#message = message;
    this.#body = new BodyCollector(this.#limits.body);
    this.#told = false;
    this.bodyRefused = false;
    this.#frame(framing, offset + taken);
    return taken;
  }

  #frame(framing: Framing, end: number): void {
    switch (framing.kind) {
      case 'none':
        this.#finish(end, []);
        return;
      case 'length':
        if (framing.length === 0) this.#finish(end, []);
        else this.#state = { kind: 'body', left: framing.length };
        return;
      case 'chunked':
        this.#state = { kind: 'chunk-size' };
        return;
      case 'until-close':
        this.#state = { kind: 'until-close' };
        return;
      case 'unknown':
        this.#finish(end, []);
        this.#fail('malformed', framing.why, end);
        return;
      default:
        assertNever(framing);
    }
  }

  #readLine(bytes: Buffer, offset: number, use: (line: string, end: number) => void): number {
    const { taken, done } = this.#line.takeLine(bytes, offset);
    if (done) {
      const line = this.#line.bytes.toString('latin1');
      this.#line.clear();
      use(line, offset + taken);
    } else if (this.#line.full) this.#fail('limit', 'a chunk line is longer than the limit', offset + taken);
    return taken;
  }

  #beginChunk(line: string, end: number): void {
    const parts = CHUNK_SIZE.exec(line);
    if (parts === null) {
      this.#fail('malformed', 'a chunk size cannot be read', end);
      return;
    }
    if (parts[2] !== '') this.#note({ code: 'http-bad-chunk', detail: 'a chunk has an extension' });
    const size = Number.parseInt(parts[1] ?? '', 16);
    this.#state = size === 0 ? { kind: 'trailers' } : { kind: 'chunk', left: size };
  }

  #readTrailers(bytes: Buffer, offset: number): number {
    if (this.#line.length === 0 && bytes[0] === 0x0a)
      this.#note({ code: 'http-bare-lf', detail: 'a line ends in LF alone' });
    const { taken, done } = this.#line.takeSection(bytes, offset, true);
    if (!done) {
      if (this.#line.full) this.#fail('limit', 'trailers are longer than the limit', offset + taken);
      return taken;
    }
    const ambiguities = this.#message?.head.ambiguities ?? [];
    const trailers = readFields(splitLines(this.#line.bytes.toString('latin1'), ambiguities), ambiguities);
    this.#line.clear();
    this.#finish(offset + taken, trailers);
    return taken;
  }

  #note({ code, detail }: Ambiguity): void {
    if (this.#message !== null) note(this.#message.head.ambiguities, code, detail);
  }

  #finish(end: number, trailers: readonly Header[]): void {
    const message = this.#message;
    const body = this.#body;
    this.#message = null;
    this.#body = null;
    this.#state = { kind: 'head' };
    if (message === null || body === null) return;
    const { headers } = message.head;
    const codings = elementsOf(headers, 'content-encoding');
    if (valuesOf(headers, 'content-encoding').length > 1)
      note(message.head.ambiguities, 'http-content-coding', 'Content-Encoding stands there more than once');
    this.#handler.finish({ ...message, end, trailers, body: body.finish(codings) });
  }

  #fail(cause: 'malformed' | 'limit', detail: string, end: number): void {
    const start = this.#message?.start ?? this.#line.start;
    if (this.#message !== null) {
      this.#note({ code: 'http-bad-chunk', detail });
      this.#body?.lose(0);
      this.#finish(end, []);
    }
    this.#line.clear();
    this.stop();
    this.#handler.fail(cause, detail, Math.min(start, end), end);
  }
}

function startsMessage(bytes: Buffer): boolean {
  return START_LINE.test(bytes.subarray(0, 4096).toString('latin1'));
}
