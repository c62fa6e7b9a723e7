// Reads HTTP/1.x connections (RFC 9110, 9112). Enters: in-order bytes of both sides; leaves: requests and their responses.
import type { Ambiguity, Body } from '../../events/common.ts';
import type { Side } from '../../flow.ts';
import type { ParserContext, StreamEnd, StreamParser } from '../parser.ts';
import { type Framing, requestFraming, responseFraming } from './framing.ts';
import { elementsOf, note, valuesOf } from './head.ts';
import { type Finished, type Message, MessageReader } from './reader.ts';

/** A request whose final response has not come. */
interface Outstanding {
  readonly exchange: number;
  readonly method: string;
  readonly upgrade: boolean;
}

interface RequestLine {
  readonly method: string;
  readonly target: string;
  readonly version: string;
}

/** Of a request that is judged by its head alone. */
const UNSEEN: Body = { state: 'truncated', bytes: new Uint8Array(0), length: 0 };

/** Response bytes that came before the request that they answer. */
const MOST_HELD = 1 << 18;

const REQUEST_LINE = /^([!#$%&'*+\-.^_`|~0-9A-Za-z]+) ([^ ]+) HTTP\/(\d\.\d)$/;
const LOOSE_REQUEST_LINE = /^([^\s]+)[ \t]+(.*?)[ \t]+HTTP\/(\d+(?:\.\d+)?)[ \t]*$/;
const STATUS_LINE = /^HTTP\/(\d\.\d) (\d{3})(?: .*)?$/;
const LOOSE_STATUS_LINE = /^http\/(\d+(?:\.\d+)?)[ \t]+(\d{3})(?:[ \t].*)?$/i;

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
    checkHost(line, message);
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
    if (status >= 400) this.#requests.bodyRefused = true;
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

function readRequestLine(text: string, ambiguities: Ambiguity[]): RequestLine | null {
  const strict = REQUEST_LINE.exec(text);
  const parts = strict ?? LOOSE_REQUEST_LINE.exec(text);
  const [, method, target, version] = parts ?? [];
  if (method === undefined || target === undefined || version === undefined) return null;
  if (strict === null)
    note(ambiguities, 'http-bad-request-line', 'the request line is not method, target and version');
  if (/[^!-~]/.test(target))
    note(ambiguities, 'http-bad-request-line', 'the target has bytes outside printable ASCII');
  if (version !== '1.1' && version !== '1.0') {
    if (Number(version) >= 2 || !version.startsWith('1.')) return null;
    note(ambiguities, 'http-version', `version ${version}`);
  }
  return { method, target, version };
}

function readStatusLine(text: string, ambiguities: Ambiguity[]): { status: number; version: string } | null {
  const strict = STATUS_LINE.exec(text);
  const [, version, status] = strict ?? LOOSE_STATUS_LINE.exec(text) ?? [];
  if (version === undefined || status === undefined) return null;
  if (strict === null || (version !== '1.1' && version !== '1.0')) {
    note(ambiguities, 'http-bad-status-line', 'the status line is not version, code and reason');
  }
  return { status: Number(status), version };
}

/** RFC 9112 section 3.2: exactly one Host in HTTP/1.1, and an absolute target must not name another. */
function checkHost(line: RequestLine, { head }: Message): void {
  const hosts = valuesOf(head.headers, 'host');
  if (hosts.length > 1) note(head.ambiguities, 'http-duplicate-host', 'Host stands there more than once');
  if (hosts.length === 0 && line.version === '1.1') note(head.ambiguities, 'http-missing-host', 'no Host');
  const authority = /^[a-z]+:\/\/([^/?#]*)/i.exec(line.target)?.[1];
  if (
    authority !== undefined &&
    hosts[0] !== undefined &&
    authority.toLowerCase() !== hosts[0].toLowerCase()
  ) {
    note(head.ambiguities, 'http-duplicate-host', 'the target names another host than Host');
  }
}
