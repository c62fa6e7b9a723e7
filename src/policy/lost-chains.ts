// Chains that are open and of which nothing more is known than how they began. Enters: chains; leaves: whether one could explain a request.
import type { ChainState } from '../chain/chain-state.ts';
import type { StepPlan } from '../chain/plan.ts';
import type { ChainRequest } from '../chain/request.ts';
import type { Micros } from '../flow.ts';
import type { CompiledPolicy } from './compile.ts';
import type { Decision } from './decide.ts';
import * as say from './sentences.ts';

export interface LostChain {
  /** The request that began it. */
  readonly root: string;
  readonly opened: Micros;
  readonly facts: ReadonlyMap<string, string>;
}

/** Chains whose facts are compared; of more, only the youngest of each kind is remembered, without facts. */
const MOST = 1000;

export class LostChains {
  readonly #policy: CompiledPolicy;
  readonly #chains: LostChain[] = [];
  readonly #others = new Map<string, LostChain>();
  readonly #below = new Map<string, ReadonlySet<string>>();

  constructor(policy: CompiledPolicy) {
    this.#policy = policy;
  }

  add(chain: LostChain): void {
    if (this.#chains.length < MOST) {
      this.#chains.push(chain);
      return;
    }
    const known = this.#others.get(chain.root);
    if (known === undefined || known.opened < chain.opened)
      this.#others.set(chain.root, { ...chain, facts: new Map() });
  }

  /** Those that may still be open. */
  alive(now: Micros): readonly LostChain[] {
    const { chain: lifetime } = this.#policy.document.limits;
    return [...this.#chains, ...this.#others.values()].filter(({ opened }) => opened + lifetime >= now);
  }

  /** A denial stands, unless such a chain could have explained the request. */
  excuse(decision: Decision): Decision {
    if (decision.kind !== 'drop' || decision.request === null) return decision;
    const { request } = decision;
    if (!this.mayExplain(request)) return decision;
    return { kind: 'cannot-read', cause: 'evicted', text: say.lost(request), instance: null };
  }

  /** True when such a chain has a step for this request, and no fact that is known of it differs. */
  mayExplain(request: ChainRequest): boolean {
    if (this.#chains.length === 0) return false;
    return this.alive(request.ts).some(
      ({ root, facts }) =>
        this.#stepsBelow(root).has(request.request) &&
        request.facts.every(({ fact, value }) => (facts.get(fact) ?? value) === value),
    );
  }

  #stepsBelow(root: string): ReadonlySet<string> {
    const known = this.#below.get(root);
    if (known !== undefined) return known;
    const names = new Set<string>();
    const plan = this.#policy.roots.get(root) ?? this.#policy.steps.get(root);
    const walk = ({ children }: StepPlan): void => {
      for (const child of children) {
        names.add(child.request);
        walk(child);
      }
    };
    if (plan !== undefined) walk(plan);
    this.#below.set(root, names);
    return names;
  }
}

/** What is remembered of a chain. */
export function lostOf(chain: ChainState): LostChain {
  const facts = new Map(chain.own.map(({ fact, value }) => [fact, value]));
  return { root: chain.root.plan.request, opened: chain.opened, facts };
}
