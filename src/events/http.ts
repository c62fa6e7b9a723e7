// HTTP/1.x requests and responses as events (RFC 9112). Enters: nothing; leaves: types.
import type { Ambiguity, Body, Common, Header } from './common.ts';

/** A whole request, seen when its last byte was. */
export interface HttpRequest extends Common {
  readonly kind: 'http-request';
  /** Counts requests within the flow, from 1; a response names the same number. */
  readonly exchange: number;
  readonly method: string;
  /** The request target exactly as sent, as Latin-1. */
  readonly target: string;
  /** For example `1.1`. */
  readonly version: string;
  readonly headers: readonly Header[];
  readonly trailers: readonly Header[];
  readonly body: Body;
  readonly ambiguities: readonly Ambiguity[];
}

/** A whole final response (1xx other than 101 are not reported). */
export interface HttpResponse extends Common {
  readonly kind: 'http-response';
  /** The request that it answers, or null when no request was outstanding. */
  readonly exchange: number | null;
  readonly status: number;
  readonly version: string;
  readonly headers: readonly Header[];
  readonly trailers: readonly Header[];
  readonly body: Body;
  readonly ambiguities: readonly Ambiguity[];
}

export type HttpEvent = HttpRequest | HttpResponse;
