// MySQL's expressions (MySQL manual, "Expressions"). Enters: tokens; leaves: expressions, findings in the draft.
import { Refusal } from './cursor.ts';
import {
  atQuery,
  commaList,
  type Expr,
  inParentheses,
  nested,
  other,
  type Parser,
  readExpr,
} from './parser.ts';
import { readPrimary } from './primary.ts';

/** Reads a whole expression: OR, XOR, AND, NOT, and what they join. */
export function readExpression(parser: Parser): Expr {
  return nested(parser, readOr);
}

function readOr(parser: Parser): Expr {
  let left = readXor(parser);
  while (parser.cursor.take('OR') || parser.cursor.symbol('||')) {
    readXor(parser);
    left = other('OR');
  }
  return left;
}

function readXor(parser: Parser): Expr {
  let left = readAnd(parser);
  while (parser.cursor.take('XOR')) {
    readAnd(parser);
    left = other('XOR');
  }
  return left;
}

function readAnd(parser: Parser): Expr {
  const first = readNot(parser);
  const parts = [first];
  while (parser.cursor.take('AND') || parser.cursor.symbol('&&')) parts.push(readNot(parser));
  return parts.length === 1 ? first : { kind: 'and', parts };
}

function readNot(parser: Parser): Expr {
  if (!parser.cursor.take('NOT')) return readComparison(parser);
  nested(parser, readNot);
  return other('NOT');
}

const COMPARISONS: { readonly [sign: string]: '=' | '<>' | '<' | '<=' | '>' | '>=' } = {
  '=': '=',
  '<>': '<>',
  '!=': '<>',
  '<': '<',
  '<=': '<=',
  '>': '>',
  '>=': '>=',
};

function readComparison(parser: Parser): Expr {
  const { cursor } = parser;
  let left = readPredicate(parser);
  for (;;) {
    const token = cursor.peek();
    const sign = token?.kind === 'symbol' ? token.text : '';
    if (cursor.take('IS')) left = readIs(left, parser);
    else if (sign === '<=>') {
      cursor.any();
      readPredicate(parser);
      left = other('operator <=>');
    } else if (Object.hasOwn(COMPARISONS, sign)) {
      cursor.any();
      left = readCompared(left, COMPARISONS[sign] ?? '=', parser);
    } else return left;
  }
}

function readIs(left: Expr, { cursor }: Parser): Expr {
  const negated = cursor.take('NOT');
  if (cursor.take('NULL'))
    return { kind: 'test', operator: negated ? 'is-not-null' : 'is-null', left, values: [] };
  if (cursor.oneOf('TRUE', 'FALSE', 'UNKNOWN') === null) throw new Refusal('an IS of an unknown form');
  return other('IS TRUE');
}

function readCompared(left: Expr, operator: '=' | '<>' | '<' | '<=' | '>' | '>=', parser: Parser): Expr {
  if (parser.cursor.oneOf('ALL', 'ANY', 'SOME') === null)
    return { kind: 'compare', operator, left, right: readPredicate(parser) };
  inParentheses(parser, parser.subquery);
  return other('a sub-select');
}

function readPredicate(parser: Parser): Expr {
  const { cursor } = parser;
  const left = readBits(parser, 0);
  const negated = cursor.take('NOT');
  if (cursor.take('IN')) return readIn(left, negated, parser);
  if (cursor.take('BETWEEN')) {
    const low = readBits(parser, 0);
    cursor.require('AND');
    const high = nested(parser, readPredicate);
    return negated ? other('NOT BETWEEN') : { kind: 'test', operator: 'between', left, values: [low, high] };
  }
  if (cursor.take('LIKE')) {
    const pattern = readPrimary(parser);
    const escaped = cursor.take('ESCAPE');
    if (escaped) readPrimary(parser);
    if (negated || escaped) return other(negated ? 'NOT LIKE' : 'LIKE with ESCAPE');
    return { kind: 'test', operator: 'like', left, values: [pattern] };
  }
  if (cursor.oneOf('REGEXP', 'RLIKE') !== null) {
    readBits(parser, 0);
    return other('REGEXP');
  }
  if (negated) throw new Refusal('a NOT of an unknown form');
  if (cursor.take('SOUNDS', 'LIKE')) {
    readBits(parser, 0);
    return other('SOUNDS LIKE');
  }
  return left;
}

function readIn(left: Expr, negated: boolean, parser: Parser): Expr {
  const values = inParentheses(parser, (inner) => {
    if (!atQuery(inner)) return commaList(inner, readExpr);
    inner.subquery(inner);
    return null;
  });
  if (values === null) return other('a sub-select');
  return { kind: 'test', operator: negated ? 'not-in' : 'in', left, values };
}

const LEVELS: { readonly [operator: string]: number } = {
  '|': 1,
  '&': 2,
  '<<': 3,
  '>>': 3,
  '+': 4,
  '-': 4,
  '*': 5,
  '/': 5,
  '%': 5,
  DIV: 5,
  MOD: 5,
  '^': 6,
};

/** Reads operators that bind tighter than `level`, all of which lean to the left. */
function readBits(parser: Parser, level: number): Expr {
  const { cursor } = parser;
  let left = readPrimary(parser);
  for (;;) {
    const token = cursor.peek();
    const operator =
      token?.kind === 'symbol' ? token.text : token?.kind === 'word' ? token.name.toUpperCase() : '';
    const own = Object.hasOwn(LEVELS, operator) ? (LEVELS[operator] ?? 0) : 0;
    if (own <= level) return left;
    cursor.any();
    const right = readBits(parser, own);
    left =
      operator === '+' || operator === '-' || operator === '*' || operator === '/'
        ? { kind: 'arithmetic', operator, left, right }
        : other(`operator ${operator}`);
  }
}

/** Reads an operand of comparisons: arithmetic and bits, but no comparison and nothing above it. */
export function readOperand(parser: Parser): Expr {
  return readBits(parser, 0);
}
