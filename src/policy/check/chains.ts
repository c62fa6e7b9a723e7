// What is wrong with the chains of a policy. Enters: a document; leaves: problems.
import type { PolicyDocument, StepDeclaration } from '../document.ts';
import type { PolicyProblem } from '../problem.ts';
import { problem } from './problem.ts';
import type { Placed } from './walk.ts';

/** Chains that begin alike, steps that stand twice in one place, requests that nothing uses. */
export function* checkChains(document: PolicyDocument, steps: readonly Placed[]): Generator<PolicyProblem> {
  const roots = new Set<string>();
  if (document.chains.length === 0 && document.outside.length === 0) {
    yield problem(
      'empty',
      { place: document.services[0]?.place ?? null },
      `application "${document.application}" has no chain, so it denies everything`,
      'return at least one chain() or outside()',
    );
  }
  for (const chain of document.chains) {
    if (roots.has(chain.root.request)) {
      yield problem(
        'duplicate-chain',
        chain,
        `two chains begin with "${chain.root.request}"`,
        'put what it causes into one chain',
      );
    }
    roots.add(chain.root.request);
  }
  for (const { step } of steps) yield* checkSiblings(step);
  const used = new Set([...document.outside, ...steps.map(({ request }) => request.id)]);
  for (const request of document.requests) {
    if (used.has(request.id)) continue;
    yield problem(
      'unused-request',
      request,
      `"${request.id}" is in no chain and not outside, so it is never explained`,
      'put it into a chain or into outside()',
      'warning',
    );
  }
}

function* checkSiblings(step: StepDeclaration): Generator<PolicyProblem> {
  const siblings = new Set<string>();
  for (const child of step.children) {
    if (siblings.has(child.request)) {
      yield problem(
        'overlapping-steps',
        child,
        `"${child.request}" stands twice below "${step.request}"`,
        'say many() or .retried(n) instead',
      );
    }
    siblings.add(child.request);
  }
}
