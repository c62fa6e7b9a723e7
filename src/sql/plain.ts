// Templates of plain texts, so that a text whose like was read before is not parsed. Enters: texts, what parsing makes of them; leaves: templates.
import { isDeepStrictEqual } from 'node:util';
import type { SqlDialect, SqlValue } from '../events/sql.ts';
import { readPostgres } from './postgres/read.ts';
import { type Skeleton, withPlaceholders } from './skeleton.ts';
import { bindStatement, type StatementTemplate, type Template, type TemplateExpr } from './template.ts';

type Whole = Extract<Template, { readonly kind: 'template' }>;

/** Statements whose literals are values and nothing else; a literal of SET or of CREATE TABLE is part of what it does. */
const VERBS: ReadonlySet<string> = new Set(['select', 'insert', 'update', 'delete']);

/**
 * The template for all texts of a skeleton, made with the first of them; null when there is none: it is then parsed each time.
 * What it gives for the first is compared with what parsing the text itself gave.
 */
export function plainTemplate(
  dialect: SqlDialect,
  skeleton: Skeleton,
  parsed: Template,
  parsedSlots: readonly (SqlValue | null)[],
): Whole | null {
  if (parsed.kind !== 'template' || parsed.statements.length !== 1) return null;
  if (!parsed.statements.every(({ verb }) => VERBS.has(verb))) return null;
  // MySQL's own lexer makes the same of the literals, or this is no plain text.
  if (dialect === 'mysql') return isDeepStrictEqual(parsedSlots, skeleton.slots) ? parsed : null;
  const made = postgresTemplate(skeleton.key);
  if (made === null || made.shape !== parsed.shape || made.parameters !== parsed.parameters) return null;
  const bind = (template: Whole): unknown =>
    template.statements.map((each) => bindStatement(each, { parameters: [], slots: skeleton.slots }));
  return isDeepStrictEqual(bind(made), bind(parsed)) ? made : null;
}

function postgresTemplate(key: string): Whole | null {
  // What a cast makes of a value depends on the value.
  if (/\bcast\b/i.test(key)) return null;
  const { text, places } = withPlaceholders(key);
  const template = readPostgres(text);
  if (template.kind !== 'template') return null;
  const statements = template.statements.map((each) => withSlots(each, places));
  return { ...template, statements };
}

function withSlots(statement: StatementTemplate, places: ReadonlyMap<string, number>): StatementTemplate {
  const { where, assigns, inserts } = statement;
  const slot = (expr: TemplateExpr): TemplateExpr => {
    if (expr.kind === 'arithmetic') return { ...expr, left: slot(expr.left), right: slot(expr.right) };
    const index = expr.kind === 'literal' && 'text' in expr.value ? places.get(expr.value.text) : undefined;
    return index === undefined ? expr : { kind: 'slot', index, negative: false, casts: [] };
  };
  return {
    ...statement,
    where:
      where.kind === 'all'
        ? {
            kind: 'all',
            predicates: where.predicates.map((each) => ({ ...each, values: each.values.map(slot) })),
          }
        : where,
    assigns: assigns.map(({ column, value }) => ({ column, value: slot(value) })),
    inserts:
      inserts === null ? null : { columns: inserts.columns, rows: inserts.rows.map((row) => row.map(slot)) },
  };
}
