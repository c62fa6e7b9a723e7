// Expressions with their columns resolved. Enters: expressions, a scope; leaves: templates, and conditions of both dialects.
import type { Condition } from '../condition.ts';
import { resolveColumn, type Scope } from '../scope.ts';
import type { TemplateExpr } from '../template.ts';
import { type Expr, sameName } from './parser.ts';

/** An expression as a template; whatever is not a value, a column or plain arithmetic of these is `other`. */
export function toTemplate(expr: Expr, scope: Scope): TemplateExpr {
  switch (expr.kind) {
    case 'value':
      return expr.value;
    case 'column':
      return resolveColumn(expr.parts, scope, sameName);
    case 'arithmetic':
      return { ...expr, left: toTemplate(expr.left, scope), right: toTemplate(expr.right, scope) };
    case 'variable':
      return { kind: 'other', what: 'a variable' };
    case 'other':
      return expr;
    case 'and':
    case 'compare':
    case 'test':
      return { kind: 'other', what: 'a condition' };
  }
}

/** An expression that stands as a condition. */
export function toCondition(expr: Expr, scope: Scope): Condition {
  switch (expr.kind) {
    case 'and':
      return { kind: 'and', parts: expr.parts.map((part) => toCondition(part, scope)) };
    case 'compare':
      return { ...expr, left: toTemplate(expr.left, scope), right: toTemplate(expr.right, scope) };
    case 'test': {
      const values = expr.values.map((value) => toTemplate(value, scope));
      return { ...expr, left: toTemplate(expr.left, scope), values };
    }
    case 'value':
      return { kind: 'complex', what: 'a constant' };
    case 'column':
      return { kind: 'complex', what: 'a column taken as a condition' };
    case 'variable':
      return { kind: 'complex', what: 'a variable' };
    case 'arithmetic':
      return { kind: 'complex', what: 'a number taken as a condition' };
    case 'other':
      return { kind: 'complex', what: expr.what };
  }
}
