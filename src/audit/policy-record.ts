// The replacement of a policy as a line of the journal. Enters: what became of an application; leaves: its record.
import type { PolicyChange } from '../engine.ts';
import type { Micros } from '../flow.ts';
import { type PolicyRecord, SCHEMA } from './record.ts';
import { timestamp } from './timestamp.ts';

/** Parts of a document that are listed. */
const MOST_CHANGES = 200;

export interface PolicyEntry extends PolicyChange {
  /** Of this machine's clock. */
  readonly at: Micros;
  /** The time of the traffic up to which was judged; null before any. */
  readonly traffic: Micros | null;
  /** Flows that are cut because of it. */
  readonly cut: number;
  /** Blocks that were taken back because of it. */
  readonly released: number;
}

export function policyRecord(entry: PolicyEntry): PolicyRecord {
  const { application, before, after, differences, flows, chains, cut, released } = entry;
  return {
    schema: SCHEMA,
    record: 'policy',
    time: timestamp(entry.at),
    traffic: entry.traffic === null ? null : timestamp(entry.traffic),
    application,
    before,
    after,
    changes: differences.slice(0, MOST_CHANGES).map(({ kind, path }) => ({ kind, path: path.join(' > ') })),
    change_count: differences.length,
    flows,
    chains_continued: chains.continued,
    chains_ended: chains.ended,
    chains_unknown: chains.unknown,
    cut,
    released,
  };
}
