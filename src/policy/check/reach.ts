// Steps that can never come, and obligations that can never be met. Enters: steps with their surroundings; leaves: problems.
import type { PolicyDocument, RequestDeclaration } from '../document.ts';
import type { PolicyProblem } from '../problem.ts';
import { lineOf, problem } from './problem.ts';
import { isDelivery, isNeverAnswered, isPublish, type Placed } from './walk.ts';

/** What makes a step unreachable, or an obligation one that nobody can meet. */
export function* checkReach(document: PolicyDocument, steps: readonly Placed[]): Generator<PolicyProblem> {
  const requests = new Map(document.requests.map((request) => [request.id, request]));
  const unanswered = new Set<string>();
  for (const placed of steps) {
    yield* checkMaker(placed);
    yield* checkBefore(placed, requests);
    yield* checkObligation(document, placed);
    const { request, step } = placed;
    if (!isNeverAnswered(request) || unanswered.has(request.id)) continue;
    unanswered.add(request.id);
    yield problem(
      'unanswered-step',
      step,
      `nothing answers "${request.id}", so a chain with it stays open until its lifetime is over`,
      'put it into outside()',
      'warning',
    );
  }
}

/** A step is made by whoever serves its parent; databases make no requests, and brokers only deliver. */
function* checkMaker({ step, request, parent }: Placed): Generator<PolicyProblem> {
  if (parent === null) return;
  const above = parent.request;
  if (request.from !== above.to) {
    yield problem(
      'unreachable-step',
      step,
      `"${request.id}" is made by "${request.from}", but its parent "${above.id}" is served by "${above.to}"`,
      'put it below a request that its maker serves',
    );
    return;
  }
  if (above.protocol === 'sql') {
    yield problem(
      'unreachable-step',
      step,
      `"${request.id}" stands below a statement, but a database makes no requests`,
      'put it beside the statement',
      'warning',
    );
  } else if (above.protocol === 'amqp' && !isDelivery(above)) {
    const why = !isDelivery(request)
      ? `stands below "${above.id}", but a broker only delivers`
      : isPublish(above) || gets(above)
        ? null
        : `is a delivery below "${above.id}", which brings no message`;
    if (why === null) return;
    yield problem(
      'unreachable-step',
      step,
      `"${request.id}" ${why}`,
      'put it below the delivery or the publish that causes it',
      'warning',
    );
  }
}

function gets(request: RequestDeclaration): boolean {
  return request.protocol === 'amqp' && request.action.kind === 'get';
}

/** In order, a step waits until those before it were answered with success. */
function* checkBefore(
  { step, request, before }: Placed,
  requests: ReadonlyMap<string, RequestDeclaration>,
): Generator<PolicyProblem> {
  for (const earlier of before) {
    const blocker = requests.get(earlier.request);
    const { cardinality, least } = earlier;
    const mayBeAbsent = cardinality === 'optional' || (cardinality === 'many' && least === 0);
    if (blocker === undefined || mayBeAbsent || !isNeverAnswered(blocker)) continue;
    yield problem(
      'unreachable-step',
      step,
      `"${request.id}" comes after "${blocker.id}"${lineOf(earlier)} in order, which is never answered`,
      'take one of them out of inOrder()',
    );
    return;
  }
}

function* checkObligation(
  document: PolicyDocument,
  { step, request, parent }: Placed,
): Generator<PolicyProblem> {
  const unmet = (text: string, remedy: string): PolicyProblem =>
    problem('unmet-obligation', step, text, remedy);
  const { cardinality, within, least, most } = step;
  if (cardinality === 'many' && most !== null && (most < least || most === 0))
    yield unmet(
      `"${request.id}" has to come ${least} times, and may come ${most} times`,
      'give times() the fewest first, and as many or more after it',
    );
  if (cardinality !== 'required' && cardinality !== 'eventually') return;
  if (isNeverAnswered(request)) {
    yield unmet(
      `nothing answers "${request.id}", so ${cardinality}() can never be met`,
      'say once() or optional()',
    );
    return;
  }
  if (
    cardinality === 'required' &&
    parent !== null &&
    (isPublish(parent.request) || isNeverAnswered(parent.request))
  ) {
    yield unmet(
      `"${request.id}" is required before "${parent.request.id}" is answered, which it never is`,
      'say once(), or eventually() with a time',
    );
  }
  if (cardinality !== 'eventually') return;
  if (within === null || within === 0)
    yield unmet(`"${request.id}" has to follow within no time at all`, 'say how long it may take');
  else if (within >= document.limits.chain)
    yield unmet(
      `"${request.id}" has ${within / 1e6} s, but a chain is given up after ${document.limits.chain / 1e6} s`,
      'say a longer chainLifetime in settings(), or a shorter time',
    );
}
