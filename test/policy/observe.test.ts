// What events mean to a policy besides plain requests: refusals, losses, transactions, what cannot be seen. Enters: stories; leaves: verdicts.
import { describe, expect, test } from 'vitest';
import { FlowTapError } from '../../src/errors.ts';
import type { AmqpMethod } from '../../src/events/amqp.ts';
import type { FlowEvent } from '../../src/events/event.ts';
import {
  amqp,
  application,
  body,
  chain,
  fact,
  http,
  once,
  optional,
  outside,
  result,
  sql,
} from '../../src/policy/author.ts';
import { compile } from '../../src/policy/compile.ts';
import { decide } from '../../src/policy/decide.ts';
import { judgementOf } from '../../src/policy/judgement.ts';
import { observe } from '../../src/policy/observe/observe.ts';
import { brief, judge } from '../support/judge.ts';
import { CONSUME, NONE, QueueStory, queueing } from '../support/queued.ts';
import { type Connection, Story } from '../support/story.ts';

/** A front publishes what it is asked for; a worker consumes it and ships. */
const QUEUED = application('queued', (context) => {
  const { queue, worker, ask, publish, deliver, ship } = queueing(context);
  return [
    chain(ask, once(publish, once(deliver(), once(ship())))),
    outside(
      amqp.consume('q').from(worker).to(queue),
      amqp.get('q').from(worker).to(queue).allowing('no-ack'),
      amqp.declareQueue('q').from(worker).to(queue),
      amqp.bindQueue('q', 'x', 'k').from(worker).to(queue),
    ),
  ];
});

class Queued extends QueueStory {
  async judge() {
    const { drops, indeterminate, chains } = await judge(QUEUED, this.story.end());
    return {
      drops: brief(drops),
      unsure: brief(indeterminate),
      chains: chains.map(({ outcome }) => outcome),
    };
  }
}

describe('a message', () => {
  test.each<[string, (deliveryTag: bigint) => AmqpMethod]>([
    ['nack', (deliveryTag) => ({ name: 'basic.nack', deliveryTag, multiple: true, requeue: true })],
    ['reject', (deliveryTag) => ({ name: 'basic.reject', deliveryTag, requeue: true })],
    ['channel.close', () => ({ name: 'channel.close', code: 200, text: 'bye' })],
  ])('that the worker gives back by %s may be delivered and shipped again', async (_, back) => {
    const told = new Queued();
    told.worker.amqp('orig', CONSUME);
    told.ask();
    told.worker.amqp('orig', back(told.deliver()));
    const tag = told.deliver();
    told.ship();
    told.worker.amqp('orig', { name: 'basic.ack', deliveryTag: tag, multiple: false });
    expect(await told.judge()).toEqual({ drops: [], unsure: [], chains: ['complete'] });
  });

  test('is known by the consumer tag that the broker chose, and by the queue that was declared last', async () => {
    const told = new Queued();
    const queue = { passive: false, durable: true, exclusive: false, autoDelete: false, arguments: NONE };
    told.worker.amqp('orig', { name: 'queue.declare', queue: 'q', ...queue });
    told.worker.amqp('resp', { name: 'queue.declare-ok', queue: 'q', messages: 0, consumers: 0 });
    told.worker.amqp('orig', {
      name: 'queue.bind',
      queue: '',
      exchange: 'x',
      routingKey: 'k',
      arguments: NONE,
    });
    told.worker.amqp('orig', { ...CONSUME, queue: '', consumerTag: '' });
    told.worker.amqp('resp', { name: 'basic.consume-ok', consumerTag: 'amq.1' });
    told.worker.amqp('resp', { name: 'basic.consume-ok', consumerTag: 'amq.1' });
    told.ask();
    const tag = told.deliver(7, 'amq.1');
    told.ship();
    told.worker.amqp('orig', { name: 'basic.ack', deliveryTag: tag, multiple: false });
    expect(await told.judge()).toEqual({ drops: [], unsure: [], chains: ['complete'] });
  });

  test('that is fetched and needs no acknowledgement is explained like one that is delivered', async () => {
    const told = new Queued();
    told.ask();
    told.worker.amqp('orig', { name: 'basic.get', queue: 'q', noAck: true });
    const got = { deliveryTag: 1n, redelivered: false, exchange: 'x', routingKey: 'k', messages: 0 };
    told.worker.amqp('resp', { name: 'basic.get-ok', ...got }, { item: 7 });
    told.ship();
    expect(await told.judge()).toEqual({ drops: [], unsure: [], chains: ['complete'] });
  });

  test('that the worker claims to deliver itself is dropped', async () => {
    const told = new Queued();
    const deliver = { consumerTag: 't', deliveryTag: 1n, redelivered: false, exchange: 'x', routingKey: 'k' };
    told.worker.amqp('orig', CONSUME);
    told.worker.amqp('orig', { name: 'basic.deliver', ...deliver }, { item: 7 });
    expect((await told.judge()).drops).toEqual(['request-not-declared: basic.deliver q (worker to queue)']);
  });

  test('of a consumer that was declared before we looked cannot be told', async () => {
    const told = new Queued();
    Object.assign(told.worker.flow, { midstream: true });
    told.ask();
    told.deliver();
    told.worker.amqp('orig', { name: 'basic.ack', deliveryTag: 99n, multiple: false });
    const { drops, unsure } = await told.judge();
    expect(drops).toEqual([]);
    expect(unsure).toEqual(['cannot-read: basic.deliver (queue to worker)']);
  });

  test('method that readers take differently, or that no declaration allows, is dropped', async () => {
    const told = new Queued();
    const method = { destination: 'y', source: 'x', routingKey: '#', arguments: NONE };
    told.worker.amqp('orig', { name: 'exchange.bind', ...method });
    const exchange = { passive: false, durable: true, autoDelete: false, internal: false, arguments: NONE };
    told.worker.amqp('orig', { name: 'exchange.declare', exchange: 'y', type: 'topic', ...exchange });
    told.worker.add('orig', {
      kind: 'amqp-method',
      channel: 1,
      method: CONSUME,
      content: null,
      user: null,
      vhost: null,
      ambiguities: [{ code: 'amqp-field-table', detail: 'a table has a key twice' }],
    });
    expect((await told.judge()).drops).toEqual([
      'request-not-declared: exchange.bind (worker to queue)',
      'request-not-declared: exchange.declare y (worker to queue)',
      'ambiguous-bytes: basic.consume q (worker to queue)',
    ]);
  });

  test('deliveries and consumers without end do not take memory without end', async () => {
    const told = new Queued();
    for (let count = 0; count < 70_000; count++)
      told.worker.amqp('orig', { ...CONSUME, consumerTag: `t${count}` });
    expect((await told.judge()).drops).toEqual([]);
  });
});

/** A front that writes two tables in a transaction. */
const STORED = application('stored', ({ external, service }) => {
  const user = external('user');
  const front = service('front', { at: '10.0.0.1', http: 80 });
  const db = service('db', { at: '10.0.0.2', postgres: 5432, mysql: 3306 });
  const to = <T>(words: { from(p: typeof front): { to(p: typeof db): T } }): T => words.from(front).to(db);
  const ask = http
    .post('/')
    .from(user)
    .to(front)
    .facts({ item: body('/item') });
  const store = to(sql.insert('orders'))
    .values({ item: fact('item') })
    .returning('id')
    .facts({ id: result('id') });
  return [
    chain(ask, once(store).retried(1), optional(to(sql.delete('carts')).where({ item: fact('item') }))),
    outside(to(sql.begin()), to(sql.commit()), to(sql.rollback())),
  ];
});

class Stored {
  readonly story = new Story();
  readonly db: Connection;
  readonly #dialect: 'postgres' | 'mysql';
  readonly answer: (status: number) => void;

  constructor(dialect: 'postgres' | 'mysql' = 'postgres') {
    this.#dialect = dialect;
    this.db = this.story.connect('10.0.0.1', `10.0.0.2:${dialect === 'postgres' ? 5432 : 3306}`);
    this.answer = this.story.connect('192.0.2.1', '10.0.0.1:80').http('POST', '/', { body: { item: 7 } });
  }

  say(text: string, rows: readonly Record<string, number>[] | 'error' | null = []): void {
    const answer = this.db.sql(this.#dialect, text);
    if (rows !== null) answer(rows);
  }

  async judge() {
    this.answer(200);
    const { drops, indeterminate, chains } = await judge(STORED, this.story.end());
    return {
      drops: brief(drops),
      unsure: brief(indeterminate),
      chains: chains.map(({ outcome }) => outcome),
    };
  }
}

const INSERT = 'INSERT INTO orders (item) VALUES (7) RETURNING id';
const DONE = { drops: [], unsure: [], chains: ['complete'] };

describe('a transaction', () => {
  test('that is rolled back undoes its statements, which may come again once', async () => {
    const told = new Stored();
    told.say('BEGIN');
    told.say(INSERT, [{ id: 1 }]);
    told.say('ROLLBACK');
    told.say(INSERT, [{ id: 1 }]);
    expect(await told.judge()).toEqual(DONE);
  });

  test('that is committed after an error is rolled back by PostgreSQL', async () => {
    const told = new Stored();
    told.say('BEGIN');
    told.say(INSERT, [{ id: 1 }]);
    told.say('DELETE FROM carts WHERE item = 7', 'error');
    told.say('COMMIT');
    told.say(INSERT, [{ id: 1 }]);
    expect(await told.judge()).toEqual(DONE);
  });

  test('that went back to a savepoint after an error is committed', async () => {
    const told = new Stored();
    told.say('BEGIN');
    told.say(INSERT, [{ id: 1 }]);
    told.say('DELETE FROM carts WHERE item = 7', 'error');
    told.say('ROLLBACK TO SAVEPOINT s');
    told.say('COMMIT');
    told.say(INSERT, [{ id: 1 }]);
    const { drops } = await told.judge();
    expect(drops).toContain('already-done: INSERT INTO orders (item) VALUES (?) RETURNING id (front to db)');
  });

  test('whose connection ends before its commit, or with a rollback without an answer, is undone', async () => {
    for (const last of [[], ['ROLLBACK']]) {
      const told = new Stored();
      told.say('BEGIN');
      told.say(INSERT, [{ id: 1 }]);
      for (const text of last) told.say(text, null);
      told.db.close();
      const again = told.story.connect('10.0.0.1', '10.0.0.2:5432');
      again.sql('postgres', INSERT)([{ id: 1 }]);
      expect(await told.judge()).toEqual(DONE);
    }
  });

  test('that is the victim of a deadlock is rolled back by MySQL', async () => {
    const told = new Stored('mysql');
    told.say('BEGIN');
    told.say('INSERT INTO orders (item) VALUES (7)');
    const request = {
      kind: 'sql-result',
      dialect: 'mysql',
      outcome: 'error',
      code: '1213',
      columns: [],
      rows: [],
    } as const;
    told.say('DELETE FROM carts WHERE item = 7', null);
    told.db.add('resp', { ...request, request: 3, rowCount: 0, affected: null, last: true });
    const { chains } = await told.judge();
    expect(chains).toEqual(['incomplete']);
  });
});

describe('a statement', () => {
  test('that was prepared before we looked cannot be told', async () => {
    const told = new Stored();
    const said = {
      kind: 'sql-statement',
      dialect: 'postgres',
      request: 1,
      via: 'bound',
      text: null,
    } as const;
    told.db.add('orig', { ...said, parameters: [], user: null, database: null, ambiguities: [] });
    expect((await told.judge()).unsure).toEqual(['cannot-read: (unknown statement) (front to db)']);
  });

  test('that readers take differently, or that cannot be read, is dropped', async () => {
    const told = new Stored();
    const said = {
      kind: 'sql-statement',
      dialect: 'postgres',
      request: 1,
      via: 'text',
      text: 'BEGIN',
    } as const;
    const ambiguities = [{ code: 'sql-encoding', detail: 'a character set that is not known' }] as const;
    told.db.add('orig', { ...said, parameters: [], user: null, database: null, ambiguities });
    told.say('SELEC', null);
    const { drops } = await told.judge();
    expect(drops.slice(0, 2)).toEqual([
      'ambiguous-bytes: BEGIN (front to db)',
      'sql-unparsable: SELEC (front to db)',
    ]);
  });
});

describe('bytes that TCP leaves in doubt', () => {
  test('are dropped, whoever sent them', async () => {
    const told = new Queued();
    const code = 'tcp-overlap-conflict';
    told.toShop.add('orig', { kind: 'ambiguity', code, detail: 'two versions of the same bytes' });
    told.toShop.add('resp', { kind: 'ambiguity', code, detail: 'two versions of the same bytes' });
    expect((await told.judge()).drops).toEqual([
      'ambiguous-bytes: bytes that were not understood (worker to shop)',
      'ambiguous-bytes: bytes that were not understood (shop to worker)',
    ]);
  });
});

describe('what the types rule out', () => {
  test('is a fault of ours, and no verdict', () => {
    const policy = compile(QUEUED);
    const flow = { ends: { client: 'worker', server: 'shop' }, amqp: null };
    const wrong = { kind: 'nothing' } as unknown;
    expect(() => observe(policy, flow, wrong as FlowEvent)).toThrow(FlowTapError);
    expect(() => judgementOf(wrong as Parameters<typeof judgementOf>[0])).toThrow(FlowTapError);
    const observed = { match: wrong, subject: {} } as unknown as Parameters<typeof decide>[2];
    expect(() => decide(policy, {} as Parameters<typeof decide>[1], observed, 'final')).toThrow(FlowTapError);
  });
});
