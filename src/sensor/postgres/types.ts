// PostgreSQL's built-in types by number. Enters: an object id; leaves: its name and how its values are read.

/** How the values of a type are read; `other` are those whose binary form is not known here. */
export type TypeFamily =
  | 'boolean'
  | 'integer'
  | 'oid'
  | 'float4'
  | 'float8'
  | 'numeric'
  | 'text'
  | 'jsonb'
  | 'bytes'
  | 'uuid'
  | 'date'
  | 'time'
  | 'timetz'
  | 'timestamp'
  | 'timestamptz'
  | 'inet'
  | 'other';

interface KnownType {
  readonly name: string;
  readonly family: TypeFamily;
}

/** From the server's catalogue pg_type.dat; the numbers of built-in types never change. */
const TYPES: ReadonlyMap<number, KnownType> = new Map(
  (
    [
      [16, 'bool', 'boolean'],
      [17, 'bytea', 'bytes'],
      [18, 'char', 'text'],
      [19, 'name', 'text'],
      [20, 'int8', 'integer'],
      [21, 'int2', 'integer'],
      [23, 'int4', 'integer'],
      [24, 'regproc', 'oid'],
      [25, 'text', 'text'],
      [26, 'oid', 'oid'],
      [28, 'xid', 'oid'],
      [29, 'cid', 'oid'],
      [114, 'json', 'text'],
      [142, 'xml', 'text'],
      [650, 'cidr', 'inet'],
      [700, 'float4', 'float4'],
      [701, 'float8', 'float8'],
      [705, 'unknown', 'text'],
      [790, 'money', 'other'],
      [829, 'macaddr', 'other'],
      [869, 'inet', 'inet'],
      [1000, '_bool', 'other'],
      [1005, '_int2', 'other'],
      [1007, '_int4', 'other'],
      [1009, '_text', 'other'],
      [1015, '_varchar', 'other'],
      [1016, '_int8', 'other'],
      [1042, 'bpchar', 'text'],
      [1043, 'varchar', 'text'],
      [1082, 'date', 'date'],
      [1083, 'time', 'time'],
      [1114, 'timestamp', 'timestamp'],
      [1184, 'timestamptz', 'timestamptz'],
      [1186, 'interval', 'other'],
      [1266, 'timetz', 'timetz'],
      [1560, 'bit', 'other'],
      [1562, 'varbit', 'other'],
      [1700, 'numeric', 'numeric'],
      [2205, 'regclass', 'oid'],
      [2206, 'regtype', 'oid'],
      [2278, 'void', 'text'],
      [2950, 'uuid', 'uuid'],
      [3802, 'jsonb', 'jsonb'],
    ] as const
  ).map(([oid, name, family]): [number, KnownType] => [oid, { name, family }]),
);

/** The type's name, or its number where it is no built-in type that is known here. */
export function typeName(oid: number): string {
  return TYPES.get(oid)?.name ?? String(oid);
}

/** How values of the type are read; null for number 0 (not specified). */
export function typeFamily(oid: number): TypeFamily | null {
  return oid === 0 ? null : (TYPES.get(oid)?.family ?? 'other');
}
