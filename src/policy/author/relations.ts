// The words for how values are compared: in SQL predicates, and between facts. Enters: facts, values; leaves: comparisons and relations.
import type { SqlComparison } from '../../sql/reading.ts';
import type { SqlOperand } from '../document.ts';
import type { Relation, Term } from '../relation.ts';
import { type Operand, operand } from './sources.ts';

/** A comparison in `.where({...})` other than equality. */
export interface Comparison {
  readonly kind: 'comparison';
  readonly operator: SqlComparison;
  readonly operand: SqlOperand;
}

/** A relation in `.requires(...)`. */
export interface Requires {
  readonly kind: 'requires';
  readonly relation: Relation;
}

/** A value that stands for itself, where a text alone would name a fact. */
export interface Literal {
  readonly kind: 'literal';
  readonly value: string;
}

/** What a fact is compared with: the name of another one, a number, or `literal(...)`. */
export type Against = string | number | Literal;

/** A text that stands for itself. */
export const literal = (value: string | boolean): Literal => ({ kind: 'literal', value: String(value) });

function term(against: Against): Term {
  if (typeof against === 'string') return { kind: 'fact', fact: against };
  return { kind: 'literal', value: typeof against === 'number' ? String(against) : against.value };
}

const requires = (relation: Relation): Requires => ({ kind: 'requires', relation });

/** The word `operator`: with one value a comparison of a column, with a fact and what it is compared with a relation. */
function comparing(operator: '<' | '<=' | '>' | '>=' | '<>') {
  function compare(value: Operand): Comparison;
  function compare(fact: string, against: Against): Requires;
  function compare(first: Operand, against?: Against): Comparison | Requires {
    if (against === undefined) return { kind: 'comparison', operator, operand: operand(first) };
    return requires({ kind: 'compare', fact: String(first), operator, with: term(against) });
  }
  return compare;
}

/** `column >= value`; or a fact is at least another one. */
export const atLeast = comparing('>=');
/** `column <= value`; or a fact is at most another one. */
export const atMost = comparing('<=');
/** `column > value`; or a fact is above another one. */
export const above = comparing('>');
/** `column < value`; or a fact is below another one. */
export const below = comparing('<');
/** `column <> value`; or a fact is another one than this. */
export const not = comparing('<>');
/** `column IS NULL`. */
export const isNull = (): Comparison => ({ kind: 'comparison', operator: 'is-null', operand: operand(null) });
/** `column IS NOT NULL`. */
export const isNotNull = (): Comparison => ({
  kind: 'comparison',
  operator: 'is-not-null',
  operand: operand(null),
});

/** A fact is the same as another one, or as a value. */
export const equals = (fact: string, against: Against): Requires =>
  requires({ kind: 'compare', fact, operator: '=', with: term(against) });
/** A fact is one of these values. */
export const oneOf = (fact: string, values: readonly (string | number | boolean)[]): Requires =>
  requires({ kind: 'one-of', fact, values: values.map(String) });
/** A fact is one of the values that another one has, which is read by `all(...)`. */
export const memberOf = (fact: string, of: string): Requires => requires({ kind: 'member', fact, of });
/** A fact is the sum of others; one that is read by `all(...)` counts with each of its values. */
export const sumOf = (fact: string, of: readonly Against[]): Requires =>
  requires({ kind: 'sum', fact, of: of.map(term) });
/** A fact is the product of others. */
export const productOf = (fact: string, of: readonly Against[]): Requires =>
  requires({ kind: 'product', fact, of: of.map(term) });
/** A fact begins with another one, or with a text. */
export const startsWith = (fact: string, against: Against): Requires =>
  requires({ kind: 'starts-with', fact, with: term(against) });
