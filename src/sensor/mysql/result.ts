// Gathers the rows of one MySQL result set. Enters: column definitions and rows; leaves: columns, the first rows, their number.
import type { SqlColumn, SqlValue } from '../../events/sql.ts';
import type { SensorLimits } from '../parser.ts';
import { ByteReader } from '../sql/byte-reader.ts';
import { readLenencBytes } from './lenenc.ts';
import type { Column } from './replies.ts';
import { typeName } from './types.ts';
import { NULL_VALUE, readBinary, readText } from './value.ts';

export class ResultRows {
  readonly start: number;
  rowCount = 0;
  readonly rows: SqlValue[][] = [];
  readonly columns: Column[];
  readonly #binary: boolean;
  readonly #limits: SensorLimits;
  #kept = 0;
  #full = false;

  constructor(start: number, columns: readonly Column[], binary: boolean, limits: SensorLimits) {
    this.start = start;
    this.columns = [...columns];
    this.#binary = binary;
    this.#limits = limits;
  }

  get described(): readonly SqlColumn[] {
    return this.columns.map(({ name, type }) => ({ name, type: typeName(type) }));
  }

  /** True while another row would be kept. */
  get wanting(): boolean {
    return !this.#full && this.rows.length < this.#limits.rows && this.#kept <= this.#limits.statement;
  }

  /** A row; null when its bytes are not there. False when it does not fit the columns. */
  add(body: Uint8Array | null): boolean {
    this.rowCount += 1;
    // The rows that are kept are the first ones, without holes.
    if (body === null || !this.wanting || this.columns.length === 0) {
      this.#full = true;
      return true;
    }
    const row = this.#binary ? this.#readBinary(body) : this.#readText(body);
    if (row === null) return false;
    this.#kept += body.length;
    this.rows.push(row);
    return true;
  }

  /** ProtocolText::ResultsetRow. */
  #readText(body: Uint8Array): SqlValue[] | null {
    const reader = new ByteReader(body);
    const row = this.columns.map(({ type, binary }) => {
      const bytes = readLenencBytes(reader);
      return bytes === null ? NULL_VALUE : readText(bytes, type, binary);
    });
    return reader.finished ? row : null;
  }

  /** ProtocolBinary::ResultsetRow: a zero byte, the null bitmap from its third bit on, the values. */
  #readBinary(body: Uint8Array): SqlValue[] | null {
    const reader = new ByteReader(body);
    if (reader.u8() !== 0) return null;
    const nulls = reader.take((this.columns.length + 9) >> 3);
    const row: SqlValue[] = [];
    for (const [index, column] of this.columns.entries()) {
      const bit = index + 2;
      const isNull = ((nulls[bit >> 3] ?? 0) & (1 << (bit & 7))) !== 0;
      const value = isNull ? NULL_VALUE : readBinary(reader, column);
      if (value === null) return null;
      row.push(value);
    }
    return reader.finished ? row : null;
  }
}
