// The driver without a data plane, and the twin for tests. Enters: bundles, and packets for a test; leaves: reports.
import type { Endpoint, Micros } from '../flow.ts';
import type { Acceptance, BlockId, Change, Driver, DropRule, Receipt, Report } from './driver.ts';
import type { FlowMatch } from './match.ts';

/** How the twin behaves for one rule: like a switch that works, that has such a rule already, that refuses, that is silent. */
export type Behaviour = 'works' | 'exists' | 'fails' | 'silent';

/** Lets a test script what a switch does. */
export interface Script {
  /** For bundles as a whole. */
  readonly accept?: (bundle: readonly Change[]) => Acceptance;
  readonly behave?: (rule: DropRule) => Behaviour;
}

/** A packet as a data plane sees it. */
export interface Passer {
  readonly where: string;
  readonly vlans: readonly number[];
  readonly source: Endpoint;
  readonly destination: Endpoint;
  readonly bytes: number;
}

interface Held {
  readonly rule: DropRule;
  readonly receipt: { passed: Receipt['passed']; dropped: { packets: number; bytes: number } };
}

const NOTHING = { packets: 0, bytes: 0 };

/** Holds rules in memory: they are effective at once, for what is offered to it. It never expires a rule by itself. */
export class MemoryDriver implements Driver {
  readonly name = 'memory';
  readonly expires = false;
  readonly #script: Script;
  readonly #held = new Map<BlockId, Held>();
  #report: (report: Report) => void = () => {};

  constructor(script: Script = {}) {
    this.#script = script;
  }

  listen(report: (report: Report) => void): void {
    this.#report = report;
  }

  apply(bundle: readonly Change[], at: Micros): Acceptance {
    const acceptance = this.#script.accept?.(bundle) ?? { kind: 'accepted' };
    if (acceptance.kind !== 'accepted') return acceptance;
    for (const change of bundle) {
      if (change.kind === 'set') this.#set(change.rule, at);
      else this.#remove(change.block, at);
    }
    return acceptance;
  }

  async held(): Promise<readonly BlockId[]> {
    return [...this.#held.keys()];
  }

  /** Offers a packet to the data plane, as a test does; reports the first that is dropped for a block. */
  offer(packet: Passer, at: Micros): 'pass' | 'drop' {
    for (const [block, { rule, receipt }] of this.#held) {
      if (rule.where !== packet.where || !rule.matches.some((match) => matches(match, packet))) continue;
      receipt.dropped.packets++;
      receipt.dropped.bytes += packet.bytes;
      if (receipt.dropped.packets === 1)
        this.#report({ kind: 'confirmed', block, at, receipt: copy(receipt) });
      return 'drop';
    }
    return 'pass';
  }

  #set(rule: DropRule, at: Micros): void {
    const { block } = rule;
    const behaviour = this.#script.behave?.(rule) ?? 'works';
    switch (behaviour) {
      case 'fails':
        this.#report({ kind: 'failed', block, at, why: 'the script of this twin says so' });
        return;
      case 'exists':
        this.#report({ kind: 'exists', block, at });
        return;
      case 'silent':
        return;
      case 'works': {
        const known = this.#held.get(block);
        const receipt = known?.receipt ?? { passed: NOTHING, dropped: { ...NOTHING } };
        this.#held.set(block, { rule, receipt });
        if (known !== undefined) return;
        this.#report({ kind: 'installed', block, at });
        this.#report({ kind: 'effective', block, at });
        return;
      }
    }
  }

  #remove(block: BlockId, at: Micros): void {
    const held = this.#held.get(block);
    this.#held.delete(block);
    this.#report({
      kind: 'removed',
      block,
      at,
      receipt: held === undefined ? null : copy(held.receipt),
    });
  }
}

function matches(match: FlowMatch, packet: Passer): boolean {
  return (
    same(match.source, packet.source) &&
    same(match.destination, packet.destination) &&
    match.vlans.join() === packet.vlans.join()
  );
}

function same(a: Endpoint, b: Endpoint): boolean {
  return a.ip === b.ip && a.port === b.port;
}

function copy({ passed, dropped }: Receipt): Receipt {
  return { passed: passed === null ? null : { ...passed }, dropped: { ...dropped } };
}
