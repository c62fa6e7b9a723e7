// What a gate in the path did, as a line of the journal. Enters: a change; leaves: its record.
import { type Flow, formatEndpoint, type Micros } from '../flow.ts';
import { type GateRecord, SCHEMA } from './record.ts';
import { timestamp } from './timestamp.ts';

/** What a gate can say of itself. */
export type GateChange =
  /** It takes connections, or takes no more. */
  | 'opened'
  | 'closed'
  /** A denied request was answered in its own protocol; the connection goes on where that can be. */
  | 'answered'
  /** Both ends of a connection were cut off because of a verdict. */
  | 'reset'
  /** Something was held for its verdict as long as it may be, and was cut off or passed on. */
  | 'late-reset'
  | 'late-passed'
  /** A bound was reached, and a connection cut off. */
  | 'full';

export interface GateEntry {
  /** Of this machine's clock. */
  readonly at: Micros;
  /** The time of the traffic up to which was judged; null before any. */
  readonly traffic: Micros | null;
  readonly gate: string;
  readonly change: GateChange;
  readonly flow: Flow | null;
  readonly verdict: string | null;
  /** For a person. */
  readonly text: string;
}

export function gateRecord({ at, traffic, gate, change, flow, verdict, text }: GateEntry): GateRecord {
  return {
    schema: SCHEMA,
    record: 'gate',
    time: timestamp(at),
    traffic: traffic === null ? null : timestamp(traffic),
    gate,
    change,
    flow: flow?.id ?? null,
    flow_orig: flow === null ? null : formatEndpoint(flow.orig),
    flow_resp: flow === null ? null : formatEndpoint(flow.resp),
    verdict,
    text,
  };
}
