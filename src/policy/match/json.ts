// Where a fact stands in a JSON document. Enters: a parsed document, a place; leaves: what was found there.
import type { FactSource } from '../fact.ts';
import { scalarAt } from '../json-value.ts';
import type { Found } from './match.ts';

export type JsonPlace = Extract<FactSource, { in: 'body' | 'response-body' }>;

/** A string and a number of the same digits are one value, unless the policy says which it must be. */
export function findInJson(document: unknown, { pointer, type }: JsonPlace): Found {
  const scalar = scalarAt(document, pointer);
  if (scalar === null) return { kind: 'absent' };
  if (type !== undefined && scalar.type !== type)
    return { kind: 'unreadable', why: `it is a JSON ${scalar.type}, not a ${type}` };
  return { kind: 'value', value: scalar.text };
}
