// MySQL's value expressions as far as a policy can reason about them. Enters: syntax nodes, a scope; leaves: templates.
import type { Cast } from '../cast.ts';
import { asNode, type Node, tagged, textOf } from '../node.ts';
import { resolveColumn, type Scope } from '../scope.ts';
import type { TemplateExpr } from '../template.ts';
import { type Context, nameOf, Refusal, sameName, tokenAt } from './context.ts';
import { isBareCall } from './keywords.ts';

const OPERATORS: { readonly [op: string]: '+' | '-' | '*' | '/' } = {
  Plus: '+',
  Minus: '-',
  Multiply: '*',
  Divide: '/',
};

/** Reads an expression; whatever is not a value, a column, DEFAULT or plain arithmetic of these is `other`. */
export function readExpr(value: unknown, scope: Scope, context: Context): TemplateExpr {
  const parts = asNode(value)?.CompoundIdentifier;
  if (Array.isArray(parts)) return readQualified(parts, scope, context);
  const each = tagged(value);
  if (each === null) return other('an expression');
  const { tag, node } = each;
  switch (tag) {
    case 'Value':
      return readValue(node, context);
    case 'Identifier': {
      const token = tokenAt(node, context);
      if (token.kind === 'variable') return other(`variable ${token.name.slice(0, 64)}`);
      if (token.kind === 'word' && token.name.toUpperCase() === 'DEFAULT') return { kind: 'default' };
      if (isBareCall(token, undefined)) return other('a function call');
      return resolveColumn([nameOf(node, context)], scope, sameName);
    }
    case 'Nested':
      return readExpr(node, scope, context);
    case 'UnaryOp':
      return readSigned(node, scope, context);
    case 'BinaryOp': {
      const op = textOf(node.op);
      const operator = Object.hasOwn(OPERATORS, op) ? OPERATORS[op] : undefined;
      if (operator === undefined) return other('an operator');
      const left = readExpr(node.left, scope, context);
      return { kind: 'arithmetic', operator, left, right: readExpr(node.right, scope, context) };
    }
    case 'Cast':
      return readCast(node, scope, context);
    case 'Function':
      return other('a function call');
    case 'Subquery':
      return other('a sub-select');
    case 'Tuple':
      return other('a row');
    default:
      return other(tag);
  }
}

function readQualified(parts: readonly unknown[], scope: Scope, context: Context): TemplateExpr {
  const names = parts.map((part) => nameOf(part, context));
  return resolveColumn(names, scope, sameName);
}

function other(what: string): TemplateExpr {
  return { kind: 'other', what };
}

function readValue(node: Node, context: Context): TemplateExpr {
  if (node.value === 'Null') return { kind: 'literal', value: { type: 'null' } };
  const boolean = asNode(node.value)?.Boolean;
  if (typeof boolean === 'boolean')
    return { kind: 'literal', value: { type: 'boolean', text: String(boolean) } };
  const token = tokenAt(node, context);
  const ordinal = context.ordinals.get(token);
  if (ordinal === undefined) throw new Refusal('a value that is not in the text');
  if (token.kind === 'placeholder') return { kind: 'parameter', index: ordinal + 1, casts: [] };
  return { kind: 'slot', index: ordinal, negative: false, casts: [] };
}

function readSigned(node: Node, scope: Scope, context: Context): TemplateExpr {
  const inner = readExpr(node.expr, scope, context);
  if (inner.kind !== 'slot') return other('a sign before an expression');
  if (node.op === 'Plus') return inner;
  return node.op === 'Minus' ? { ...inner, negative: !inner.negative } : other('an operator');
}

/** `CAST(x AS CHAR)` and `CAST(x AS SIGNED)` of a value; lengths cut and precisions round. */
function readCast(node: Node, scope: Scope, context: Context): TemplateExpr {
  const inner = readExpr(node.expr, scope, context);
  const cast = castOf(node.data_type);
  if (cast === null || (inner.kind !== 'slot' && inner.kind !== 'parameter')) return other('a cast');
  return { ...inner, casts: [...inner.casts, cast] };
}

function castOf(type: unknown): Cast | null {
  if (type === 'Signed' || type === 'SignedInteger') return 'integer';
  if (type === 'Date') return 'date';
  const node = asNode(type);
  return node !== null && Object.keys(node).length === 1 && node.Char === null ? 'text' : null;
}
