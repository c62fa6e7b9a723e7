// Function calls of MySQL with their odd arguments, CASE and MATCH. Enters: tokens; leaves: expressions, findings in the draft.
import { Refusal } from './cursor.ts';
import { isUnit } from './keywords.ts';
import { commaList, type Expr, inParentheses, nested, other, type Parser, readExpr } from './parser.ts';
import { readType } from './type.ts';
import { readOrder, readWindow } from './window.ts';

/** Reads the arguments of the function, whose name was taken, and its OVER. */
export function readCall(name: string, parser: Parser): Expr {
  const special = Object.hasOwn(SPECIAL, name.toUpperCase()) ? SPECIAL[name.toUpperCase()] : undefined;
  if (!CASTS.has(name.toUpperCase())) parser.draft.call(name);
  const cast = inParentheses(parser, special ?? readArguments(name.toUpperCase()));
  if (parser.cursor.take('OVER')) {
    parser.draft.feature('window');
    readWindow(parser);
  }
  return cast ?? other('a function call');
}

/** Operators in the form of a call, which name no function. */
const CASTS: ReadonlySet<string> = new Set(['CAST', 'CONVERT']);

/** What the call is, when it is more than `a function call`. */
type Arguments = (parser: Parser) => Expr | undefined;

const SPECIAL: { readonly [name: string]: Arguments } = {
  CAST: (parser) => {
    const operand = readExpr(parser);
    parser.cursor.require('AS');
    return casted(operand, parser);
  },
  CONVERT: (parser) => {
    const operand = readExpr(parser);
    if (parser.cursor.take('USING')) {
      readCharset(parser);
      return other('a character set conversion');
    }
    parser.cursor.expect(',');
    return casted(operand, parser);
  },
  EXTRACT: (parser) => {
    if (!isUnit(parser.cursor.any().name)) throw new Refusal('a unit was expected');
    parser.cursor.require('FROM');
    readExpr(parser);
    return undefined;
  },
  TRIM: (parser) => {
    const sided = parser.cursor.oneOf('BOTH', 'LEADING', 'TRAILING') !== null;
    if (!sided || !parser.cursor.at('FROM')) readExpr(parser);
    if (parser.cursor.take('FROM')) readExpr(parser);
    return undefined;
  },
  POSITION: (parser) => {
    parser.operand(parser);
    parser.cursor.require('IN');
    readExpr(parser);
    return undefined;
  },
};

function casted(operand: Expr, parser: Parser): Expr {
  const cast = readType(parser);
  if (cast === null || operand.kind !== 'value') return other('a cast');
  const { value } = operand;
  if (value.kind !== 'slot' && value.kind !== 'parameter') return other('a cast');
  return { kind: 'value', value: { ...value, casts: [...value.casts, cast] } };
}

function readArguments(name: string): Arguments {
  return (parser) => {
    const { cursor, draft } = parser;
    if (cursor.peek()?.text === ')') return undefined;
    if (cursor.take('DISTINCT')) draft.feature('distinct');
    else cursor.take('ALL');
    if (name === 'COUNT' && cursor.symbol('*')) return undefined;
    commaList(parser, readExpr);
    if (name === 'SUBSTRING' || name === 'SUBSTR' || name === 'MID') {
      if (cursor.take('FROM')) readExpr(parser);
      if (cursor.take('FOR')) readExpr(parser);
    } else if (name === 'CHAR') {
      if (cursor.take('USING')) readCharset(parser);
    } else if (name === 'GROUP_CONCAT') {
      readOrder(parser);
      if (cursor.take('SEPARATOR') && cursor.any().kind !== 'string')
        throw new Refusal('a separator was expected');
    }
    return undefined;
  };
}

function readCharset({ cursor }: Parser): void {
  const token = cursor.any();
  if (token.kind !== 'word' && token.kind !== 'string') throw new Refusal('a character set was expected');
}

/** What follows CASE. */
export function readCase(parser: Parser): Expr {
  const { cursor } = parser;
  return nested(parser, (inner) => {
    if (!cursor.at('WHEN')) readExpr(inner);
    do {
      cursor.require('WHEN');
      readExpr(inner);
      cursor.require('THEN');
      readExpr(inner);
    } while (cursor.at('WHEN'));
    if (cursor.take('ELSE')) readExpr(inner);
    cursor.require('END');
    return other('a CASE');
  });
}

/** What follows MATCH: `(columns) AGAINST (text [mode])`. */
export function readMatch(parser: Parser): Expr {
  const { cursor, draft } = parser;
  draft.call('match');
  if (cursor.peek()?.text === '(') inParentheses(parser, (inner) => commaList(inner, readExpr));
  else commaList(parser, readExpr);
  cursor.require('AGAINST');
  inParentheses(parser, (inner) => {
    // IN here begins a mode, so that the text is an operand only.
    const text = cursor.any();
    if (text.kind !== 'string' && text.kind !== 'placeholder' && text.kind !== 'variable')
      throw new Refusal('a MATCH against an expression');
    const mode =
      cursor.take('IN', 'BOOLEAN', 'MODE') ||
      cursor.take('IN', 'NATURAL', 'LANGUAGE', 'MODE') ||
      cursor.peek()?.text === ')' ||
      cursor.at('WITH');
    if (!mode) throw new Refusal('a MATCH of an unknown form');
    inner.cursor.take('WITH', 'QUERY', 'EXPANSION');
  });
  return other('MATCH');
}
