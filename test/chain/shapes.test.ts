// The shapes that one user request takes on its way: keys, fan-out, pools, queues, batches, jobs. Enters: stories; leaves: verdicts.
import { describe, expect, test } from 'vitest';
import type { Event } from '../../src/events/event.ts';
import {
  amqp,
  any,
  application,
  body,
  chain,
  eventually,
  fact,
  header,
  http,
  inOrder,
  job,
  many,
  once,
  outside,
  type PolicyDocument,
  property,
  required,
  result,
  settings,
  sql,
} from '../../src/policy/author.ts';
import { type Story, story } from '../../src/testing/story.ts';
import { brief, judge } from '../support/judge.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

async function judged(policy: PolicyDocument, told: Story) {
  const end = (told.events.at(-1)?.ts ?? 0) + 1e6;
  const events: Event[] = [...told.events, { kind: 'source-end', ts: end, source: 'story' }];
  const { drops, indeterminate, chains, verdicts } = await judge(policy, events);
  return {
    drops: brief(drops),
    indeterminate: brief(indeterminate),
    chains: chains.map(({ outcome, missing }) =>
      missing.length === 0 ? outcome : `${outcome}: ${missing.join(', ')}`,
    ),
    explained: verdicts.filter(({ reasons }) => reasons[0].code === 'explained'),
  };
}

const clean = { drops: [], indeterminate: [] };

describe('explicit keys', () => {
  const policy = application('keys', ({ external, service }) => {
    const user = external('user');
    const front = service('front', { at: '10.0.0.1', http: 80 });
    const back = service('back', { at: '10.0.0.2', http: 80 });
    const db = service('db', { at: '10.0.0.3', postgres: 5432 });
    const queue = service('queue', { at: '10.0.0.4', amqp: 5672 });
    return [
      chain(
        http.get('/').from(user).to(front),
        many(
          http.get('/work').from(front).to(back),
          many(sql.select('work', ['id']).from(back).to(db).where({ kind: 1 })),
        ),
        many(amqp.publish('', 'jobs').from(front).to(queue), once(amqp.deliver('jobs').from(queue).to(back))),
      ),
      outside(amqp.consume('jobs').from(back).to(queue)),
      settings({
        keys: [
          { key: 'order', in: 'http-header', name: 'x-order-id', part: 'all' },
          { key: 'order', in: 'amqp-header', name: 'order-id', part: 'all' },
          { key: 'order', in: 'sql-comment', name: 'order', part: 'all' },
        ],
      }),
    ];
  });

  /** Two user requests at once, each with a key; gives whom a request under the second's key is taken for. */
  async function served(
    first: Record<string, string>,
    second: Record<string, string>,
    make: (told: Story) => void,
  ): Promise<string> {
    const told = story(policy);
    told.http('user', 'front', 'GET /', { headers: first });
    told.http('user', 'front', 'GET /', { headers: second });
    make(told);
    const { drops, explained } = await judged(policy, told);
    if (drops.length > 0) return drops.join('; ');
    const last = explained.at(-1);
    return `${last?.chain?.id} of ${last?.candidates}`;
  }

  const work = (headers: Record<string, string>) => (told: Story) => {
    told.http('front', 'back', 'GET /work', { headers });
  };

  test.each([
    [
      'traceparent',
      `00-${'a'.repeat(32)}-00f067aa0ba902b7-01`,
      `00-${TRACE}-00f067aa0ba902b7-01`,
      `00-${TRACE}-aaaaaaaaaaaaaaaa-00`,
    ],
    ['x-b3-traceid', 'a'.repeat(32), TRACE, TRACE.toUpperCase()],
    [
      'b3',
      `${'a'.repeat(32)}-00f067aa0ba902b7-1`,
      `${TRACE}-00f067aa0ba902b7-1`,
      `${TRACE}-aaaaaaaaaaaaaaaa-1-00f067aa0ba902b7`,
    ],
    ['x-request-id', 'r-1', 'r-2', 'r-2'],
    ['x-order-id', 'o-1', 'o-2', 'o-2'],
  ])('%s names the chain among several that would fit', async (name, first, second, asked) => {
    expect(await served({ [name]: first }, { [name]: second }, work({ [name]: asked }))).toBe('c2 of 1');
    expect(await served({ [name]: first }, { [name]: second }, work({}))).toBe('c1 of 2');
  });

  test('both forms of B3 name the same trace, also when its id has 64 bits', async () => {
    const short = TRACE.slice(16);
    const single = { b3: `${short}-00f067aa0ba902b7-1` };
    expect(await served({ 'x-b3-traceid': 'a'.repeat(16) }, { 'x-b3-traceid': short }, work(single))).toBe(
      'c2 of 1',
    );
  });

  test('a comment of sqlcommenter names the chain, by its trace or by a key of the policy', async () => {
    const traceparent = (trace: string) => ({ traceparent: `00-${trace}-00f067aa0ba902b7-01` });
    const select = (comment: string) => (told: Story) => {
      told.http('front', 'back', 'GET /work', {
        headers: { ...traceparent('a'.repeat(32)), 'x-order-id': 'o-1' },
      });
      told.http('front', 'back', 'GET /work', { headers: { ...traceparent(TRACE), 'x-order-id': 'o-2' } });
      told.sql('back', 'db', `SELECT id FROM work WHERE kind = 1 ${comment}`);
    };
    const [first, second] = [
      { ...traceparent('a'.repeat(32)), 'x-order-id': 'o-1' },
      { ...traceparent(TRACE), 'x-order-id': 'o-2' },
    ];
    const trace = `/*route='%2Fwork',traceparent='00-${TRACE}-00f067aa0ba902b7-01'*/`;
    expect(await served(first, second, select(trace))).toBe('c2 of 1');
    expect(await served(first, second, select(`${trace} ; `))).toBe('c2 of 1');
    expect(await served(first, second, select("/*order='o-2'*/"))).toBe('c2 of 1');
    expect(await served(first, second, select("/*order='o-1',order='o-2'*/"))).toBe('c1 of 2');
    expect(await served(first, second, select("/*order='%zz'*/"))).toBe('c1 of 2');
    expect(await served(first, second, select(''))).toBe('c1 of 2');
  });

  test('a header of a message names the chain', async () => {
    const publish = (told: Story) =>
      told.publish('front', 'queue', '', 'jobs', { headers: { 'order-id': 'o-2' } });
    expect(await served({ 'x-order-id': 'o-1' }, { 'x-order-id': 'o-2' }, publish)).toBe('c2 of 1');
  });

  test('each message of a chain has an id of its own, and its delivery is told by it', async () => {
    const told = story(policy);
    const asked = told.http('user', 'front', 'GET /');
    for (const id of ['m-1', 'm-2', 'm-3'])
      told.publish('front', 'queue', '', 'jobs', {
        properties: { messageId: id, correlationId: `for ${id}` },
      });
    asked.answer(200);
    for (const id of ['m-2', 'm-3', 'm-1'])
      told
        .deliver('queue', 'back', 'jobs', { properties: { messageId: id, correlationId: `for ${id}` } })
        .ack();
    expect(await judged(policy, told)).toMatchObject({ ...clean });
  });

  test('a delivery under another id than its message is not explained', async () => {
    const told = story(policy);
    told.http('user', 'front', 'GET /');
    told.publish('front', 'queue', '', 'jobs', { properties: { messageId: 'm-1' } });
    told.deliver('queue', 'back', 'jobs', { properties: { messageId: 'm-9' } });
    const { drops } = await judged(policy, told);
    expect(drops).toEqual(['key-names-no-chain: basic.deliver jobs (queue to back)']);
  });
});

describe('a step that may come often', () => {
  const shop = application('shop', ({ external, service }) => {
    const user = external('user');
    const orders = service('orders', { at: '10.0.0.1', http: 80 });
    const items = service('items', { at: '10.0.0.2', http: 80 });
    const db = service('db', { at: '10.0.0.3', postgres: 5432 });
    const order = http
      .post('/orders')
      .from(user)
      .to(orders)
      .facts({ user: header('x-user') });
    const look = http
      .get('/items/:item')
      .from(orders)
      .to(items)
      .facts({ user: header('x-user') });
    const read = sql
      .select('items', ['id', 'owner'])
      .from(items)
      .to(db)
      .where({ id: fact('item') });
    return chain(order, many(look, once(read.facts({ owner: result('owner') }))).times(1, 3));
  });

  function asked(...items: readonly (readonly [string, string])[]): Story {
    const told = story(shop);
    const order = told.http('user', 'orders', 'POST /orders', { headers: { 'x-user': 'alice' } });
    for (const [item, read] of items) {
      const looked = told.http('orders', 'items', `GET /items/${item}`, { headers: { 'x-user': 'alice' } });
      told.sql('items', 'db', 'SELECT id, owner FROM items WHERE id = $1', [read], {
        rows: [{ id: read, owner: `owner of ${read}` }],
      });
      looked.answer(200);
    }
    order.answer(200);
    return told;
  }

  test('has facts of its own in each of its requests', async () => {
    expect(await judged(shop, asked(['7', '7'], ['8', '8'], ['9', '9']))).toMatchObject({
      ...clean,
      chains: ['complete'],
    });
  });

  test('must say the same within each of them', async () => {
    const { drops } = await judged(shop, asked(['7', '7'], ['8', '9']));
    expect(drops).toEqual(['no-open-chain: SELECT id, owner FROM items WHERE id = $1 (items to db)']);
  });

  test('may be bounded in both directions', async () => {
    expect(await judged(shop, asked())).toMatchObject({ ...clean, chains: ['incomplete: GET /items/:item'] });
    const { drops } = await judged(shop, asked(['1', '1'], ['2', '2'], ['3', '3'], ['4', '4']));
    expect(drops[0]).toBe('already-done: GET /items/4 (orders to items)');
  });

  test('may fail without being counted', async () => {
    const told = story(shop);
    const order = told.http('user', 'orders', 'POST /orders', { headers: { 'x-user': 'alice' } });
    for (const item of ['1', '2', '3', '4']) {
      told.http('orders', 'items', `GET /items/${item}`, { headers: { 'x-user': 'alice' } }).answer(503);
    }
    order.answer(503);
    expect(await judged(shop, told)).toMatchObject({ ...clean, chains: ['failed'] });
  });

  test('does not keep all of its requests, and still says what one of them missed', async () => {
    const policy = application('many', ({ external, service }) => {
      const user = external('user');
      const front = service('front', { at: '10.0.0.1', http: 80 });
      const back = service('back', { at: '10.0.0.2', http: 80 });
      const item = http.get('/items/:item').from(front).to(back);
      return chain(
        http.get('/').from(user).to(front),
        many(item, once(http.put('/seen/:item').from(back).to(back))).times(1000),
      );
    });
    const told = story(policy);
    const root = told.http('user', 'front', 'GET /');
    for (let i = 0; i < 1000; i++) {
      const looked = told.http('front', 'back', `GET /items/${i}`, { headers: { 'x-request-id': `r-${i}` } });
      if (i !== 3) told.http('back', 'back', `PUT /seen/${i}`).answer(204);
      looked.answer(200);
    }
    root.answer(200);
    told.wait(1000);
    const { engine, drops, chains } = await judge(policy, told.events);
    expect(drops).toEqual([]);
    const tree = engine.view(chains[0]?.id ?? ('c1' as never))?.tree;
    expect(chains.length === 0 ? tree?.children[0]?.seen.length : 0).toBeLessThan(64);
    engine.advance(told.events.at(-1)?.ts ?? 0);
    const [ended] = engine
      .advance((told.events.at(-1)?.ts ?? 0) + 1e6)
      .filter(({ kind }) => kind === 'chain');
    expect(ended).toMatchObject({
      record: { outcome: 'incomplete', missing: ['PUT /seen/:item'], requests: 2000 },
    });
  });

  test.each([{ headers: {} }, { headers: { traceparent: `00-${TRACE}-00f067aa0ba902b7-01` } }])(
    'is served where a place has waited longest, and in the order of the policy',
    async ({ headers }) => {
      const policy = application('many', ({ external, service }) => {
        const user = external('user');
        const front = service('front', { at: '10.0.0.1', http: 80 });
        const back = service('back', { at: '10.0.0.2', http: 80 });
        const note = http.put('/note').from(back).to(back);
        return chain(
          http.get('/').from(user).to(front),
          many(http.get('/work').from(front).to(back), once(note), once(note)),
        );
      });
      const told = story(policy);
      const root = told.http('user', 'front', 'GET /', { headers });
      const works = [0, 1].map(() => told.http('front', 'back', 'GET /work', { headers }));
      const answers = [201, 202, 203, 204];
      for (const status of answers) told.http('back', 'back', 'PUT /note', { headers }).answer(status);
      for (const work of works) work.answer(200);
      root.answer(200);
      const { engine, drops } = await judge(policy, told.events);
      expect(drops).toEqual([]);
      const { tree } = engine.view('c1' as never) ?? expect.fail('no chain');
      const notes = tree.children[0]?.children.map(({ seen }) => seen.map(({ answered }) => answered));
      expect(notes?.flat()).toEqual(answers.map(String));
    },
  );
});

describe('services', () => {
  test('may ask several others at once, and themselves', async () => {
    const policy = application('fan', ({ external, service }) => {
      const user = external('user');
      const front = service('front', { at: '10.0.0.1', http: 80 });
      const back = service('back', { at: '10.0.0.2', http: 80 });
      const step = (name: string) => http.get(`/${name}`).from(front).to(back);
      return chain(
        http.get('/').from(user).to(front),
        once(step('a')),
        once(step('b')),
        once(http.get('/self').from(front).to(front), once(step('c'))),
      );
    });
    const told = story(policy);
    const root = told.http('user', 'front', 'GET /');
    const [a, b, self] = [
      told.http('front', 'back', 'GET /a'),
      told.http('front', 'back', 'GET /b'),
      told.http('front', 'front', 'GET /self'),
    ];
    const c = told.http('front', 'back', 'GET /c');
    for (const each of [b, c, self, a, root]) each.answer(200);
    told.http('front', 'front', 'GET /self');
    const { drops, chains } = await judged(policy, told);
    expect(drops).toEqual(['already-done: GET /self (front to front)']);
    expect(chains).toEqual(['complete']);
  });

  test('a pool serves two users on one connection, in transactions of which one is rolled back and tried again', async () => {
    const policy = application('bank', ({ external, service }) => {
      const user = external('user');
      const bank = service('bank', { at: '10.0.0.1', http: 80 });
      const db = service('db', { at: '10.0.0.3', postgres: 5432 });
      const pay = http.post('/pay/:user').from(user).to(bank);
      const debit = sql
        .update('accounts')
        .from(bank)
        .to(db)
        .where({ name: fact('user') })
        .sets({ balance: any() });
      const note = sql
        .insert('notes')
        .from(bank)
        .to(db)
        .values({ name: fact('user') });
      return [
        chain(pay, inOrder(required(debit).retried(1), required(note).retried(1))),
        outside(
          sql.begin().from(bank).to(db),
          sql.commit().from(bank).to(db),
          sql.rollback().from(bank).to(db),
        ),
      ];
    });
    const debit = (told: Story, user: string) =>
      told.sql('bank', 'db', 'UPDATE accounts SET balance = $1 WHERE name = $2', [5, user]);
    const note = (told: Story, user: string, error?: string) =>
      told.sql(
        'bank',
        'db',
        'INSERT INTO notes (name) VALUES ($1)',
        [user],
        error === undefined ? { rows: [] } : { error },
      );
    const run = async (...ends: readonly string[]) => {
      const told = story(policy);
      const alice = told.http('user', 'bank', 'POST /pay/alice');
      const bob = told.http('user', 'bank', 'POST /pay/bob');
      told.sql('bank', 'db', 'BEGIN');
      debit(told, 'bob');
      note(told, 'bob');
      told.sql('bank', 'db', 'COMMIT');
      for (const end of ends) {
        told.sql('bank', 'db', 'BEGIN');
        debit(told, 'alice');
        note(told, 'alice', end === 'fails' ? '40001' : undefined);
        told.sql('bank', 'db', end === 'fails' ? 'COMMIT' : end);
      }
      alice.answer(200);
      bob.answer(200);
      told.wait(1000);
      told.close('user', 'bank');
      return judged(policy, told);
    };
    expect(await run('COMMIT')).toMatchObject(clean);
    expect(await run('ROLLBACK', 'COMMIT')).toMatchObject(clean);
    // After an error PostgreSQL takes a COMMIT for a ROLLBACK.
    expect(await run('fails', 'COMMIT')).toMatchObject(clean);
    expect((await run('COMMIT', 'COMMIT')).drops).toEqual([
      'already-done: UPDATE accounts SET balance = $1 WHERE name = $2 (bank to db)',
      'already-done: INSERT INTO notes (name) VALUES ($1) (bank to db)',
    ]);
    // Taken back and not done again: the answer says that it was done.
    expect((await run('ROLLBACK')).drops).toEqual(['out-of-order: response 200 (bank to user)']);
  });
});

describe('queues', () => {
  const policy = application('queues', ({ external, service }) => {
    const user = external('user');
    const front = service('front', { at: '10.0.0.1', http: 80 });
    const packer = service('packer', { at: '10.0.0.2', http: 80 });
    const shipper = service('shipper', { at: '10.0.0.5', http: 80 });
    const carrier = service('carrier', { at: '10.0.0.6', http: 80 });
    const queue = service('queue', { at: '10.0.0.4', amqp: 5672 });
    const message = { user: body('/user'), order: body('/order') };
    const order = http
      .post('/orders/:order')
      .from(user)
      .to(front)
      .facts({ user: header('x-user') });
    const pack = amqp.publish('', 'pack').from(front).to(queue).facts(message);
    const packing = amqp.deliver('pack').from(queue).to(packer).facts(message);
    const ship = amqp.publish('', 'ship').from(packer).to(queue).facts(message);
    const shipping = amqp
      .deliver('ship')
      .from(queue)
      .to(shipper)
      .facts(message)
      .facts({ order: property('correlation-id') });
    const carry = http.post('/parcels').from(shipper).to(carrier).facts(message);
    return [
      chain(order, once(pack, once(packing, required(ship, once(shipping, required(carry)))))),
      outside(amqp.consume('pack').from(packer).to(queue), amqp.consume('ship').from(shipper).to(queue)),
    ];
  });
  const parts = (user: string, order: string) => ({
    body: { user, order },
    properties: { correlationId: order },
  });

  test('carry one user request through several of them, long after it was answered', async () => {
    const told = story(policy);
    const orders = ['1', '2', '3'].map((id) => [`user-${id}`, id] as const);
    for (const [user, id] of orders) {
      const asked = told.http('user', 'front', `POST /orders/${id}`, { headers: { 'x-user': user } });
      told.publish('front', 'queue', '', 'pack', parts(user, id));
      asked.answer(202);
    }
    told.wait(60_000);
    for (const [user, id] of [...orders].reverse()) {
      const packing = told.deliver('queue', 'packer', 'pack', parts(user, id));
      told.publish('packer', 'queue', '', 'ship', parts(user, id));
      packing.ack();
    }
    told.wait(60_000);
    for (const [user, id] of orders) {
      const shipping = told.deliver('queue', 'shipper', 'ship', parts(user, id));
      told.http('shipper', 'carrier', 'POST /parcels', { body: { user, order: id } }).answer(201);
      shipping.ack();
    }
    expect(await judged(policy, told)).toMatchObject(clean);
  });

  test('deliver again what was not acknowledged', async () => {
    const told = story(policy);
    told.http('user', 'front', 'POST /orders/1', { headers: { 'x-user': 'alice' } }).answer(202);
    told.publish('front', 'queue', '', 'pack', parts('alice', '1'));
    for (const last of [false, false, true]) {
      const packing = told.deliver('queue', 'packer', 'pack', parts('alice', '1'));
      if (last) told.publish('packer', 'queue', '', 'ship', parts('alice', '1'));
      if (last) packing.ack();
      else packing.nack();
    }
    const { drops } = await judged(policy, told);
    expect(drops).toEqual([]);
  });

  test('a consumer may take a batch, do its work, and acknowledge all of it at once', async () => {
    const told = story(policy);
    const orders = ['1', '2', '3'].map((id) => [`user-${id}`, id] as const);
    for (const [user, id] of orders) {
      told.http('user', 'front', `POST /orders/${id}`, { headers: { 'x-user': user } }).answer(202);
      told.publish('front', 'queue', '', 'pack', parts(user, id));
    }
    const batch = orders.map(([user, id]) => told.deliver('queue', 'packer', 'pack', parts(user, id)));
    for (const [user, id] of orders.slice(0, 2)) told.publish('packer', 'queue', '', 'ship', parts(user, id));
    batch.at(-1)?.ack({ multiple: true });
    const { drops } = await judged(policy, told);
    // The third of the batch was acknowledged and not shipped.
    expect(drops).toEqual(['out-of-order: basic.ack (packer to queue)']);
  });
});

describe('jobs', () => {
  const policy = application('jobs', ({ service }) => {
    const cleaner = service('cleaner', { at: '10.0.0.1' });
    const db = service('db', { at: '10.0.0.3', postgres: 5432 });
    const find = sql.select('sessions', ['id']).from(cleaner).to(db).where({ expired: true });
    const drop = sql
      .delete('sessions')
      .from(cleaner)
      .to(db)
      .where({ id: fact('id') });
    return [job(find.facts({ id: result('id') }), { every: '1h' }), job(drop, { every: '1s' })];
  });

  test('begin by themselves, and no more often than declared', async () => {
    const told = story(policy);
    const find = () =>
      told.sql('cleaner', 'db', 'SELECT id FROM sessions WHERE expired = true', [], { rows: [{ id: 1 }] });
    find();
    told.wait(3_600_000);
    find();
    told.wait(600_000);
    find();
    const { drops } = await judged(policy, told);
    expect(drops).toEqual(['too-soon: SELECT id FROM sessions WHERE expired = true (cleaner to db)']);
  });
});

describe('a customer who hangs up', () => {
  const policy = application('hang-up', ({ external, service }) => {
    const user = external('user');
    const front = service('front', { at: '10.0.0.1', http: 80 });
    const back = service('back', { at: '10.0.0.2', http: 80 });
    return chain(
      http.post('/:user').from(user).to(front),
      once(http.post('/bill/:user').from(front).to(back)),
    );
  });

  test('does not make an attacker of the service that goes on with his request', async () => {
    const bills = async (after: number): Promise<readonly string[]> => {
      const told = story(policy);
      told.http('user', 'front', 'POST /alice').lose();
      told.wait(after);
      told.http('front', 'back', 'POST /bill/alice').answer(200);
      return (await judged(policy, told)).drops;
    };
    expect(await bills(30)).toEqual([]);
    expect(await bills(29_000)).toEqual([]);
    expect(await bills(31_000)).toEqual([
      'no-open-chain: POST /bill/:user (front to back)'.replace(':user', 'alice'),
    ]);
  });
});

describe('a step with a time', () => {
  const policy = (how: 'within' | 'eventually') =>
    application('timed', ({ external, service }) => {
      const user = external('user');
      const front = service('front', { at: '10.0.0.1', http: 80 });
      const back = service('back', { at: '10.0.0.2', http: 80 });
      const work = http.post('/work').from(front).to(back);
      return chain(
        http.get('/').from(user).to(front),
        how === 'within' ? once(work).within('100ms') : eventually(work, '100ms'),
      );
    });

  async function worked(how: 'within' | 'eventually', milliseconds: number | null) {
    const told = story(policy(how));
    const asked = told.http('user', 'front', 'GET /');
    if (milliseconds !== null) {
      told.wait(milliseconds);
      told.http('front', 'back', 'POST /work').answer(200);
    }
    asked.answer(200);
    const { drops, chains } = await judged(policy(how), told);
    return { drops, chains };
  }

  test('may come within it, and need not', async () => {
    expect(await worked('within', 90)).toEqual({ drops: [], chains: ['complete'] });
    expect(await worked('within', null)).toEqual({ drops: [], chains: ['incomplete: POST /work'] });
    expect((await worked('within', 120)).drops).toEqual(['no-open-chain: POST /work (front to back)']);
  });

  test('must come within it, when it is to come eventually', async () => {
    const overdue = 'overdue: POST /work, after GET / (front to back)';
    expect(await worked('eventually', 90)).toEqual({ drops: [], chains: ['complete'] });
    expect((await worked('eventually', null)).drops).toEqual([overdue]);
    expect((await worked('eventually', 120)).drops).toEqual([
      overdue,
      'no-open-chain: POST /work (front to back)',
    ]);
  });
});
