// Which steps have facts of their own. Enters: the steps of a chain; leaves: for each step that may come often, its facts.
import type { MemoryDeclaration, RequestDeclaration, StepDeclaration } from './document.ts';
import { factsOfRequest } from './fact-names.ts';

/**
 * A fact that only a step which may come any number of times, and what that step causes, speak of is settled anew by each
 * of its requests: the look-up of one item says nothing about the next. A fact that stands anywhere else, too, is one for
 * the whole chain.
 */
export function scopesOf(
  root: StepDeclaration,
  requests: ReadonlyMap<string, RequestDeclaration>,
  memories: readonly MemoryDeclaration[] = [],
): ReadonlyMap<StepDeclaration, ReadonlySet<string>> {
  /** For each fact, the repeated steps that all of its places so far stand in, from the outermost inwards. */
  const shared = new Map<string, readonly StepDeclaration[]>();
  const walk = (step: StepDeclaration, around: readonly StepDeclaration[]): void => {
    const within = step.cardinality === 'many' ? [...around, step] : around;
    const request = requests.get(step.request);
    for (const fact of request === undefined ? [] : factsOfRequest(request, memories)) {
      const known = shared.get(fact);
      shared.set(fact, known === undefined ? within : common(known, within));
    }
    for (const child of step.children) walk(child, within);
  };
  walk(root, []);
  const owned = new Map<StepDeclaration, Set<string>>();
  for (const [fact, around] of shared) {
    const owner = around.at(-1);
    if (owner !== undefined) owned.set(owner, (owned.get(owner) ?? new Set()).add(fact));
  }
  return owned;
}

function common<T>(a: readonly T[], b: readonly T[]): readonly T[] {
  const end = a.findIndex((each, i) => each !== b[i]);
  return end < 0 ? a : a.slice(0, end);
}
