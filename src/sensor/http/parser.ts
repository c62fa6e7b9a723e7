// Reads HTTP/1.x connections (RFC 9110, 9112). Enters: in-order bytes of both sides; leaves: requests and their responses.
import type { Body } from '../../events/common.ts';
import type { Side } from '../../flow.ts';
import type { ParserContext, StreamEnd, StreamParser } from '../parser.ts';
import { type Framing, requestFraming, responseFraming } from './framing.ts';
import { elementsOf, note } from './head.ts';
import { checkHost } from './host.ts';
import { type Finished, type Message, MessageReader } from './reader.ts';
import { type RequestLine, readRequestLine, readStatusLine } from './start-line.ts';

/** A request whose final response has not come. */
interface Outstanding {
  readonly exchange: number;
  readonly method: string;
  readonly upgrade: boolean;
}

/** Of a request that is judged by its head alone. */
const UNSEEN: Body = { state: 'truncated', bytes: new Uint8Array(0), length: 0 };

/** Response bytes that came before the request that they answer. */
const MOST_HELD = 1 << 18;

/** Makes a parser for one connection. */
export function httpParser(context: ParserContext): StreamParser {
  return new HttpParser(context);
}

class HttpParser implements StreamParser {
  readonly protocol = 'http';
  readonly #context: ParserContext;
  readonly #requests: MessageReader;
  readonly #responses: MessageReader;
  #outstanding: Outstanding[] = [];
  #exchanges = 0;
  #requestLine: RequestLine | null = null;
  /** The message that is being read was told already: it is held, and its body is not waited for. */
  #told = { orig: false, resp: false };
  #response: { readonly status: number; readonly version: string; readonly to: Outstanding | null } | null =
    null;
  #held: { readonly offset: number; readonly bytes: Uint8Array }[] = [];
  #heldBytes = 0;
  /** Set when bytes are missing: what answers what is then uncertain, and nothing waits for its request. */
  #uncertain: boolean;
  #done = false;

  constructor(context: ParserContext) {
    const { limits, flow, holding } = context;
    this.#uncertain = flow.midstream;
    this.#context = context;
    this.#requests = new MessageReader(
      limits,
      {
        begin: (message) => this.#beginRequest(message),
        finish: (message) => this.#finishRequest(message),
        ...(holding === undefined ? {} : { over: (message) => this.#tellRequest(message) }),
        fail: (cause, detail, start, end) => this.#lose('orig', cause, detail, start, end),
      },
      flow.midstream,
    );
    this.#responses = new MessageReader(
      limits,
      {
        begin: (message) => this.#beginResponse(message),
        finish: (message) => this.#finishResponse(message),
        ...(holding === undefined ? {} : { over: (message) => this.#tellResponse(message) }),
        fail: (cause, detail, start, end) => this.#lose('resp', cause, detail, start, end),
      },
      flow.midstream,
    );
  }

  data(side: Side, offset: number, bytes: Uint8Array): void {
    if (this.#done) return;
    this.#offsets[side] = offset + bytes.length;
    if (side === 'orig') {
      this.#requests.data(offset, bytes);
      this.#release(false);
      return;
    }
    if (this.#mustWait()) this.#hold(offset, bytes);
    else this.#responses.data(offset, bytes);
  }

  elided(side: Side, offset: number, length: number): void {
    if (this.#done) return;
    if (side === 'resp') this.#release(true);
    const reader = side === 'orig' ? this.#requests : this.#responses;
    if (reader.elided(offset, length)) this.#offsets[side] = offset + length;
    else this.lost(side, offset, length);
  }

  lost(side: Side, offset: number, length: number): void {
    if (this.#done) return;
    this.#uncertain = true;
    this.#offsets[side] = offset + length;
    this.#release(true);
    const reader = side === 'orig' ? this.#requests : this.#responses;
    if (reader.lost(offset, length) === 'resync') {
      // Which request the next response answers cannot be known any more.
      this.#outstanding = [];
    }
  }

  end(side: Side, how: StreamEnd): void {
    if (this.#done) return;
    this.#release(true);
    const clean = how === 'fin';
    if (side === 'orig') this.#uncertain = true;
    if (side === 'orig') this.#requests.end(this.#offsets.orig, clean);
    else this.#responses.end(this.#offsets.resp, clean);
  }

  /** Stream offsets behind the last byte of each side, for messages that the end of the stream ends. */
  readonly #offsets = { orig: 0, resp: 0 };

  /** A response that seems to come first waits for its request: captures do not keep the order between the sides. */
  #mustWait(): boolean {
    if (this.#uncertain) return false;
    if (this.#held.length > 0) return true;
    return this.#outstanding.length === 0 && this.#responses.current === null;
  }

  #hold(offset: number, bytes: Uint8Array): void {
    this.#held.push({ offset, bytes: Uint8Array.from(bytes) });
    this.#heldBytes += bytes.length;
    if (this.#heldBytes > MOST_HELD) this.#release(true);
  }

  #release(force: boolean): void {
    while (
      this.#held.length > 0 &&
      (force || this.#outstanding.length > 0 || this.#responses.current !== null)
    ) {
      const next = this.#held.shift();
      if (next === undefined) return;
      this.#heldBytes -= next.bytes.length;
      this.#responses.data(next.offset, next.bytes);
      if (this.#done) return;
    }
  }

  #beginRequest(message: Message): Framing | 'stop' {
    const { head, start, headEnd } = message;
    const line = readRequestLine(head.start, head.ambiguities);
    if (line === null) {
      const http2 = head.start.startsWith('PRI * HTTP/2');
      // A method in front makes it broken HTTP; without one it is something else, unless HTTP came before.
      const broken = this.#exchanges > 0 || /^[A-Z_]{1,20}[ \t]/.test(head.start);
      const cause = http2 ? 'http2' : broken ? 'malformed' : 'other-protocol';
      this.#lose('orig', cause, http2 ? 'an HTTP/2 preface' : 'no request line', start, headEnd);
      return 'stop';
    }
    if (this.#outstanding.length >= this.#context.limits.pipeline) {
      this.#lose('orig', 'limit', 'too many requests wait for their responses', start, headEnd);
      return 'stop';
    }
    checkHost(line.target, line.version, head);
    this.#requestLine = line;
    const upgrade = elementsOf(head.headers, 'connection').includes('upgrade');
    this.#outstanding.push({ exchange: ++this.#exchanges, method: line.method, upgrade });
    this.#told.orig = false;
    const framing: Framing =
      line.method === 'CONNECT'
        ? { kind: 'none' }
        : requestFraming(head.headers, line.version, head.ambiguities);
    const streams = this.#context.holding?.head({
      side: 'orig',
      start,
      end: headEnd,
      exchange: this.#exchanges,
      message: { kind: 'request', ...line },
      headers: head.headers,
      ambiguous: head.ambiguities.length > 0,
    });
    if (streams === true && (framing.kind === 'length' || framing.kind === 'chunked')) {
      this.#tellRequest({ ...message, end: headEnd, trailers: [], body: UNSEEN });
    }
    return framing;
  }

  #finishRequest(message: Finished): void {
    if (!this.#told.orig) this.#tellRequest(message);
    this.#context.holding?.ended('orig', message.end);
  }

  #tellRequest({ head, start, end, body, trailers }: Finished): void {
    const line = this.#requestLine;
    if (line === null) return;
    this.#told.orig = true;
    this.#context.emit(
      { side: 'orig', start, end },
      {
        kind: 'http-request',
        exchange: this.#exchanges,
        ...line,
        headers: head.headers,
        trailers,
        body,
        ambiguities: head.ambiguities,
      },
    );
  }

  #beginResponse(message: Message): Framing | 'stop' {
    const { head, start, headEnd } = message;
    const line = readStatusLine(head.start, head.ambiguities);
    if (line === null) {
      this.#lose('resp', 'malformed', 'no status line', start, headEnd);
      return 'stop';
    }
    const [to = null] = this.#outstanding;
    const interim = line.status >= 100 && line.status < 200 && line.status !== 101;
    if (!interim && to === null && !this.#uncertain) {
      note(head.ambiguities, 'http-unexpected-response', 'a response to no request that was seen');
    }
    this.#told.resp = false;
    const { status } = line;
    const framing: Framing =
      interim || status === 101 || (to?.method === 'CONNECT' && status < 300)
        ? { kind: 'none' }
        : responseFraming(head.headers, line.version, status, to?.method ?? null, head.ambiguities);
    this.#context.holding?.head({
      side: 'resp',
      start,
      end: headEnd,
      exchange: to?.exchange ?? null,
      message: { kind: 'response', status },
      headers: head.headers,
      ambiguous: head.ambiguities.length > 0,
    });
    if (interim) {
      this.#response = null;
      return framing;
    }
    this.#outstanding.shift();
    this.#response = { ...line, to };
    // Where bytes are held nothing is guessed: a body goes on up to its stated end.
    if (status >= 400 && this.#context.holding === undefined) this.#requests.bodyRefused = true;
    return framing;
  }

  #finishResponse(message: Finished): void {
    const response = this.#response;
    const { end, head } = message;
    if (response !== null && !this.#told.resp) this.#tellResponse(message);
    this.#context.holding?.ended('resp', end);
    if (response === null) return;
    const { status, to } = response;
    if (status === 101) {
      const http2 = elementsOf(head.headers, 'upgrade').includes('h2c');
      this.#lose('resp', http2 ? 'http2' : 'tunnel', 'the connection was upgraded', end, end);
    } else if (to?.method === 'CONNECT' && status < 300) {
      this.#lose('resp', 'tunnel', 'a CONNECT tunnel', end, end);
    }
  }

  #tellResponse({ head, start, end, body, trailers }: Finished): void {
    const response = this.#response;
    if (response === null) return;
    this.#told.resp = true;
    this.#context.emit(
      { side: 'resp', start, end },
      {
        kind: 'http-response',
        exchange: response.to?.exchange ?? null,
        status: response.status,
        version: response.version,
        headers: head.headers,
        trailers,
        body,
        ambiguities: head.ambiguities,
      },
    );
  }

  #lose(
    side: Side,
    cause: 'other-protocol' | 'malformed' | 'limit' | 'http2' | 'tunnel',
    detail: string,
    start: number,
    end: number,
  ): void {
    if (this.#done) return;
    this.#done = true;
    this.#requests.stop();
    this.#responses.stop();
    this.#context.emit(
      { side, start, end },
      { kind: 'analysis-lost', cause, protocol: 'http', detail, lasting: true },
    );
  }
}
