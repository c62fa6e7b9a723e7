// What listed flows say about contracts and blocks. Enters: flows as a switch lists them; leaves: counts, blocks that are there.
import type { ContractId } from '../contract.ts';
import type { BlockId, Counts } from '../driver.ts';
import { slotOf } from './compile.ts';
import { contractOf } from './layout.ts';
import type { FlowEntry } from './openflow/message.ts';
import type { HeldRule } from './rules.ts';

/** Packets and bytes that each contract delivered, both directions. */
export function deliveredBy(flows: readonly FlowEntry[]): ReadonlyMap<ContractId, Counts> {
  const counts = new Map<ContractId, Counts>();
  for (const { cookie, actions, packets, bytes } of flows) {
    const number = contractOf(cookie);
    // One without actions only keeps a second copy from being made.
    if (number === null || actions?.length === 0) continue;
    const id = `c${number}` as ContractId;
    const before = counts.get(id) ?? { packets: 0, bytes: 0 };
    counts.set(id, { packets: before.packets + Number(packets), bytes: before.bytes + Number(bytes) });
  }
  return counts;
}

/** The blocks of which every flow is there. */
export function completeBlocks(rules: Iterable<HeldRule>, flows: readonly FlowEntry[]): readonly BlockId[] {
  const slots = new Set(flows.map((flow) => slotOfEntry(flow)));
  return [...rules]
    .filter((held) => held.flows.every(({ slot }) => slots.has(slot)))
    .map(({ rule }) => rule.block);
}

/** The place of a listed flow; null when it has fields that are none of ours. */
export function slotOfEntry(flow: Omit<FlowEntry, 'actions'>): string | null {
  return flow.match === null ? null : slotOf({ ...flow, match: flow.match });
}
