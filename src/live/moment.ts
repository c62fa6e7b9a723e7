// The time that an event of our scripts says, whatever else it says. Enters: an item of a broker stream; leaves: microseconds, or null.
import type { StreamItem } from '../broker/item.ts';
import type { Micros } from '../flow.ts';

/**
 * The network time in the Head that every event of zeek-scripts begins with: `[epoch, n, ts, uid]`. Heartbeats become no
 * event of the engine's, but their time lets its time pass. Null for what has no such head.
 */
export function momentOf(item: StreamItem): Micros | null {
  if (item.kind !== 'event') return null;
  const [head] = item.args;
  if (head?.kind !== 'vector') return null;
  const ts = head.items[2];
  if (ts?.kind !== 'count' || ts.value > BigInt(Number.MAX_SAFE_INTEGER)) return null;
  return Number(ts.value);
}
