// Readings as one line, so that tables of expected ones stay readable. Enters: a reading; leaves: its brief form.
import type { SqlExpr, SqlReading, SqlStatement, SqlWhere } from '../../src/sql/reading.ts';

/** `unparsable`, or each statement as `verb tables | what it has`; parts that are empty are left out. */
export function brief(reading: SqlReading): string {
  if (reading.kind === 'unparsable') return 'unparsable';
  return reading.statements.map(statement).join(' ;; ');
}

function statement(each: SqlStatement): string {
  const tables = each.tables.map(
    ({ schema, name, use }) => `${schema === null ? '' : `${schema}.`}${name}${use === 'write' ? '!' : ''}`,
  );
  const parts = [
    [each.verb, ...tables].join(' '),
    part('columns', each.columns),
    where(each.where),
    part(
      'sets',
      each.assigns.map(({ column, value }) => `${column}=${expr(value)}`),
    ),
    each.inserts === null
      ? ''
      : `inserts (${each.inserts.columns?.join(',') ?? '?'}) ${each.inserts.rows.map((row) => `(${row.map(expr).join(',')})`).join('')}`,
    part('returns', each.returning),
    part('calls', each.functions),
    part('has', [...each.features].sort()),
    each.setting === null ? '' : `setting ${each.setting}`,
  ];
  return parts.filter((text) => text !== '').join(' | ');
}

function part(name: string, values: readonly string[]): string {
  return values.length === 0 ? '' : `${name} ${values.join(',')}`;
}

function where(each: SqlWhere): string {
  switch (each.kind) {
    case 'none':
      return '';
    case 'complex':
      return 'where complex';
    case 'all':
      return `where ${each.predicates
        .map(({ column, operator, values }) => [column, operator, ...values.map(expr)].join(' '))
        .join(' & ')}`;
  }
}

/** Texts in single quotes, numbers bare, `$n` with its value when it has one, `?` for what cannot be reasoned about. */
function expr(each: SqlExpr): string {
  switch (each.kind) {
    case 'literal':
      return value(each.value);
    case 'parameter':
      return `$${each.index}${each.value === null ? '' : `:${value(each.value)}`}`;
    case 'column':
      return each.name;
    case 'default':
      return 'DEFAULT';
    case 'arithmetic':
      return `(${expr(each.left)} ${each.operator} ${expr(each.right)})`;
    case 'other':
      return '?';
  }
}

function value(each: (SqlExpr & { kind: 'literal' })['value']): string {
  if (each.type === 'null') return 'NULL';
  return each.type === 'number' || each.type === 'boolean' ? each.text : `'${each.text}'`;
}
