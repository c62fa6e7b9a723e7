// The places in an exchange where a value stands that may be a fact. Enters: an exchange; leaves: places with their values.

import type { SqlValue } from '../../events/sql.ts';
import { DEFAULT_KEYS } from '../../policy/defaults.ts';
import type { SqlComparison, SqlExpr } from '../../sql/reading.ts';
import { amqpFields } from '../mutation/amqp-fields.ts';
import { httpFields } from '../mutation/http-fields.ts';
import { onlyStatement, resultFields } from '../mutation/sql-fields.ts';
import type { Exchange } from './exchange.ts';

/** A place, and how it is said in a policy. */
export type Spot =
  | { readonly in: 'path'; readonly segment: number }
  | {
      readonly in: 'query' | 'header' | 'cookie' | 'form' | 'body' | 'property';
      readonly name: string;
    }
  | { readonly in: 'response' | 'response-header' | 'result'; readonly name: string }
  | { readonly in: 'where'; readonly name: string; readonly operator: SqlComparison }
  | { readonly in: 'value'; readonly name: string; readonly change: 'increase' | 'decrease' | null };

export interface Reading {
  readonly spot: Spot;
  readonly value: string;
}

/** Names a place within a kind of request. */
export function keyOf(spot: Spot): string {
  switch (spot.in) {
    case 'path':
      return `path ${spot.segment}`;
    case 'where':
      return `where ${spot.name} ${spot.operator}`;
    default:
      return `${spot.in} ${spot.name}`;
  }
}

/** Headers that name chains: they are keys without being declared, and change from hop to hop. */
const KEYS: ReadonlySet<string> = new Set([
  ...DEFAULT_KEYS.filter(({ in: place }) => place !== 'amqp-property').map(({ name }) => name),
  'tracestate',
  'x-b3-spanid',
  'x-b3-parentspanid',
  'x-b3-sampled',
]);

/** All values of a request, and of its answer when that says that it went well. */
export function readingsOf(exchange: Exchange): readonly Reading[] {
  const known = KNOWN.get(exchange);
  if (known !== undefined) return known;
  const readings = [...asked(exchange), ...(exchange.ok === true ? answered(exchange) : [])];
  KNOWN.set(exchange, readings);
  return readings;
}

/** Exchanges do not change any more when they are read, and are read many times. */
const KNOWN = new WeakMap<Exchange, readonly Reading[]>();

function asked({ asked }: Exchange): readonly Reading[] {
  switch (asked.kind) {
    case 'http':
      return httpFields(asked.request).flatMap(({ name, value }) => {
        const [place = '', ...rest] = name.split(' ');
        const what = rest.join(' ');
        if (place === 'path') return [{ spot: { in: 'path', segment: Number(what) } as const, value }];
        if (place === 'header' && what === 'cookie') return cookies(value);
        if (place === 'header' && KEYS.has(what)) return [];
        // A body that is no JSON and no form has nothing that a policy could name.
        if (place === 'body' && what === '') return [];
        return [{ spot: { in: place as 'query' | 'header' | 'form' | 'body', name: what }, value }];
      });
    case 'amqp':
      return amqpFields(asked.event).flatMap(({ name, value }) => {
        const [place = '', ...rest] = name.split(' ');
        const what = rest.join(' ');
        if (place === 'header' && KEYS.has(what)) return [];
        if ((place === 'body' && what === '') || what === 'expiration') return [];
        return [{ spot: { in: place as 'property' | 'header' | 'body', name: what }, value }];
      });
    case 'sql':
      return statementReadings(asked.statement);
  }
}

function answered({ answer }: Exchange): readonly Reading[] {
  if (answer === null || answer === 'settled') return [];
  if (answer.kind === 'sql-result')
    return resultFields(answer).map(({ name, value }) => ({
      spot: { in: 'result', name: name.replace(/^result /, '') },
      value,
    }));
  return httpFields(answer).flatMap(({ name, value }): readonly Reading[] => {
    const [place = '', ...rest] = name.split(' ');
    const what = rest.join(' ');
    if (place === 'body' && what !== '') return [{ spot: { in: 'response', name: what }, value }];
    if (place !== 'header' || KEYS.has(what) || what === 'set-cookie') return [];
    return [{ spot: { in: 'response-header', name: what }, value }];
  });
}

function cookies(header: string): readonly Reading[] {
  return header.split(';').flatMap((pair) => {
    const [name = '', ...value] = pair.trim().split('=');
    return value.length === 0 ? [] : [{ spot: { in: 'cookie', name } as const, value: value.join('=') }];
  });
}

function statementReadings(event: Parameters<typeof onlyStatement>[0]): readonly Reading[] {
  const statement = onlyStatement(event);
  if (statement === null) return [];
  const readings: Reading[] = [];
  const { where, assigns, inserts } = statement;
  for (const { column, operator, values } of where.kind === 'all' ? where.predicates : []) {
    const value = plain(values[0]);
    if (value !== null && values.length === 1)
      readings.push({ spot: { in: 'where', name: column, operator }, value });
  }
  const columns = inserts?.columns?.map((column, i) => ({ column, value: inserts.rows[0]?.[i] })) ?? [];
  for (const { column, value } of [...assigns, ...columns]) {
    const change = changeOf(column, value);
    const text = plain(change?.by ?? value);
    if (text !== null)
      readings.push({ spot: { in: 'value', name: column, change: change?.kind ?? null }, value: text });
  }
  return readings;
}

/** `column + value` or `column - value`, on the same column. */
export function changeOf(
  column: string,
  expr: SqlExpr | undefined,
): { readonly kind: 'increase' | 'decrease'; readonly by: SqlExpr } | null {
  if (expr?.kind !== 'arithmetic' || (expr.operator !== '+' && expr.operator !== '-')) return null;
  if (expr.left.kind !== 'column' || expr.left.name.toLowerCase() !== column.toLowerCase()) return null;
  return { kind: expr.operator === '+' ? 'increase' : 'decrease', by: expr.right };
}

/** The text of a value that is there and can be compared. */
function plain(expr: SqlExpr | undefined): string | null {
  const value: SqlValue | null = expr?.kind === 'literal' || expr?.kind === 'parameter' ? expr.value : null;
  return value === null || value.type === 'null' || value.type === 'undecoded' ? null : value.text;
}
