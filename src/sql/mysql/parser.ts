// MySQL's grammar for queries, read by recursive descent over our own tokens: its state and its choice. Enters: tokens; leaves: types.
//
// The parsers that npm has were measured (November 2026, Node 20) over 295 statements against MariaDB 10.11's own verdict, and
// with short hostile texts, since the peer under inspection writes the text and everybody waits while it is parsed:
//   - sqlparser-rs as WebAssembly (@guanmingchiu/sqlparser-ts 0.62): agrees on 228; backtracks: 35 nested `cast(` (400
//     characters) take more than a minute; takes reserved words for names; a chain of 700 operators kills the instance for good.
//   - node-sql-parser 5.4 (89 MB): agrees on 215 (`mysql`) and 213 (`mariadb`, which refuses a column named `status`);
//     backtracks: 12 nested `cast(` (191 characters, valid SQL) take 6 s; refuses SET NAMES and SAVEPOINT.
//   - dt-sql-parser 4.5 (20 MB): agrees on 263; 100 nested CASE (2 kB, valid SQL) take 7 s; knows no `?`; does not load in Node
//     without a bundler.
// Not measured: ts-mysql-parser 0.2 (ANTLR like the one before, and older); sql-parser-cst (GPL).
// None can be put in the path of hostile traffic, so the grammar is written here, after the MySQL manual, for the statements
// that services send. It takes every token itself, in linear time, so that nothing can hide from it: what it does not know is a
// `Refusal`, and the text is unparsable. Statements outside of it are read word by word (session.ts, utility.ts).
import type { StatementDraft } from '../draft.ts';
import type { TemplateExpr } from '../template.ts';
import { type Cursor, Refusal } from './cursor.ts';
import type { MysqlToken } from './lexer.ts';

/** Numbers of literals and of placeholders within the whole text, by token. */
export type Ordinals = ReadonlyMap<MysqlToken, number>;

/** An expression before its columns are resolved, which needs the FROM that comes after it. */
export type Expr =
  | { readonly kind: 'value'; readonly value: TemplateExpr }
  | { readonly kind: 'column'; readonly parts: readonly string[] }
  | {
      readonly kind: 'arithmetic';
      readonly operator: '+' | '-' | '*' | '/';
      readonly left: Expr;
      readonly right: Expr;
    }
  | { readonly kind: 'and'; readonly parts: readonly Expr[] }
  | {
      readonly kind: 'compare';
      readonly operator: '=' | '<>' | '<' | '<=' | '>' | '>=';
      readonly left: Expr;
      readonly right: Expr;
    }
  | {
      readonly kind: 'test';
      readonly operator: 'in' | 'not-in' | 'like' | 'is-null' | 'is-not-null' | 'between';
      readonly left: Expr;
      readonly values: readonly Expr[];
    }
  /** Its functions and tables are in the draft; what it computes is not known. */
  | { readonly kind: 'other'; readonly what: string }
  | { readonly kind: 'variable'; readonly name: string };

/** The state of reading one statement. */
export interface Parser {
  readonly cursor: Cursor;
  readonly draft: StatementDraft;
  readonly ordinals: Ordinals;
  /** Lower-case names of the WITH queries that are visible. */
  names: ReadonlySet<string>;
  depth: number;
  /** Reads a query that stands inside of something else. */
  readonly subquery: (parser: Parser) => void;
  /** Reads an expression that stands inside of something else; files of the grammar meet here, not in each other. */
  readonly expression: (parser: Parser) => Expr;
  /** Reads an operand of comparisons. */
  readonly operand: (parser: Parser) => Expr;
}

/** Reads an expression. */
export function readExpr(parser: Parser): Expr {
  return parser.expression(parser);
}

/** An expression that a policy cannot reason about. */
export function other(what: string): Expr {
  return { kind: 'other', what };
}

/** True before a query. */
export function atQuery({ cursor }: Parser): boolean {
  return cursor.at('SELECT', 'WITH', 'TABLE') || (cursor.at('VALUES') && cursor.peek(1)?.text === '(');
}

/** Levels of nesting, of any kind; honest statements have less than ten. */
const MAX_NESTING = 100;

/** Runs `read` one level deeper. */
export function nested<T>(parser: Parser, read: (parser: Parser) => T): T {
  parser.depth += 1;
  if (parser.depth > MAX_NESTING) throw new Refusal('nested too deeply');
  const result = read(parser);
  parser.depth -= 1;
  return result;
}

/** Reads `( ... )` around `read`. */
export function inParentheses<T>(parser: Parser, read: (parser: Parser) => T): T {
  parser.cursor.expect('(');
  const result = nested(parser, read);
  parser.cursor.expect(')');
  return result;
}

/** Reads one or more, with commas between them. */
export function commaList<T>(parser: Parser, read: (parser: Parser) => T): readonly T[] {
  const items = [read(parser)];
  while (parser.cursor.symbol(',')) items.push(read(parser));
  return items;
}

/** MySQL compares column names, aliases and, on some systems, table names without case. */
export function sameName(a: string, b: string): boolean {
  return a === b || a.toLowerCase() === b.toLowerCase();
}
