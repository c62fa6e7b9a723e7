// Events for what could not be read, each with its cause. Enters: nothing; leaves: types.
import type { AmbiguityCode, Common, Protocol } from './common.ts';

/** Why bytes were not understood. A closed list: a policy gives each a posture. */
export type LostCause =
  /** A TLS handshake or record. */
  | 'tls'
  /** GSSAPI encryption of PostgreSQL. */
  | 'gss'
  /** HTTP/2 (prior knowledge or after an upgrade), which is not parsed. */
  | 'http2'
  /** An upgraded connection (WebSocket, raw bytes after 101) or a CONNECT tunnel. */
  | 'tunnel'
  /** MySQL's compressed protocol. */
  | 'compressed'
  /** The bytes are positively not of the protocol that this port is declared to speak. */
  | 'other-protocol'
  /** No protocol that we know, on a port that nothing was said of. */
  | 'unknown-protocol'
  /** Bytes are missing: packets were not captured, or were cut by the snap length. */
  | 'gap'
  /** The flow was under way when the source began, and its state cannot be known. */
  | 'midstream'
  /** A message longer than its limit. */
  | 'limit'
  /** The bytes break the rules of the protocol that they spoke until then. */
  | 'malformed'
  /** A flow's state was given up to hold memory bounded. */
  | 'evicted'
  /** The sensor's own reports were lost on the way: it may have seen what it could not say. */
  | 'unseen';

export interface AnalysisLost extends Common {
  readonly kind: 'analysis-lost';
  readonly cause: LostCause;
  /** The protocol that was expected or being parsed. */
  readonly protocol: Protocol | null;
  /** For a person: what was seen instead; never raw payload. */
  readonly detail: string;
  /** True when nothing more of this flow will be understood. */
  readonly lasting: boolean;
}

/** Bytes that two readers could take differently, seen below the application protocols. */
export interface AmbiguitySeen extends Common {
  readonly kind: 'ambiguity';
  readonly code: AmbiguityCode;
  readonly detail: string;
}
