// What is wrong with the relations that a policy requires. Enters: a document; leaves: problems.
import { normalisersOf } from '../compile.ts';
import type { PolicyDocument, RequestDeclaration } from '../document.ts';
import { operandFacts } from '../fact-names.ts';
import type { Normalisers } from '../match/match.ts';
import { normalise } from '../normalise.ts';
import type { PolicyProblem } from '../problem.ts';
import { describeRelation, factsOfRelation, type Relation, termsOf } from '../relation.ts';
import { countsOn, isOrdering } from '../relations/judge.ts';
import { listsOf } from '../relations/requirements.ts';
import { closest, problem } from './problem.ts';

/** Relations of facts that nobody carries, or that can never hold because of what their facts are. */
export function* checkRelations(document: PolicyDocument): Generator<PolicyProblem> {
  const normalisers = normalisersOf(document);
  const lists = listsOf(document);
  const carried = new Set(
    document.requests.flatMap((request) => [
      ...request.facts.map(({ fact }) => fact),
      ...(request.protocol === 'sql' ? operandFacts(request) : []),
    ]),
  );
  for (const request of document.requests) {
    for (const relation of request.requires ?? []) {
      const unknown = factsOfRelation(relation).filter((fact) => !carried.has(fact));
      for (const fact of unknown) {
        const like = closest(fact, carried);
        yield problem(
          'unknown-fact',
          request,
          `"${request.id}" requires ${describeRelation(relation)}, but no request carries "${fact}"`,
          like === null ? 'declare it with .facts(), or say literal(...)' : `did you mean "${like}"?`,
        );
      }
      if (unknown.length === 0) yield* checkKinds(request, relation, normalisers, lists);
    }
  }
}

function* checkKinds(
  request: RequestDeclaration,
  relation: Relation,
  normalisers: Normalisers,
  lists: ReadonlySet<string>,
): Generator<PolicyProblem> {
  const as = normalisers.get(relation.fact) ?? 'text';
  const wrong = (text: string, remedy: string): PolicyProblem =>
    problem(
      'malformed',
      request,
      `"${request.id}" requires ${describeRelation(relation)}, but ${text}`,
      remedy,
    );
  if (relation.kind === 'member' && !lists.has(relation.of))
    yield wrong(`"${relation.of}" is one value`, `read all of them: all(body('/items/*/id'))`);
  if (relation.kind !== 'member' && relation.kind !== 'sum' && relation.kind !== 'product') {
    const list = factsOfRelation(relation).find((fact) => lists.has(fact));
    if (list !== undefined)
      yield wrong(`"${list}" has several values`, 'say memberOf(), sumOf() or productOf()');
  }
  if (countsOn(relation, as)) {
    const names = factsOfRelation(relation);
    const plain = names.find((fact) => !['decimal', 'integer'].includes(normalisers.get(fact) ?? 'text'));
    if (plain !== undefined)
      yield wrong(`"${plain}" is not compared as a number`, `say decimal(...) or integer(...) of "${plain}"`);
  } else {
    const other = factsOfRelation(relation).find((fact) => (normalisers.get(fact) ?? 'text') !== as);
    if (other !== undefined)
      yield wrong(
        `"${other}" is compared as ${normalisers.get(other) ?? 'text'}, and "${relation.fact}" as ${as}`,
        'compare both alike',
      );
  }
  for (const term of termsOf(relation)) {
    if (term.kind === 'fact' || normalise(term.value, as) !== null) continue;
    yield wrong(`"${term.value}" is not of its kind (${as})`, 'write a value of that kind');
  }
  if (relation.kind === 'compare' && isOrdering(relation.operator) && as === 'secret')
    yield wrong('secrets are in no order', 'compare it with equals()');
}
