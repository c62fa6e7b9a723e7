// What answers say, and what they may not say. Enters: answers to explained requests; leaves: verdicts on them.
import { describe, expect, test } from 'vitest';
import policy from '../../policies/dvd-rental.ts';
import {
  application,
  chain,
  header,
  http,
  once,
  response,
  responseHeader,
  result,
  sql,
} from '../../src/policy/author.ts';
import { DvdRental, rental } from '../support/dvd-rental.ts';
import { brief, judge } from '../support/judge.ts';
import { Story } from '../support/story.ts';

const ALICE = rental();

/** A front whose answer gives an order's number, which the database gave it. */
const ORDERS = application('orders', ({ external, service }) => {
  const user = external('user');
  const front = service('front', { at: '10.0.0.1', http: 80 });
  const db = service('db', { at: '10.0.0.2', postgres: 5432 });
  const order = http
    .post('/orders')
    .from(user)
    .to(front)
    .facts({ user: header('x-user'), order: response('/order'), place: responseHeader('x-place') });
  const store = sql
    .insert('orders')
    .from(front)
    .to(db)
    .values({ note: 'x' })
    .returning('id')
    .facts({ order: result('id') });
  return chain(order, once(store));
});

async function ordered(
  rows: readonly Record<string, string | number>[] | 'error',
  answer: { status?: number; body?: unknown; headers?: Record<string, string> },
) {
  const story = new Story();
  const db = story.connect('10.0.0.1', '10.0.0.2:5432');
  const respond = story
    .connect('192.0.2.1', '10.0.0.1:80')
    .http('POST', '/orders', { headers: { 'x-user': 'alice' } });
  db.sql('postgres', "INSERT INTO orders (note) VALUES ('x') RETURNING id")(rows);
  respond(answer.status ?? 201, { headers: { 'x-place': 'here', ...answer.headers }, body: answer.body });
  return judge(ORDERS, story.end());
}

describe('an answer', () => {
  test('settles facts that later requests and answers must agree with', async () => {
    const { drops, chains } = await ordered([{ id: 7 }], { body: { order: 7 } });
    expect(brief(drops)).toEqual([]);
    expect(chains).toMatchObject([
      { outcome: 'complete', facts: { user: 'alice', order: '7', place: 'here' } },
    ]);
  });

  test('that says otherwise than the database did is dropped, with both', async () => {
    const { drops } = await ordered([{ id: 7 }], { body: { order: 8 } });
    expect(brief(drops)).toEqual(['response-differs: response 201 (front to user)']);
    expect(drops[0]?.reasons[0].text).toContain(
      'order 8 (POST /orders, response /order), but it is 7 (insert orders, result column id)',
    );
    expect(drops[0]?.decidedBy).toBe('integrity');
  });

  test('that leaves out what the policy asks for is dropped', async () => {
    const { drops } = await ordered([{ id: 7 }], { body: { other: 7 } });
    expect(brief(drops)).toEqual(['fact-missing: response 201 (front to user)']);
  });

  test('that leaves out a result column is dropped; no rows say nothing', async () => {
    expect(brief((await ordered([{ other: 7 }], { body: { order: 7 } })).drops)).toEqual([
      'fact-missing: result (db to front)',
    ]);
    expect(brief((await ordered([], { body: { order: 7 } })).drops)).toEqual([]);
  });

  test('of failure is not asked for anything', async () => {
    const { drops, chains } = await ordered('error', { status: 500 });
    expect(brief(drops)).toEqual([]);
    expect(chains).toMatchObject([{ outcome: 'failed' }]);
  });

  test('that is ambiguous is dropped', async () => {
    const told = new DvdRental();
    const answer = told.toDvds.http('GET', '/dvds/7');
    answer(200, { ambiguities: [{ code: 'http-length-and-chunked', detail: 'both' }] });
    const { drops } = await judge(policy, told.story.end());
    expect(brief(drops)).toContain('ambiguous-bytes: response 200 (dvd-update to contract-update)');
  });

  test('whose body cannot be seen cannot be told', async () => {
    const told = new DvdRental();
    told.ask(ALICE);
    told.toDvds.http('GET', '/dvds/7')(200, { body: { price: '3.50' } });
    const events = told.story
      .end()
      .map((event) =>
        event.kind === 'http-response'
          ? { ...event, body: { ...event.body, state: 'lost' as const } }
          : event,
      );
    const { drops, indeterminate } = await judge(policy, events);
    expect(brief(drops)).toEqual([]);
    expect(indeterminate.map(({ cannotTell, action }) => [cannotTell, action])).toEqual([
      [{ code: 'cannot-read', cause: 'body' }, 'block'],
    ]);
  });

  test('that overtakes the verdict on its request is kept for it', async () => {
    const told = new DvdRental();
    told.rent(ALICE);
    const events = told.story.end();
    const ask = events.findIndex((event) => event.kind === 'http-request' && event.target === '/contracts');
    const looked = events.findIndex(
      (event) => event.kind === 'http-response' && event.flow.id === told.toDvds.flow.id,
    );
    const [first] = events.splice(ask, 1);
    if (first !== undefined) events.splice(looked, 0, first);
    const { drops, chains } = await judge(policy, events);
    expect(brief(drops)).toEqual([]);
    expect(chains).toMatchObject([{ outcome: 'complete' }]);
  });
});

describe('the view of a chain', () => {
  test('shows what was expected, what came, what was denied, and where each fact is from', async () => {
    const told = new DvdRental();
    told.ask(ALICE);
    told.lookUp(ALICE);
    told.bill({ ...ALICE, user: 'bob' })();
    const { engine, drops } = await judge(policy, told.story.end());
    const view = drops[0]?.nearest == null ? null : engine.view(drops[0].nearest.id);
    expect(view).toMatchObject({
      root: 'POST /contracts of customer 198.51.100.1',
      origins: {
        user: { value: 'alice', source: 'POST /contracts, header x-user' },
        amount: { value: '3.5', source: 'select dvds, result column price' },
      },
      tree: {
        step: 'POST /contracts',
        state: 'open',
        children: [
          {
            step: 'GET /dvds/:dvd',
            expected: 'once',
            state: 'answered',
            children: [{ step: 'select dvds', state: 'answered' }],
          },
          { step: 'POST /users/:user/charge', expected: 'once, up to 2 retries', state: 'denied', seen: [] },
          { step: 'publish rentals/rental.created', state: 'waiting', children: [] },
        ],
      },
    });
  });

  test('is null for a chain that never was', async () => {
    const { engine } = await judge(policy, new DvdRental().story.end());
    expect(engine.view('c99' as never)).toBeNull();
  });
});

test('two applications that share a network are judged apart', async () => {
  const { createEngine } = await import('../../src/engine.ts');
  const engine = await createEngine({ policies: [policy, ORDERS], containment: 'forward' });
  const story = new Story();
  story.connect('10.1.0.15', '10.1.0.30:5432');
  story.connect('10.0.0.1', '10.0.0.2:5432');
  story.connect('192.0.2.1', '192.0.2.2:80');
  const verdicts = story
    .end()
    .flatMap((event) => engine.handle(event))
    .flatMap((output) => (output.kind === 'verdict' ? [output.verdict] : []));
  expect(verdicts.map(({ application, kind }) => [application, kind])).toEqual([
    ['dvd-rental', 'drop'],
    ['orders', 'pass'],
  ]);
  expect(engine.statistics.unmonitored).toBe(4);
});
