// The facts in what a statement gave. Enters: a declaration, the result; leaves: a match with the facts of its rows.
import type { SqlResult } from '../../events/sql.ts';
import type { SqlRequestDeclaration } from '../document.ts';
import type { FactSource } from '../fact.ts';
import { isAnswered } from '../source.ts';
import { type Found, type Match, type Normalisers, readFacts } from './match.ts';

/** Reads the facts that a declaration takes from its result. A statement that gave no rows says nothing of their columns. */
export function readSqlResult(
  declaration: SqlRequestDeclaration,
  normalisers: Normalisers,
  result: SqlResult,
): Match {
  const facts = declaration.facts.filter(
    ({ source, all }) => isAnswered(source) && !(source.in === 'result' && all !== true && isEmpty(result)),
  );
  return readFacts(declaration.id, facts, normalisers, result.at, (source, all) => find(result, source, all));
}

function isEmpty(result: SqlResult): boolean {
  return result.rowCount === 0;
}

function find(result: SqlResult, source: FactSource, all: boolean): Found {
  switch (source.in) {
    case 'result':
      return all ? inRows(result, source.column) : inRow(result, source);
    case 'affected':
      return result.affected === null
        ? { kind: 'absent' }
        : { kind: 'value', value: String(result.affected) };
    default:
      return { kind: 'absent' };
  }
}

function inRow(result: SqlResult, { column, row }: Extract<FactSource, { in: 'result' }>): Found {
  if (row === 'only' && result.rowCount !== 1)
    return { kind: 'unreadable', why: `there are ${result.rowCount} rows` };
  const at = row === 'only' ? 0 : (row ?? 0);
  if (at >= result.rows.length && at < result.rowCount)
    return { kind: 'body-unseen', why: 'the result is longer than the row limit' };
  const places = placesOf(result, column);
  // Clients that read rows by name take the last of two, others the first.
  if (places.length > 1) return { kind: 'unreadable', why: 'it stands there more than once' };
  const value = result.rows[at]?.[places[0] ?? -1];
  if (value === undefined || value.type === 'null' || value.type === 'undecoded') return { kind: 'absent' };
  return { kind: 'value', value: value.text };
}

/** The column in every row: a row without a value makes the list unclear, as what is missing could be what matters. */
function inRows(result: SqlResult, column: string): Found {
  if (isEmpty(result)) return { kind: 'values', values: [] };
  if (result.rows.length < result.rowCount)
    return { kind: 'body-unseen', why: 'the result is longer than the row limit' };
  const [place, ...more] = placesOf(result, column);
  if (more.length > 0) return { kind: 'unreadable', why: 'it stands there more than once' };
  if (place === undefined) return { kind: 'absent' };
  const values = result.rows.map((row) => row[place]);
  const texts = values.flatMap((value) =>
    value === undefined || value.type === 'null' || value.type === 'undecoded' ? [] : [value.text],
  );
  return texts.length < values.length
    ? { kind: 'unreadable', why: 'a row has no value there' }
    : { kind: 'values', values: texts };
}

function placesOf({ columns }: SqlResult, wanted: string): readonly number[] {
  return columns.flatMap(({ name }, i) => (name.toLowerCase() === wanted.toLowerCase() ? [i] : []));
}
