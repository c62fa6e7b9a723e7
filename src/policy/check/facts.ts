// What is wrong with the facts of a policy. Enters: a document; leaves: problems.
import type { PolicyDocument, RequestDeclaration } from '../document.ts';
import { factsByRequest, operandFacts } from '../fact-names.ts';
import type { PolicyProblem } from '../problem.ts';
import { closest, problem } from './problem.ts';

/** Facts that nothing sets, or that are compared in two ways. */
export function* checkFacts(document: PolicyDocument): Generator<PolicyProblem> {
  const carried = factsByRequest(document);
  const set = new Set(document.requests.flatMap((request) => request.facts.map(({ fact }) => fact)));
  for (const request of document.requests) {
    const kinds = new Map<string, string>();
    for (const other of document.requests) {
      for (const { fact, as } of other.facts) {
        const known = kinds.get(fact);
        if (as === 'text') continue;
        if (known !== undefined && known !== as && request === other) {
          yield problem(
            'malformed',
            request,
            `fact "${fact}" is compared both as ${known} and as ${as}`,
            'choose one',
          );
        }
        kinds.set(fact, as);
      }
    }
    if (request.protocol !== 'sql') continue;
    for (const fact of operandFacts(request)) {
      if (set.has(fact) || elsewhere(document, carried, request, fact)) continue;
      const like = closest(fact, set);
      yield problem(
        'unknown-fact',
        request,
        `"${request.id}" compares with fact "${fact}", which no request carries`,
        like === null ? 'declare it with .facts()' : `did you mean "${like}"?`,
      );
    }
  }
}

function elsewhere(
  document: PolicyDocument,
  carried: ReadonlyMap<string, readonly string[]>,
  request: RequestDeclaration,
  fact: string,
): boolean {
  return document.requests.some(
    (other) => other !== request && carried.get(other.id)?.includes(fact) === true,
  );
}
