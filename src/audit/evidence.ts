// Evidence as text that points to packets. Enters: evidence; leaves: `capture:packet` strings and stream ranges.
import type { Evidence } from '../flow.ts';
import type { PacketReference, RangeRecord } from './record.ts';
import { timestamp } from './timestamp.ts';

/** The packets of one piece of evidence; none when its source keeps no packets. */
function packetsOf({ capture, packets }: Evidence): readonly PacketReference[] {
  return capture === null ? [] : packets.map((packet) => `${capture}:${packet}`);
}

/** Each packet once, in the order of the evidence. */
export function allPackets(evidence: readonly Evidence[]): readonly PacketReference[] {
  return [...new Set(evidence.flatMap(packetsOf))];
}

export function rangeRecord(evidence: Evidence): RangeRecord {
  const { flow, side, start, end, ts } = evidence;
  return { flow, side, start, end, time: timestamp(ts), packets: packetsOf(evidence) };
}
