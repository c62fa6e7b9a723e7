// Values in events, and statements on other tables. Enters: stories, made-up bodies; leaves: that one change changes one thing.
import fc from 'fast-check';
import { story } from 'flowtap/testing';
import { beforeAll, describe, expect, test } from 'vitest';
import shop from '../../examples/shop/policy.ts';
import dvdRental from '../../policies/dvd-rental.ts';
import type { FlowEvent } from '../../src/events/event.ts';
import type { SqlStatementRequest } from '../../src/events/sql.ts';
import { loadSqlParsers } from '../../src/sql/read.ts';
import { jsonFields } from '../../src/testing/mutation/field.ts';
import { otherTexts } from '../../src/testing/mutation/sql-fields.ts';
import { valuesOf } from '../../src/testing/mutation/values.ts';

beforeAll(loadSqlParsers);

const named = (event: FlowEvent | undefined): Record<string, string> =>
  event === undefined ? {} : Object.fromEntries(valuesOf(event).map(({ name, value }) => [name, value]));

/** Each value alone is changed; all others are as they were. */
function changesOneByOne(event: FlowEvent | undefined, to = 'other-1'): void {
  const before = named(event);
  for (const field of event === undefined ? [] : valuesOf(event))
    expect(named(field.write(to))).toEqual({ ...before, [field.name]: to });
}

/** The last event of this kind. */
function last(told: ReturnType<typeof story>, kind: string): FlowEvent | undefined {
  return told.events.findLast((event): event is FlowEvent => event.kind === kind);
}

describe('values', () => {
  test('of a request are those of its path, query, headers and body, but not of its transport', () => {
    const told = story(shop);
    told.http('customer', 'orders', 'POST /users/a%20b/x?dry=no&q=1%2B1&flag', {
      headers: { 'x-user': 'alice', host: 'shop', cookie: 'sid=1' },
      body: { amount: 5, deep: { list: ['a', true, null], '': 'e', 'sl/ash': 't~' } },
    });
    const event = last(told, 'http-request');
    expect(named(event)).toEqual({
      'path 1': 'users',
      'path 2': 'a b',
      'path 3': 'x',
      'query dry': 'no',
      'query q': '1+1',
      'header x-user': 'alice',
      'header cookie': 'sid=1',
      'body /amount': '5',
      'body /deep/list/0': 'a',
      'body /deep/list/1': 'true',
      'body /deep/': 'e',
      'body /deep/sl~1ash': 't~',
    });
    changesOneByOne(event);
    changesOneByOne(event, '7');
  });

  test('of a form, of a text, and of a body that is missing', () => {
    const told = story(shop);
    const form = { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' };
    told.http('customer', 'orders', 'POST /', { headers: form, body: 'user=alice&note=a+b%26c&user=bob' });
    const event = last(told, 'http-request');
    expect(event === undefined ? [] : valuesOf(event).map(({ name, value }) => [name, value])).toEqual([
      ['form user', 'alice'],
      ['form note', 'a b&c'],
      ['form user', 'bob'],
    ]);
    const second = event === undefined ? undefined : valuesOf(event)[2]?.write('eve & co');
    expect(second === undefined ? [] : valuesOf(second).map(({ value }) => value)).toEqual([
      'alice',
      'a b&c',
      'eve & co',
    ]);
    told.http('customer', 'orders', 'POST /', { body: 'plain' });
    changesOneByOne(last(told, 'http-request'));
    if (event?.kind !== 'http-request') throw new Error('no request');
    const cut = { ...event, body: { ...event.body, state: 'truncated' as const } };
    const binary = { ...event, body: { ...event.body, bytes: Uint8Array.of(0xff, 0xfe) } };
    expect([named(cut), named(binary)]).toEqual([{}, {}]);
  });

  test('of a message', () => {
    const told = story(dvdRental);
    told.publish('contract-update', 'queue', 'rentals', 'rental.created', {
      body: { user: 'alice' },
      headers: { tenant: 't-1', tries: 3 },
      properties: { correlationId: 'c-1', messageId: 'm-1', userId: 'u', type: 'k', replyTo: 'r' },
    });
    const event = last(told, 'amqp-method');
    expect(Object.keys(named(event))).toEqual([
      'property correlation-id',
      'property reply-to',
      'property message-id',
      'property user-id',
      'property type',
      'header tenant',
      'body /user',
    ]);
    changesOneByOne(event);
    told.publish('contract-update', 'queue', 'rentals', 'rental.created', { body: 'plain' });
    changesOneByOne(last(told, 'amqp-method'));
  });

  test('of a statement, bound or written, and of its first row', () => {
    const told = story(shop);
    const text = `UPDATE users SET name = 'it''s', n = 12 WHERE id = $1 AND note = $2 -- 'no'`;
    told.sql('billing', 'billing-db', text, [7, null], {
      rows: [
        { id: 7, name: 'x', none: null },
        { id: 8, name: 'y', none: null },
      ],
    });
    expect(named(last(told, 'sql-statement'))).toEqual({
      'value 1': '7',
      'literal 1': "it's",
      'literal 2': '12',
    });
    changesOneByOne(last(told, 'sql-statement'), "o'x");
    changesOneByOne(last(told, 'sql-statement'), '13');
    expect(named(last(told, 'sql-result'))).toEqual({ 'result id': '7', 'result name': 'x' });
    changesOneByOne(last(told, 'sql-result'));
    expect(named(last(told, 'connection-attempt'))).toEqual({});
  });

  test('of any JSON are changed one by one, and numbers keep their digits', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 4 }), fc.nat(), (text, pick) => {
        const fields = jsonFields(text);
        const field = fields[pick % Math.max(1, fields.length)];
        if (field === undefined) return;
        const pointers = new Set(fields.map(({ pointer }) => pointer));
        expect(pointers.size).toBe(fields.length);
        const after = jsonFields(field.write('changed'));
        for (const { pointer, value } of fields)
          expect(after.find((other) => other.pointer === pointer)?.value).toBe(
            pointer === field.pointer ? 'changed' : value,
          );
      }),
      { numRuns: 500 },
    );
    const big = '{"id":12345678901234567890,"amount":3.50,"user":"a"}';
    expect(jsonFields(big).map(({ value }) => value)).toEqual(['12345678901234567890', '3.50', 'a']);
    expect(jsonFields(big)[2]?.write('b')).toBe('{"id":12345678901234567890,"amount":3.50,"user":"b"}');
    expect(jsonFields('{"a":1,"a":2}')).toEqual([]);
  });
});

describe('other statements', () => {
  const others = (dialect: 'postgres' | 'mysql', text: string, count = 0): readonly string[] => {
    const event: SqlStatementRequest = {
      ...(sqlEvent as SqlStatementRequest),
      dialect,
      text,
      parameters: Array.from({ length: count }, (_, i) => ({ type: 'text', text: `v${i + 1}` })),
    };
    return otherTexts(event, ['users', 'charges']).map(
      ({ event }) =>
        `${event.text} [${event.parameters.map((each) => (each.type === 'null' ? '' : each.text)).join()}]`,
    );
  };
  const sqlEvent = (() => {
    const told = story(shop);
    told.sql('billing', 'billing-db', 'SELECT 1');
    return last(told, 'sql-statement');
  })();

  test('are on other tables, for all rows, and without a condition', () => {
    expect(others('postgres', 'UPDATE users SET a = $1 WHERE name = $2 RETURNING a', 2)).toEqual([
      'UPDATE charges SET a = $1 WHERE name = $2 RETURNING a [v1,v2]',
      'UPDATE users SET a = $1 WHERE (name = $2) OR 1 = 1 RETURNING a [v1,v2]',
      'UPDATE users SET a = $1 RETURNING a [v1]',
    ]);
    expect(others('mysql', 'UPDATE users SET a = ? WHERE name = ? AND b = ? LIMIT 1', 3)).toEqual([
      'UPDATE charges SET a = ? WHERE name = ? AND b = ? LIMIT 1 [v1,v2,v3]',
      'UPDATE users SET a = ? WHERE (name = ? AND b = ?) OR 1 = 1 LIMIT 1 [v1,v2,v3]',
      'UPDATE users SET a = ? LIMIT 1 [v1]',
    ]);
  });

  test('are none of what is no single statement', () => {
    expect(others('postgres', 'SELECT 1; SELECT 2')).toEqual([]);
    expect(others('postgres', 'SELEC')).toEqual([]);
    expect(others('postgres', 'BEGIN')).toEqual([]);
  });

  test('keep the numbers of the values that are left', () => {
    expect(others('postgres', 'UPDATE users SET a = $2 WHERE name = $1', 2)).toEqual([
      'UPDATE charges SET a = $2 WHERE name = $1 [v1,v2]',
      'UPDATE users SET a = $2 WHERE (name = $1) OR 1 = 1 [v1,v2]',
    ]);
  });
});
