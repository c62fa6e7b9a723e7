// The words for SQL statements. Enters: tables, columns, what their values must be; leaves: declarations.
import type { SqlFeature, SqlVerb } from '../../sql/reading.ts';
import type { SqlRequestDeclaration } from '../document.ts';
import { callSite } from './context.ts';
import type { Comparison } from './relations.ts';
import { declare, type NeedsFrom, type Request } from './request.ts';
import { type Operand, operand } from './sources.ts';

/** A statement under declaration. What is not said is not allowed. */
export interface SqlWords {
  /** All predicates, joined by AND: no more and no fewer. */
  where(predicates: Readonly<Record<string, Operand | Comparison>>): Request & SqlWords;
  /** All columns that an UPDATE assigns: names for any value, or an object with what each must be. */
  sets(...columns: (string | Readonly<Record<string, Operand>>)[]): Request & SqlWords;
  /** All columns that an INSERT fills, with what each must be. */
  values(columns: Readonly<Record<string, Operand>>): Request & SqlWords;
  /** Columns of RETURNING. */
  returning(...columns: string[]): Request & SqlWords;
  /** Features beyond the plain statement, such as `order-by` or `limit`. */
  allowing(...features: SqlFeature[]): Request & SqlWords;
  /** Functions that it may call, such as `now`. */
  calling(...functions: string[]): Request & SqlWords;
}

interface Fields {
  readonly verb: SqlVerb;
  readonly table: string | null;
  readonly columns: readonly string[] | null;
  readonly where: SqlRequestDeclaration['where'][number][];
  readonly values: SqlRequestDeclaration['values'][number][];
  readonly returning: string[];
  readonly allowing: SqlFeature[];
  readonly calling: string[];
  readonly setting: string | null;
}

function statement(
  verb: SqlVerb,
  table: string | null,
  columns: readonly string[] | null,
  setting: string | null,
): NeedsFrom<Request & SqlWords> {
  const fields: Fields = {
    verb,
    table,
    columns,
    where: [],
    values: [],
    returning: [],
    allowing: [],
    calling: [],
    setting,
  };
  return declare(
    {
      label: [verb, table ?? setting].filter((part) => part !== null).join(' '),
      place: callSite(),
      implied: [],
      fields,
      build: (base, built) => ({ ...base, protocol: 'sql', ...built }),
    },
    words,
  );
}

function words(fields: Fields, self: () => Request & SqlWords): SqlWords {
  return {
    where(predicates) {
      for (const [column, value] of Object.entries(predicates)) {
        if (typeof value === 'object' && value !== null && value.kind === 'comparison') {
          fields.where.push({ column, operator: value.operator, operand: value.operand });
        } else {
          fields.where.push({ column, operator: '=', operand: operand(value) });
        }
      }
      return self();
    },
    sets(...columns) {
      for (const column of columns) {
        if (typeof column === 'string') fields.values.push({ column, operand: { kind: 'any' } });
        else fields.values.push(...valuesOf(column));
      }
      return self();
    },
    values(columns) {
      fields.values.push(...valuesOf(columns));
      return self();
    },
    returning(...columns) {
      fields.returning.push(...columns);
      return self();
    },
    allowing(...features) {
      fields.allowing.push(...features);
      return self();
    },
    calling(...functions) {
      fields.calling.push(...functions.map((name) => name.toLowerCase()));
      return self();
    },
  };
}

function valuesOf(columns: Readonly<Record<string, Operand>>): SqlRequestDeclaration['values'][number][] {
  return Object.entries(columns).map(([column, value]) => ({ column, operand: operand(value) }));
}

/** SQL statements. Without `columns` a select may read any of the table. */
export const sql = {
  select: (table: string, columns?: readonly string[]) => statement('select', table, columns ?? null, null),
  insert: (table: string) => statement('insert', table, null, null),
  update: (table: string) => statement('update', table, null, null),
  delete: (table: string) => statement('delete', table, null, null),
  begin: () => statement('begin', null, null, null),
  commit: () => statement('commit', null, null, null),
  rollback: () => statement('rollback', null, null, null),
  set: (setting: string) => statement('set', null, null, setting.toLowerCase()),
  show: (setting: string) => statement('show', null, null, setting.toLowerCase()),
  use: (database: string) => statement('use', null, null, database),
} as const;
