// What the sensor did, in numbers. Enters: counts of every part; leaves: the object that says that nothing vanished.
import type { Protocol } from '../events/common.ts';
import type { LostCause } from '../events/lost.ts';
import { IGNORED, type Ignored } from './link/ignored.ts';

export interface SensorStatistics {
  packets: number;
  /** Bytes captured and bytes on the wire, of whole frames. */
  bytes: number;
  wireBytes: number;
  /** TCP payload bytes that were read, and those of flows after it was clear that no parser would. */
  readBytes: number;
  unreadBytes: number;
  /** Flows seen in all, and those in memory now. */
  flows: number;
  openFlows: number;
  /** HTTP requests, AMQP methods, SQL statements and commands. */
  readonly requests: Record<Protocol, number>;
  /** Requests and responses with at least one ambiguity, and ambiguities below the protocols. */
  ambiguousMessages: number;
  ambiguities: number;
  /** `analysis-lost` events. */
  readonly lost: Record<LostCause, number>;
  lostBytes: number;
  /** Packets that were not analysed; fragments of incomplete datagrams too. */
  readonly ignored: Record<Ignored, number>;
  fragments: number;
  /** Retransmitted bytes, and those of them that lay too far back to be compared. */
  retransmittedBytes: number;
  uncomparedBytes: number;
}

const NO_LOST: Readonly<Record<LostCause, 0>> = {
  tls: 0,
  gss: 0,
  http2: 0,
  tunnel: 0,
  compressed: 0,
  'other-protocol': 0,
  'unknown-protocol': 0,
  gap: 0,
  midstream: 0,
  limit: 0,
  malformed: 0,
  evicted: 0,
  unseen: 0,
};

/** All counts at zero. */
export function emptyStatistics(): SensorStatistics {
  return {
    packets: 0,
    bytes: 0,
    wireBytes: 0,
    readBytes: 0,
    unreadBytes: 0,
    flows: 0,
    openFlows: 0,
    requests: { http: 0, amqp: 0, postgres: 0, mysql: 0 },
    ambiguousMessages: 0,
    ambiguities: 0,
    lost: { ...NO_LOST },
    lostBytes: 0,
    ignored: Object.fromEntries(IGNORED.map((reason) => [reason, 0])) as Record<Ignored, number>,
    fragments: 0,
    retransmittedBytes: 0,
    uncomparedBytes: 0,
  };
}
