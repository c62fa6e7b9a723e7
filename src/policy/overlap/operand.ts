// Whether one value in SQL can be what two operands ask for. Enters: operands; leaves: yes or no.
import type { SqlOperand } from '../document.ts';
import type { Normaliser } from '../fact.ts';
import { normalise } from '../normalise.ts';

type Literal = string | number | boolean | null;
export type KindOf = (fact: string) => Normaliser;

/** True when some expression is what both ask for. */
export function compatible(a: SqlOperand, b: SqlOperand, kindOf: KindOf): boolean {
  if (a.kind === 'any' || b.kind === 'any') return true;
  if (isChange(a) || isChange(b))
    return isChange(a) && isChange(b) && a.kind === b.kind && compatible(a.by, b.by, kindOf);
  if (a.kind === 'fact' && b.kind === 'fact') return kindsMeet(kindOf(a.fact), kindOf(b.fact));
  if (a.kind === 'fact') return b.kind === 'literal' && sayable(b.value, kindOf(a.fact));
  if (b.kind === 'fact') return sayable(a.value, kindOf(b.fact));
  return sameValue(a.value, b.value);
}

type Change = Extract<SqlOperand, { readonly by: SqlOperand }>;

function isChange(operand: SqlOperand): operand is Change {
  return operand.kind === 'increase' || operand.kind === 'decrease';
}

/** True when `a` takes every expression that `b` takes. */
export function covers(a: SqlOperand, b: SqlOperand, kindOf: KindOf): boolean {
  switch (a.kind) {
    case 'any':
      return true;
    case 'increase':
    case 'decrease':
      return b.kind === a.kind && covers(a.by, b.by, kindOf);
    case 'literal':
      return b.kind === 'literal' && literalCovers(a.value, b.value);
    case 'fact':
      if (b.kind === 'fact') return kindCovers(kindOf(a.fact), kindOf(b.fact));
      return b.kind === 'literal' && alwaysSays(b.value, kindOf(a.fact));
  }
}

/** Every kind of fact takes whole numbers of 32 digits, but for moments. */
function kindsMeet(a: Normaliser, b: Normaliser): boolean {
  const text = (kind: Normaliser): boolean => kind === 'text' || kind === 'lower' || kind === 'secret';
  return a === b || text(a) || text(b) || (a !== 'instant' && b !== 'instant');
}

function kindCovers(a: Normaliser, b: Normaliser): boolean {
  return a === b || a === 'text' || a === 'lower' || a === 'secret' || (a === 'decimal' && b === 'integer');
}

/** True when some spelling of the literal is a value of that kind. */
function sayable(value: Literal, as: Normaliser): boolean {
  if (value === null) return false;
  const spellings = typeof value === 'boolean' ? [String(value), String(Number(value))] : [plain(value)];
  return spellings.some((text) => normalise(text, as) !== null);
}

/** True when every spelling of the literal is a value of that kind. */
function alwaysSays(value: Literal, as: Normaliser): boolean {
  if (value === null) return false;
  if (typeof value === 'string') return normalise(value, as) !== null;
  // A number may be written 3.0, and true as a word.
  return typeof value === 'number' ? as !== 'integer' : as === 'text' || as === 'lower';
}

/** A number without an exponent, so that a whole one is an integer's spelling too. */
function plain(value: string | number): string {
  return typeof value === 'string' ? value : (normalise(String(value), 'decimal') ?? String(value));
}

/** True when one value is both literals; a number is every spelling of it, and true may be 1. */
function sameValue(a: Literal, b: Literal): boolean {
  if (a === null || b === null) return a === b;
  if (typeof a === typeof b && typeof a !== 'number') return a === b;
  if (typeof a === 'boolean') return booleanMeets(a, b);
  if (typeof b === 'boolean') return booleanMeets(b, a);
  const number = normalise(String(a), 'decimal');
  return number !== null && number === normalise(String(b), 'decimal');
}

function booleanMeets(flag: boolean, other: Exclude<Literal, null>): boolean {
  if (typeof other === 'number') return other === Number(flag);
  return other === flag || other === String(flag) || other === String(Number(flag));
}

function literalCovers(a: Literal, b: Literal): boolean {
  if (typeof a === typeof b) return sameValue(a, b);
  if (a === null || b === null || typeof b !== 'string') return false;
  return typeof a === 'number' ? sameValue(a, b) : b === String(a);
}
