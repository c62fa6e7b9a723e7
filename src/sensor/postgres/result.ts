// Gathers the rows of one PostgreSQL result. Enters: descriptions and rows; leaves: columns, the first rows, their number.
import type { SqlColumn, SqlValue } from '../../events/sql.ts';
import type { SensorLimits } from '../parser.ts';
import { type ColumnDescription, readDataRow } from './backend.ts';
import { formatOf } from './frontend.ts';
import { typeName } from './types.ts';
import { NULL_VALUE, readValue } from './value.ts';

export class ResultRows {
  readonly start: number;
  rowCount = 0;
  readonly rows: SqlValue[][] = [];
  readonly #columns: readonly ColumnDescription[];
  /** Formats from the Bind; null where the description itself has them. */
  readonly #formats: Uint8Array | null;
  readonly #limits: SensorLimits;
  #kept = 0;
  #full = false;

  constructor(
    start: number,
    columns: readonly ColumnDescription[],
    formats: Uint8Array | null,
    limits: SensorLimits,
  ) {
    this.start = start;
    this.#columns = columns;
    this.#formats = formats;
    this.#limits = limits;
  }

  get columns(): readonly SqlColumn[] {
    return this.#columns.map(({ name, oid }) => ({ name, type: typeName(oid) }));
  }

  /** True while another row of `length` bytes would be kept. */
  wants(length: number): boolean {
    return (
      !this.#full && this.rows.length < this.#limits.rows && this.#kept + length <= this.#limits.statement
    );
  }

  /** A row; null when its bytes are not there or not wanted. False when it is no row. */
  add(body: Uint8Array | null): boolean {
    this.rowCount += 1;
    // The rows that are kept are the first ones, without holes.
    if (body === null || !this.wants(body.length)) {
      this.#full = true;
      return true;
    }
    const cells = readDataRow(body);
    if (cells === null || (this.#columns.length > 0 && cells.length !== this.#columns.length)) return false;
    this.#kept += body.length;
    this.rows.push(cells.map((cell, index) => this.#readCell(cell, index)));
    return true;
  }

  #readCell(cell: Uint8Array | null, index: number): SqlValue {
    if (cell === null) return NULL_VALUE;
    const column = this.#columns[index];
    const format = (this.#formats === null ? column?.format : formatOf(this.#formats, index)) ?? 0;
    return readValue(cell, column?.oid ?? 0, format, true).value;
  }
}
