// WHERE clauses as conjunctions of simple predicates. Enters: a condition of either dialect; leaves: a template's where.
import type { SqlComparison } from './reading.ts';
import type { TemplateExpr, TemplatePredicate, TemplateWhere } from './template.ts';

/** A condition as far as both dialects agree on it. `complex` is whatever a policy cannot compare. */
export type Condition =
  | { readonly kind: 'and'; readonly parts: readonly Condition[] }
  | {
      readonly kind: 'compare';
      readonly operator: '=' | '<>' | '<' | '<=' | '>' | '>=';
      readonly left: TemplateExpr;
      readonly right: TemplateExpr;
    }
  | {
      readonly kind: 'test';
      readonly operator: 'in' | 'not-in' | 'like' | 'is-null' | 'is-not-null' | 'between';
      readonly left: TemplateExpr;
      readonly values: readonly TemplateExpr[];
    }
  | { readonly kind: 'complex'; readonly what: string };

/** How two members of a FROM list are joined. `using` names columns; `on` of an outer join restricts one side only. */
export type JoinCondition =
  | { readonly kind: 'on'; readonly condition: Condition; readonly outer: boolean }
  | { readonly kind: 'using'; readonly columns: readonly string[] }
  | { readonly kind: 'natural' };

const COMMUTED = { '=': '=', '<>': '<>', '<': '>', '<=': '>=', '>': '<', '>=': '<=' } as const;

/**
 * A conjunction with each column on the left, or `complex` as soon as one part is more than that. Join conditions are parts
 * of it, since who may choose them chooses the rows.
 */
export function whereOf(where: Condition | null, joins: readonly JoinCondition[] = []): TemplateWhere {
  const open: Condition[] = joins.map(conditionOf).reverse();
  if (where !== null) open.push(where);
  if (open.length === 0) return { kind: 'none' };
  const predicates: TemplatePredicate[] = [];
  for (let part = open.pop(); part !== undefined; part = open.pop()) {
    if (part.kind === 'and') {
      for (let i = part.parts.length - 1; i >= 0; i -= 1) {
        const inner = part.parts[i];
        if (inner !== undefined) open.push(inner);
      }
      continue;
    }
    const predicate = predicateOf(part);
    if (typeof predicate === 'string') return { kind: 'complex', what: predicate };
    predicates.push(predicate);
  }
  return { kind: 'all', predicates };
}

function conditionOf(join: JoinCondition): Condition {
  switch (join.kind) {
    case 'natural':
      return { kind: 'complex', what: 'a natural join' };
    case 'using':
      return { kind: 'and', parts: join.columns.map(sameColumn) };
    case 'on':
      // A constant in the ON of an outer join looks like a restriction and is none.
      return join.outer && !comparesColumns(join.condition)
        ? { kind: 'complex', what: 'an outer join on more than columns' }
        : join.condition;
  }
}

function sameColumn(name: string): Condition {
  return { kind: 'compare', operator: '=', left: { kind: 'column', name }, right: { kind: 'column', name } };
}

function comparesColumns(condition: Condition): boolean {
  if (condition.kind === 'and') return condition.parts.every(comparesColumns);
  return (
    condition.kind === 'compare' && condition.left.kind === 'column' && condition.right.kind === 'column'
  );
}

function predicateOf(part: Exclude<Condition, { kind: 'and' }>): TemplatePredicate | string {
  switch (part.kind) {
    case 'complex':
      return part.what;
    case 'compare':
      if (part.left.kind === 'column') return simple(part.left.name, part.operator, [part.right]);
      if (part.right.kind === 'column') return simple(part.right.name, COMMUTED[part.operator], [part.left]);
      if (isConstant(part.left) && isConstant(part.right)) return 'a comparison of constants';
      return part.left.kind === 'other' ? part.left.what : 'a comparison of expressions';
    case 'test':
      return part.left.kind === 'column'
        ? simple(part.left.name, part.operator, part.values)
        : `${part.operator} of an expression`;
  }
}

function simple(
  column: string,
  operator: SqlComparison,
  values: readonly TemplateExpr[],
): TemplatePredicate | string {
  const bad = values.find(isOpaque);
  if (bad === undefined) return { column, operator, values };
  return bad.kind === 'other' ? bad.what : `${column} is compared with an expression`;
}

function isOpaque(expr: TemplateExpr): boolean {
  if (expr.kind === 'arithmetic') return isOpaque(expr.left) || isOpaque(expr.right);
  return expr.kind === 'other' || expr.kind === 'default';
}

function isConstant(expr: TemplateExpr): boolean {
  return expr.kind === 'literal' || expr.kind === 'parameter' || expr.kind === 'slot';
}
