// The values in SQL statements and their first rows, and what else of a text can be changed. Enters: an event; leaves: fields and texts.
import type { SqlResult, SqlStatementRequest, SqlValue } from '../../events/sql.ts';
import { lexMysql } from '../../sql/mysql/lexer.ts';
import { lexPostgres } from '../../sql/postgres/lexer.ts';
import { readSql } from '../../sql/read.ts';
import type { SqlStatement } from '../../sql/reading.ts';
import type { Token } from '../../sql/token.ts';
import type { Field } from './field.ts';

/** Bound values, and literals in the text, each counted from 1. */
export function sqlFields(event: SqlStatementRequest): readonly Field[] {
  return [...boundFields(event), ...literalFields(event)];
}

function boundFields(event: SqlStatementRequest): readonly Field[] {
  return event.parameters.flatMap((parameter, i): readonly Field[] => {
    if (parameter.type === 'null') return [];
    const write = (value: string): SqlStatementRequest => ({
      ...event,
      parameters: event.parameters.with(i, revalued(parameter, value)),
    });
    return [{ name: `value ${i + 1}`, value: parameter.text, write }];
  });
}

function literalFields(event: SqlStatementRequest): readonly Field[] {
  const { text } = event;
  const literals = tokensOf(event).filter(({ kind }) => kind === 'string' || kind === 'number');
  if (text === null) return [];
  return literals.map((token, i) => {
    const value = token.kind === 'number' ? token.text : token.text.slice(1, -1).replaceAll("''", "'");
    const write = (changed: string): SqlStatementRequest => {
      const numeric = token.kind === 'number' && /^\d+(?:\.\d+)?$/.test(changed);
      const literal = numeric ? changed : `'${changed.replaceAll("'", "''")}'`;
      return { ...event, text: `${text.slice(0, token.start)}${literal}${text.slice(token.end)}` };
    };
    return { name: `literal ${i + 1}`, value, write };
  });
}

/** The columns of the first row. */
export function resultFields(event: SqlResult): readonly Field[] {
  const [row] = event.rows;
  return event.columns.flatMap(({ name }, i): readonly Field[] => {
    const value = row?.[i];
    if (row === undefined || value === undefined || value.type === 'null') return [];
    const write = (changed: string): SqlResult => ({
      ...event,
      rows: event.rows.with(0, row.with(i, revalued(value, changed))),
    });
    return [{ name: `result ${name}`, value: value.text, write }];
  });
}

/** Another statement, and how it differs. */
export interface OtherText {
  readonly what: string;
  readonly event: SqlStatementRequest;
}

/** The same statement on other tables, for all rows, and for rows that it did not ask for. */
export function otherTexts(event: SqlStatementRequest, tables: readonly string[]): readonly OtherText[] {
  const { text } = event;
  const statement = onlyStatement(event);
  if (text === null || statement === null) return [];
  const tokens = tokensOf(event);
  const written = (changed: string): SqlStatementRequest => ({ ...event, text: changed });
  const others: OtherText[] = [];
  const own = new Set(statement.tables.map(({ name }) => name));
  const at = tokens.find((token) => token.kind === 'word' && own.has(token.text));
  for (const table of at === undefined ? [] : tables.filter((name) => !own.has(name)))
    others.push({
      what: `table ${at?.text} becomes ${table}`,
      event: written(`${text.slice(0, at?.start)}${table}${text.slice(at?.end)}`),
    });
  const where = tokens.findIndex(({ kind, text }) => kind === 'word' && text.toUpperCase() === 'WHERE');
  const start = tokens[where];
  if (start === undefined) return others;
  const end = tokens.slice(where).find(({ text }) => CLAUSES.has(text.toUpperCase()))?.start ?? text.length;
  const tail = text.slice(end);
  const condition = text.slice(start.end, end).trim();
  others.push({
    what: 'its WHERE also holds for every row',
    event: written(`${text.slice(0, start.end)} (${condition}) OR 1 = 1 ${tail}`.trimEnd()),
  });
  const left = withoutValues(event, condition, `${text.slice(0, start.start)}${tail}`.trimEnd());
  if (left !== null) others.push({ what: 'it has no WHERE', event: left });
  return others;
}

/** Without the values of the condition that went; null where the others would lose their numbers. */
function withoutValues(
  event: SqlStatementRequest,
  condition: string,
  text: string,
): SqlStatementRequest | null {
  const numbers = (part: string): number[] => [...part.matchAll(/\$(\d+)/g)].map(([, n]) => Number(n));
  if (event.dialect === 'postgres') {
    const last = Math.max(0, ...numbers(text));
    const whole = new Set(numbers(text)).size === last;
    return whole ? { ...event, text, parameters: event.parameters.slice(0, last) } : null;
  }
  const gone = condition.split('?').length - 1;
  const before = (event.text ?? '').split(condition)[0]?.split('?').length ?? 1;
  const parameters = event.parameters.filter((_, i) => i < before - 1 || i >= before - 1 + gone);
  return { ...event, text, parameters };
}

const CLAUSES: ReadonlySet<string> = new Set(['RETURNING', 'ORDER', 'LIMIT', 'GROUP', 'FOR', ';']);

/** What a text of one statement does; null for any other. */
export function onlyStatement(event: SqlStatementRequest): SqlStatement | null {
  const reading = event.text === null ? null : readSql(event.dialect, event.text, event.parameters);
  if (reading?.kind !== 'read') return null;
  const statements = reading.statements.filter(({ verb }) => verb !== 'empty');
  return statements.length === 1 ? (statements[0] ?? null) : null;
}

function tokensOf({ dialect, text }: SqlStatementRequest): readonly Token[] {
  if (text === null) return [];
  const lexed = dialect === 'mysql' ? lexMysql(text) : lexPostgres(text);
  return lexed.kind === 'tokens' ? lexed.tokens : [];
}

function revalued(before: SqlValue, value: string): SqlValue {
  if (before.type === 'null') return { type: 'text', text: value };
  const numeric = /^-?\d+(?:\.\d+)?$/.test(value);
  return { type: before.type === 'number' && !numeric ? 'text' : before.type, text: value };
}
