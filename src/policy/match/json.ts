// Where a fact stands in a JSON document. Enters: a parsed document, a place; leaves: what was found there.
import type { FactSource } from '../fact.ts';
import { doubtAt, scalarAt, scalarsAt } from '../json-value.ts';
import { MOST_VALUES } from '../relations/values.ts';
import type { Found } from './match.ts';

export type JsonPlace = Extract<FactSource, { in: 'body' | 'response-body' }>;

/** A string and a number of the same digits are one value, unless the policy says which it must be. */
export function findInJson(document: unknown, place: JsonPlace, all: boolean): Found {
  const { pointer, type } = place;
  if (all) return findAll(document, place);
  const doubt = doubtAt(document, pointer, false);
  if (doubt !== null) return { kind: 'unreadable', why: doubt };
  const scalar = scalarAt(document, pointer);
  if (scalar === null) return { kind: 'absent' };
  if (type !== undefined && scalar.type !== type)
    return { kind: 'unreadable', why: `it is a JSON ${scalar.type}, not a ${type}` };
  return { kind: 'value', value: scalar.text };
}

/** Every element has to be a scalar: what is left out of a list could be what matters. */
function findAll(document: unknown, { pointer, type }: JsonPlace): Found {
  const scalars = scalarsAt(document, pointer, MOST_VALUES);
  if (scalars === 'absent') return { kind: 'absent' };
  if (scalars === 'unclear')
    return { kind: 'unreadable', why: `it is no list of at most ${MOST_VALUES} single values` };
  const doubt = doubtAt(document, pointer, true);
  if (doubt !== null) return { kind: 'unreadable', why: doubt };
  const other = scalars.find((scalar) => type !== undefined && scalar.type !== type);
  if (other !== undefined) return { kind: 'unreadable', why: `it has a JSON ${other.type}, not a ${type}` };
  return { kind: 'values', values: scalars.map(({ text }) => text) };
}
