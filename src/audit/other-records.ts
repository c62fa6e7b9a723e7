// Chain ends, blocks and the end of a run as lines of the journal. Enters: each of them; leaves: its record.
import type { EngineStatistics } from '../engine.ts';

import { formatEndpoint, type Micros } from '../flow.ts';
import type { Block } from '../flowtap/block.ts';
import type { SensorStatistics } from '../sensor/statistics.ts';
import type { ChainRecord } from '../verdict.ts';
import { type BlockRecord, type ChainEndRecord, type Counts, type EndRecord, SCHEMA } from './record.ts';
import { seconds, timestamp } from './timestamp.ts';

/** The record of a chain that ended. */
export function chainRecord(chain: ChainRecord): ChainEndRecord {
  return {
    schema: SCHEMA,
    record: 'chain',
    time: timestamp(chain.ended),
    id: chain.id,
    application: chain.application,
    policies: chain.policies,
    root: chain.root,
    opened: timestamp(chain.opened),
    ended: timestamp(chain.ended),
    seconds: seconds(chain.ended - chain.opened),
    outcome: chain.outcome,
    missing: chain.missing,
    requests: chain.requests,
    facts: chain.facts,
  };
}

/** The record of a block as it is at `now`. */
export function blockRecord(block: Block, now: Micros): BlockRecord {
  const { flow, causes, receipt } = block;
  return {
    schema: SCHEMA,
    record: 'block',
    time: timestamp(now),
    id: block.id,
    state: block.state,
    why: block.why,
    flow: flow.id,
    flow_orig: formatEndpoint(flow.orig),
    flow_resp: formatEndpoint(flow.resp),
    vlans: flow.vlans,
    seen_at: flow.seenAt,
    verdicts: causes.map(({ verdict }) => verdict),
    owners: [...new Set(causes.map(({ owner }) => owner))],
    cause: causes[0].text,
    cause_count: block.causeCount,
    from: timestamp(block.from),
    until: timestamp(block.until),
    reached: Object.fromEntries(Object.entries(block.reached).map(([state, at]) => [state, timestamp(at)])),
    passed_packets: receipt?.passed?.packets ?? null,
    passed_bytes: receipt?.passed?.bytes ?? null,
    dropped_packets: receipt?.dropped.packets ?? null,
    dropped_bytes: receipt?.dropped.bytes ?? null,
  };
}

/** What the end of a run says: what was read, what came of it, and that nothing vanished. */
export interface RunEnd {
  readonly at: Micros;
  readonly sources: readonly string[];
  /** Who read them. */
  readonly by: 'embedded' | 'zeek' | 'both';
  readonly whole: boolean;
  readonly engine: EngineStatistics;
  /** Counts of the sensor; of a live run, by the name of the Zeek. */
  readonly sensor: Readonly<SensorStatistics> | Readonly<Record<string, object>>;
  readonly blocks: { readonly desired: number; readonly evicted: number; readonly strayReports: number };
}

export function endRecord({ at, sources, by, whole, engine, sensor, blocks }: RunEnd): EndRecord {
  return {
    schema: SCHEMA,
    record: 'end',
    time: timestamp(at),
    sources,
    sensed_by: by,
    whole,
    engine: counts(engine),
    sensor: counts(sensor),
    blocks: counts(blocks),
  };
}

/** The numbers of an object and of the objects in it, with names as the rest of the journal writes them. */
function counts(object: object): Counts {
  const entries: [string, number | Counts][] = [];
  for (const [name, value] of Object.entries(object)) {
    const key = name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    if (typeof value === 'number' || typeof value === 'bigint') entries.push([key, Number(value)]);
    else if (typeof value === 'object' && value !== null) entries.push([key, counts(value)]);
  }
  return Object.fromEntries(entries);
}
