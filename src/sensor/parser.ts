// The contract between the TCP layer and a protocol parser. Enters: in-order bytes of both sides; leaves: event drafts.
import type { Header, Protocol } from '../events/common.ts';
import type { EventDraft } from '../events/event.ts';
import type { Flow, Span } from '../flow.ts';

/** Bounds on everything that traffic can make grow. Bytes unless said otherwise. */
export interface SensorLimits {
  /** Of a decoded HTTP or AMQP body kept for the policy; the rest is counted and skipped. */
  readonly body: number;
  /** Of an HTTP head (start line and headers), and of an AMQP method or header frame. */
  readonly head: number;
  /** Of one SQL protocol message that is parsed whole. */
  readonly statement: number;
  /** Result rows kept per result. */
  readonly rows: number;
  /** Prepared statements and portals kept per connection; more is the cause `limit`. */
  readonly prepared: number;
  /** Requests of one flow that wait for their responses. */
  readonly pipeline: number;
  /** Out-of-order bytes held per direction. */
  readonly reassembly: number;
  /** Flows tracked at once. */
  readonly flows: number;
  /** Microseconds without a packet after which a flow is given up. */
  readonly idle: number;
}

export const DEFAULT_LIMITS: SensorLimits = {
  body: 1 << 20,
  head: 1 << 16,
  statement: 1 << 22,
  rows: 100,
  prepared: 4096,
  pipeline: 1024,
  reassembly: 1 << 22,
  flows: 100_000,
  idle: 600_000_000,
};

/** The head of an HTTP message, before its body has come. */
export interface HttpHead {
  readonly side: Span['side'];
  readonly start: number;
  /** Behind its empty line. */
  readonly end: number;
  /** The request that it is or answers; null for an answer to none. */
  readonly exchange: number | null;
  readonly message:
    | { readonly kind: 'request'; readonly method: string; readonly target: string; readonly version: string }
    | { readonly kind: 'response'; readonly status: number };
  readonly headers: readonly Header[];
  /** Readers can take it differently. */
  readonly ambiguous: boolean;
}

/**
 * For who holds bytes back until they were judged. A parser with it tells an event as soon as nothing that is still to come
 * can change what a policy reads of it: a body over the limit, or one that is not looked at, is not waited for.
 */
export interface Holding {
  /** Called for each HTTP head, interim responses too. For a request it says whether that is judged by its head alone. */
  head(head: HttpHead): boolean;
  /** An HTTP message is over, or the content of an AMQP method; after its event, if it had one. */
  ended(side: Span['side'], end: number): void;
}

/** What a parser may ask of the flow that it reads. */
export interface ParserContext {
  readonly flow: Flow;
  readonly limits: SensorLimits;
  readonly holding?: Holding;
  /** Emits an event that was read from `span`. Time and packet numbers are added by the flow; the draft becomes the event. */
  emit(span: Span, draft: EventDraft): void;
}

/** How a side's stream ended. */
export type StreamEnd = 'fin' | 'rst' | 'timeout' | 'evicted' | 'capture-end';

/**
 * Reads one connection. The TCP layer calls it in the order of the packets; within a side, `data` and `lost` come in the
 * order of the stream and without overlap. Parsers never throw on traffic: what they cannot read is an event.
 */
export interface StreamParser {
  readonly protocol: Protocol;
  /** `bytes` belong to the parser from now on up to the next call only: copy what must be kept. */
  data(side: Span['side'], offset: number, bytes: Uint8Array): void;
  /**
   * `length` bytes from `offset` were there, but the source did not hand them on: the rest of a body or message over a limit,
   * or a secret. Where a parser is not within such bytes, they are lost to it.
   */
  elided(side: Span['side'], offset: number, length: number): void;
  /** `length` bytes from `offset` will never come. */
  lost(side: Span['side'], offset: number, length: number): void;
  end(side: Span['side'], how: StreamEnd): void;
}

/** Makes a parser for one flow. `midstream` flows start in an unknown state. */
export type ParserFactory = (context: ParserContext) => StreamParser;
