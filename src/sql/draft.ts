// Gathers what a statement does while its tree is walked. Enters: single findings; leaves: a statement template.
import type { SqlFeature, SqlVerb, TableUse } from './reading.ts';
import type { StatementTemplate } from './template.ts';

/** Findings in the order in which they were made, without repetitions. */
export class StatementDraft {
  readonly #tables = new Map<string, TableUse>();
  readonly #functions = new Set<string>();
  readonly #features = new Set<SqlFeature>();

  table(schema: string | null, name: string, use: TableUse['use']): TableUse {
    const table: TableUse = { schema, name, use };
    const key = JSON.stringify([schema, name, use]);
    const known = this.#tables.get(key);
    if (known !== undefined) return known;
    this.#tables.set(key, table);
    return table;
  }

  /** A table that was seen as one among others turns out to be written. */
  written(schema: string | null, name: string): void {
    this.#tables.delete(JSON.stringify([schema, name, 'read']));
    this.table(schema, name, 'write');
  }

  call(name: string): void {
    this.#functions.add(name.toLowerCase());
  }

  feature(feature: SqlFeature): void {
    this.#features.add(feature);
  }

  /** The only table that is written, or null when there is none or more than one. */
  onlyWritten(): TableUse | null {
    const written = [...this.#tables.values()].filter((table) => table.use === 'write');
    return written.length === 1 ? (written[0] ?? null) : null;
  }

  finish(
    verb: SqlVerb,
    parts: Partial<Omit<StatementTemplate, 'verb' | 'tables' | 'functions' | 'features'>> = {},
  ): StatementTemplate {
    return {
      verb,
      tables: [...this.#tables.values()],
      target: null,
      columns: [],
      where: { kind: 'none' },
      assigns: [],
      inserts: null,
      returning: [],
      functions: [...this.#functions],
      features: [...this.#features],
      setting: null,
      ...parts,
    };
  }
}
