// The blocks of one bridge: what each wants in the switch, what the switch counted. Enters: rules, counts; leaves: receipts.
import type { Micros } from '../../flow.ts';
import type { BlockId, Counts, DropRule, Receipt } from '../driver.ts';
import { slotOf, type WantedFlow } from './compile.ts';
import { slotOfEntry } from './counts.ts';
import type { FlowEntry } from './openflow/message.ts';

/** A flow with the key of its place. */
export interface SlottedFlow {
  readonly slot: string;
  readonly flow: WantedFlow;
}

export interface HeldRule {
  readonly rule: DropRule;
  readonly flows: readonly SlottedFlow[];
  /** When the cause of the block came about. */
  readonly since: Micros;
  /** What each direction dropped, as far as the switch said. */
  readonly dropped: Map<string, Counts>;
  /** Undefined before anybody was asked. */
  passed: Counts | null | undefined;
  confirmed: boolean;
  /** Dropped packets when the counts were looked at first. */
  firstSeen: number | null;
  /** Directions whose end the switch reported. */
  readonly ended: Set<string>;
}

const NOTHING: Counts = { packets: 0, bytes: 0 };

/** Rules by block and by cookie. */
export class Rules {
  readonly #byBlock = new Map<BlockId, HeldRule>();
  readonly #byNumber = new Map<number, HeldRule>();

  get size(): number {
    return this.#byBlock.size;
  }

  /** Takes a rule on; one of the same block is replaced, and its counts go on. */
  set(rule: DropRule, flows: readonly WantedFlow[], since: Micros): HeldRule {
    const before = this.#byBlock.get(rule.block);
    const held: HeldRule = {
      rule,
      flows: flows.map((flow) => ({ slot: slotOf(flow), flow })),
      since: before?.since ?? since,
      dropped: before?.dropped ?? new Map(),
      passed: before?.passed,
      confirmed: before?.confirmed ?? false,
      firstSeen: before?.firstSeen ?? null,
      ended: new Set(),
    };
    this.take(held);
    return held;
  }

  /** Takes over what another one held. */
  take(held: HeldRule): void {
    this.#byBlock.set(held.rule.block, held);
    this.#byNumber.set(held.rule.cookie.block, held);
  }

  get(block: BlockId): HeldRule | null {
    return this.#byBlock.get(block) ?? null;
  }

  /** The rule whose flows bear this cookie. */
  withCookie(cookie: bigint): HeldRule | null {
    const held = this.#byNumber.get(Number(cookie & 0xffff_ffffn));
    return held?.flows.some(({ flow }) => flow.cookie === cookie) === true ? held : null;
  }

  delete(block: BlockId): HeldRule | null {
    const held = this.#byBlock.get(block);
    if (held === undefined) return null;
    this.#byBlock.delete(block);
    this.#byNumber.delete(held.rule.cookie.block);
    return held;
  }

  all(): IterableIterator<HeldRule> {
    return this.#byBlock.values();
  }
}

/** Takes what a listed or removed flow counted. A switch that started again counts from 0: the larger one stays. */
export function count(held: HeldRule, flow: Omit<FlowEntry, 'actions'>): void {
  const slot = slotOfEntry(flow);
  if (slot === null) return;
  const counted = { packets: Number(flow.packets), bytes: Number(flow.bytes) };
  if (counted.packets >= (held.dropped.get(slot) ?? NOTHING).packets) held.dropped.set(slot, counted);
}

/** Both directions together. */
export function receiptOf({ passed, dropped }: HeldRule): Receipt {
  const sum = [...dropped.values()].reduce(
    (total, { packets, bytes }) => ({ packets: total.packets + packets, bytes: total.bytes + bytes }),
    NOTHING,
  );
  return { passed: passed ?? null, dropped: sum };
}
