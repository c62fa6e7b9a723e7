// How often, in which order and by when steps may come. Enters: small applications and stories; leaves: their verdicts.
import { describe, expect, test } from 'vitest';
import {
  amqp,
  application,
  type Causes,
  chain,
  eventually,
  http,
  inOrder,
  many,
  once,
  optional,
  outside,
  type PolicyDocument,
  type Request,
  required,
} from '../../src/policy/author.ts';
import { brief, judge } from '../support/judge.ts';
import { type Connection, Story } from '../support/story.ts';

/** A front that asks a back for `/a`, `/b` and `/c` while it serves `/`. */
function app(causes: (a: Request, b: Request, c: Request) => Causes): PolicyDocument {
  return application('test', ({ external, service }) => {
    const user = external('user');
    const front = service('front', { at: '10.0.0.1', http: 80 });
    const back = service('back', { at: '10.0.0.2', http: 80 });
    const get = (path: string): Request => http.get(path).from(front).to(back);
    return chain(http.get('/').from(user).to(front), ...causes(get('/a'), get('/b'), get('/c')));
  });
}

class Front {
  readonly story = new Story();
  readonly back: Connection = this.story.connect('10.0.0.1', '10.0.0.2:80');
  readonly #user: Connection = this.story.connect('192.0.2.1', '10.0.0.1:80');

  ask(): (status?: number) => void {
    const answer = this.#user.http('GET', '/');
    return (status = 200) => answer(status);
  }

  make(path: string, status: number | null = 200): void {
    const answer = this.back.http('GET', path);
    if (status !== null) answer(status);
  }

  async judge(
    policy: PolicyDocument,
  ): Promise<{ drops: string[]; chains: (readonly [string, readonly string[]])[] }> {
    const { drops, chains } = await judge(policy, this.story.end());
    return { drops: brief(drops), chains: chains.map(({ outcome, missing }) => [outcome, missing] as const) };
  }
}

/** Runs requests for `/` in order; `!` fails, `?` is never answered; then answers the user. */
async function run(policy: PolicyDocument, paths: readonly string[], status = 200) {
  const front = new Front();
  const answer = front.ask();
  for (const path of paths) {
    front.story.wait(20_000);
    front.make(path.replace(/[!?]/, ''), path.endsWith('?') ? null : path.endsWith('!') ? 500 : 200);
  }
  answer(status);
  return front.judge(policy);
}

const ALREADY = 'already-done: GET /a (front to back)';

describe('how often', () => {
  test('once: once is complete, none is incomplete, twice is dropped', async () => {
    const policy = app((a) => [once(a)]);
    expect(await run(policy, ['/a'])).toEqual({ drops: [], chains: [['complete', []]] });
    expect(await run(policy, [])).toEqual({ drops: [], chains: [['incomplete', ['GET /a']]] });
    expect(await run(policy, ['/a', '/a'])).toEqual({ drops: [ALREADY], chains: [['complete', []]] });
  });

  test('once: a failed user request lacks nothing', async () => {
    expect(
      await run(
        app((a) => [once(a)]),
        [],
        500,
      ),
    ).toEqual({ drops: [], chains: [['failed', []]] });
  });

  test('optional: none or once', async () => {
    const policy = app((a) => [optional(a)]);
    expect(await run(policy, [])).toEqual({ drops: [], chains: [['complete', []]] });
    expect((await run(policy, ['/a', '/a'])).drops).toEqual([ALREADY]);
  });

  test('many: any number of times', async () => {
    expect(
      await run(
        app((a) => [many(a)]),
        ['/a', '/a', '/a'],
      ),
    ).toEqual({ drops: [], chains: [['complete', []]] });
  });

  test('retried: again after a failure, but not after a success nor more often than said', async () => {
    const policy = app((a) => [once(a).retried(2)]);
    expect((await run(policy, ['/a!', '/a!', '/a'])).drops).toEqual([]);
    expect((await run(policy, ['/a!', '/a', '/a'])).drops).toEqual([ALREADY]);
    expect((await run(policy, ['/a!', '/a!', '/a!', '/a'])).drops).toEqual([ALREADY]);
  });

  test('an attempt that is still open is no failure', async () => {
    expect(
      (
        await run(
          app((a) => [once(a).retried(2)]),
          ['/a?', '/a'],
        )
      ).drops,
    ).toEqual([ALREADY]);
  });
});

describe('in which order', () => {
  const policy = app((a, b, c) => [inOrder(once(a), optional(b), once(c))]);

  test('in order is explained, with or without what may be absent', async () => {
    expect((await run(policy, ['/a', '/b', '/c'])).drops).toEqual([]);
    expect((await run(policy, ['/a', '/c'])).drops).toEqual([]);
  });

  test('too early is dropped, and so is what comes after a failure', async () => {
    expect((await run(policy, ['/c', '/a'])).drops).toEqual(['out-of-order: GET /c (front to back)']);
    expect((await run(policy, ['/a!', '/c'])).drops).toEqual(['out-of-order: GET /c (front to back)']);
  });

  test('without inOrder any order is explained', async () => {
    expect(
      (
        await run(
          app((a, b, c) => [once(a), once(b), once(c)]),
          ['/c', '/a', '/b'],
        )
      ).drops,
    ).toEqual([]);
  });
});

describe('by when', () => {
  test('required: an answer of success without it is dropped, a failure is not', async () => {
    const policy = app((a) => [required(a)]);
    expect((await run(policy, ['/a'])).drops).toEqual([]);
    expect((await run(policy, [])).drops).toEqual(['out-of-order: response 200 (front to user)']);
    expect((await run(policy, [], 500)).drops).toEqual([]);
  });

  test('eventually: after the answer, but within its time', async () => {
    const policy = app((a) => [eventually(a, '2s')]);
    const late = async (seconds: number) => {
      const front = new Front();
      front.ask()();
      front.story.wait(seconds * 1e6);
      front.make('/a');
      front.story.wait(3e6);
      return (await front.judge(policy)).drops;
    };
    expect(await late(1)).toEqual([]);
    expect(await late(2.5)).toEqual([
      'overdue: GET /a, after GET / (front to back)',
      'no-open-chain: GET /a (front to back)',
    ]);
  });

  test('eventually: a source that ends before the time is up accuses nobody', async () => {
    expect(
      await run(
        app((a) => [eventually(a, '1h')]),
        [],
      ),
    ).toEqual({ drops: [], chains: [['abandoned', ['GET /a']]] });
  });

  test('what was not answered by then: a service that has answered makes no more requests', async () => {
    const front = new Front();
    front.ask()();
    front.story.wait(1e6);
    front.make('/a');
    expect((await front.judge(app((a) => [once(a)]))).drops).toEqual([
      'no-open-chain: GET /a (front to back)',
    ]);
  });
});

describe('deliveries', () => {
  const policy = application('test', ({ external, service }) => {
    const user = external('user');
    const front = service('front', { at: '10.0.0.1', http: 80 });
    const queue = service('queue', { at: '10.0.0.3', amqp: 5672 });
    const worker = service('worker', { at: '10.0.0.4' });
    const mail = service('mail', { at: '10.0.0.5', http: 80 });
    const send = http.post('/send').from(worker).to(mail);
    return [
      chain(
        http.get('/').from(user).to(front),
        once(
          amqp.publish('jobs', 'job').from(front).to(queue),
          once(amqp.deliver('jobs').from(queue).to(worker), required(send)),
        ),
      ),
      outside(amqp.consume('jobs').from(worker).to(queue)),
    ];
  });

  function start() {
    const story = new Story();
    const consume = (): Connection => {
      const worker = story.connect('10.0.0.4', '10.0.0.3:5672');
      const method = {
        name: 'basic.consume',
        queue: 'jobs',
        consumerTag: 'ct',
        noAck: false,
        exclusive: false,
        arguments: new Map(),
      } as const;
      worker.amqp('orig', method);
      return worker;
    };
    const worker = consume();
    const mail = story.connect('10.0.0.4', '10.0.0.5:80');
    const publisher = story.connect('10.0.0.1', '10.0.0.3:5672');
    const answer = story.connect('192.0.2.1', '10.0.0.1:80').http('GET', '/');
    publisher.amqp(
      'orig',
      { name: 'basic.publish', exchange: 'jobs', routingKey: 'job', mandatory: false, immediate: false },
      {},
    );
    answer(200);
    return { story, worker, mail, consume };
  }

  const ack = (connection: Connection, deliveryTag: bigint): void =>
    connection.amqp('orig', { name: 'basic.ack', deliveryTag, multiple: true });

  test('a message may be delivered again when its consumer went away, and what it caused counts once', async () => {
    const { story, worker, mail, consume } = start();
    worker.deliver('jobs', 'job', 'ct', {});
    mail.http('POST', '/send')(200);
    worker.close('rst');
    const next = consume();
    ack(next, next.deliver('jobs', 'job', 'ct', {}));
    const { drops, chains } = await judge(policy, story.end());
    expect(brief(drops)).toEqual([]);
    expect(chains).toMatchObject([{ outcome: 'complete' }]);
  });

  test('a delivery from a queue that nobody may consume is not declared', async () => {
    const { story, worker } = start();
    const method = {
      name: 'basic.consume',
      queue: 'secrets',
      consumerTag: 'c2',
      noAck: true,
      exclusive: false,
      arguments: new Map(),
    } as const;
    worker.amqp('orig', method);
    worker.deliver('jobs', 'job', 'c2', {});
    const { drops } = await judge(policy, story.end());
    expect(brief(drops)).toEqual([
      'request-not-declared: basic.consume secrets (worker to queue)',
      'request-not-declared: basic.deliver secrets (queue to worker)',
    ]);
  });

  test('an acknowledgement of nothing, and methods from the wrong side, are dropped', async () => {
    const { story, worker } = start();
    ack(worker, 9n);
    worker.amqp(
      'orig',
      {
        name: 'basic.deliver',
        consumerTag: 'ct',
        deliveryTag: 1n,
        redelivered: false,
        exchange: 'jobs',
        routingKey: 'job',
      },
      {},
    );
    const { drops } = await judge(policy, story.end());
    expect(drops.map(({ reasons }) => reasons[0].code)).toEqual(['no-open-chain', 'request-not-declared']);
  });
});
