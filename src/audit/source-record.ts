// What happened to a source of events, and the beginning of a live run, as lines of the journal. Enters: each of them; leaves: its record.
import type { Micros } from '../flow.ts';
import { SCHEMA, type SourceRecord, type StartRecord } from './record.ts';
import { timestamp } from './timestamp.ts';

/** What can happen to a Zeek. */
export type SourceChange =
  /** It said hello for the first time, or again after it was lost. */
  | 'connected'
  /** The connection broke off. */
  | 'lost'
  /** It was out of reach for as long as the configuration allows. */
  | 'gone'
  /** Another run of it said hello. */
  | 'restarted'
  /** Numbers of its events never came. */
  | 'skipped'
  /** Its events come faster than they are judged; then they do not any more. */
  | 'slow'
  | 'caught-up'
  /** A frame or an event of it cannot be read. */
  | 'malformed'
  /** It speaks another schema, or does not follow the configuration. */
  | 'refused'
  /** It lost packets before it could read them. */
  | 'packets-dropped'
  /** There were more connections than it follows. */
  | 'unfollowed'
  /** Its time is far from this machine's; then it is not any more. */
  | 'clock-wrong'
  | 'clock-right'
  /** The process that this service started has ended. */
  | 'exited';

/** What was done because of it. */
export type SourceResponse = 'none' | 'blinded' | 'paused' | 'dropped' | 'ended' | 'restarting';

export interface SourceEntry {
  /** Of this machine's clock. */
  readonly at: Micros;
  /** The time of the traffic up to which was judged; null before any. */
  readonly traffic: Micros | null;
  readonly source: string;
  readonly change: SourceChange;
  /** The run of that Zeek, as it names it; null before its first hello. */
  readonly epoch: string | null;
  /** Numbers of events, both inclusive, where numbers are what it is about. */
  readonly from: bigint | null;
  readonly to: bigint | null;
  /** How many events or packets, where that is known. */
  readonly count: number | null;
  readonly response: SourceResponse;
  /** For a person. */
  readonly text: string;
}

/** The first line of a live run: the names of verdicts, chains and blocks begin anew with it. */
export interface RunStart {
  readonly at: Micros;
  readonly version: string;
  readonly policies: readonly { readonly application: string; readonly policy: string }[];
  readonly sources: readonly string[];
}

export function sourceRecord(entry: SourceEntry): SourceRecord {
  return {
    schema: SCHEMA,
    record: 'source',
    time: timestamp(entry.at),
    traffic: entry.traffic === null ? null : timestamp(entry.traffic),
    source: entry.source,
    change: entry.change,
    epoch: entry.epoch,
    from: entry.from === null ? null : String(entry.from),
    to: entry.to === null ? null : String(entry.to),
    count: entry.count,
    response: entry.response,
    text: entry.text,
  };
}

export function startRecord({ at, version, policies, sources }: RunStart): StartRecord {
  return { schema: SCHEMA, record: 'start', time: timestamp(at), version, policies, sources };
}
