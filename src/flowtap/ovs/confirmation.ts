// Looks whether each block drops packets. Enters: rules, a way to list flows; leaves: rules that are confirmed.
import type { Clock } from './clock.ts';
import type { FlowEntry } from './openflow/message.ts';
import { count, type HeldRule, type Rules, receiptOf } from './rules.ts';

/** Milliseconds until the counts are looked at again, at least and at most: it costs a listing. */
const FROM = 250;
const TO = 4000;

/**
 * A block is confirmed when its count grew between two looks. That it counted at all shows nothing: what passed on a
 * cached flow may be put down to the new rule when that flow is checked again.
 *
 * Looks often after a block was set, then ever less often, and not at all when every block is confirmed.
 */
export class Confirmation {
  readonly #rules: Rules;
  readonly #list: () => Promise<readonly FlowEntry[] | null>;
  readonly #confirmed: (held: HeldRule) => void;
  readonly #clock: Clock;
  #cancel: (() => void) | null = null;
  #after = FROM;

  constructor(
    rules: Rules,
    list: () => Promise<readonly FlowEntry[] | null>,
    confirmed: (held: HeldRule) => void,
    clock: Clock,
  ) {
    this.#rules = rules;
    this.#list = list;
    this.#confirmed = confirmed;
    this.#clock = clock;
  }

  soon(): void {
    this.#after = FROM;
    this.#schedule();
  }

  stop(): void {
    this.#cancel?.();
  }

  #judge(held: HeldRule): void {
    const { packets } = receiptOf(held).dropped;
    held.firstSeen ??= packets;
    if (held.confirmed || packets <= held.firstSeen) return;
    held.confirmed = true;
    this.#confirmed(held);
  }

  #schedule(): void {
    this.#cancel?.();
    this.#cancel = this.#clock.after(this.#after, () => void this.#look());
  }

  async #look(): Promise<void> {
    this.#cancel = null;
    if (![...this.#rules.all()].some(({ confirmed }) => !confirmed)) return;
    const flows = await this.#list();
    for (const flow of flows ?? []) {
      const held = this.#rules.withCookie(flow.cookie);
      if (held !== null) count(held, flow);
    }
    for (const held of flows === null ? [] : this.#rules.all()) this.#judge(held);
    if (this.#cancel !== null) return;
    this.#after = Math.min(TO, this.#after * 2);
    this.#schedule();
  }
}
