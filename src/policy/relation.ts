// A relation between facts as a document says it. Enters: relations; leaves: their types, the facts they speak of, and their words.
import { assertNever } from '../errors.ts';

export const ORDERINGS = ['<', '<=', '>', '>='] as const;

/** What a fact is compared with: another fact, or a value as an author writes it. */
export type Term =
  | { readonly kind: 'fact'; readonly fact: string }
  | { readonly kind: 'literal'; readonly value: string };

/** What must hold between a fact and others for a request to be explained. Numbers are compared and added exactly. */
export type Relation =
  | {
      readonly kind: 'compare';
      readonly fact: string;
      readonly operator: '=' | '<>' | (typeof ORDERINGS)[number];
      readonly with: Term;
    }
  | { readonly kind: 'one-of'; readonly fact: string; readonly values: readonly string[] }
  /** `of` has all values of some place (`all`). */
  | { readonly kind: 'member'; readonly fact: string; readonly of: string }
  /** A term that has all values of some place counts with each of them. */
  | { readonly kind: 'sum' | 'product'; readonly fact: string; readonly of: readonly Term[] }
  | { readonly kind: 'starts-with'; readonly fact: string; readonly with: Term };

/** The facts that it speaks of, the one that it is about first. */
export function factsOfRelation(relation: Relation): readonly string[] {
  return [relation.fact, ...termsOf(relation).flatMap((term) => (term.kind === 'fact' ? [term.fact] : []))];
}

/** What it is compared with. */
export function termsOf(relation: Relation): readonly Term[] {
  switch (relation.kind) {
    case 'compare':
    case 'starts-with':
      return [relation.with];
    case 'one-of':
      return relation.values.map((value) => ({ kind: 'literal', value }));
    case 'member':
      return [{ kind: 'fact', fact: relation.of }];
    case 'sum':
    case 'product':
      return relation.of;
    default:
      return assertNever(relation);
  }
}

const OPERATORS = {
  '=': 'equal to',
  '<>': 'other than',
  '<': 'below',
  '<=': 'at most',
  '>': 'above',
  '>=': 'at least',
} as const;

/**
 * What the fact has to be, for a person: `at most limit`.
 * @param say how a term is written
 */
export function describeDemand(
  relation: Relation,
  say: (term: Term) => string = (term) => (term.kind === 'fact' ? term.fact : term.value),
): string {
  const terms = termsOf(relation).map(say);
  switch (relation.kind) {
    case 'compare':
      return `${OPERATORS[relation.operator]} ${terms.join('')}`;
    case 'one-of':
      return `one of ${terms.join(', ')}`;
    case 'member':
      return `one of ${terms.join('')}`;
    case 'sum':
      return `the sum of ${terms.join(' and ')}`;
    case 'product':
      return `the product of ${terms.join(' and ')}`;
    case 'starts-with':
      return `something that begins with ${terms.join('')}`;
    /* v8 ignore next 2 -- @preserve its terms were taken above, which refuses other kinds */
    default:
      return assertNever(relation);
  }
}

/** The whole relation: `amount at most limit`. */
export function describeRelation(relation: Relation): string {
  return `${relation.fact} ${describeDemand(relation)}`;
}
