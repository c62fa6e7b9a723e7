// What AMQP methods do beyond their names. Enters: declarations with their words, methods; leaves: what is explained, and what is too much.
import { describe, expect, test } from 'vitest';
import type { AmqpEvent, AmqpMethod, AmqpProperties, AmqpValue } from '../../src/events/amqp.ts';
import { amqp, application, outside, property, type Request, routingKey } from '../../src/policy/author.ts';
import { compile } from '../../src/policy/compile.ts';
import { matchAmqp } from '../../src/policy/match/amqp.ts';
import { readDocument } from '../../src/policy/read-document.ts';
import { brief, judge } from '../support/judge.ts';
import { Story } from '../support/story.ts';

/** Why a method is not the declared one; `matched` when it is. */
function said(
  declare: () => Request,
  method: AmqpMethod,
  properties: Partial<AmqpProperties> | null = null,
): string {
  const document = application('words', ({ service }) => {
    service('front', { at: '10.0.0.1' });
    service('queue', { at: '10.0.0.2', amqp: 5672 });
    return outside(declare());
  });
  // As it is read from a file, too.
  const policy = compile(readDocument(JSON.parse(JSON.stringify(document)), 'words.json'));
  const story = new Story();
  const connection = story.connect('10.0.0.1', '10.0.0.2:5672');
  connection.amqp('orig', method, properties === null ? undefined : {}, properties ?? {});
  const event = story.events.at(-1) as AmqpEvent;
  const match = matchAmqp(policy.amqp('front', 'queue'), policy.normalisers, event, null);
  return match.kind === 'undeclared' ? match.why : match.kind;
}

const publish = () => amqp.publish('x', 'k').from('front').to('queue');
const declareQueue = () => amqp.declareQueue('q').from('front').to('queue');
const declareExchange = () => amqp.declareExchange('x').from('front').to('queue');

const PUBLISH = {
  name: 'basic.publish',
  exchange: 'x',
  routingKey: 'k',
  mandatory: false,
  immediate: false,
} as const;
const QUEUE = {
  name: 'queue.declare',
  queue: 'q',
  passive: false,
  durable: true,
  exclusive: false,
  autoDelete: false,
  arguments: new Map<string, AmqpValue>(),
} as const;
const EXCHANGE = {
  name: 'exchange.declare',
  exchange: 'x',
  type: 'topic',
  passive: false,
  durable: true,
  autoDelete: false,
  internal: false,
  arguments: new Map<string, AmqpValue>(),
} as const;
const CONSUME = {
  name: 'basic.consume',
  queue: 'q',
  consumerTag: '',
  noAck: false,
  exclusive: false,
  arguments: new Map<string, AmqpValue>(),
} as const;

describe('copies of a message', () => {
  const copying = () => publish().copying('audit', 'billing').copying('log');
  const to = (name: string, value: AmqpValue) => ({ headers: new Map([[name, value]]) });

  test.each<[AmqpValue, string]>([
    ['audit', 'matched'],
    [['audit', 'log'], 'matched'],
    [[], 'matched'],
    [['audit', 'elsewhere'], 'its header CC routes copies elsewhere'],
    [['audit', 7], 'its header CC routes copies elsewhere'],
    [null, 'its header CC routes copies elsewhere'],
    [new Map(), 'its header CC routes copies elsewhere'],
  ])('to %j go where the policy says, and nowhere else', (value, expected) => {
    expect(said(copying, PUBLISH, to('CC', value))).toBe(expected);
    expect(said(copying, PUBLISH, to('BCC', value))).toBe(expected.replace('CC', 'BCC'));
  });

  test('go nowhere where the policy does not say so', () => {
    expect(said(publish, PUBLISH, to('CC', ['audit']))).toBe('its header CC routes copies elsewhere');
  });
});

describe('arguments', () => {
  const declared = () =>
    declareQueue()
      .arguments({ 'x-queue-type': 'quorum', 'x-max-length': 100 })
      .arguments({ 'x-overflow': true, 'x-weight': 1.5 });
  const given = (change: Readonly<Record<string, AmqpValue | undefined>> = {}): AmqpMethod => {
    const all: Readonly<Record<string, AmqpValue | undefined>> = {
      'x-queue-type': 'quorum',
      'x-max-length': 100,
      'x-overflow': true,
      'x-weight': 1.5,
      ...change,
    };
    const values = Object.entries(all).filter((each): each is [string, AmqpValue] => each[1] !== undefined);
    return { ...QUEUE, arguments: new Map(values) };
  };

  test.each<[string, Readonly<Record<string, AmqpValue | undefined>>, string]>([
    ['just the declared ones', {}, 'matched'],
    ['an integer of 64 bits', { 'x-max-length': 100n }, 'matched'],
    [
      'another integer of 64 bits',
      { 'x-max-length': 101n },
      'its argument x-max-length has another value than declared',
    ],
    [
      'a whole number near a declared fraction',
      { 'x-weight': 1n },
      'its argument x-weight has another value than declared',
    ],
    [
      'an integer for a word',
      { 'x-queue-type': 1n },
      'its argument x-queue-type has another value than declared',
    ],
    [
      'another word',
      { 'x-queue-type': 'classic' },
      'its argument x-queue-type has another value than declared',
    ],
    ['another number', { 'x-max-length': 99 }, 'its argument x-max-length has another value than declared'],
    ['another truth', { 'x-overflow': false }, 'its argument x-overflow has another value than declared'],
    [
      'a table',
      { 'x-overflow': new Map([['a', true]]) },
      'its argument x-overflow has another value than declared',
    ],
    ['nothing for one', { 'x-overflow': undefined }, 'it has no argument x-overflow'],
    ['one more', { 'x-dead-letter-exchange': 'mine' }, 'its argument x-dead-letter-exchange is not declared'],
    ['one with a long name', { ['y'.repeat(500)]: 1 }, `its argument ${'y'.repeat(60)} is not declared`],
    ['one of an object', { constructor: 'x' }, 'its argument constructor is not declared'],
  ])('are %s', (_what, change, expected) => {
    expect(said(declared, given(change))).toBe(expected);
  });

  test('are asked for in each method that has them', () => {
    const extra = new Map<string, AmqpValue>([['x-stream-offset', 'first']]);
    const bind = {
      name: 'queue.bind',
      queue: 'q',
      exchange: 'x',
      routingKey: 'k',
      arguments: extra,
    } as const;
    const words = { 'x-stream-offset': 'first' };
    const all: readonly [() => ReturnType<typeof declareQueue>, AmqpMethod][] = [
      [declareQueue, { ...QUEUE, arguments: extra }],
      [declareExchange, { ...EXCHANGE, arguments: extra }],
      [() => amqp.consume('q').from('front').to('queue'), { ...CONSUME, arguments: extra }],
      [() => amqp.bindQueue('q', 'x', 'k').from('front').to('queue'), bind],
    ];
    for (const [declare, method] of all) {
      expect(said(declare, method)).toBe('its argument x-stream-offset is not declared');
      expect(said(() => declare().arguments(words), method)).toBe('matched');
    }
  });

  test('of a passive declaration, which makes nothing, mean nothing', () => {
    expect(said(declareQueue, { ...given(), passive: true } as AmqpMethod)).toBe('matched');
    expect(said(declareExchange, { ...EXCHANGE, type: '', passive: true })).toBe('matched');
  });
});

describe('an exchange', () => {
  test('is of the declared type; without one, of a type of AMQP itself', () => {
    const topic = () => declareExchange().ofType('topic');
    expect(said(topic, EXCHANGE)).toBe('matched');
    expect(said(topic, { ...EXCHANGE, type: 'fanout' })).toBe('its exchange is of type fanout');
    expect(said(declareExchange, { ...EXCHANGE, type: 'fanout' })).toBe('matched');
    expect(said(declareExchange, { ...EXCHANGE, type: 'x-delayed-message' })).toBe(
      'its exchange is of type x-delayed-message',
    );
    expect(
      said(() => declareExchange().ofType('x-delayed-message'), { ...EXCHANGE, type: 'x-delayed-message' }),
    ).toBe('matched');
  });
});

describe('a feature', () => {
  const get = () => amqp.get('q').from('front').to('queue');
  const consume = () => amqp.consume('q').from('front').to('queue');
  const GET = { name: 'basic.get', queue: 'q', noAck: true } as const;

  test.each([
    ['no-ack', get, GET, null],
    ['no-ack', consume, { ...CONSUME, noAck: true }, null],
    ['exclusive', consume, { ...CONSUME, exclusive: true }, null],
    ['exclusive', declareQueue, { ...QUEUE, exclusive: true }, null],
    ['auto-delete', declareQueue, { ...QUEUE, autoDelete: true }, null],
    ['auto-delete', declareExchange, { ...EXCHANGE, autoDelete: true }, null],
    ['internal', declareExchange, { ...EXCHANGE, internal: true }, null],
    ['immediate', publish, { ...PUBLISH, immediate: true }, {}],
    ['expiration', publish, PUBLISH, { expiration: '1000' }],
    ['priority', publish, PUBLISH, { priority: 9 }],
    ['reply-to', publish, PUBLISH, { replyTo: 'mine' }],
    ['delay', publish, PUBLISH, { headers: new Map([['x-delay', 1000]]) }],
  ] as const)('%s is allowed or denied (%#)', (feature, declare, method, properties) => {
    expect(said(declare, method, properties)).toMatch(new RegExp(`, and "${feature}" is not allowed$`));
    expect(said(() => declare().allowing(feature), method, properties)).toBe('matched');
  });

  test('that is a fact needs no further word', () => {
    const facts = { end: property('expiration'), urgency: property('priority'), back: property('reply-to') };
    const read = () => publish().facts(facts);
    expect(said(read, PUBLISH, { expiration: '1000', priority: 9, replyTo: 'mine' })).toBe('matched');
    expect(said(() => publish().facts({ key: routingKey() }), PUBLISH, { priority: 0 })).toBe('matched');
  });
});

describe('a transaction of AMQP', () => {
  const policy = (declared: boolean) =>
    application('tx', ({ service }) => {
      const front = service('front', { at: '10.0.0.1' });
      const queue = service('queue', { at: '10.0.0.2', amqp: 5672 });
      const tell = amqp.publish('x', 'k').from(front).to(queue);
      return declared ? outside(tell, amqp.transaction().from(front).to(queue)) : outside(tell);
    });

  test('is made and ended only where the policy declares it', async () => {
    const story = new Story();
    const connection = story.connect('10.0.0.1', '10.0.0.2:5672');
    connection.amqp('orig', { name: 'tx.select' });
    connection.amqp('orig', PUBLISH, {});
    connection.amqp('orig', { name: 'tx.commit' });
    connection.amqp('orig', { name: 'tx.rollback' });
    const events = story.end();
    expect((await judge(policy(true), events)).drops).toEqual([]);
    expect(brief((await judge(policy(false), events)).drops)).toEqual([
      'request-not-declared: tx.select (front to queue)',
      'request-not-declared: tx.commit (front to queue)',
      'request-not-declared: tx.rollback (front to queue)',
    ]);
  });
});
