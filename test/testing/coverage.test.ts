// Coverage of policies. Enters: policies, stories, captures; leaves: assertions on what is exercised and what is not.
import { coverage, coverageTable, story } from 'flowtap/testing';
import { expect, test } from 'vitest';
import dvdRental from '../../policies/dvd-rental.ts';
import { warehouse } from './warehouse.ts';

const CAPTURES = new URL('../../pcaps/', import.meta.url).pathname;

/** An order, up to where a test lets it go. */
function order(
  how: { looks?: number; retried?: boolean; gift?: boolean; twice?: boolean; shipped?: boolean } = {},
) {
  const told = story(warehouse);
  const user = 'alice';
  const asked = told.http('customer', 'orders', 'POST /orders', { headers: { 'x-user': user } });
  for (let i = 0; i < (how.looks ?? 0); i++) told.http('orders', 'stock', 'GET /stock').answer(200);
  const reserve = () => told.http('orders', 'stock', 'POST /reservations', { body: { user } });
  if (how.retried === true) reserve().answer(503);
  reserve().answer(201);
  if (how.twice === true) reserve().answer(201);
  if (how.gift === true) told.http('orders', 'stock', 'POST /gifts').answer(201);
  told.publish('orders', 'broker', 'orders', 'created', { body: { user } });
  asked.answer(201);
  const message = told.deliver('broker', 'stock', 'orders', { body: { user } });
  if (how.shipped !== false) told.http('stock', 'orders', 'POST /parcels', { body: { user } }).answer(201);
  told.http('stock', 'orders', 'POST /letters').answer(201);
  message.ack();
  return told.wait(100);
}

async function unexercised(...sources: Parameters<typeof coverage>[1]): Promise<readonly string[]> {
  return (await coverage(warehouse, sources)).unexercised.map(
    ({ kind, what }) => `${kind} ${what.split(' > ').at(-1)}`,
  );
}

test('says of each cardinality what no source did', async () => {
  expect(await unexercised(order())).toEqual([
    'request GET /stock',
    'request POST /gifts',
    'step GET /stock',
    'cardinality GET /stock: any number, one',
    'cardinality GET /stock: any number, several',
    'cardinality POST /reservations: tried again',
    'step POST /gifts',
    'cardinality POST /gifts: at most once, came',
  ]);
});

test('has no gap when every way was taken', async () => {
  const all = [order(), order({ looks: 1, gift: true }), order({ looks: 2, retried: true })];
  expect(await unexercised(...all)).toEqual([]);
});

test('tells what denied something from what never had to', async () => {
  const report = await coverage(warehouse, [order(), order({ twice: true }), order({ shipped: false })]);
  const denied = report.rows
    .filter(({ denied }) => (denied ?? 0) > 0)
    .map(({ what }) => what.split(' > ').at(-1));
  expect(denied).toEqual(['POST /reservations: once', 'POST /parcels: once, before its parent is answered']);
  const untried = report.untried.map(({ what }) => what.split(' > ').at(-1));
  expect(untried).toContain('POST /letters: once, in time');
  expect(untried).toContain('user of POST /reservations');
  // The request that begins a chain settles its facts: nothing can differ there.
  expect(untried).not.toContain('user of POST /orders');
});

test('a fact that stands in one place only was never compared', async () => {
  const told = story(warehouse);
  told.http('customer', 'orders', 'POST /orders', { headers: { 'x-user': 'alice' } }).answer(500);
  const gaps = await unexercised(told);
  expect(gaps).toContain('fact user of POST /orders');
  expect(gaps).toContain('order POST /orders: in order');
});

test('the honest captures of the DVD rental exercise all of its chains', async () => {
  const names = ['rental-and-return', 'retry-after-timeout', 'failed-payment'];
  const report = await coverage(
    dvdRental,
    names.map((name) => `${CAPTURES}honest-${name}.pcap.gz`),
  );
  // What user-create's pool may do and never did: the policy is wider here than its services are.
  expect(report.unexercised.map(({ what }) => what)).toEqual([
    'begin (user-create to user-db)',
    'commit (user-create to user-db)',
    'rollback (user-create to user-db)',
  ]);
  const table = coverageTable(report);
  expect(table).toMatch(
    /^coverage of dvd-rental: request 33\/36, step 17\/17, cardinality 15\/15, order 1\/1, fact 40\/40; 3 never exercised, \d+ never had to deny\n/,
  );
  expect(table).toMatch(/request {6}begin \(user-create to user-db\) +0 +139/);
  expect(table).not.toContain('GET /health');
  expect(coverageTable(report, { all: true })).toContain('GET /health');
});
