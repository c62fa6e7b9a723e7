// Whether one statement can be what two declarations ask for. Enters: two declarations; leaves: an overlap, or null.
import type { SqlOperand, SqlRequestDeclaration } from '../document.ts';
import { compatible, covers, type KindOf } from './operand.ts';
import { type Overlap, relationOf } from './relation.ts';

interface Placed {
  readonly column: string;
  readonly operator?: string;
  readonly operand: SqlOperand;
}

type Compare = (a: SqlOperand, b: SqlOperand) => boolean;

/**
 * A statement must have every predicate and every value that is declared, and may have the rest (columns that are read,
 * RETURNING, functions, features), so only the columns of a SELECT can tell two of the latter apart: it reads at least one.
 * PostgreSQL's `SELECT FROM t`, which reads none, is left aside.
 */
export function overlapSql(
  a: SqlRequestDeclaration,
  b: SqlRequestDeclaration,
  kindOf: KindOf,
): Overlap | null {
  if (a.verb !== b.verb || a.table !== b.table) return null;
  if (a.setting !== b.setting && a.setting !== null && b.setting !== null) return null;
  if (a.verb === 'select' && !readsTheSame(a.columns, b.columns)) return null;
  const meets: Compare = (one, other) => compatible(one, other, kindOf);
  if (!samePlaces(a.where, b.where, meets) || !samePlaces(a.values, b.values, meets)) return null;
  const wide = (one: SqlRequestDeclaration, other: SqlRequestDeclaration): boolean =>
    coversSql(one, other, kindOf);
  return {
    example: `${a.verb} ${a.table ?? a.setting ?? b.setting ?? ''}`.trim(),
    relation: relationOf(wide(a, b), wide(b, a)),
  };
}

/** True when `a` takes every statement that `b` takes. */
function coversSql(a: SqlRequestDeclaration, b: SqlRequestDeclaration, kindOf: KindOf): boolean {
  const takes: Compare = (one, other) => covers(one, other, kindOf);
  return (
    (a.setting === null || a.setting === b.setting) &&
    (a.verb !== 'select' || a.columns === null || (b.columns !== null && within(b.columns, a.columns))) &&
    within(b.returning, a.returning) &&
    within(b.allowing, a.allowing) &&
    within(b.calling, a.calling) &&
    samePlaces(a.where, b.where, takes) &&
    samePlaces(a.values, b.values, takes)
  );
}

function readsTheSame(a: readonly string[] | null, b: readonly string[] | null): boolean {
  if (a === null || b === null) return true;
  const names = new Set(a.map((column) => column.toLowerCase()));
  return b.some((column) => names.has(column.toLowerCase()));
}

function within(narrow: readonly string[], wide: readonly string[]): boolean {
  const names = new Set(wide.map((name) => name.toLowerCase()));
  return narrow.every((name) => names.has(name.toLowerCase()));
}

/** The same columns by the same operators; where one stands there twice, the first meets the first, as in matching. */
function samePlaces(a: readonly Placed[], b: readonly Placed[], compare: Compare): boolean {
  if (a.length !== b.length) return false;
  const left = [...b];
  return a.every((place) => {
    const at = left.findIndex(
      (other) =>
        other.column.toLowerCase() === place.column.toLowerCase() && other.operator === place.operator,
    );
    const [other] = at < 0 ? [] : left.splice(at, 1);
    if (other === undefined) return false;
    const bare = place.operator === 'is-null' || place.operator === 'is-not-null';
    return bare || compare(place.operand, other.operand);
  });
}
