// What separates a switch from what it shall hold. Enters: wanted flows, listed flows; leaves: changes, and flows of others in our tables.

import type { Micros } from '../../flow.ts';
import { slotOf, type WantedFlow } from './compile.ts';
import { BASE_COOKIE, isOwn, type Layout } from './layout.ts';
import { actionsKey } from './openflow/actions.ts';
import type { FlowEntry, FlowMod } from './openflow/message.ts';

export interface Difference {
  readonly changes: readonly FlowMod[];
  /** Wanted flows that are there as they shall be. */
  readonly present: number;
  /** Flows of ours that nobody wants any more. */
  readonly stale: number;
  /** Wanted flows whose place another's flow has: with it, and whether that does the same. */
  readonly occupied: readonly { readonly wanted: WantedFlow; readonly same: boolean }[];
  /** Flows of others in our tables. They stay; somebody should know. */
  readonly strangers: readonly FlowEntry[];
}

/**
 * Removes what bears a cookie of the same owner (whichever run of it) and is not wanted, sets what is missing or was
 * changed, and touches nothing else.
 * @param spares flows of ours that are left as they are, since it is not known yet whether they are wanted
 * @param listed the flows of our tables, and those of table 0 that bear our cookies
 */
export function difference(
  wanted: ReadonlyMap<string, WantedFlow>,
  listed: readonly FlowEntry[],
  run: number,
  layout: Layout,
  now: Micros,
  spares: (cookie: bigint) => boolean = () => false,
): Difference {
  const changes: FlowMod[] = [];
  const additions = new Map(wanted);
  const occupied: { readonly wanted: WantedFlow; readonly same: boolean }[] = [];
  const strangers: FlowEntry[] = [];
  let present = 0;
  let stale = 0;
  for (const entry of listed) {
    const mine = isOwn(entry.cookie, run);
    const shared = entry.cookie === BASE_COOKIE;
    const want = entry.match === null ? undefined : wanted.get(slotOf({ ...entry, match: entry.match }));
    if (!mine && !shared) {
      if (!inOurTables(entry.table, layout)) continue;
      strangers.push(entry);
      if (want !== undefined) {
        occupied.push({ wanted: want, same: sameActions(entry, want) });
        additions.delete(slotOf(want));
      }
      continue;
    }
    if (want === undefined && mine && spares(entry.cookie)) continue;
    if (want === undefined) {
      // Others may still need what is shared.
      if (shared || entry.match === null) continue;
      stale++;
      changes.push(removal({ ...entry, match: entry.match }));
    } else if (entry.cookie === want.cookie && sameActions(entry, want)) {
      present++;
      additions.delete(slotOf(want));
    }
  }
  for (const want of additions.values()) changes.push(addition(want, now));
  return { changes, present, stale, occupied, strangers };
}

function inOurTables(table: number, { cut, from, to, out }: Layout): boolean {
  return [cut, from, to, out].includes(table);
}

function sameActions({ actions }: FlowEntry, want: WantedFlow): boolean {
  return actions !== null && actionsKey(actions) === actionsKey(want.actions);
}

/** Seconds that fit into a hard timeout; what shall stay longer is set again when they are over. */
const LONGEST_TIMEOUT = 65_535;

/** Sets a flow; one in the same place is replaced, its counts are kept. @param now the time of day */
export function addition({ until, ...flow }: WantedFlow, now: Micros): FlowMod {
  // One second more: who asked for it ends it first; the switch is the one that still ends it when we are gone.
  const hardTimeout =
    until === null ? 0 : Math.min(LONGEST_TIMEOUT, Math.max(1, Math.ceil((until - now) / 1e6) + 1));
  return { ...flow, command: 'add', cookieMask: 0n, hardTimeout };
}

/** Removes a flow, if it still bears its cookie. */
export function removal(flow: Pick<WantedFlow, 'table' | 'priority' | 'match' | 'cookie'>): FlowMod {
  const { table, priority, match, cookie } = flow;
  const cookieMask = 0xffff_ffff_ffff_ffffn;
  const rest = { hardTimeout: 0, notify: false, actions: [] } as const;
  return { command: 'delete-strict', table, priority, match, cookie, cookieMask, ...rest };
}
