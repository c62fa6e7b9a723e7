// What holds for a policy that does not say otherwise. Enters: nothing; leaves: keys, postures, limits.
import type { KeyDeclaration, PolicyLimits, Posture, PostureCause } from './document.ts';

/** Keys that are read wherever they stand, unless a policy says otherwise. */
export const DEFAULT_KEYS: readonly KeyDeclaration[] = [
  // W3C Trace Context: the trace id is shared along a chain, the rest of the header changes at each hop.
  { key: 'trace', in: 'http-header', name: 'traceparent', part: 'trace-id' },
  { key: 'trace', in: 'amqp-header', name: 'traceparent', part: 'trace-id' },
  // As sqlcommenter writes it at the end of a statement.
  { key: 'trace', in: 'sql-comment', name: 'traceparent', part: 'trace-id' },
  { key: 'b3', in: 'http-header', name: 'x-b3-traceid', part: 'b3' },
  { key: 'b3', in: 'http-header', name: 'b3', part: 'b3' },
  { key: 'b3', in: 'amqp-header', name: 'x-b3-traceid', part: 'b3' },
  { key: 'b3', in: 'amqp-header', name: 'b3', part: 'b3' },
  { key: 'request', in: 'http-header', name: 'x-request-id', part: 'all' },
  { key: 'correlation', in: 'amqp-property', name: 'correlation-id', part: 'all' },
  { key: 'message', in: 'amqp-property', name: 'message-id', part: 'all' },
];

/**
 * What is done with what cannot be told. It fails closed, but for causes that our own side brings about (packets lost
 * before they reached us, a start in the middle, memory, reports of the sensor that were lost) and for what honest
 * services do after a denied request.
 */
export const DEFAULT_POSTURES: Readonly<Record<PostureCause, Posture>> = {
  tls: 'drop',
  gss: 'drop',
  http2: 'drop',
  tunnel: 'drop',
  compressed: 'drop',
  'unknown-protocol': 'drop',
  malformed: 'drop',
  limit: 'drop',
  body: 'drop',
  gap: 'pass',
  midstream: 'pass',
  evicted: 'pass',
  unseen: 'pass',
  unremembered: 'pass',
  consequence: 'pass',
};

/** 10 ms of reordering, 5 ms between clocks, ten minutes a chain, a hundred thousand chains, an hour a block. */
export const DEFAULT_LIMITS: PolicyLimits = {
  reorder: 10_000,
  skew: 5_000,
  chain: 600_000_000,
  chains: 100_000,
  block: 3_600_000_000,
};
