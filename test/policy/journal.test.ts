// What is kept so that a policy can be replaced at any moment. Enters: stories cut at every event; leaves: verdicts with and without a replacement.
import { describe, expect, test } from 'vitest';
import { createEngine, type Engine } from '../../src/engine.ts';
import type { AmqpMethod } from '../../src/events/amqp.ts';
import type { Event } from '../../src/events/event.ts';
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
  settings,
  sql,
} from '../../src/policy/author.ts';
import type { PolicyDocument } from '../../src/policy/document.ts';
import { feed, plain } from '../support/judge.ts';
import { CONSUME, NONE, QueueStory, queueing } from '../support/queued.ts';
import { type Connection, Story } from '../support/story.ts';

/** What a front publishes is shipped by a worker. `revision` makes another document that says the same. */
interface Options {
  readonly ships?: boolean;
  readonly gets?: boolean;
  readonly mode?: PolicyDocument['mode'];
}

function queued(
  revision: number,
  { ships = true, gets = true, mode = 'enforce' }: Options = {},
): PolicyDocument {
  return application('queued', (context) => {
    const { queue, worker, ask, publish, deliver, ship } = queueing(context);
    const toQueue = outside(
      amqp.consume('q').from(worker).to(queue),
      ...(gets ? [amqp.get('q').from(worker).to(queue)] : []),
      amqp.purgeQueue('q').from(worker).to(queue),
      amqp.declareQueue('q').from(worker).to(queue),
      amqp.bindQueue('q', 'x', 'k').from(worker).to(queue),
    );
    const told = settings({ chains: 1000 + revision, mode });
    if (!ships) return [chain(ask, once(publish)), toQueue, told];
    return [chain(ask, once(publish, once(deliver(), once(ship())))), toQueue, told];
  });
}

const make = (policy: PolicyDocument): Promise<Engine> =>
  createEngine({ policies: [policy], containment: 'forward', journal: 1024 ** 2 });

/** Replaces the policy behind each event in turn: nothing is said, and all that follows is said as without it. */
async function sameAtEveryCut(
  events: readonly Event[],
  policy: (revision: number) => PolicyDocument = queued,
): Promise<readonly string[]> {
  const steady = await make(policy(1));
  const said = events.map((event) => [...steady.handle(event)]);
  for (let cut = 1; cut < events.length; cut++) {
    const engine = await make(policy(1));
    feed(engine, events.slice(0, cut));
    const { outputs, changes } = engine.replace([policy(2)]);
    expect({ cut, outputs, changes }).toMatchObject({
      outputs: [],
      changes: [{ chains: { ended: 0, unknown: 0 } }],
    });
    expect({ cut, said: plain(feed(engine, events.slice(cut))) }).toEqual({
      cut,
      said: plain(said.slice(cut).flat()),
    });
  }
  return said
    .flat()
    .flatMap((output) =>
      output.kind === 'verdict' && output.verdict.kind !== 'pass'
        ? [`${output.verdict.reasons[0].code}: ${output.verdict.subject.request}`]
        : output.kind === 'chain'
          ? [output.record.outcome]
          : [],
    );
}

const QUEUE = {
  passive: false,
  durable: true,
  exclusive: false,
  autoDelete: false,
  arguments: NONE,
} as const;
const ack = (deliveryTag: bigint, multiple = false): AmqpMethod => ({
  name: 'basic.ack',
  deliveryTag,
  multiple,
});

class Queued extends QueueStory {
  #got = 100n;

  override ask(item: number): Connection {
    const customer = super.ask(item);
    customer.close();
    return customer;
  }

  get(queue: string, item: number): bigint {
    const deliveryTag = ++this.#got;
    this.worker.amqp('orig', { name: 'basic.get', queue, noAck: false });
    const got = { redelivered: false, exchange: 'x', routingKey: 'k', messages: 0 };
    this.worker.amqp('resp', { name: 'basic.get-ok', deliveryTag, ...got }, { item });
    return deliveryTag;
  }

  settle(method: AmqpMethod): void {
    this.worker.amqp('orig', method);
  }
}

describe('a policy that is replaced between any two methods of a connection still knows', () => {
  test('which queue an empty name stands for, and the tag that the broker chose', async () => {
    const told = new Queued();
    told.worker.amqp('orig', { name: 'queue.declare', queue: 'q', ...QUEUE });
    told.worker.amqp('resp', { name: 'queue.declare-ok', queue: 'q', messages: 0, consumers: 0 });
    const bind = { queue: '', exchange: 'x', routingKey: 'k', arguments: NONE };
    told.worker.amqp('orig', { name: 'queue.bind', ...bind });
    told.worker.amqp('orig', { name: 'queue.purge', queue: '' });
    told.worker.amqp('orig', { ...CONSUME, queue: '', consumerTag: '' });
    told.worker.amqp('resp', { name: 'basic.consume-ok', consumerTag: 'amq.1' });
    told.ask(7);
    const tag = told.deliver(7, 'amq.1');
    told.ship(7);
    told.settle(ack(tag));
    expect(await sameAtEveryCut(told.story.end())).toEqual(['complete']);
  });

  test('that no queue was declared which an empty name could stand for', async () => {
    const told = new Queued();
    told.worker.amqp('orig', { name: 'queue.purge', queue: '' });
    told.worker.amqp('orig', { name: 'queue.delete', queue: '', ifUnused: false, ifEmpty: false });
    expect(await sameAtEveryCut(told.story.end())).toEqual([
      'request-not-declared: queue.purge',
      'request-not-declared: queue.delete',
    ]);
  });

  test('which queue a message was fetched from', async () => {
    const told = new Queued();
    told.ask(7);
    told.ask(8);
    const first = told.get('q', 7);
    told.ship(7);
    told.settle(ack(first));
    told.worker.amqp('resp', { name: 'queue.declare-ok', queue: 'q', messages: 0, consumers: 0 });
    const second = told.get('', 8);
    told.ship(8);
    told.settle(ack(second));
    expect(await sameAtEveryCut(told.story.end())).toEqual(['complete', 'complete']);
  });

  test('what it said of a request that only now turns out to be needed, and does not say it again', async () => {
    const told = new Queued();
    told.ask(7);
    const tag = told.get('q', 7);
    told.ship(7);
    told.settle(ack(tag));
    expect(await sameAtEveryCut(told.story.end(), (n) => queued(n, { mode: 'audit', gets: false }))).toEqual([
      'request-not-declared: basic.get q',
      'complete',
    ]);
  });

  test('which deliveries one acknowledgement settles', async () => {
    for (const all of [true, false]) {
      const told = new Queued();
      told.settle(CONSUME);
      for (const item of [7, 8, 9]) told.ask(item);
      const [, second = 0n] = [7, 8].map((item) => told.deliver(item));
      for (const item of [7, 8]) told.ship(item);
      told.settle(ack(all ? 0n : second, true));
      const last = told.deliver(9);
      told.ship(9);
      told.settle(ack(last));
      expect(await sameAtEveryCut(told.story.end())).toEqual(['complete', 'complete', 'complete']);
    }
  });

  test('which deliveries were given back, and may come again', async () => {
    const backs: readonly ((deliveryTag: bigint) => AmqpMethod)[] = [
      (deliveryTag) => ({ name: 'basic.nack', deliveryTag, multiple: false, requeue: true }),
      (deliveryTag) => ({ name: 'basic.reject', deliveryTag, requeue: true }),
      () => ({ name: 'channel.close', code: 200, text: 'bye' }),
    ];
    for (const back of backs) {
      const told = new Queued();
      told.settle(CONSUME);
      told.ask(7);
      told.settle(back(told.deliver(7)));
      const again = told.deliver(7);
      told.ship(7);
      told.settle(ack(again));
      expect(await sameAtEveryCut(told.story.end())).toEqual(['complete']);
    }
  });

  test('that nothing was delivered which is acknowledged', async () => {
    const told = new Queued();
    told.settle(CONSUME);
    told.settle(ack(5n));
    told.settle({ name: 'channel.close', code: 200, text: 'bye' });
    told.worker.amqp('resp', { name: 'basic.ack', deliveryTag: 1n, multiple: false });
    expect(await sameAtEveryCut(told.story.end())).toEqual(['no-open-chain: basic.ack']);
  });

  test('what a connection that ended had not acknowledged', async () => {
    const told = new Queued();
    told.settle(CONSUME);
    told.ask(7);
    told.deliver(7);
    told.worker.close();
    const again = told.story.connect('10.0.0.3', '10.0.0.2:5672');
    again.amqp('orig', CONSUME);
    const tag = again.deliver('x', 'k', 't', { item: 7 });
    told.ship(7);
    again.amqp('orig', ack(tag));
    expect(await sameAtEveryCut(told.story.end())).toEqual(['complete']);
  });
});

/** A front that stores what it is asked for, and clears a cart, in one transaction. */
const stored = (revision: number): PolicyDocument =>
  application('stored', ({ external, service }) => {
    const front = service('front', { at: '10.0.0.1', http: 80 });
    const db = service('db', { at: '10.0.0.2', postgres: 5432, mysql: 3306 });
    const item = { item: fact('item') };
    const ask = http
      .post('/')
      .from(external('user'))
      .to(front)
      .facts({ item: body('/item') });
    const store = sql.insert('orders').from(front).to(db).values(item);
    const clear = sql.delete('carts').from(front).to(db).where(item);
    return [
      chain(ask, once(store).retried(2), optional(clear).retried(2)),
      outside(...[sql.begin(), sql.commit(), sql.rollback()].map((words) => words.from(front).to(db))),
      settings({ chains: 1000 + revision }),
    ];
  });

describe('a policy that is replaced between any two statements of a connection still knows', () => {
  const STORE = 'INSERT INTO orders (item) VALUES (7)';
  const CLEAR = 'DELETE FROM carts WHERE item = 7';

  /** What is said of these statements, each with its answer. */
  async function storing(
    dialect: 'postgres' | 'mysql',
    statements: readonly (string | readonly [text: string, error: string])[],
  ): Promise<readonly string[]> {
    const story = new Story();
    const customer = story.connect('192.0.2.1', '10.0.0.1:80');
    const db = story.connect('10.0.0.1', `10.0.0.2:${dialect === 'postgres' ? 5432 : 3306}`);
    const answer = customer.http('POST', '/', { body: { item: 7 } });
    for (const [i, statement] of statements.entries()) {
      const [text, code] = typeof statement === 'string' ? [statement, null] : statement;
      db.sql(dialect, text);
      db.add('resp', {
        kind: 'sql-result',
        dialect,
        request: i + 1,
        outcome: code === null ? 'ok' : 'error',
        code,
        columns: [],
        rows: [],
        rowCount: 0,
        affected: code === null ? 1 : null,
        last: true,
      });
    }
    story.wait(50_000);
    db.sql(dialect, STORE)();
    answer(200);
    story.wait(50_000);
    db.sql(dialect, 'BEGIN')();
    return sameAtEveryCut(story.end(), stored);
  }
  const AGAIN = 'already-done: INSERT INTO orders (item) VALUES (?)';

  test('that an error has broken their transaction, whose COMMIT undoes it', async () => {
    const broken = ['BEGIN', STORE, [CLEAR, '42000'], 'COMMIT'] as const;
    expect(await storing('postgres', broken)).toEqual(['complete']);
    expect(await storing('postgres', [...broken, STORE])).toEqual([AGAIN, 'complete']);
    expect(await storing('postgres', ['BEGIN', STORE, CLEAR, 'COMMIT'])).toEqual([AGAIN, 'complete']);
  });

  test('that a statement which nobody declared has broken it', async () => {
    const said = await storing('postgres', ['BEGIN', STORE, ['SELECT secret FROM users', '42501'], 'COMMIT']);
    expect(said).toEqual(['request-not-declared: SELECT secret FROM users', 'complete']);
  });

  test('that MySQL keeps what was done before an error, but not before a deadlock', async () => {
    expect(await storing('mysql', ['BEGIN', STORE, [CLEAR, '1064'], 'COMMIT'])).toEqual([AGAIN, 'complete']);
    expect(await storing('mysql', ['BEGIN', STORE, [CLEAR, '1213'], 'COMMIT'])).toEqual(['complete']);
  });
});

describe('the journal', () => {
  test('lets go of whatever belonged to chains that have ended on connections that have ended', async () => {
    const engine = await make(queued(1));
    const told = new Queued();
    told.settle(CONSUME);
    for (let item = 0; item < 20; item++) {
      told.ask(item);
      const tag = told.deliver(item);
      told.ship(item);
      told.settle(ack(tag));
    }
    feed(engine, told.story.events);
    expect(engine.statistics.journal?.bytes).toBeGreaterThan(0);
    const open = engine.statistics.journal?.bytes ?? 0;
    const seen = told.story.events.length;
    for (const connection of [told.front, told.worker, told.toShop]) connection.close();
    feed(engine, told.story.events.slice(seen));
    engine.advance(told.story.now + 1e6);
    expect(engine.statistics.journal).toMatchObject({ entries: 0, chainsEvicted: 0 });
    expect(engine.statistics.journal?.bytes).toBeLessThan(open);
    engine.replace([queued(2)]);
    expect(engine.statistics.journal).toEqual({ entries: 0, bytes: 0, chainsEvicted: 0 });
  });

  test('does not grow with transactions that failed on a connection that stays open', async () => {
    const engine = await make(stored(1));
    const story = new Story();
    const db = story.connect('10.0.0.1', '10.0.0.2:5432');
    let most = 0;
    let seen = 0;
    for (let item = 0; item < 500; item++) {
      const answer = story.connect('192.0.2.1', '10.0.0.1:80').http('POST', '/', { body: { item } });
      db.sql('postgres', 'BEGIN')();
      db.sql('postgres', `INSERT INTO orders (item) VALUES (${item})`)();
      db.sql('postgres', `DELETE FROM carts WHERE item = ${item}`)('error');
      db.sql('postgres', 'ROLLBACK')();
      db.sql('postgres', `INSERT INTO orders (item) VALUES (${item})`)();
      answer(200);
      story.wait(50_000);
      feed(engine, story.events.slice(seen));
      seen = story.events.length;
      most = Math.max(most, engine.statistics.journal?.entries ?? 0);
    }
    expect(engine.statistics).toMatchObject({ chainsOpened: 500, verdicts: { drop: 0 } });
    expect(most).toBeLessThan(50);
  });

  test('gives the events that open chains rest on, and an engine without one gives none', async () => {
    const told = new Queued();
    told.settle(CONSUME);
    told.ask(7);
    const { events } = told.story;
    const engine = await make(queued(1));
    feed(engine, events);
    const kinds = [...engine.kept()].map(({ kind }) => kind);
    expect(kinds).toEqual(['amqp-method', 'http-request', 'amqp-method', 'http-response', 'connection-end']);
    for (const event of engine.kept()) expect(events).toContainEqual(event);
    const without = await createEngine({ policies: [queued(1)], containment: 'forward' });
    feed(without, events);
    expect([...without.kept()]).toEqual([]);
  });

  test('knows of a connection whose first packets nobody saw, and judges it before its requests', async () => {
    const told = new Queued();
    told.ask(7);
    told.settle(CONSUME);
    const midstream = told.story.events.filter(
      ({ kind }) => kind !== 'connection-attempt' && kind !== 'connection-end',
    );
    const engine = await make(queued(1));
    feed(engine, midstream);
    expect(engine.replace([queued(2)]).outputs).toEqual([]);
    told.deliver(7);
    feed(engine, told.story.events.slice(-1));
    told.ship(7);
    feed(engine, told.story.events.slice(-2));
    const { outputs } = engine.replace([queued(3, { ships: false })]);
    const denied = outputs.flatMap((output) => (output.kind === 'verdict' ? [output.verdict] : []));
    expect(denied.map(({ subject, reasons }) => [subject.request, reasons[0].code])).toContainEqual([
      'connect to port 80',
      'connection-not-declared',
    ]);
  });
});
