// Requests that were put into the wrong one of two chains that look alike. Enters: stories; leaves: verdicts.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import dvdRental from '../../policies/dvd-rental.ts';
import type { Event } from '../../src/events/event.ts';
import {
  application,
  atMost,
  body,
  chain,
  eventually,
  fact,
  header,
  http,
  inOrder,
  many,
  maybe,
  once,
  type PolicyDocument,
  response,
  sql,
} from '../../src/policy/author.ts';
import { type Exchange, type Story, story } from '../../src/testing/story.ts';
import { DvdRental, rental } from '../support/dvd-rental.ts';
import { brief, judge } from '../support/judge.ts';
import { steps, tellWoven, weave } from '../support/rental-steps.ts';

async function judged(policy: PolicyDocument, told: Story) {
  const end = (told.events.at(-1)?.ts ?? 0) + 60e6;
  const events: Event[] = [...told.events, { kind: 'source-end', ts: end, source: 'story' }];
  const { drops, indeterminate, chains, verdicts } = await judge(policy, events);
  return {
    drops: brief(drops),
    indeterminate: brief(indeterminate),
    chains: chains.map(({ outcome, missing }) => [outcome, ...missing].join(' ')),
    moved: verdicts.flatMap(({ reasons }) => /; (.*) was found to serve/.exec(reasons[0].text)?.[1] ?? []),
  };
}

function partiesOf({ external, service }: Parameters<Parameters<typeof application>[1]>[0]) {
  const customer = external('customer');
  const shop = service('shop', { at: '10.0.0.1', http: 80 });
  return {
    customer,
    shop,
    bank: service('bank', { at: '10.0.0.2', http: 80 }),
    db: service('db', { at: '10.0.0.3', postgres: 5432 }),
    /** An order of which nothing is known but whose it is. */
    order: () =>
      http
        .post('/orders')
        .from(customer)
        .to(shop)
        .facts({ user: header('x-user') }),
  };
}

/** An order is paid for; the account is charged below the payment. */
const orders = application('orders', (context) => {
  const { customer, shop, bank, db } = partiesOf(context);
  return chain(
    http
      .post('/orders')
      .from(customer)
      .to(shop)
      .facts({ user: header('x-user'), item: body('/item'), number: maybe(response('/number')) }),
    inOrder(
      once(http.get('/items/:item').from(shop).to(bank)),
      once(
        http
          .post('/pay/:user')
          .from(shop)
          .to(bank)
          .facts({ number: body('/number') }),
        once(
          sql
            .update('accounts')
            .from(bank)
            .to(db)
            .where({ name: fact('user') })
            .sets('balance'),
        ),
      ).retried(1),
      once(
        http
          .post('/send')
          .from(shop)
          .to(bank)
          .facts({ item: body('/item'), number: body('/number') }),
      ),
    ),
  );
});

/** A body that says nothing. */
const NOTHING = { body: {} };
const DEBIT = 'UPDATE accounts SET balance = balance - 1 WHERE name = $1';

class Orders {
  readonly told = story(orders);

  order(item: string, headers: Record<string, string> = {}): Exchange {
    return this.told.http('customer', 'shop', 'POST /orders', {
      headers: { 'x-user': 'alice', ...headers },
      body: { item },
    });
  }

  look(item: string, headers: Record<string, string> = {}): Exchange {
    return this.told.http('shop', 'bank', `GET /items/${item}`, { headers });
  }

  pay(number: string, headers: Record<string, string> = {}): Exchange {
    return this.told.http('shop', 'bank', 'POST /pay/alice', { headers, body: { number } });
  }

  debit(ok = true, comment = ''): void {
    this.told.sql('bank', 'db', `${DEBIT}${comment}`, ['alice'], ok ? { affected: 1 } : { error: '40001' });
  }

  send(item: string, number: string): void {
    this.told.http('shop', 'bank', 'POST /send', { body: { item, number } }).answer(200);
  }

  /** Two orders of alice's, both of them looked up; the first is the older one. */
  two(
    items: readonly [string, string] = ['a', 'b'],
    headers: readonly Record<string, string>[] = [],
  ): Exchange[] {
    const both = items.map((item, i) => this.order(item, headers[i]));
    for (const item of items) this.look(item).answer(200);
    return both;
  }
}

const clean = { drops: [], indeterminate: [], chains: ['complete', 'complete'] };

describe('a request that was put into the wrong one of two chains that look alike', () => {
  test('makes room when the one that belongs there comes', async () => {
    const shop = new Orders();
    const [first, second] = shop.two();
    const [one, two] = [shop.pay('1'), shop.pay('2')];
    // The second's charge comes first, is taken for the first's, and fails; the first's is taken for the second's.
    shop.debit(false);
    shop.debit();
    one.answer(200);
    two.answer(500);
    shop.send('a', '1');
    first?.answer(201, NOTHING);
    const again = shop.pay('2');
    shop.debit();
    again.answer(200);
    shop.send('b', '2');
    second?.answer(201, NOTHING);
    expect(await judged(orders, shop.told)).toEqual({ ...clean, moved: expect.any(Array) });
  });

  test('goes with its facts, which a later request names', async () => {
    const shop = new Orders();
    const [first, second] = shop.two();
    const [two, one] = [shop.pay('2'), shop.pay('1')];
    for (const pay of [two, one]) {
      shop.debit();
      pay.answer(200);
    }
    shop.send('b', '2');
    shop.send('a', '1');
    first?.answer(201, NOTHING);
    second?.answer(201, NOTHING);
    const { moved, ...others } = await judged(orders, shop.told);
    expect(others).toEqual(clean);
    expect(moved).toHaveLength(1);
    expect(moved[0]).toContain('POST /pay/alice');
  });

  test('goes with its facts, which an answer names', async () => {
    const shop = new Orders();
    const [first, second] = shop.two();
    const [two, one] = [shop.pay('2'), shop.pay('1')];
    for (const pay of [two, one]) {
      shop.debit();
      pay.answer(200);
    }
    first?.answer(201, { body: { number: '1' } });
    second?.answer(201, { body: { number: '2' } });
    shop.send('b', '2');
    shop.send('a', '1');
    expect(await judged(orders, shop.told)).toEqual({ ...clean, moved: [] });
  });

  test('is no reason to take the next step for one that comes too early', async () => {
    const shop = new Orders();
    const [first, second] = [shop.order('a'), shop.order('a')];
    // Only the second has looked its item up; it is taken for the first's.
    shop.look('a').answer(200);
    const pay = shop.told.http('shop', 'bank', 'POST /pay/alice', { body: { number: '2' } });
    shop.debit();
    pay.answer(200);
    shop.send('a', '2');
    second.answer(201, { body: { number: '2' } });
    shop.look('a').answer(200);
    shop.pay('1').answer(200);
    shop.debit();
    shop.send('a', '1');
    first.answer(201, { body: { number: '1' } });
    expect((await judged(orders, shop.told)).drops).toEqual([]);
  });

  test('makes room in a third one for what stands where it belongs', async () => {
    const shop = new Orders();
    const three = ['a', 'b', 'c'].map((item) => shop.order(item));
    for (const item of ['a', 'b', 'c']) shop.look(item).answer(200);
    const [one, two] = [shop.pay('1'), shop.pay('2')];
    // The second's charge, taken for the first's.
    shop.debit();
    shop.told.wait(20);
    const late = shop.pay('3');
    // The third's, which the second could have made as well.
    shop.debit();
    two.answer(200);
    late.answer(200);
    shop.told.wait(10);
    // When this one comes, only the first is served still.
    shop.debit();
    one.answer(200);
    for (const [i, item] of ['a', 'b', 'c'].entries()) shop.send(item, String(i + 1));
    for (const each of three) each.answer(201, NOTHING);
    const { moved, ...rest } = await judged(orders, shop.told);
    expect(rest).toEqual({ ...clean, chains: ['complete', 'complete', 'complete'] });
    expect(moved).toHaveLength(1);
  });

  test('fills the place that stays empty otherwise, also from a chain that has ended', async () => {
    const shop = new Orders();
    const [first, second] = shop.two();
    const [one, two] = [shop.pay('1'), shop.pay('2')];
    shop.debit(false);
    shop.debit();
    two.answer(402);
    second?.answer(402);
    shop.told.wait(200);
    one.answer(200);
    shop.send('a', '1');
    first?.answer(201, NOTHING);
    expect(await judged(orders, shop.told)).toEqual({
      drops: [],
      indeterminate: [],
      chains: ['failed', 'complete'],
      moved: [],
    });
  });
});

describe('a request whose keys say that its place was taken for its chain by a guess', () => {
  const trace = { traceparent: `00-${'1'.repeat(32)}-00f067aa0ba902b7-01` };

  /** Two orders of one item; the second one's look-up, which has no trace, is taken for the first's. */
  function guessed(): { readonly shop: Orders; readonly orders: readonly Exchange[] } {
    const shop = new Orders();
    const both = [shop.order('a', trace), shop.order('a', { 'x-user': 'bob' })];
    shop.look('a').answer(200);
    return { shop, orders: both };
  }

  function bill(shop: Orders, user: string, number: string, headers: Record<string, string> = {}): void {
    const paid = shop.told.http('shop', 'bank', `POST /pay/${user}`, { headers, body: { number } });
    shop.told.sql('bank', 'db', DEBIT, [user], { affected: 1 });
    paid.answer(200);
  }

  test('is put right where the next step has come since', async () => {
    const { shop, orders: both } = guessed();
    shop.look('a', trace).answer(200);
    bill(shop, 'alice', '1', trace);
    bill(shop, 'bob', '2');
    for (const number of ['1', '2']) shop.send('a', number);
    for (const each of both) each.answer(201, NOTHING);
    const { moved, ...rest } = await judged(orders, shop.told);
    expect(rest).toEqual(clean);
    expect(moved).toHaveLength(1);
  });

  test('is put right before the next step of the other one has waited too long', async () => {
    const { shop, orders: both } = guessed();
    bill(shop, 'bob', '2');
    // It may still wait when the payment before may not.
    shop.told.wait(5);
    shop.look('a', trace).answer(200);
    bill(shop, 'alice', '1', trace);
    for (const number of ['2', '1']) shop.send('a', number);
    for (const each of both) each.answer(201, NOTHING);
    const { moved, ...rest } = await judged(orders, shop.told);
    expect(rest).toEqual(clean);
    expect(moved).toHaveLength(1);
  });

  test('waits for as long as others where that explains nothing', async () => {
    const shop = new Orders();
    const both = [shop.order('a', trace), shop.order('a', { 'x-user': 'bob' })];
    shop.look('a', trace).answer(200);
    // Nobody has looked anything up for bob; that alice's second look-up and one without a trace wait does not help.
    bill(shop, 'bob', '2');
    shop.told.wait(5);
    for (const headers of [trace, {}, {}]) shop.look('a', headers).answer(200);
    for (const each of both) each.answer(500, NOTHING);
    const { drops } = await judged(orders, shop.told);
    expect(drops).toEqual([
      'out-of-order: POST /pay/bob (shop to bank)',
      'already-done: GET /items/a (shop to bank)',
      'already-done: GET /items/a (shop to bank)',
    ]);
  });
});

test('what a repeated step below a request owns goes with it', async () => {
  const coupons = application('coupons', (context) => {
    const { customer, shop, bank, db } = partiesOf(context);
    return chain(
      http
        .post('/orders')
        .from(customer)
        .to(shop)
        .facts({ user: header('x-user'), item: body('/item') }),
      once(
        http
          .post('/pay/:user')
          .from(shop)
          .to(bank)
          .facts({ number: body('/number') }),
        many(
          http.get('/coupons/:coupon').from(bank).to(shop),
          once(
            sql
              .select('coupons', ['id'])
              .from(shop)
              .to(db)
              .where({ id: fact('coupon') }),
          ),
        ),
      ),
      once(
        http
          .post('/send')
          .from(shop)
          .to(bank)
          .facts({ item: body('/item'), number: body('/number') }),
      ),
    );
  });
  const told = story(coupons);
  const orders = ['a', 'b'].map((item) =>
    told.http('customer', 'shop', 'POST /orders', { headers: { 'x-user': 'alice' }, body: { item } }),
  );
  const pays = ['2', '1'].map((number) => told.http('shop', 'bank', 'POST /pay/alice', { body: { number } }));
  const coupon = (id: string, asked = id): void => {
    const look = told.http('bank', 'shop', `GET /coupons/${id}`);
    told.sql('shop', 'db', 'SELECT id FROM coupons WHERE id = $1', [asked]);
    look.answer(200);
  };
  coupon('x');
  const send = (item: string, number: string): void =>
    told.http('shop', 'bank', 'POST /send', { body: { item, number } }).answer(200);
  send('b', '2');
  told.wait(50);
  // After its payment was moved, what the first coupon said holds for that coupon alone still: it was selected already.
  coupon('y');
  coupon('z', 'x');
  send('a', '1');
  for (const each of [...pays, ...orders]) each.answer(200);
  const { drops, indeterminate, moved } = await judged(coupons, told);
  expect(moved).toEqual([expect.stringContaining('POST /pay/alice')]);
  expect(indeterminate).toEqual([]);
  expect(drops).toEqual(['already-done: SELECT id FROM coupons WHERE id = $1 (shop to db)']);
});

describe('what is not put into another chain', () => {
  test('a request too many: each chain has its own already', async () => {
    const shop = new Orders();
    const both = shop.two();
    const pays = [shop.pay('1'), shop.pay('2')];
    for (let i = 0; i < 3; i++) shop.debit();
    for (const each of [...pays, ...both]) each.answer(200, NOTHING);
    const { drops, moved } = await judged(orders, shop.told);
    expect(drops).toHaveLength(1);
    expect(drops[0]).toContain('already-done: UPDATE accounts');
    expect(moved).toEqual([]);
  });

  test('a request that names its chain by a key', async () => {
    const shop = new Orders();
    const trace = (digit: string): string => `00-${digit.repeat(32)}-00f067aa0ba902b7-01`;
    const both = shop.two(['a', 'b'], [{ traceparent: trace('1') }, { traceparent: trace('2') }]);
    const pays = [1, 2].map((n) => shop.pay(String(n), { traceparent: trace(String(n)) }));
    // Both charges say that they are the first's.
    for (let i = 0; i < 2; i++) shop.debit(true, ` /*traceparent='${trace('1')}'*/`);
    for (const each of [...pays, ...both]) each.answer(200, NOTHING);
    const { drops } = await judged(orders, shop.told);
    expect(drops).toHaveLength(1);
    expect(drops[0]).toContain('already-done: UPDATE accounts');
  });

  test('a request after which another one came there, in vain', async () => {
    const shop = new Orders();
    const both = shop.two();
    const pays = [shop.pay('1'), shop.pay('2')];
    shop.debit();
    shop.debit(false);
    // Room for it only if the first charge were the second order's too, whose own one came when that was done.
    shop.debit();
    for (const each of [...pays, ...both]) each.answer(200, NOTHING);
    const { drops, moved } = await judged(orders, shop.told);
    expect(drops[0]).toContain('already-done: UPDATE accounts');
    expect(moved).toEqual([]);
  });

  test('a request that no longer could be made there', async () => {
    const shop = new Orders();
    const [first, second] = shop.two();
    const one = shop.pay('1');
    shop.debit();
    one.answer(200);
    shop.send('a', '1');
    first?.answer(201, NOTHING);
    // The second's payment comes when the first's is over: both charges after that cannot be the first's.
    shop.told.wait(500);
    const two = shop.pay('2');
    shop.debit();
    shop.debit();
    two.answer(200);
    shop.send('b', '2');
    second?.answer(201, NOTHING);
    const { drops } = await judged(orders, shop.told);
    expect(drops).toEqual([expect.stringContaining('already-done: UPDATE accounts')]);
  });
});

test('a relation holds in the chain to which a request is put, or it stays', async () => {
  const limits = application('limits', (context) => {
    const { customer, shop, bank } = partiesOf(context);
    return chain(
      http
        .post('/orders')
        .from(customer)
        .to(shop)
        .facts({ user: header('x-user'), limit: body('/limit') }),
      once(
        http
          .post('/pay/:user')
          .from(shop)
          .to(bank)
          .facts({ amount: body('/amount') })
          .requires(atMost('amount', 'limit')),
      ),
      once(
        http
          .post('/send/:user')
          .from(shop)
          .to(bank)
          .facts({ amount: body('/amount') }),
      ),
    );
  });
  const tell = async (amounts: readonly [number, number], limit: number) => {
    const told = story(limits);
    for (const of of [100, limit])
      told.http('customer', 'shop', 'POST /orders', { headers: { 'x-user': 'alice' }, body: { limit: of } });
    for (const amount of amounts)
      told.http('shop', 'bank', 'POST /pay/alice', { body: { amount } }).answer(200);
    // Two messages of the amount that only one of the payments has.
    told.http('shop', 'bank', 'POST /send/alice', { body: { amount: amounts[0] } }).answer(200);
    told.http('shop', 'bank', 'POST /send/alice', { body: { amount: amounts[1] } }).answer(200);
    return (await judged(limits, told)).drops;
  };
  expect(await tell([7, 70], 100)).toEqual([]);
  // The first payment was taken for the first order, and the second is over the second order's limit: they change places.
  expect(await tell([7, 70], 10)).toEqual([]);
  // Neither order allows the second payment besides the first.
  expect(await tell([70, 70], 10)).toEqual([expect.stringContaining(': POST /pay/alice')]);
});

test('what was promised within a time is not taken away when that time is over', async () => {
  const shipping = application('shipping', (context) => {
    const { order, shop, bank } = partiesOf(context);
    return chain(order(), eventually(http.post('/ship/:user').from(shop).to(bank), '1s'));
  });
  const told = story(shipping);
  for (let i = 0; i < 2; i++)
    told.http('customer', 'shop', 'POST /orders', { headers: { 'x-user': 'alice' } }).answer(201);
  told.http('shop', 'bank', 'POST /ship/alice').answer(200);
  told.wait(5000);
  const { drops, chains } = await judged(shipping, told);
  expect(drops).toHaveLength(1);
  expect(drops[0]).toMatch(/^overdue: /);
  expect([...chains].sort()).toEqual(['complete', 'incomplete POST /ship/:user']);
});

describe('rentals that nothing tells apart, at once', () => {
  const alike = fc
    .array(fc.constantFrom(10, 11), { minLength: 2, maxLength: 3 })
    .map((dvds) => dvds.map((dvd, i) => rental({ user: 'alice', dvd, contract: `c-${i}`, amount: '2.50' })));
  const choices = fc.array(fc.nat(4), { maxLength: 80 });

  test('are explained whole in every order in which they can interleave', async () => {
    await fc.assert(
      fc.asyncProperty(alike, choices, async (all, order) => {
        const { drops, indeterminate, chains } = await judge(dvdRental, tellWoven(all, order));
        expect(brief(drops)).toEqual([]);
        expect(brief(indeterminate)).toEqual([]);
        expect(chains.map(({ outcome }) => outcome)).toEqual(all.map(() => 'complete'));
      }),
      { numRuns: 150 },
    );
  });

  test('hide no charge that none of them needs', async () => {
    await fc.assert(
      fc.asyncProperty(alike, choices, fc.nat(60), async (all, order, when) => {
        const told = new DvdRental();
        const woven = [
          ...weave(
            all.map((each) => steps(told, each)),
            order,
          ),
        ];
        const [one] = all;
        if (one === undefined) return;
        woven.splice(when % woven.length, 0, () => told.bill({ ...one, contract: 'c-forged' })(200));
        for (const step of woven) step();
        const { drops, chains } = await judge(dvdRental, told.story.end());
        // It passes only in the place of an honest one, which then has none.
        const complete = chains.filter(({ outcome }) => outcome === 'complete').length;
        expect(drops.length > 0 || complete < all.length).toBe(true);
        for (const { facts, outcome } of chains)
          if (facts.contract === 'c-forged') expect(outcome).not.toBe('complete');
      }),
      { numRuns: 150 },
    );
  });
});

test('what was promised below a request is waited for in the chain that the request turns out to serve, and its answer finds it there', async () => {
  const policy = application('promises', (context) => {
    const { order, shop, bank } = partiesOf(context);
    return chain(
      order(),
      once(
        http
          .post('/pay/:user')
          .from(shop)
          .to(bank)
          .facts({ number: response('/number') }),
        eventually(http.post('/send').from(bank).to(shop), '5s'),
      ),
    );
  });
  const told = story(policy);
  const traced = (digit: string) => ({
    traceparent: `00-${digit.repeat(32)}-00f067aa0ba902b7-01`,
  });
  const order = (trace: string) =>
    told.http('customer', 'shop', 'POST /orders', { headers: { 'x-user': 'alice', ...traced(trace) } });
  const pay = (headers: Record<string, string>) => told.http('shop', 'bank', 'POST /pay/alice', { headers });
  const [first, second] = [order('1'), order('2')];
  // Taken for the first one by a guess, until another one comes that names it.
  const guessed = pay({});
  const named = pay(traced('1'));
  told.wait(50);
  guessed.answer(200, { body: { number: 'two' } });
  named.answer(200, { body: { number: 'one' } });
  told.http('bank', 'shop', 'POST /send', { headers: traced('1') }).answer(200);
  first.answer(200);
  second.answer(200);
  told.wait(6_000);
  const { drops, indeterminate, chains } = await judged(policy, told);
  expect(indeterminate).toEqual([]);
  expect(drops).toEqual(['overdue: POST /send, after POST /pay/alice (bank to shop)']);
  expect(chains).toEqual(['complete', 'incomplete POST /send']);
});

test('a request that names its chain takes its place there back, however many others have come since', async () => {
  const shop = new Orders();
  const trace = { traceparent: `00-${'1'.repeat(32)}-00f067aa0ba902b7-01` };
  shop.order('a', trace);
  shop.order('a');
  for (let i = 0; i < 600; i++) shop.order('b', { 'x-user': `user-${i}` });
  // Taken for the first one by a guess.
  shop.look('a').answer(200);
  shop.look('a', trace).answer(200);
  const { drops, moved } = await judged(orders, shop.told);
  expect(drops).toEqual([]);
  expect(moved).toEqual(['GET /items/a']);
});
