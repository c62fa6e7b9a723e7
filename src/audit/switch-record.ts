// What happened to the switch that a live run blocks with, as a line of the journal. Enters: a change; leaves: its record.
import type { Micros } from '../flow.ts';
import { SCHEMA, type SwitchRecord } from './record.ts';
import { timestamp } from './timestamp.ts';

/** What can happen to a switch. */
export type SwitchChange =
  /** It holds what it shall, for the first time or again after it was lost. */
  | 'reached'
  /** It is out of reach: what is asked for meanwhile is set when it is back. */
  | 'lost'
  /** Its database does not have the bridge. */
  | 'no-bridge'
  /** Somebody else changed flows in our tables; then ours were set again. */
  | 'edited'
  | 'mended'
  /** How far a contract of this engine is. */
  | 'contract'
  /** It does not tell edits, or did not for a while. */
  | 'unwatched';

export interface SwitchEntry {
  /** Of this machine's clock. */
  readonly at: Micros;
  /** The time of the traffic up to which was judged; null before any. */
  readonly traffic: Micros | null;
  readonly bridge: string;
  readonly change: SwitchChange;
  /** How many flows, where it is about flows. */
  readonly count: number | null;
  /** For a person. */
  readonly text: string;
}

export function switchRecord({ at, traffic, bridge, change, count, text }: SwitchEntry): SwitchRecord {
  return {
    schema: SCHEMA,
    record: 'switch',
    time: timestamp(at),
    traffic: traffic === null ? null : timestamp(traffic),
    bridge,
    change,
    count,
    text,
  };
}
