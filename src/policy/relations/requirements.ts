// Which relation of a request does not hold. Enters: a declared request, the facts that are known; leaves: the first that fails, with its values.
import type { Requirements } from '../../chain/plan.ts';
import type { Requirement, Unmet } from '../../chain/request.ts';
import type { FactReading } from '../../chain/scope.ts';
import type { PolicyDocument, RequestDeclaration } from '../document.ts';
import type { Normalisers } from '../match/match.ts';
import { normalise } from '../normalise.ts';
import { printable } from '../observe/observation.ts';
import { describeDemand, describeRelation, factsOfRelation, type Relation, type Term } from '../relation.ts';
import { isAnswered } from '../source.ts';
import { judge, type Known } from './judge.ts';

/** By request, for those that have any. */
export function requirementsOf(
  document: PolicyDocument,
  normalisers: Normalisers,
): ReadonlyMap<string, Requirements> {
  const lists = listsOf(document);
  return new Map(
    document.requests
      .filter(({ requires = [] }) => requires.length > 0)
      .map((request) => [request.id, split(request, { normalisers, lists })]),
  );
}

/** Facts that have all values of some place. */
export function listsOf({ requests }: PolicyDocument): ReadonlySet<string> {
  return new Set(
    requests.flatMap(({ facts }) => facts.filter(({ all }) => all === true).map(({ fact }) => fact)),
  );
}

/** A fact that only the answer says comes too late for the request: its relations are about the answer. */
function split(request: RequestDeclaration, kinds: Kinds): Requirements {
  const { facts, requires = [] } = request;
  const said = (answered: boolean): Set<string> =>
    new Set(facts.filter(({ source }) => isAnswered(source) === answered).map(({ fact }) => fact));
  const asked = said(false);
  const answered = new Set([...said(true)].filter((fact) => !asked.has(fact)));
  const late = (relation: Relation): boolean => factsOfRelation(relation).some((fact) => answered.has(fact));
  const optional = new Set(facts.filter((fact) => fact.optional).map(({ fact }) => fact));
  return {
    asked: compileAll(
      requires.filter((relation) => !late(relation)),
      kinds,
      optional,
    ),
    // What an answer has to say was looked for already: what it does not say, it need not (it is optional, or there are no rows).
    answered: compileAll(requires.filter(late), kinds, new Set([...optional, ...answered])),
  };
}

interface Kinds {
  readonly normalisers: Normalisers;
  readonly lists: ReadonlySet<string>;
}

function compileAll(
  relations: readonly Relation[],
  kinds: Kinds,
  mayBeAbsent: ReadonlySet<string>,
): Requirement | null {
  if (relations.length === 0) return null;
  return (fact) => {
    for (const relation of relations) {
      const unmet = unmetOf(relation, kinds, mayBeAbsent, fact);
      if (unmet !== null) return unmet;
    }
    return null;
  };
}

function unmetOf(
  relation: Relation,
  { normalisers, lists }: Kinds,
  mayBeAbsent: ReadonlySet<string>,
  fact: (name: string) => FactReading | undefined,
): Unmet | null {
  const readings: FactReading[] = [];
  for (const name of factsOfRelation(relation)) {
    const reading = fact(name);
    if (reading !== undefined) readings.push(reading);
    else if (mayBeAbsent.has(name)) return null;
    else return missingOf(relation, name);
  }
  const as = normalisers.get(relation.fact) ?? 'text';
  const known = (term: Term): Known => {
    if (term.kind === 'literal') return { kind: 'one', value: normalise(term.value, as) ?? term.value };
    const value = readings.find((reading) => reading.fact === term.fact)?.value ?? '';
    return lists.has(term.fact) ? { kind: 'list', text: value } : { kind: 'one', value };
  };
  const own = readings[0];
  const failed = own === undefined ? null : judge(relation, own.value, as, known);
  if (own === undefined || failed === null) return null;
  const say = (term: Term): string => {
    if (term.kind === 'literal') return printable(term.value, 60);
    const reading = readings.find((each) => each.fact === term.fact);
    return reading === undefined ? term.fact : said(reading);
  };
  return {
    relation: describeRelation(relation),
    text: `${said(own)} must be ${describeDemand(relation, say)}`,
    missing: null,
    about: own,
    expected: failed.expected,
    readings,
  };
}

function said({ fact, value, source }: FactReading): string {
  return `${fact} ${printable(value, 60)} (${source})`;
}

function missingOf(relation: Relation, name: string): Unmet {
  return {
    relation: describeRelation(relation),
    text: `${relation.fact} must be ${describeDemand(relation)}, but its ${name} is not known`,
    missing: name,
    about: null,
    expected: null,
    readings: [],
  };
}
