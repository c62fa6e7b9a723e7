// What is wrong with the facts of a policy. Enters: a document; leaves: problems.
import { normalisersOf } from '../compile.ts';
import type { PolicyDocument, RequestDeclaration, SqlRequestDeclaration } from '../document.ts';
import { factOperands, factsByRequest, operandFacts } from '../fact-names.ts';
import type { Normalisers } from '../match/match.ts';
import type { PolicyProblem } from '../problem.ts';
import { factsOfRelation } from '../relation.ts';
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
  yield* checkLonely(document, steps, unset);
}

/** What a WHERE compares with; values that are inserted may be the first to say a fact. */
function comparedBy(request: SqlRequestDeclaration): readonly string[] {
  return operandFacts({ ...request, values: [] });
}

/** A path or query says what may stand there, also when nothing is compared with it; every other fact is meant to be. */
function* checkLonely(
  document: PolicyDocument,
  steps: readonly Placed[],
  unset: ReadonlySet<string>,
): Generator<PolicyProblem> {
  const elsewhere = usedElsewhere(document);
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
    if (mentions.get(key) !== 1 || unset.has(name) || said.has(name) || elsewhere.has(fact)) continue;
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

/** Facts that memories keep, or that relations speak of: these are compared with something. */
function usedElsewhere({ memories = [], requests }: PolicyDocument): ReadonlySet<string> {
  return new Set([
    ...memories.flatMap(({ by, keeps }) => [by, ...keeps]),
    ...requests.flatMap(({ requires = [] }) => requires.flatMap(factsOfRelation)),
  ]);
}
