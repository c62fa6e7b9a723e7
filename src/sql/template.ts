// Readings of a text without its values, and how values are put in place. Enters: a template, bound values; leaves: statements.
import type { SqlValue } from '../events/sql.ts';
import { applyCast, type Cast } from './cast.ts';
import type { SqlComparison, SqlExpr, SqlPredicate, SqlStatement, SqlWhere } from './reading.ts';

/** An expression whose values are named, not yet known: `$1`, `?`, or the literal of that number in the text. */
export type TemplateExpr =
  | { readonly kind: 'literal'; readonly value: SqlValue }
  | { readonly kind: 'parameter'; readonly index: number; readonly casts: readonly Cast[] }
  | {
      readonly kind: 'slot';
      readonly index: number;
      readonly negative: boolean;
      readonly casts: readonly Cast[];
    }
  | { readonly kind: 'column'; readonly name: string }
  | { readonly kind: 'default' }
  | {
      readonly kind: 'arithmetic';
      readonly operator: '+' | '-' | '*' | '/';
      readonly left: TemplateExpr;
      readonly right: TemplateExpr;
    }
  | { readonly kind: 'other'; readonly what: string };

export interface TemplatePredicate {
  readonly column: string;
  readonly operator: SqlComparison;
  readonly values: readonly TemplateExpr[];
}

export type TemplateWhere =
  | { readonly kind: 'none' }
  | { readonly kind: 'all'; readonly predicates: readonly TemplatePredicate[] }
  | { readonly kind: 'complex'; readonly what: string };

export interface StatementTemplate extends Omit<SqlStatement, 'where' | 'assigns' | 'inserts'> {
  readonly where: TemplateWhere;
  readonly assigns: readonly { readonly column: string; readonly value: TemplateExpr }[];
  readonly inserts: {
    readonly columns: readonly string[] | null;
    readonly rows: readonly (readonly TemplateExpr[])[];
  } | null;
}

/** What a dialect makes of a text. `parameters` is how many values it needs. */
export type Template =
  | {
      readonly kind: 'template';
      readonly statements: readonly StatementTemplate[];
      readonly parameters: number;
      readonly shape: string;
    }
  | { readonly kind: 'unparsable'; readonly reason: string; readonly shape: string };

/** A text that was cut into tokens: what to look its template up by, and how to make it when it is not there. */
export type Prepared =
  | {
      readonly kind: 'prepared';
      readonly key: string;
      readonly slots: readonly (SqlValue | null)[];
      read(): Template;
    }
  | { readonly kind: 'unparsable'; readonly reason: string; readonly shape: string };

/** `parameters` in the order of the placeholders, `slots` in the order of the literals in the text, null for those without a value. */
export interface Values {
  readonly parameters: readonly SqlValue[];
  readonly slots: readonly (SqlValue | null)[];
}

/** Puts values in place. Linear in the template; a value that its cast would change makes the expression `other`. */
export function bindStatement(template: StatementTemplate, values: Values): SqlStatement {
  const { assigns, inserts } = template;
  // Every field by its name: copying an object that is open to others costs as much as all the rest.
  return {
    verb: template.verb,
    tables: template.tables,
    target: template.target,
    columns: template.columns,
    where: bindWhere(template.where, values),
    assigns:
      assigns.length === 0
        ? NOTHING
        : assigns.map(({ column, value }) => ({ column, value: bindExpr(value, values) })),
    inserts:
      inserts === null
        ? null
        : {
            columns: inserts.columns,
            rows: inserts.rows.map((row) => bindAll(row, values)),
          },
    returning: template.returning,
    functions: template.functions,
    features: template.features,
    setting: template.setting,
  };
}

const NOTHING: readonly never[] = [];

function bindWhere(where: TemplateWhere, values: Values): SqlWhere {
  if (where.kind !== 'all') return where;
  const predicates: SqlPredicate[] = [];
  for (const { column, operator, values: exprs } of where.predicates) {
    const bound = bindAll(exprs, values);
    if (bound.some(isOpaque)) return { kind: 'complex', what: `${column} is compared with an expression` };
    predicates.push({ column, operator, values: bound });
  }
  return { kind: 'all', predicates };
}

function bindAll(exprs: readonly TemplateExpr[], values: Values): readonly SqlExpr[] {
  const bound: SqlExpr[] = [];
  for (const expr of exprs) bound.push(bindExpr(expr, values));
  return bound;
}

/** True when some part of the expression cannot be reasoned about. */
function isOpaque(expr: SqlExpr): boolean {
  if (expr.kind === 'arithmetic') return isOpaque(expr.left) || isOpaque(expr.right);
  return expr.kind === 'other';
}

function bindExpr(expr: TemplateExpr, values: Values): SqlExpr {
  switch (expr.kind) {
    case 'literal':
    case 'column':
    case 'default':
    case 'other':
      return expr;
    case 'arithmetic':
      return { ...expr, left: bindExpr(expr.left, values), right: bindExpr(expr.right, values) };
    case 'parameter': {
      const bound = values.parameters[expr.index - 1];
      if (bound === undefined) return { kind: 'parameter', index: expr.index, value: null };
      const value = castAll(bound, expr.casts);
      return value === null ? ALTERED : { kind: 'parameter', index: expr.index, value };
    }
    case 'slot': {
      const bound = values.slots[expr.index];
      if (bound === undefined || bound === null) return UNKNOWN;
      if (expr.negative && bound.type !== 'number') return ALTERED;
      const signed = expr.negative ? negated(bound) : bound;
      const value = castAll(signed, expr.casts);
      return value === null ? ALTERED : { kind: 'literal', value };
    }
  }
}

const UNKNOWN: SqlExpr = { kind: 'other', what: 'a literal whose value depends on its use' };
const ALTERED: SqlExpr = { kind: 'other', what: 'a value that is changed by its cast' };

function castAll(value: SqlValue, casts: readonly Cast[]): SqlValue | null {
  if (casts.length === 0) return value;
  let cast: SqlValue | null = value;
  for (const step of casts) cast = cast === null ? null : applyCast(cast, step);
  return cast;
}

function negated(value: SqlValue): SqlValue {
  if (value.type === 'null') return value;
  return { type: value.type, text: value.text.startsWith('-') ? value.text.slice(1) : `-${value.text}` };
}
