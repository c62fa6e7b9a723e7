// The values that a MySQL command binds. Enters: a reader at the null bitmap; leaves: values, or why they cannot be told.
import type { SqlValue } from '../../events/sql.ts';
import { ByteReader } from '../sql/byte-reader.ts';
import type { ByteStore } from '../sql/byte-store.ts';
import { readLenenc, readPlainBytes } from './lenenc.ts';
import type { ParameterType } from './state.ts';
import { NULL_VALUE, readBinary, readText } from './value.ts';

/** The server takes no more (a count of two bytes). */
const MOST = 0xffff;
const PARAMETER_COUNT_AVAILABLE = 8;
const UNSIGNED = 0x80;
/**
 * Types that only results have. Bound by a client, servers read them as strings or refuse them, so what is sent so can be
 * read in two ways (MySQL sql_prepare.cc, `setup_one_conversion_function`): NULL, INT24, YEAR, NEWDATE, the types with a
 * 2 that are for storage only, VECTOR.
 */
const NOT_BOUND: ReadonlySet<number> = new Set([6, 9, 13, 14, 17, 18, 19, 242]);
/** MariaDB's indicators in a bulk execution. */
const INDICATOR_NONE = 0;
const INDICATOR_NULL = 1;

export interface Bound {
  readonly values: readonly SqlValue[];
  readonly types: readonly ParameterType[];
}

/** What is known before the values. */
export interface Binding {
  /** How many placeholders the statement has. */
  readonly count: number;
  /** Types of the execution before, for one that sends none. */
  readonly types: readonly ParameterType[] | null;
  readonly long: ReadonlyMap<number, ByteStore | null>;
  /** CLIENT_QUERY_ATTRIBUTES; null where it is not known. */
  readonly attributes: boolean | null;
}

export type Reading<T> =
  | { readonly kind: 'read'; readonly bound: T }
  | { readonly kind: 'unsure'; readonly why: string };

/** COM_STMT_EXECUTE after its iteration count (MySQL documentation). `body` is all that follows. */
export function readExecute(body: Uint8Array, flags: number, binding: Binding): Reading<Bound> {
  const readings: Bound[] = [];
  for (const [counted, named] of waysToRead(flags, binding.attributes)) {
    const bound = readWay(new ByteReader(body), binding, counted, named);
    if (bound !== null) readings.push(bound);
  }
  const [first, second] = readings;
  if (first === undefined) return { kind: 'unsure', why: 'the bound values do not fit the statement' };
  // Without parameters, or without types, there are no names: both ways come to the same.
  if (second !== undefined && JSON.stringify(first) !== JSON.stringify(second))
    return { kind: 'unsure', why: 'the bound values can be read in two ways' };
  return { kind: 'read', bound: first };
}

/** With query attributes a count comes first, and each type has a name behind it. */
function waysToRead(flags: number, attributes: boolean | null): readonly (readonly [boolean, boolean])[] {
  const announced = (flags & PARAMETER_COUNT_AVAILABLE) !== 0;
  if (attributes === false) return [[false, false]];
  if (announced) return [[true, true]];
  return attributes === true
    ? [
        [false, false],
        [false, true],
      ]
    : [[false, false]];
}

function readWay(reader: ByteReader, binding: Binding, counted: boolean, named: boolean): Bound | null {
  if (binding.count === 0 && !counted) return reader.left === 0 ? { values: [], types: [] } : null;
  const count = counted ? (readLenenc(reader) ?? -1) : binding.count;
  if (count < binding.count || count > MOST || !reader.ok) return null;
  if (count === 0) return reader.finished ? { values: [], types: [] } : null;
  const bound = readBound(reader, count, binding, named);
  if (bound === null || !reader.finished) return null;
  return { values: bound.values.slice(0, binding.count), types: bound.types };
}

/** Null bitmap, whether types follow, types, values. */
function readBound(
  reader: ByteReader,
  count: number,
  binding: Pick<Binding, 'types' | 'long'>,
  named: boolean,
): Bound | null {
  const nulls = reader.take((count + 7) >> 3);
  const fresh = reader.u8();
  if (!reader.ok || fresh > 1) return null;
  const types = fresh === 1 ? readTypes(reader, count, named) : binding.types;
  if (types === null || types.length < count) return null;
  const values: SqlValue[] = [];
  for (let i = 0; i < count; i += 1) {
    const type = types[i];
    if (type === undefined) return null;
    const ahead = binding.long.get(i);
    if (ahead === null) return null;
    const isNull = ((nulls[i >> 3] ?? 0) & (1 << (i & 7))) !== 0;
    const value =
      ahead !== undefined
        ? readText(ahead.peek(), type.type, false)
        : isNull
          ? NULL_VALUE
          : readOne(reader, type);
    if (value === null || !reader.ok) return null;
    values.push(value);
  }
  return { values, types };
}

function readOne(reader: ByteReader, type: ParameterType): SqlValue | null {
  return NOT_BOUND.has(type.type) ? null : readBinary(reader, { ...type, binary: false });
}

function readTypes(reader: ByteReader, count: number, named: boolean): readonly ParameterType[] | null {
  const types: ParameterType[] = [];
  for (let i = 0; i < count && reader.ok; i += 1) {
    const type = reader.u8();
    const unsigned = (reader.u8() & UNSIGNED) !== 0;
    if (named) readPlainBytes(reader);
    types.push({ type, unsigned });
  }
  return reader.ok ? types : null;
}

/** The attributes before a COM_QUERY's text, which are passed over: they are no values of the statement. False if broken. */
export function skipAttributes(reader: ByteReader): boolean {
  const count = readLenenc(reader) ?? -1;
  const sets = readLenenc(reader);
  if (!reader.ok || sets !== 1 || count < 0 || count > MOST) return false;
  return count === 0 || readBound(reader, count, { types: null, long: new Map() }, true) !== null;
}

/**
 * COM_STMT_BULK_EXECUTE after its flags (MariaDB documentation): types once, then row after row of an indicator and a
 * value for each parameter. Unsure where a row leaves a value to the server (DEFAULT, or not to be changed).
 */
export function readBulk(
  reader: ByteReader,
  typed: boolean,
  binding: Binding,
  most: number,
): Reading<{ readonly rows: readonly (readonly SqlValue[])[]; readonly types: readonly ParameterType[] }> {
  const { count } = binding;
  const types = typed ? readTypes(reader, count, false) : binding.types;
  if (types === null || types.length < count || count === 0) {
    return { kind: 'unsure', why: 'a bulk execution without types' };
  }
  const rows: SqlValue[][] = [];
  while (reader.ok && reader.left > 0) {
    if (rows.length >= most) return { kind: 'unsure', why: 'a bulk execution of more rows than are kept' };
    const row: SqlValue[] = [];
    for (const type of types.slice(0, count)) {
      const indicator = reader.u8();
      if (indicator > INDICATOR_NULL)
        return { kind: 'unsure', why: 'a bulk execution that leaves values out' };
      const value = indicator === INDICATOR_NONE ? readOne(reader, type) : NULL_VALUE;
      if (value === null) return { kind: 'unsure', why: 'a bulk execution with values of an unknown type' };
      row.push(value);
    }
    rows.push(row);
  }
  return reader.ok
    ? { kind: 'read', bound: { rows, types } }
    : { kind: 'unsure', why: 'the bound values do not fit the statement' };
}
