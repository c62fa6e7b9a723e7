// Which table a column name belongs to. Enters: the tables of one FROM list, a column reference; leaves: its plain name.
import type { TemplateExpr } from './template.ts';

/** One member of a FROM list: a table that is named plainly. */
export interface ScopeTable {
  readonly schema: string | null;
  readonly name: string;
  readonly alias: string | null;
}

/**
 * The tables that columns can come from. `opaque` when some member is no plain table (a sub-select, a function, a CTE, or
 * columns renamed by the alias): a bare column name can then mean anything.
 */
export interface Scope {
  readonly tables: readonly ScopeTable[];
  readonly opaque: boolean;
}

export const EMPTY_SCOPE: Scope = { tables: [], opaque: false };

/**
 * `parts` is `[column]`, `[table, column]` or `[schema, table, column]`. With one table the name is bare, with several it
 * keeps the table's real name where it was qualified. `same` compares table names as the dialect does.
 */
export function resolveColumn(
  parts: readonly string[],
  scope: Scope,
  same: (a: string, b: string) => boolean,
): TemplateExpr {
  const name = parts.at(-1);
  if (name === undefined || parts.length > 3) return { kind: 'other', what: 'a column reference' };
  if (parts.length === 1) {
    return scope.opaque ? { kind: 'other', what: 'a column of a derived table' } : { kind: 'column', name };
  }
  const table = parts.at(-2) ?? '';
  const schema = parts.length === 3 ? (parts[0] ?? null) : null;
  const owners = scope.tables.filter((each) =>
    schema === null
      ? same(each.alias ?? each.name, table)
      : each.alias === null && each.schema !== null && same(each.schema, schema) && same(each.name, table),
  );
  const [owner] = owners;
  if (owner === undefined || owners.length > 1)
    return { kind: 'other', what: 'a column of a table that is not in FROM' };
  // Two uses of one table would have the same name for different rows.
  if (scope.tables.some((each) => each !== owner && same(each.name, owner.name)))
    return { kind: 'other', what: 'a column of a table that is joined with itself' };
  const single = scope.tables.length === 1 && !scope.opaque;
  return { kind: 'column', name: single ? name : `${owner.name}.${name}` };
}
