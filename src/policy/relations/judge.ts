// Whether a relation holds between values. Enters: a relation, canonical values; leaves: null when it holds, else a value that would.
import { assertNever } from '../../errors.ts';
import type { Normaliser } from '../fact.ts';
import { ORDERINGS, type Relation, type Term, termsOf } from '../relation.ts';
import { compareDecimals, isDecimal, multiplyDecimals, sumDecimals } from './decimals.ts';
import { splitValues } from './values.ts';

/** What a term is worth. A list is taken apart only where its values are looked at. */
export type Known =
  | { readonly kind: 'one'; readonly value: string }
  | { readonly kind: 'list'; readonly text: string };

/** A value with which it would hold; null when there is no one value to name. */
export interface Failed {
  readonly expected: string | null;
}

/** `as` is how the fact is compared. */
export function judge(
  relation: Relation,
  own: string,
  as: Normaliser,
  known: (term: Term) => Known,
): Failed | null {
  const values = termsOf(relation).flatMap((term) => valuesOf(known(term)));
  const [first = ''] = values;
  // `check` sees to it that both sides are numbers; what is none is in no order and adds up to nothing.
  if (countsOn(relation, as) && ![own, ...values].every(isDecimal)) return { expected: null };
  switch (relation.kind) {
    case 'compare':
      return judgeComparison(relation.operator, own, first, as);
    case 'one-of':
    case 'member':
      return values.includes(own) ? null : { expected: values[0] ?? null };
    case 'sum':
      return judgeEqual(own, sumDecimals(values));
    case 'product':
      return judgeEqual(own, multiplyDecimals(values));
    case 'starts-with':
      return own.startsWith(first) ? null : { expected: null };
    /* v8 ignore next 2 -- @preserve its terms were taken above, which refuses other kinds */
    default:
      return assertNever(relation);
  }
}

/** True when the values have to be numbers. */
export function countsOn(relation: Relation, as: Normaliser): boolean {
  if (relation.kind === 'sum' || relation.kind === 'product') return true;
  return relation.kind === 'compare' && isOrdering(relation.operator) && as !== 'instant';
}

export function isOrdering(operator: string): boolean {
  return (ORDERINGS as readonly string[]).includes(operator);
}

function valuesOf(known: Known): readonly string[] {
  return known.kind === 'one' ? [known.value] : splitValues(known.text);
}

function judgeEqual(own: string, value: string): Failed | null {
  return own === value ? null : { expected: value };
}

function judgeComparison(
  operator: Extract<Relation, { kind: 'compare' }>['operator'],
  own: string,
  other: string,
  as: Normaliser,
): Failed | null {
  switch (operator) {
    case '=':
      return judgeEqual(own, other);
    case '<>':
      return own === other ? { expected: null } : null;
    case '<':
      return order(own, other, as) < 0 ? null : { expected: null };
    case '<=':
      return order(own, other, as) <= 0 ? null : { expected: other };
    case '>':
      return order(own, other, as) > 0 ? null : { expected: null };
    case '>=':
      return order(own, other, as) >= 0 ? null : { expected: other };
    default:
      return assertNever(operator);
  }
}

/** Moments are in UTC and of fixed width, but for the digits behind the second: without the `Z` their texts are in order. */
function order(a: string, b: string, as: Normaliser): number {
  if (as !== 'instant') return compareDecimals(a, b);
  const [left, right] = [a.slice(0, -1), b.slice(0, -1)];
  return left < right ? -1 : left > right ? 1 : 0;
}
