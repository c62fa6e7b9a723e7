// The fields that every event of a flow has, and the shapes that several protocols share. Enters: nothing; leaves: types.
import type { Evidence, Flow, Micros } from '../flow.ts';

/** Part of every event that belongs to a flow. */
export interface Common {
  /** The time of the packet that completed the event. */
  readonly ts: Micros;
  readonly flow: Flow;
  /** The bytes that the event was read from. `at.end` is the stream offset at which it ends. */
  readonly at: Evidence;
}

/** The application protocols that are parsed. */
export type Protocol = 'http' | 'amqp' | 'postgres' | 'mysql';

/**
 * A message body after transfer and content decoding.
 * `complete`: all of it is in `bytes`. `truncated`: longer than the body limit, `bytes` is the beginning.
 * `undecodable`: its content coding is unknown or broken, `bytes` is as on the wire. `lost`: bytes are missing.
 */
export interface Body {
  readonly state: 'complete' | 'truncated' | 'undecodable' | 'lost';
  readonly bytes: Uint8Array;
  /** Length in bytes after decoding, as far as it was seen. */
  readonly length: number;
}

/** A name and a value as they stood on the wire, decoded as Latin-1 so that every byte survives. */
export interface Header {
  readonly name: string;
  readonly value: string;
}

/**
 * A place where another reader could read these bytes otherwise than we did.
 * A request with an ambiguity is never explained (design: "What explains a request").
 */
export interface Ambiguity {
  readonly code: AmbiguityCode;
  readonly detail: string;
}

export type AmbiguityCode =
  | 'tcp-overlap-conflict'
  | 'tcp-urgent-data'
  | 'tcp-data-in-syn'
  | 'ip-fragment-overlap'
  /** Zeek's grammar and our reader make different things of the same bytes. */
  | 'readers-disagree'
  | 'http-length-and-chunked'
  | 'http-duplicate-length'
  | 'http-bad-length'
  | 'http-bad-transfer-encoding'
  | 'http-bad-chunk'
  | 'http-bare-lf'
  | 'http-folded-header'
  | 'http-bad-header'
  | 'http-bad-request-line'
  | 'http-bad-status-line'
  | 'http-duplicate-host'
  | 'http-missing-host'
  | 'http-version'
  | 'http-unexpected-response'
  | 'http-content-coding'
  | 'amqp-frame'
  | 'amqp-field-table'
  | 'amqp-content-order'
  | 'sql-encoding'
  | 'sql-message'
  | 'sql-unknown-statement'
  | 'sql-parameters';
