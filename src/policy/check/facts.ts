// What is wrong with the facts of a policy. Enters: a document; leaves: problems.
import type { PolicyDocument, RequestDeclaration, SqlRequestDeclaration } from '../document.ts';
import { factsByRequest, operandFacts } from '../fact-names.ts';
import type { PolicyProblem } from '../problem.ts';
import { closest, lineOf, problem } from './problem.ts';
import type { Placed } from './walk.ts';

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

/** Facts that are compared with nothing, where they stand. */
export function* checkUses(document: PolicyDocument, steps: readonly Placed[]): Generator<PolicyProblem> {
  const unset = new Set<string>();
  for (const placed of steps) {
    if (placed.request.protocol !== 'sql') continue;
    for (const fact of new Set(comparedBy(placed.request))) {
      if (placed.known.has(fact)) continue;
      unset.add(`${placed.request.id}\n${fact}`);
      yield problem(
        'unset-fact',
        placed.step,
        `"${placed.request.id}" compares with fact "${fact}", which nothing before it in chain "${placed.chain.root.request}"${lineOf(placed.chain)} can have settled: any value fits`,
        'let an earlier request of the chain carry it, or say any()',
        'warning',
      );
    }
  }
  for (const request of document.requests) {
    if (request.protocol !== 'sql' || !document.outside.includes(request.id)) continue;
    for (const fact of new Set(operandFacts(request))) {
      yield problem(
        'unset-fact',
        request,
        `"${request.id}" stands outside of every chain, so its fact "${fact}" is compared with nothing`,
        'say any(), or put it into a chain',
        'warning',
      );
    }
  }
  yield* checkLonely(steps, unset);
}

/** What a WHERE compares with; values that are inserted may be the first to say a fact. */
function comparedBy(request: SqlRequestDeclaration): readonly string[] {
  return operandFacts({ ...request, values: [] });
}

/** A path or query says what may stand there, also when nothing is compared with it; every other fact is meant to be. */
function* checkLonely(steps: readonly Placed[], unset: ReadonlySet<string>): Generator<PolicyProblem> {
  const mentions = new Map<string, number>();
  const places = new Map<string, Placed>();
  for (const placed of steps) {
    const { request, chain } = placed;
    const operands = request.protocol === 'sql' ? operandFacts(request) : [];
    const shown = request.facts.filter(({ source }) => source.in !== 'path' && source.in !== 'query');
    for (const fact of [...request.facts.map(({ fact }) => fact), ...operands]) {
      const key = `${chain.root.request}\n${fact}`;
      mentions.set(key, (mentions.get(key) ?? 0) + (placed.repeated ? 2 : 1));
    }
    for (const fact of [...shown.map(({ fact }) => fact), ...operands])
      places.set(`${chain.root.request}\n${fact}`, placed);
  }
  const said = new Set<string>();
  for (const [key, placed] of places) {
    const fact = key.slice(key.indexOf('\n') + 1);
    const name = `${placed.request.id}\n${fact}`;
    if (mentions.get(key) !== 1 || unset.has(name) || said.has(name)) continue;
    said.add(name);
    yield problem(
      'lonely-fact',
      placed.request,
      `only "${placed.request.id}" mentions fact "${fact}" in chain "${placed.chain.root.request}", so it is compared with nothing`,
      'let another request carry it, or take it out',
      'warning',
    );
  }
}
