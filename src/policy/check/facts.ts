// What is wrong with the facts of a policy. Enters: a document; leaves: problems.
import { normalisersOf } from '../compile.ts';
import type { PolicyDocument, RequestDeclaration } from '../document.ts';
import { factOperands, factsByRequest, operandFacts } from '../fact-names.ts';
import type { Normalisers } from '../match/match.ts';
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
    yield* checkReshaping(request, normalisersOf(document));
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

function* checkReshaping(request: RequestDeclaration, normalisers: Normalisers): Generator<PolicyProblem> {
  const scaled = request.protocol === 'sql' ? [...request.facts, ...factOperands(request)] : request.facts;
  for (const { fact, scale } of scaled) {
    const as = normalisers.get(fact) ?? 'text';
    if (scale === undefined || as === 'decimal' || as === 'integer') continue;
    const text = `fact "${fact}" is scaled in "${request.id}", but compared as ${as}`;
    yield problem('malformed', request, text, 'say decimal() where it is declared');
  }
  for (const { fact, source } of request.facts) {
    // A verdict names the request by its path or routing key.
    if (normalisers.get(fact) !== 'secret' || (source.in !== 'path' && source.in !== 'routing-key')) continue;
    const text = `fact "${fact}" is secret, but stands in the ${source.in === 'path' ? 'path' : 'routing key'} of "${request.id}", which verdicts show`;
    yield problem('malformed', request, text, 'take it from a header, a cookie or the body');
  }
}
