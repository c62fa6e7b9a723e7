// Engine and FlowTap layer together: what is said about one event. Enters: events, the passing of time; leaves: entries of the journal.
import type { AuditEntry } from './audit/entry.ts';
import type { Engine } from './engine.ts';
import type { Event } from './events/event.ts';
import type { Micros } from './flow.ts';
import type { Block } from './flowtap/block.ts';
import type { Blocks } from './flowtap/blocks.ts';
import type { EngineOutput, VerdictId } from './verdict.ts';

/** Time is the traffic's, and never goes back. */
export class Judge {
  readonly #engine: Engine;
  readonly #blocks: Blocks;
  #now: Micros = 0;

  constructor(engine: Engine, blocks: Blocks) {
    this.#engine = engine;
    this.#blocks = blocks;
  }

  /** The latest time of the traffic; 0 before any. */
  get now(): Micros {
    return this.#now;
  }

  /** Takes the next event. */
  handle(event: Event): readonly AuditEntry[] {
    this.#pass(event.ts);
    return this.#entries(this.#engine.handle(event));
  }

  /** Lets the traffic's time pass while it is silent. */
  advance(now: Micros): readonly AuditEntry[] {
    if (now <= this.#now) return [];
    this.#pass(now);
    return this.#entries(this.#engine.advance(now));
  }

  /**
   * Judges by other policies from now on; gives an entry for each application that changed, before what is said of it.
   * @param at of this machine's clock
   */
  replace(policies: Parameters<Engine['replace']>[0], at: Micros): readonly AuditEntry[] {
    const { outputs, changes, isLifted } = this.#engine.replace(policies);
    const entries = this.#entries(outputs);
    const cutBy = new Map<string, Set<string>>();
    for (const output of outputs) {
      if (output.kind !== 'block') continue;
      const { owner, flow } = output.block;
      cutBy.set(owner, (cutBy.get(owner) ?? new Set()).add(flow.id));
    }
    const records = changes.map((change): AuditEntry => {
      const { application, before, after } = change;
      const released = this.#blocks.lift(
        (cause) => cause.owner === application && isLifted(application, cause.verdict),
        `released: the policy was replaced (${before} by ${after})`,
        this.#now,
      );
      const traffic = this.#now === 0 ? null : this.#now;
      const cut = cutBy.get(application)?.size ?? 0;
      return { kind: 'policy', change: { ...change, at, traffic, cut, released } };
    });
    return [...records, ...entries, ...this.takeBlocks()];
  }

  /** What became of blocks since this or anything else was asked: a switch answers when it has done it. */
  takeBlocks(): readonly AuditEntry[] {
    return this.#blocks.takeChanges().map((block) => ({ kind: 'block', block, at: this.#now }));
  }

  #pass(to: Micros): void {
    this.#now = Math.max(this.#now, to);
    this.#blocks.advance(this.#now);
  }

  /** A verdict knows the block that it led to, so blocks are asked for first. */
  #entries(outputs: readonly EngineOutput[]): readonly AuditEntry[] {
    const blockOf = new Map<VerdictId, Block>();
    for (const output of outputs) {
      if (output.kind === 'block') blockOf.set(output.block.verdict, this.#blocks.block(output.block));
    }
    const entries: AuditEntry[] = [];
    for (const output of outputs) {
      if (output.kind === 'verdict') {
        const { verdict } = output;
        entries.push({ kind: 'verdict', verdict, block: blockOf.get(verdict.id) ?? null });
      } else if (output.kind === 'chain') {
        entries.push({ kind: 'chain', chain: output.record });
      }
    }
    return [...entries, ...this.takeBlocks()];
  }
}
