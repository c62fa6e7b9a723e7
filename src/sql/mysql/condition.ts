// MySQL's conditions. Enters: the node of a WHERE clause and its scope; leaves: the condition both dialects share.
import type { Condition } from '../condition.ts';
import { asNode, listOf, type Node, tagged, textOf } from '../node.ts';
import type { Scope } from '../scope.ts';
import type { Context } from './context.ts';
import { readExpr } from './expression.ts';

const COMPARISONS: { readonly [op: string]: '=' | '<>' | '<' | '<=' | '>' | '>=' } = {
  Eq: '=',
  NotEq: '<>',
  Lt: '<',
  LtEq: '<=',
  Gt: '>',
  GtEq: '>=',
};

/** Reads a condition; OR, XOR, NOT, functions, sub-selects and operators that are no plain comparison are `complex`. */
export function readCondition(value: unknown, scope: Scope, context: Context): Condition {
  const outer = asNode(value);
  for (const [tag, operator] of [
    ['IsNull', 'is-null'],
    ['IsNotNull', 'is-not-null'],
  ] as const) {
    if (outer?.[tag] !== undefined)
      return { kind: 'test', operator, left: readExpr(outer[tag], scope, context), values: [] };
  }
  const each = tagged(value);
  if (each === null) return complex('a column taken as a condition');
  const { tag, node } = each;
  switch (tag) {
    case 'Nested':
      return readCondition(node, scope, context);
    case 'BinaryOp':
      return readBinary(node, scope, context);
    case 'InList': {
      const values = listOf(node.list).map((item) => readExpr(item, scope, context));
      const left = readExpr(node.expr, scope, context);
      return { kind: 'test', operator: node.negated === true ? 'not-in' : 'in', left, values };
    }
    case 'Between': {
      if (node.negated === true) return complex('NOT BETWEEN');
      const values = [node.low, node.high].map((end) => readExpr(end, scope, context));
      return { kind: 'test', operator: 'between', left: readExpr(node.expr, scope, context), values };
    }
    case 'Like': {
      if (node.negated === true) return complex('NOT LIKE');
      if (asNode(node.escape_char) !== null) return complex('LIKE with ESCAPE');
      const values = [readExpr(node.pattern, scope, context)];
      return { kind: 'test', operator: 'like', left: readExpr(node.expr, scope, context), values };
    }
    case 'UnaryOp':
      return complex('NOT');
    case 'Value':
      return complex('a constant');
    case 'Identifier':
      return complex('a column taken as a condition');
    case 'Function':
      return complex('a function call');
    case 'Exists':
    case 'InSubquery':
    case 'Subquery':
      return complex('a sub-select');
    default:
      return complex(tag);
  }
}

function complex(what: string): Condition {
  return { kind: 'complex', what };
}

function readBinary(node: Node, scope: Scope, context: Context): Condition {
  const op = textOf(node.op);
  if (op === 'And') {
    // The chain leans to the left as deep as it is long: its parts are gathered without recursion.
    const parts: Condition[] = [];
    let rest: unknown = node;
    for (let chain: Node | null = node; chain !== null; chain = andOf(rest)) {
      parts.push(readCondition(chain.right, scope, context));
      rest = chain.left;
    }
    parts.push(readCondition(rest, scope, context));
    return { kind: 'and', parts: parts.reverse() };
  }
  const operator = Object.hasOwn(COMPARISONS, op) ? COMPARISONS[op] : undefined;
  if (operator === undefined) return complex(op === 'Or' || op === 'Xor' ? op.toUpperCase() : 'an operator');
  return {
    kind: 'compare',
    operator,
    left: readExpr(node.left, scope, context),
    right: readExpr(node.right, scope, context),
  };
}

function andOf(value: unknown): Node | null {
  const node = asNode(asNode(value)?.BinaryOp);
  return node?.op === 'And' ? node : null;
}
