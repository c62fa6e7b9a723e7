// MySQL's column and parameter types by number. Enters: a type number; leaves: its name and how its values are read.

/** How the values of a type are read. */
export type TypeFamily =
  | 'integer'
  | 'decimal'
  | 'float'
  | 'double'
  | 'year'
  | 'date'
  | 'datetime'
  | 'time'
  | 'text'
  | 'blob'
  | 'bytes'
  | 'null';

interface KnownType {
  readonly name: string;
  readonly family: TypeFamily;
  /** Length in bytes of the binary form of an integer. */
  readonly size?: number;
}

/** From the MySQL documentation, "enum_field_types"; the names are without `MYSQL_TYPE_`. */
const TYPES: ReadonlyMap<number, KnownType> = new Map<number, KnownType>([
  [0, { name: 'decimal', family: 'decimal' }],
  [1, { name: 'tiny', family: 'integer', size: 1 }],
  [2, { name: 'short', family: 'integer', size: 2 }],
  [3, { name: 'long', family: 'integer', size: 4 }],
  [4, { name: 'float', family: 'float' }],
  [5, { name: 'double', family: 'double' }],
  [6, { name: 'null', family: 'null' }],
  [7, { name: 'timestamp', family: 'datetime' }],
  [8, { name: 'longlong', family: 'integer', size: 8 }],
  [9, { name: 'int24', family: 'integer', size: 4 }],
  [10, { name: 'date', family: 'date' }],
  [11, { name: 'time', family: 'time' }],
  [12, { name: 'datetime', family: 'datetime' }],
  [13, { name: 'year', family: 'year', size: 2 }],
  [14, { name: 'newdate', family: 'date' }],
  [15, { name: 'varchar', family: 'text' }],
  [16, { name: 'bit', family: 'bytes' }],
  [17, { name: 'timestamp2', family: 'datetime' }],
  [18, { name: 'datetime2', family: 'datetime' }],
  [19, { name: 'time2', family: 'time' }],
  [242, { name: 'vector', family: 'bytes' }],
  [245, { name: 'json', family: 'text' }],
  [246, { name: 'newdecimal', family: 'decimal' }],
  [247, { name: 'enum', family: 'text' }],
  [248, { name: 'set', family: 'text' }],
  [249, { name: 'tiny_blob', family: 'blob' }],
  [250, { name: 'medium_blob', family: 'blob' }],
  [251, { name: 'long_blob', family: 'blob' }],
  [252, { name: 'blob', family: 'blob' }],
  [253, { name: 'var_string', family: 'text' }],
  [254, { name: 'string', family: 'text' }],
  [255, { name: 'geometry', family: 'bytes' }],
]);

/** The type's name, or its number where it is not known here. */
export function typeName(type: number): string {
  return TYPES.get(type)?.name ?? String(type);
}

/** How values of the type are read; null for a number that is no type. */
export function typeOf(type: number): KnownType | null {
  return TYPES.get(type) ?? null;
}
