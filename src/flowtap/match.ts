// What a data plane must match to cut a flow. Enters: a flow; leaves: one match a direction, and a key that names both.
import { type Endpoint, type Flow, formatEndpoint } from '../flow.ts';

/** Exactly one direction of one flow, as far as a capture, a switch and a gate can all express it. */
export interface FlowMatch {
  readonly ip: 4 | 6;
  /** From the outermost inwards. */
  readonly vlans: readonly number[];
  readonly source: Endpoint;
  readonly destination: Endpoint;
}

/** Both directions: a half-cut flow would leave its ends waiting, and let answers out. */
export function matchesOf(flow: Flow): readonly [FlowMatch, FlowMatch] {
  const ip = flow.orig.ip.includes(':') ? 6 : 4;
  const { vlans, orig, resp } = flow;
  return [
    { ip, vlans, source: orig, destination: resp },
    { ip, vlans, source: resp, destination: orig },
  ];
}

/**
 * Equal for two flows that no data plane could tell apart: the same five-tuple, in either direction, with the same VLAN
 * tags, at the same place. A new connection that reuses the ports of a blocked one is that flow.
 */
export function flowKey(flow: Flow): string {
  const ends = [formatEndpoint(flow.orig), formatEndpoint(flow.resp)].sort();
  return JSON.stringify([flow.seenAt, flow.vlans, ...ends]);
}
