// The operands of MySQL's expressions (MySQL manual, "Expressions": simple_expr). Enters: tokens; leaves: expressions, findings in the draft.
import { readCall, readCase, readMatch } from './call.ts';
import { Refusal } from './cursor.ts';
import { isBareFunction, isFunctionName, isUnit } from './keywords.ts';
import type { MysqlToken } from './lexer.ts';
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

/** Reads an operand with its signs, and with the COLLATE and the JSON paths that follow it. */
export function readPrimary(parser: Parser): Expr {
  const { cursor } = parser;
  if (cursor.symbol('-')) return negative(nested(parser, readPrimary));
  if (cursor.symbol('+')) return positive(nested(parser, readPrimary));
  if (cursor.symbol('!') || cursor.symbol('~') || cursor.take('BINARY')) {
    nested(parser, readPrimary);
    return other('an operator before an expression');
  }
  let operand = readOperand(parser);
  for (;;) {
    if (cursor.take('COLLATE')) {
      const name = cursor.any();
      if (name.kind !== 'string' && name.kind !== 'word' && name.kind !== 'quoted-name')
        throw new Refusal('a collation was expected');
      operand = other('COLLATE');
    } else if (cursor.symbol('->') || cursor.symbol('->>')) {
      if (cursor.any().kind !== 'string') throw new Refusal('a JSON path was expected');
      operand = other('a JSON path');
    } else return operand;
  }
}

function negative(operand: Expr): Expr {
  if (operand.kind !== 'value' || operand.value.kind !== 'slot') return other('a sign before an expression');
  return { kind: 'value', value: { ...operand.value, negative: !operand.value.negative } };
}

function positive(operand: Expr): Expr {
  return operand.kind === 'value' && operand.value.kind === 'slot'
    ? operand
    : other('a sign before an expression');
}

function readOperand(parser: Parser): Expr {
  const { cursor } = parser;
  const token = cursor.peek();
  switch (token?.kind) {
    case undefined:
      throw new Refusal('the statement ends too early');
    case 'string':
    case 'number':
    case 'placeholder':
      return readValue(cursor.any(), parser);
    case 'variable':
      return readVariable(cursor.any(), parser);
    case 'quoted-name':
      return readNamed(parser);
    case 'symbol':
      if (token.text !== '(') throw new Refusal('an operand was expected');
      return readParenthesised(parser);
    case 'word':
      return readWord(token, parser);
  }
}

function readValue(token: MysqlToken, { ordinals }: Parser): Expr {
  const index = ordinals.get(token);
  if (index === undefined) throw new Refusal('a value that is not in the text');
  return token.kind === 'placeholder'
    ? { kind: 'value', value: { kind: 'parameter', index: index + 1, casts: [] } }
    : { kind: 'value', value: { kind: 'slot', index, negative: false, casts: [] } };
}

function readVariable(token: MysqlToken, parser: Parser): Expr {
  if (!parser.cursor.symbol(':=')) return { kind: 'variable', name: token.name };
  nested(parser, readExpr);
  return other('an assignment to a variable');
}

function readParenthesised(parser: Parser): Expr {
  return inParentheses(parser, (inner) => {
    if (atQuery(inner)) {
      inner.subquery(inner);
      return other('a sub-select');
    }
    const [first, ...more] = commaList(inner, readExpr);
    return first === undefined || more.length > 0 ? other('a row') : first;
  });
}

function readWord(token: MysqlToken, parser: Parser): Expr {
  const { cursor } = parser;
  const open = cursor.peek(1)?.text === '(';
  const word = token.name.toUpperCase();
  if (word === 'DEFAULT' && !open) {
    cursor.any();
    return { kind: 'value', value: { kind: 'default' } };
  }
  switch (word) {
    case 'NULL':
      cursor.any();
      return { kind: 'value', value: { kind: 'literal', value: { type: 'null' } } };
    case 'TRUE':
    case 'FALSE':
      cursor.any();
      return {
        kind: 'value',
        value: { kind: 'literal', value: { type: 'boolean', text: word.toLowerCase() } },
      };
    case 'CASE':
      cursor.any();
      return readCase(parser);
    case 'EXISTS':
      cursor.any();
      inParentheses(parser, parser.subquery);
      return other('a sub-select');
    case 'INTERVAL':
      cursor.any();
      return readInterval(parser);
    case 'MATCH':
      cursor.any();
      return readMatch(parser);
    case 'ROW':
      cursor.any();
      inParentheses(parser, (inner) => commaList(inner, readExpr));
      return other('a row');
    case 'DATE':
    case 'TIME':
    case 'TIMESTAMP':
      if (cursor.peek(1)?.kind !== 'string') return readNamed(parser);
      cursor.any();
      cursor.any();
      return other('a typed literal');
    default:
      return readNamed(parser);
  }
}

/** `INTERVAL n unit`, or the function `INTERVAL(a, b, ...)`. */
function readInterval(parser: Parser): Expr {
  const { cursor } = parser;
  readExpr(parser);
  const unit = cursor.peek();
  if (unit?.kind !== 'word' || !isUnit(unit.name)) throw new Refusal('an INTERVAL of an unknown form');
  cursor.any();
  return other('an interval');
}

/** A column, a function with or without parentheses, either of them qualified. */
function readNamed(parser: Parser): Expr {
  const { cursor } = parser;
  const token = cursor.peek();
  const open = cursor.peek(1)?.text === '(' && cursor.peek(1)?.kind === 'symbol';
  if (token?.kind === 'word' && !open && isBareFunction(token.name)) {
    parser.draft.call(cursor.any().name);
    return other('a function call');
  }
  if (open && token?.kind === 'word') {
    cursor.any();
    if (!isFunctionName(token.name) && !SPECIAL.has(token.name.toUpperCase()))
      throw new Refusal('a reserved word where a function would be');
    return readCall(token.name, parser);
  }
  const parts = [cursor.name()];
  while (cursor.symbol('.')) parts.push(cursor.afterDot());
  if (parts.length > 3) throw new Refusal('a name of too many parts');
  return cursor.peek()?.text === '(' && cursor.peek()?.kind === 'symbol'
    ? readCall(parts.join('.'), parser)
    : { kind: 'column', parts };
}

/** Reserved words with arguments of their own form (call.ts). */
const SPECIAL: ReadonlySet<string> = new Set(['CONVERT', 'POSITION']);
