// What tells one kind of statement from another. Enters: statements; leaves: shapes that no two declarations of a policy would share.
import type { SqlExpr, SqlStatement } from '../../sql/reading.ts';
import { changeOf } from './spot.ts';

/**
 * A policy tells statements apart by verb, table, compared and assigned columns, and by what their values must be. Literals
 * that the application's code has are part of that, unless the same place takes a value elsewhere.
 */
export class Shapes {
  /** Places that take values, by shape without literals. */
  readonly #open = new Map<string, Set<string>>();

  /** Sees a statement, before any shape is asked for. */
  learn(between: string, statement: SqlStatement, bound: boolean): void {
    const cells = cellsOf(statement, bound);
    const name = `${between}\n${coarse(statement, cells)}`;
    const open = this.#open.get(name) ?? new Set();
    for (const { slot, literal, kind } of cells) if (kind === 'value' && literal === null) open.add(slot);
    this.#open.set(name, open);
  }

  of(between: string, statement: SqlStatement, bound: boolean): string {
    const cells = cellsOf(statement, bound);
    const name = coarse(statement, cells);
    const open = this.#open.get(`${between}\n${name}`);
    const literals = cells
      .filter(({ slot, literal }) => literal !== null && open?.has(slot) !== true)
      .map(({ slot, literal }) => [slot, literal]);
    return `${name} ${JSON.stringify(literals)}`;
  }
}

interface Cell {
  readonly slot: string;
  /** `value` for what a fact or a literal can be; null, a change of the column itself, and the rest are other things. */
  readonly kind: string;
  /** Written by the application's code; null for a value that came from outside. */
  readonly literal: string | null;
}

function coarse({ verb, tables, where, inserts, setting }: SqlStatement, cells: readonly Cell[]): string {
  return JSON.stringify([
    verb,
    tables.map(({ schema, name }) => [schema, name]),
    where.kind,
    inserts === null ? null : inserts.rows.length,
    setting,
    cells.map(({ slot, kind }) => [slot, kind]),
  ]);
}

function cellsOf({ where, assigns, inserts }: SqlStatement, bound: boolean): readonly Cell[] {
  const cells: Cell[] = [];
  const add = (slot: string, column: string, expr: SqlExpr | undefined): void => {
    const change = changeOf(column, expr);
    const inner = change?.by ?? expr;
    const value = inner?.kind === 'literal' || inner?.kind === 'parameter' ? inner.value : null;
    const plain = value !== null && value.type !== 'null';
    const kind = plain ? 'value' : inner?.kind === 'literal' ? 'null' : (inner?.kind ?? 'none');
    const written = plain && bound && inner?.kind === 'literal';
    cells.push({
      slot,
      kind: change === null ? kind : `${change.kind} ${kind}`,
      literal: written ? JSON.stringify(value) : null,
    });
  };
  for (const { column, operator, values } of where.kind === 'all' ? where.predicates : [])
    add(`where ${column.toLowerCase()} ${operator} ${values.length}`, column, values[0]);
  const inserted = inserts?.columns?.map((column, i) => ({ column, value: inserts.rows[0]?.[i] })) ?? [];
  for (const { column, value } of [...assigns, ...inserted])
    add(`value ${column.toLowerCase()}`, column, value);
  return cells.sort((a, b) => (a.slot < b.slot ? -1 : a.slot > b.slot ? 1 : 0));
}
