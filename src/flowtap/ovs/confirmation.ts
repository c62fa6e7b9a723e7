// Looks for the first dropped packet of each block. Enters: rules, a way to list flows; leaves: rules that are confirmed.
import type { Clock } from './clock.ts';
import type { FlowEntry } from './openflow/message.ts';
import { count, type HeldRule, type Rules } from './rules.ts';

/** Milliseconds until the counts are looked at again, at least and at most: it costs a listing. */
const FROM = 250;
const TO = 4000;

/** Looks often after a block was set, then ever less often, and not at all when every block is confirmed. */
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

  #schedule(): void {
    this.#cancel?.();
    this.#cancel = this.#clock.after(this.#after, () => void this.#look());
  }

  async #look(): Promise<void> {
    this.#cancel = null;
    if (![...this.#rules.all()].some(({ confirmed }) => !confirmed)) return;
    for (const flow of (await this.#list()) ?? []) {
      const held = flow.packets === 0n ? null : this.#rules.withCookie(flow.cookie);
      if (held === null) continue;
      count(held, flow);
      if (held.confirmed) continue;
      held.confirmed = true;
      this.#confirmed(held);
    }
    if (this.#cancel !== null) return;
    this.#after = Math.min(TO, this.#after * 2);
    this.#schedule();
  }
}
