// What is wrong with the chains of a policy. Enters: a document; leaves: problems.
import type { PolicyDocument, RequestDeclaration, StepDeclaration } from '../document.ts';
import type { PolicyProblem } from '../problem.ts';
import { problem } from './problem.ts';

/** Chains that begin alike, steps that cannot come, requests that nothing uses. */
export function* checkChains(document: PolicyDocument): Generator<PolicyProblem> {
  const requests = new Map(document.requests.map((request) => [request.id, request]));
  const roots = new Set<string>();
  const used = new Set(document.outside);
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
    yield* checkSteps(chain.root, requests, used);
  }
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

function* checkSteps(
  step: StepDeclaration,
  requests: ReadonlyMap<string, RequestDeclaration>,
  used: Set<string>,
): Generator<PolicyProblem> {
  used.add(step.request);
  const parent = requests.get(step.request);
  const siblings = new Set<string>();
  for (const child of step.children) {
    const request = requests.get(child.request);
    if (request !== undefined && parent !== undefined && request.from !== parent.to) {
      yield problem(
        'unreachable-step',
        child,
        `"${request.id}" is made by "${request.from}", but its parent "${parent.id}" is served by "${parent.to}"`,
        'put it below a request that its maker serves',
      );
    }
    if (siblings.has(child.request)) {
      yield problem(
        'overlapping-steps',
        child,
        `"${child.request}" stands twice below "${step.request}"`,
        'say many() or .retried(n) instead',
      );
    }
    siblings.add(child.request);
    yield* checkSteps(child, requests, used);
  }
}
