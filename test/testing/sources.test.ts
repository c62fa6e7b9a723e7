// The places where facts stand, each in a story. Enters: policies, stories; leaves: what is explained and what is not.
import { judge, story } from 'flowtap/testing';
import { describe, expect, test } from 'vitest';
import {
  affected,
  amqp,
  application,
  body,
  chain,
  decimal,
  exchange,
  fact,
  header,
  http,
  integer,
  multipart,
  once,
  property,
  response,
  responseCookie,
  responseStatus,
  result,
  type Source,
  sql,
} from '../../src/policy/author.ts';

/** A front that stores what it is asked for and tells it to a broker; each with these facts. */
function shop(facts: {
  readonly asked?: Record<string, Source>;
  readonly stored?: Record<string, Source>;
  readonly told?: Record<string, Source>;
}) {
  return application('shop', ({ external, service }) => {
    const user = external('user');
    const front = service('front', { at: '10.0.0.1', http: 80 });
    const db = service('db', { at: '10.0.0.2', postgres: 5432 });
    const broker = service('broker', { at: '10.0.0.3', amqp: 5672 });
    const order = http
      .post('/orders')
      .from(user)
      .to(front)
      .facts({ user: header('x-user'), ...facts.asked });
    const store = sql
      .insert('orders')
      .from(front)
      .to(db)
      .values({ name: fact('user') })
      .returning('id')
      .facts(facts.stored ?? {});
    const tell = amqp
      .publish('orders', 'created')
      .from(front)
      .to(broker)
      .facts(facts.told ?? {});
    return chain(order, once(store), once(tell));
  });
}

const INSERT = 'INSERT INTO orders (name) VALUES ($1) RETURNING id';

interface Course {
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
  readonly rows?: readonly Record<string, string | number>[];
  readonly affected?: number;
  readonly told?: Parameters<ReturnType<typeof story>['publish']>[4];
  readonly status?: number;
  readonly answer?: Parameters<ReturnType<ReturnType<typeof story>['http']>['answer']>[1];
}

async function judged(policy: ReturnType<typeof shop>, course: Course) {
  const told = story(policy);
  const asked = told.http('user', 'front', 'POST /orders', {
    headers: { 'x-user': 'alice', ...course.headers },
    body: course.body,
  });
  const rows = course.rows ?? [{ id: 7 }];
  told.sql('front', 'db', INSERT, ['alice'], { rows, affected: course.affected ?? rows.length });
  told.publish('front', 'broker', 'orders', 'created', course.told);
  asked.answer(course.status ?? 201, course.answer);
  const { drops, untold, chains } = await judge(policy, told);
  return {
    drops: drops.map(({ reasons }) => `${reasons[0].code}: ${reasons[0].text}`),
    untold: untold.map(({ reasons }) => reasons[0].text),
    facts: chains[0]?.facts,
  };
}

describe('the number that the database returned', () => {
  const policy = shop({
    asked: { order: response('/order') },
    stored: { order: result('id') },
    told: { user: body('/user'), order: body('/order') },
  });

  test('is the number in the message and in the answer', async () => {
    const { drops, facts } = await judged(policy, {
      told: { body: { user: 'alice', order: 7 } },
      answer: { body: { order: 7 } },
    });
    expect(drops).toEqual([]);
    expect(facts).toMatchObject({ user: 'alice', order: '7' });
  });

  test('and a message about another one is dropped', async () => {
    const { drops } = await judged(policy, {
      told: { body: { user: 'alice', order: 8 } },
      answer: { body: { order: 7 } },
    });
    expect(drops).toEqual([expect.stringMatching(/^fact-differs: .* has order 7, not 8\.$/)]);
  });
});

describe('a column of a result', () => {
  const rows = [{ id: 7 }, { id: 8 }];
  const message = { told: { body: { order: 8 } } };
  const of = (row: number | 'only') =>
    shop({ stored: { order: result('id', { row }) }, told: { order: body('/order') } });

  test('may be that of a later row', async () => {
    expect((await judged(of(1), { rows, ...message })).drops).toEqual([]);
    expect((await judged(of(0), { rows, ...message })).drops).toEqual([
      expect.stringContaining('has order 7, not 8'),
    ]);
  });

  test('of a row that is not there is missing', async () => {
    expect((await judged(of(2), { rows, ...message })).drops).toEqual([
      'fact-missing: The request of db to front does not clearly say its order: result column id of row 2: it is not there.',
    ]);
  });

  test('of the only row is unclear where there are two', async () => {
    expect((await judged(of('only'), { rows: rows.slice(1), ...message })).drops).toEqual([]);
    expect((await judged(of('only'), { rows, ...message })).drops).toEqual([
      expect.stringContaining('result column id of the only row: there are 2 rows'),
    ]);
  });
});

test('the number of rows that a statement changed is a fact', async () => {
  const policy = shop({ stored: { changed: affected() }, told: { changed: property('priority') } });
  const one = { told: { properties: { priority: 1 } } };
  expect((await judged(policy, one)).facts).toMatchObject({ changed: '1' });
  expect((await judged(policy, { affected: 2, ...one })).drops).toEqual([
    expect.stringContaining('has changed 2, not 1'),
  ]);
});

test('exchange and properties of every kind are facts of a message', async () => {
  const policy = shop({
    told: {
      exchange: exchange(),
      ttl: integer(property('expiration')),
      mode: property('delivery-mode'),
      sent: property('timestamp'),
      type: property('content-type'),
      encoding: property('content-encoding'),
      cluster: property('cluster-id'),
    },
  });
  const properties = {
    expiration: '060000',
    deliveryMode: 2,
    timestamp: 1_700_000_000n,
    contentType: 'text/plain',
    contentEncoding: 'utf-8',
    clusterId: 'c',
  };
  expect((await judged(policy, { told: { body: 'hello', properties } })).facts).toMatchObject({
    exchange: 'orders',
    ttl: '60000',
    mode: '2',
    sent: '1700000000',
    type: 'text/plain',
    encoding: 'utf-8',
    cluster: 'c',
  });
  const lacking = { told: { body: 'hello', properties: { ...properties, expiration: 'soon' } } };
  expect((await judged(policy, lacking)).drops).toEqual([
    expect.stringContaining("property expiration: not of the fact's kind"),
  ]);
});

describe('a field of a multipart form', () => {
  const policy = shop({ asked: { amount: decimal(multipart('amount')) } });
  const form = (...values: readonly string[]) => ({
    headers: { 'content-type': 'multipart/form-data; boundary=b' },
    body: `${values.map((value) => `--b\r\nContent-Disposition: form-data; name="amount"\r\n\r\n${value}\r\n`).join('')}--b--\r\n`,
  });

  test('is a fact', async () => {
    const { drops, facts } = await judged(policy, form('3.50'));
    expect(drops).toEqual([]);
    expect(facts).toMatchObject({ amount: '3.5' });
  });

  test('that is there twice is not', async () => {
    expect((await judged(policy, form('3.50', '350'))).drops[0]).toBe(
      'fact-missing: The request of user to front does not clearly say its amount: multipart amount: it stands there more than once.',
    );
  });

  test('that is a file, or in a body of another type, is not', async () => {
    const file = form('1');
    const upload = { ...file, body: file.body.replace('"amount"', '"amount"; filename="x"') };
    expect((await judged(policy, upload)).drops[0]).toContain('multipart amount: it is a file');
    expect((await judged(policy, { body: { amount: 1 } })).drops[0]).toContain('not a clean multipart form');
  });
});

test('a cookie that the answer sets, and its status, are facts', async () => {
  const policy = shop({ asked: { sid: responseCookie('sid'), status: responseStatus() } });
  const headers = { 'set-cookie': ['lang=en', 'sid=a1; HttpOnly'] };
  expect((await judged(policy, { answer: { headers } })).facts).toMatchObject({ sid: 'a1', status: '201' });
  const twice = { 'set-cookie': ['sid=a1', 'sid=a2'] };
  expect((await judged(policy, { answer: { headers: twice } })).drops).toEqual([
    expect.stringContaining('response cookie sid: it is set more than once'),
  ]);
});
