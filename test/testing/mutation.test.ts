// Mutants of honest traffic. Enters: policies, stories, captures; leaves: assertions on what survives and why.
import { type MutationReport, mutate, mutationText, type Source, story } from 'flowtap/testing';
import { describe, expect, test } from 'vitest';
import shop from '../../examples/shop/policy.ts';
import dvdRental from '../../policies/dvd-rental.ts';
import type { PolicyDocument } from '../../src/policy/document.ts';
import { warehouse } from './warehouse.ts';

const CAPTURES = new URL('../../pcaps/', import.meta.url).pathname;

function survivors({ survivors }: MutationReport): readonly string[] {
  return survivors.map(({ outcome, kind, request, what }) => `${outcome} ${kind}: ${request}: ${what}`);
}

/** Why a mutant passes; undefined when it does not. */
async function why(
  policy: PolicyDocument,
  source: Source,
  request: string,
  what: RegExp,
): Promise<string | undefined> {
  const report = await mutate(policy, [source]);
  return report.survivors.find((each) => each.request === request && what.test(each.what))?.why;
}

/** Orders of several users, one inside the other. */
function orders(...users: readonly string[]) {
  const told = story(shop);
  const asked = users.map((user) =>
    told.http('customer', 'orders', 'POST /orders', { headers: { 'x-user': user }, body: { amount: 5 } }),
  );
  for (const user of users) {
    const billed = told.http('orders', 'billing', `POST /users/${user}/charge`, {
      body: { amount: 5, note: 'hi' },
    });
    told.sql('billing', 'billing-db', 'UPDATE users SET balance = balance - $1 WHERE name = $2', [5, user]);
    billed.answer(200, { body: { left: 95 } });
  }
  for (const each of asked) each.answer(201);
  return told;
}

describe('one order alone', () => {
  test('leaves only changes that the policy cannot see, and says that it cannot', async () => {
    const report = await mutate(shop, [orders('alice')]);
    expect(survivors(report)).toEqual([
      'passed count: POST /orders: it comes twice, byte for byte, with all that it causes',
      'passed value: POST /users/:user/charge: body /note "hi" becomes "hi-x"',
      'passed value: POST /users/:user/charge: answer, body /left "95" becomes "96"',
      'recorded count: POST /users/:user/charge: it does not come, nor what it causes',
      'recorded count: update users: it does not come, nor what it causes',
    ]);
    expect(report.survivors[1]?.why).toBe(
      'The policy reads nothing from "body /note": orders may say anything there. If billing acts on it, make it a fact.',
    );
    expect(report.survivors[3]?.why).toContain('Its chain is recorded as incomplete');
  });

  test('denies each other user, amount, target, order, count and source', async () => {
    const { mutants, denied } = await mutate(shop, [orders('alice')]);
    expect(denied).toEqual({ ...mutants, value: mutants.value - 2, count: mutants.count - 3 });
    expect(mutants).toEqual({ value: 8, target: 21, order: 4, count: 5, source: 6 });
  });
});

test('who has an order open may be charged in the place of another, and the reason says so', async () => {
  const told = orders('bob');
  const order = (user: string) =>
    told.http('customer', 'orders', 'POST /orders', { headers: { 'x-user': user }, body: { amount: 5 } });
  const [bob, alice] = [order('bob'), order('alice')];
  // Refused, so that nothing is debited: a debit of somebody else would give it away.
  told.http('orders', 'billing', 'POST /users/alice/charge', { body: { amount: 5 } }).answer(402);
  alice.answer(402);
  bob.answer(402);
  const to = /path 2 "alice" becomes "bob"/;
  expect(await why(shop, told, 'POST /users/:user/charge', to)).toBe(
    'Another open user request explains it: POST /orders of customer 198.51.100.7. Whoever is compromised can act for everybody who has a request open at the same time.',
  );
});

test('a fact that stands in one place only is named', async () => {
  const alone: PolicyDocument = {
    ...shop,
    requests: shop.requests.map((request) =>
      request.id === 'POST /orders'
        ? { ...request, facts: request.facts.filter(({ fact }) => fact === 'user') }
        : request,
    ),
    chains: shop.chains.map(({ root, place, every }) => ({
      every,
      place,
      root: { ...root, children: root.children.map((child) => ({ ...child, children: [] })) },
    })),
  };
  const told = story(alone);
  const asked = told.http('customer', 'orders', 'POST /orders', { headers: { 'x-user': 'alice' } });
  told.http('orders', 'billing', 'POST /users/alice/charge', { body: { amount: 5 } }).answer(200);
  asked.answer(201);
  expect(await why(alone, told, 'POST /users/:user/charge', /amount/)).toBe(
    'Fact "amount" stands nowhere else in this chain: orders alone says what it is. Read it from a request or an answer of somebody else, too.',
  );
});

describe('a queue, and every cardinality', () => {
  const told = story(warehouse);
  const user = 'alice';
  const trace = { traceparent: '00-0af7651916cd43dd8448eb211c80319c-00f067aa0ba902b7-01' };
  const asked = told.http('customer', 'orders', 'POST /orders', { headers: { 'x-user': user, ...trace } });
  told.http('orders', 'stock', 'GET /stock?color=red').answer(200);
  told.http('orders', 'stock', 'POST /reservations', { body: { user } }).answer(201);
  told.http('orders', 'stock', 'POST /gifts').answer(201);
  told.publish('orders', 'broker', 'orders', 'created', {
    body: { user },
    properties: { messageId: 'm-1' },
    headers: trace,
  });
  asked.answer(201);
  const message = told.deliver('broker', 'stock', 'orders', { body: { user } });
  told.http('stock', 'orders', 'POST /parcels', { body: { user } }).answer(201);
  told.http('stock', 'orders', 'POST /letters').answer(201);
  message.ack();
  told.wait(5000).connect('customer', 'orders', 8080);
  const open: PolicyDocument = {
    ...warehouse,
    requests: warehouse.requests.map((request) =>
      request.protocol === 'http' && request.path === '/stock'
        ? { ...request, query: ['color', 'all'] }
        : request,
    ),
  };
  const report = mutate(open, [told]);
  const reason = async (request: string, what: RegExp): Promise<string | undefined> =>
    (await report).survivors.find((each) => each.request === request && what.test(each.what))?.why;

  test.each([
    ['GET /stock', /comes twice/, /many\(\.\.\.\), and may come any number of times/],
    ['GET /stock', /does not come/, /need not come/],
    ['GET /stock', /query color "red" becomes "red-x"/, /reads nothing from "query color"/],
    [
      'GET /stock',
      /query parameter is added/,
      /lets orders ask for this, too: it is "GET \/stock" \(explained\)/,
    ],
    ['POST /gifts', /does not come/, /need not come/],
    ['POST /reservations', /comes before GET \/stock$/, /may come in any order/],
    ['publish orders/created', /hardly earlier/, /Within the reorder window of 10 ms order is not judged/],
    ['deliver orders', /after publish orders\/created/, /./],
    ['POST /letters', /after deliver orders was answered/, /has a time of its own, or is a message/],
    ['consume orders', /comes twice/, /outside of any chain/],
    ['publish orders/created', /header traceparent/, /./],
  ])('%s: %s', async (request, what, expected) => {
    const found = await reason(request, what);
    // A publish is never answered: there is no "after" for what it causes; and a trace of its own is denied.
    if (/after publish|traceparent/.test(what.source)) expect(found).toBeUndefined();
    else expect(found).toMatch(expected);
  });

  test.each([
    ['POST /parcels', /does not come/],
    ['POST /letters', /does not come/],
    ['POST /reservations', /body \/user/],
    ['POST /reservations', /comes twice/],
    ['deliver orders', /body \/user/],
    ['publish orders/created', /exchange|routing key/],
    ['POST /orders', /header x-user/],
    // The second one's message has the id of the first one's.
    ['POST /orders', /comes twice/],
  ])('%s: %s is denied', async (request, what) => {
    expect(await reason(request, what)).toBeUndefined();
  });
});

test('an expected answer that cannot be read passes where its posture lets it', async () => {
  const told = orders('alice');
  const lenient: PolicyDocument = { ...shop, postures: { ...shop.postures, body: 'pass' } };
  const cut = told.events.map((event) =>
    event.kind === 'http-request' && event.target === '/orders'
      ? { ...event, body: { ...event.body, state: 'truncated' as const } }
      : event,
  );
  await expect(mutate(lenient, [cut])).rejects.toThrow(
    /source 1: the policy denies \d+ requests of it, first/,
  );
});

test('the same seed makes the same mutants, another one takes other values', async () => {
  const source = orders('alice', 'bob', 'carol', 'dave');
  const report = (seed: number) => mutate(shop, [source], { seed });
  expect(await report(7)).toEqual(await report(7));
  expect(JSON.stringify(await report(7))).not.toBe(JSON.stringify(await report(8)));
});

test('samples of a kind are taken from the shortest source first, and no more than asked for', async () => {
  const [short, long] = [orders('alice'), orders('alice', 'bob')];
  const one = await mutate(shop, [short]);
  expect((await mutate(shop, [long, short])).mutants).toEqual(one.mutants);
  const more = await mutate(shop, [long, short], { samples: 2 });
  expect(more.mutants.source).toBe(2 * one.mutants.source);
});

test('it says how far it is, and ends when it is told to', async () => {
  const stop = new AbortController();
  const seen: number[] = [];
  const { mutants } = await mutate(shop, [orders('alice')], {
    signal: stop.signal,
    onProgress: (done, total) => {
      seen.push(done);
      expect(total).toBe(44);
      if (done === 9) stop.abort();
    },
  });
  expect(seen).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(Object.values(mutants).reduce((sum, count) => sum + count)).toBe(10);
});

test('the DVD rental: what survives is what this file says, no more and no less', async () => {
  const names = ['rental-and-return', 'failed-payment', 'retry-after-timeout', 'pooled-connections'];
  const report = await mutate(
    dvdRental,
    names.map((name) => `${CAPTURES}honest-${name}.pcap.gz`),
  );
  const text = mutationText(report);
  await expect(text).toMatchFileSnapshot('dvd-rental-survivors.txt');
  // No other target passes, and no other user, amount or DVD, wherever a service acts on them. One other contract does:
  // that of a charge which is refused, so that nothing else ever names its contract.
  expect(report.denied.target).toBe(report.mutants.target);
  const values = report.survivors.filter(
    ({ kind, why }) => kind === 'value' && !/reads nothing|is a claim/.test(why),
  );
  expect(new Set(values.map(({ request, what }) => `${request}: ${what.split(' "')[0]}`))).toEqual(
    new Set(['POST /users/:user/charge: body /contract']),
  );
});
