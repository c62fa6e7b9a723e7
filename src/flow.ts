// What every other part says about traffic: who talks to whom, when, and where in a stream. Enters: nothing; leaves: types.

/** A moment in microseconds since the Unix epoch, always taken from the traffic itself, never from a clock. */
export type Micros = number;

/** Names one flow within one run. Made only where flows are first seen (sensor, Zeek decoder). */
export type FlowId = string & { readonly __brand: 'FlowId' };

/** One end of a flow. `ip` is in canonical text form (RFC 5952 for IPv6). */
export interface Endpoint {
  readonly ip: string;
  readonly port: number;
}

/** Whose bytes: the originator's (it opened the connection) or the responder's. The terms are Zeek's. */
export type Side = 'orig' | 'resp';

/** A TCP connection and where it was seen. */
export interface Flow {
  readonly id: FlowId;
  readonly orig: Endpoint;
  readonly resp: Endpoint;
  /** VLAN tags from the outermost inwards; the same five-tuple on two VLANs is two flows. */
  readonly vlans: readonly number[];
  /** The capture file, interface or Zeek node that saw it. */
  readonly seenAt: string;
  /** True when the first packet seen was not its SYN: who is the originator is then a guess. */
  readonly midstream: boolean;
}

/** A byte range `[start, end)` of one side's stream; offset 0 is the first payload byte. */
export interface Span {
  readonly side: Side;
  readonly start: number;
  readonly end: number;
}

/** Where in the traffic something was seen. From a capture it also names the packets that carried the bytes. */
export interface Evidence extends Span {
  readonly flow: FlowId;
  readonly ts: Micros;
  /** The capture that `packets` count in, or null when the source keeps no packets. */
  readonly capture: string | null;
  /** Packet numbers in that capture, from 1 as Wireshark counts, ascending; at most the first 32. */
  readonly packets: readonly number[];
}

/** The other side. */
export function otherSide(side: Side): Side {
  return side === 'orig' ? 'resp' : 'orig';
}

/** `ip:port`, with brackets around IPv6 (RFC 3986 section 3.2.2). */
export function formatEndpoint(endpoint: Endpoint): string {
  return endpoint.ip.includes(':') ? `[${endpoint.ip}]:${endpoint.port}` : `${endpoint.ip}:${endpoint.port}`;
}
