// Stories written by hand. Enters: stories in the words of a policy; leaves: assertions on their events and verdicts.
import { judge, matchers, story } from 'flowtap/testing';
import { describe, expect, test } from 'vitest';
import shop from '../../examples/shop/policy.ts';
import { hintsOf } from '../../src/policy/hints.ts';
import { warehouse } from './warehouse.ts';

expect.extend(matchers);

/** Everything that an order may cause. */
function ordered() {
  const told = story(warehouse);
  const user = 'alice';
  const asked = told.http('customer', 'orders', 'POST /orders', { headers: { 'x-user': user } });
  told.http('orders', 'stock', 'GET /stock').answer(200);
  told.http('orders', 'stock', 'POST /reservations', { body: { user } }).answer(503);
  told.http('orders', 'stock', 'POST /reservations', { body: { user } }).answer(201);
  told.publish('orders', 'broker', 'orders', 'created', { body: { user } });
  asked.answer(201);
  const message = told.deliver('broker', 'stock', 'orders', { body: { user } });
  told.http('stock', 'orders', 'POST /parcels', { body: { user } }).answer(201);
  told.http('stock', 'orders', 'POST /letters').answer(201);
  message.ack();
  return told;
}

describe('a story', () => {
  test('of HTTP and AMQP is explained as captured traffic would be', async () => {
    const judged = await judge(warehouse, ordered());
    expect(judged).toExplainEverything();
    expect(judged.chains.map(({ outcome }) => outcome)).toEqual(['complete']);
  });

  test('speaks the dialect of the database that it asks', async () => {
    const told = story(shop);
    told.sql('billing', 'billing-db', 'SELECT 1', [], {
      rows: [{ one: 1, none: null, yes: true, word: 'w' }],
    });
    expect(told.events.slice(2)).toMatchObject([
      { kind: 'sql-statement', dialect: 'postgres', via: 'text' },
      {
        kind: 'sql-result',
        columns: [{ name: 'one' }, { name: 'none' }, { name: 'yes' }, { name: 'word' }],
        rows: [
          [
            { type: 'number', text: '1' },
            { type: 'null' },
            { type: 'boolean', text: 'true' },
            { type: 'text', text: 'w' },
          ],
        ],
      },
    ]);
  });

  test('says that a statement failed, or leaves it without an answer', () => {
    const told = story(shop);
    told.sql('billing', 'billing-db', 'SELECT 1', [], { error: '42501' });
    told.sql('billing', 'billing-db', 'SELECT 1', [], 'unanswered');
    expect(told.events.map(({ kind }) => kind).slice(2)).toEqual([
      'sql-statement',
      'sql-result',
      'sql-statement',
    ]);
    expect(told.events[3]).toMatchObject({ outcome: 'error', code: '42501' });
  });

  test('keeps to one connection while it is free, and opens another one while it is not', () => {
    const told = story(shop);
    const first = told.http('orders', 'billing', 'POST /users/a/charge');
    const second = told.http('orders', 'billing', 'POST /users/b/charge');
    second.answer(200);
    first.answer(200);
    told.http('orders', 'billing', 'POST /users/c/charge').lose();
    told.http('orders', 'billing', 'POST /users/d/charge').answer(200);
    told.close('orders', 'billing');
    const flows = told.events.flatMap((event) => ('flow' in event ? [event.flow.id] : []));
    expect(new Set(flows).size).toBe(2);
    expect(told.events.filter(({ kind }) => kind === 'connection-end')).toHaveLength(2);
  });

  test('has customers at an address that no service has, and takes any other address as it is', () => {
    const told = story(warehouse);
    told.connect('customer', 'orders', 8080);
    told.connect('203.0.113.9', 'orders', 22);
    const ends = told.events.flatMap((event) =>
      event.kind === 'connection-attempt'
        ? [`${event.flow.orig.ip} ${event.flow.resp.ip}:${event.flow.resp.port}`]
        : [],
    );
    expect(ends).toEqual(['198.51.100.7 10.3.0.1:8080', '203.0.113.9 10.3.0.1:22']);
    expect(hintsOf([warehouse]).get('*:8080')).toBe('http');
  });

  test('says which name, port or request line is none', () => {
    const told = story(shop);
    expect(() => told.http('order', 'billing', 'GET /')).toThrow(
      /no principal "order"; name one of "customer", "orders"/,
    );
    expect(() => told.publish('orders', 'billing', 'x', 'y')).toThrow(/"billing" has no port for amqp/);
    expect(() => told.http('orders', 'billing', 'GET')).toThrow(
      /"GET" is no request; write it as "POST \/orders"/,
    );
  });

  test('lets time pass: what waits too long is overdue', async () => {
    const told = story(warehouse);
    const asked = told.http('customer', 'orders', 'POST /orders', { headers: { 'x-user': 'alice' } });
    told.http('orders', 'stock', 'POST /reservations', { body: { user: 'alice' } }).answer(201);
    told.publish('orders', 'broker', 'orders', 'created', { body: { user: 'alice' } });
    asked.answer(201);
    const message = told.deliver('broker', 'stock', 'orders', { body: { user: 'alice' } });
    told.http('stock', 'orders', 'POST /parcels', { body: { user: 'alice' } }).answer(201);
    message.ack();
    told.wait(2000).connect('customer', 'orders', 8080);
    expect(await judge(warehouse, told)).toDropOnly({ code: 'overdue', from: 'stock', to: 'orders' });
  });

  test('of a message that is given back leaves its delivery unanswered', async () => {
    const told = story(warehouse);
    told.deliver('broker', 'stock', 'orders', { body: { user: 'alice' } }).nack({ requeue: false });
    expect(await judge(warehouse, told)).toDropOnly({ step: 'deliver orders', code: 'no-open-chain' });
  });
});

describe('judging', () => {
  test('takes a list of events, with or without their end, and says the same each time', async () => {
    const told = ordered();
    const first = await judge(warehouse, told);
    const second = await judge(warehouse, [...told.events]);
    expect(second.verdicts).toEqual(first.verdicts);
    const ended = [
      ...told.events,
      { kind: 'source-end', ts: told.events.at(-1)?.ts ?? 0, source: 'x' } as const,
    ];
    expect((await judge(warehouse, ended)).verdicts).toEqual(first.verdicts);
    expect(first.statistics.chainsOpened).toBe(1);
  });

  test('holds requests where it is told to', async () => {
    const told = story(shop);
    told.http('orders', 'billing', 'POST /users/bob/charge', { body: { amount: 5 } });
    const { drops } = await judge(shop, told, { containment: 'redirect' });
    expect(drops).toMatchObject([{ effect: 'prevented' }]);
  });

  test('refuses a policy that has errors', async () => {
    const broken = { ...shop, services: shop.services.filter(({ name }) => name !== 'billing') };
    await expect(judge(broken, [])).rejects.toThrow(/names service "billing", which is not declared/);
  });
});
