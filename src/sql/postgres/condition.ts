// PostgreSQL's conditions. Enters: the node of a WHERE clause and its scope; leaves: the condition both dialects share.
import type { Condition } from '../condition.ts';
import { itemsOf, listOf, type Node, stringsOf, tagged } from '../node.ts';
import type { Scope } from '../scope.ts';
import { readExpr } from './expression.ts';

/** Reads a condition; OR, NOT, functions, sub-selects and operators that are no plain comparison are `complex`. */
export function readCondition(value: unknown, scope: Scope): Condition {
  const each = tagged(value);
  if (each === null) return complex('nothing');
  const { tag, node } = each;
  switch (tag) {
    case 'BoolExpr':
      return node.boolop === 'AND_EXPR'
        ? { kind: 'and', parts: listOf(node.args).map((part) => readCondition(part, scope)) }
        : complex(node.boolop === 'OR_EXPR' ? 'OR' : 'NOT');
    case 'NullTest':
      return {
        kind: 'test',
        operator: node.nulltesttype === 'IS_NULL' ? 'is-null' : 'is-not-null',
        left: readExpr(node.arg, scope),
        values: [],
      };
    case 'A_Expr':
      return readOperator(node, scope);
    case 'A_Const':
      return complex('a constant');
    case 'ColumnRef':
      return complex('a column taken as a condition');
    case 'SubLink':
      return complex('a sub-select');
    case 'FuncCall':
      return complex('a function call');
    case 'CurrentOfExpr':
      return complex('CURRENT OF a cursor');
    default:
      return complex(tag);
  }
}

function complex(what: string): Condition {
  return { kind: 'complex', what };
}

const COMPARISONS: { readonly [sign: string]: '=' | '<>' | '<' | '<=' | '>' | '>=' } = {
  '=': '=',
  '<>': '<>',
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
};

function readOperator(node: Node, scope: Scope): Condition {
  const names = stringsOf(node.name);
  const sign = names?.length === 1 ? (names[0] ?? '') : '';
  const left = readExpr(node.lexpr, scope);
  switch (node.kind) {
    case 'AEXPR_OP': {
      const operator = Object.hasOwn(COMPARISONS, sign) ? COMPARISONS[sign] : undefined;
      if (operator === undefined || node.lexpr === undefined) return complex(`operator ${sign.slice(0, 16)}`);
      return { kind: 'compare', operator, left, right: readExpr(node.rexpr, scope) };
    }
    case 'AEXPR_IN': {
      const values = itemsOf(node.rexpr).map((item) => readExpr(item, scope));
      return { kind: 'test', operator: sign === '=' ? 'in' : 'not-in', left, values };
    }
    case 'AEXPR_LIKE':
      return sign === '~~'
        ? { kind: 'test', operator: 'like', left, values: [readExpr(node.rexpr, scope)] }
        : complex('NOT LIKE');
    case 'AEXPR_BETWEEN': {
      const values = itemsOf(node.rexpr).map((item) => readExpr(item, scope));
      return { kind: 'test', operator: 'between', left, values };
    }
    default:
      return complex(typeof node.kind === 'string' ? node.kind : 'an operator');
  }
}
