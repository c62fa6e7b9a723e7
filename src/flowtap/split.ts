// Two data planes as one. Enters: bundles; leaves: each rule at the one that has its flow, and the reports of both.
import type { Micros } from '../flow.ts';
import type { Acceptance, BlockId, Change, Driver, Report } from './driver.ts';

const ACCEPTED: Acceptance = { kind: 'accepted' };

/**
 * Rules of some places go to one driver, all others to another. A bundle for both is all or nothing only where `some` never
 * refuses one: `others` is asked first.
 */
export class SplitDriver implements Driver {
  readonly name: string;
  readonly expires: boolean;
  readonly #some: Driver;
  readonly #others: Driver;
  readonly #isForSome: (where: string) => boolean;
  /** Blocks that `some` has: a removal does not say where its flow was seen. */
  readonly #placed = new Set<BlockId>();

  constructor(some: Driver, others: Driver, isForSome: (where: string) => boolean) {
    this.name = others.name;
    this.expires = some.expires && others.expires;
    this.#some = some;
    this.#others = others;
    this.#isForSome = isForSome;
  }

  listen(report: (report: Report) => void): void {
    this.#some.listen((said) => {
      if (said.kind === 'removed') this.#placed.delete(said.block);
      report(said);
    });
    this.#others.listen(report);
  }

  apply(bundle: readonly Change[], at: Micros): Acceptance {
    const some = bundle.filter((change) => this.#isSome(change));
    const others = bundle.filter((change) => !this.#isSome(change));
    const acceptance = others.length === 0 ? ACCEPTED : this.#others.apply(others, at);
    if (acceptance.kind !== 'accepted' || some.length === 0) return acceptance;
    for (const change of some) if (change.kind === 'set') this.#placed.add(change.rule.block);
    return this.#some.apply(some, at);
  }

  async held(): Promise<readonly BlockId[] | null> {
    const [some, others] = await Promise.all([this.#some.held(), this.#others.held()]);
    return some === null || others === null ? null : [...some, ...others];
  }

  #isSome(change: Change): boolean {
    return change.kind === 'set' ? this.#isForSome(change.rule.where) : this.#placed.has(change.block);
  }
}
