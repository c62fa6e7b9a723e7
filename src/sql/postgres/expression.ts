// PostgreSQL's value expressions as far as a policy can reason about them. Enters: syntax nodes, a scope; leaves: templates.
import { applyCast, type Cast } from '../cast.ts';
import { asNode, listOf, type Node, stringsOf, tagged, textOf } from '../node.ts';
import { resolveColumn, type Scope } from '../scope.ts';
import type { TemplateExpr } from '../template.ts';

/** Reads an expression; whatever is not a value, a column, DEFAULT or plain arithmetic of these is `other`. */
export function readExpr(value: unknown, scope: Scope): TemplateExpr {
  const each = tagged(value);
  if (each === null) return other('nothing');
  const { tag, node } = each;
  switch (tag) {
    case 'A_Const':
      return readConstant(node);
    case 'ParamRef':
      return typeof node.number === 'number'
        ? { kind: 'parameter', index: node.number, casts: [] }
        : other('parameter 0');
    case 'ColumnRef':
      return readColumn(node, scope);
    case 'SetToDefault':
      return { kind: 'default' };
    case 'TypeCast':
      return readCast(node, scope);
    case 'A_Expr':
      return readArithmetic(node, scope);
    default:
      return other(NAMES[tag] ?? tag);
  }
}

const NAMES: { readonly [tag: string]: string } = {
  FuncCall: 'a function call',
  SubLink: 'a sub-select',
  RowExpr: 'a row',
  CaseExpr: 'a CASE',
  A_Indirection: 'a field or element',
  A_ArrayExpr: 'an array',
  BoolExpr: 'a condition',
  SQLValueFunction: 'a function call',
  CoalesceExpr: 'a function call',
};

function other(what: string): TemplateExpr {
  return { kind: 'other', what };
}

function readConstant(node: Node): TemplateExpr {
  if (node.isnull === true) return { kind: 'literal', value: { type: 'null' } };
  const integer = asNode(node.ival);
  if (integer !== null) {
    // Zero is left out of the tree.
    const digits = typeof integer.ival === 'number' ? integer.ival : 0;
    return { kind: 'literal', value: { type: 'number', text: String(digits) } };
  }
  const float = asNode(node.fval);
  if (float !== null) return readNumber(textOf(float.fval));
  const boolean = asNode(node.boolval);
  if (boolean !== null) {
    return {
      kind: 'literal',
      value: { type: 'boolean', text: boolean.boolval === true ? 'true' : 'false' },
    };
  }
  const text = asNode(node.sval);
  if (text !== null) return { kind: 'literal', value: { type: 'text', text: textOf(text.sval) } };
  return other('a bit string');
}

/** `1_000.5`, `0x1F...`, `1e3`: digits stay as written, but separators go and other bases become decimal. */
function readNumber(written: string): TemplateExpr {
  const negative = written.startsWith('-');
  const digits = written.replaceAll('_', '').replace(/^[+-]/, '').toLowerCase();
  let text: string;
  if (/^0[xob]/.test(digits)) {
    // Longer ones are no integers of any type here, and BigInt takes quadratic time.
    if (!/^0(?:x[0-9a-f]{1,32}|o[0-7]{1,48}|b[01]{1,128})$/.test(digits)) return other('a number');
    text = BigInt(digits).toString();
  } else {
    if (!/^[0-9]*\.?[0-9]*(?:e[+-]?[0-9]+)?$/.test(digits)) return other('a number');
    text = digits;
  }
  return { kind: 'literal', value: { type: 'number', text: `${negative ? '-' : ''}${text}` } };
}

function readColumn(node: Node, scope: Scope): TemplateExpr {
  const parts = stringsOf(node.fields);
  if (parts === null) return other('a whole row');
  return resolveColumn(parts, scope, (a, b) => a === b);
}

const CASTS: { readonly [type: string]: Cast } = {
  text: 'text',
  varchar: 'text',
  // What `N'...'` is.
  bpchar: 'text',
  int2: 'integer',
  int4: 'integer',
  int8: 'integer',
  numeric: 'decimal',
  uuid: 'uuid',
  date: 'date',
};

/** A cast of a literal or parameter that keeps the value; one of anything else may compute. */
function readCast(node: Node, scope: Scope): TemplateExpr {
  const inner = readExpr(node.arg, scope);
  const cast = castOf(asNode(node.typeName));
  if (cast === null) return other('a cast');
  if (inner.kind === 'parameter') return { ...inner, casts: [...inner.casts, cast] };
  if (inner.kind !== 'literal') return other('a cast');
  const value = applyCast(inner.value, cast);
  return value === null ? other('a cast that changes its value') : { kind: 'literal', value };
}

function castOf(type: Node | null): Cast | null {
  if (type === null || type.setof === true || type.pct_type === true) return null;
  // A length or a precision cuts or rounds: `$1::varchar(3)`, `$1::numeric(5,2)`.
  if (listOf(type.typmods).length > 0 || listOf(type.arrayBounds).length > 0) return null;
  const names = stringsOf(type.names);
  if (names === null) return null;
  const [first, second] = names;
  const name = names.length === 2 && first === 'pg_catalog' ? second : names.length === 1 ? first : undefined;
  return (name !== undefined && Object.hasOwn(CASTS, name) && CASTS[name]) || null;
}

const OPERATORS: { readonly [sign: string]: '+' | '-' | '*' | '/' } = {
  '+': '+',
  '-': '-',
  '*': '*',
  '/': '/',
};

function readArithmetic(node: Node, scope: Scope): TemplateExpr {
  const names = stringsOf(node.name);
  const sign = names?.length === 1 ? (names[0] ?? '') : '';
  const operator = node.kind === 'AEXPR_OP' && Object.hasOwn(OPERATORS, sign) ? OPERATORS[sign] : undefined;
  if (operator === undefined) return other(`operator ${sign.slice(0, 16)}`);
  const right = readExpr(node.rexpr, scope);
  if (node.lexpr === undefined) {
    // The grammar folds a minus into its number, but keeps a plus.
    const signed = sign === '+' && right.kind === 'literal' && right.value.type === 'number';
    return signed ? right : other('a sign before an expression');
  }
  const left = readExpr(node.lexpr, scope);
  return { kind: 'arithmetic', operator, left, right };
}
