// Which declared AMQP request a method is. Enters: declarations, methods; leaves: matches with their facts.
import { describe, expect, test } from 'vitest';
import type { AmqpEvent, AmqpMethod, AmqpProperties, AmqpTable } from '../../src/events/amqp.ts';
import {
  amqp,
  application,
  body,
  header,
  maybe,
  outside,
  property,
  routingKey,
  type Source,
} from '../../src/policy/author.ts';
import { compile } from '../../src/policy/compile.ts';
import { keysOf } from '../../src/policy/keys.ts';
import { matchAmqp } from '../../src/policy/match/amqp.ts';
import type { Match } from '../../src/policy/match/match.ts';
import { Story } from '../support/story.ts';

const PUBLISH: AmqpMethod = {
  name: 'basic.publish',
  exchange: 'x',
  routingKey: 'k',
  mandatory: false,
  immediate: false,
};

function policyWith(facts: Record<string, Source>) {
  return compile(
    application('test', ({ service }) => {
      const front = service('front', { at: '10.0.0.1' });
      const queue = service('queue', { at: '10.0.0.2', amqp: 5672 });
      const from = <T>(words: { from(p: typeof front): { to(p: typeof queue): T } }): T =>
        words.from(front).to(queue);
      return outside(
        from(amqp.publish('x', 'k')).facts(facts),
        from(amqp.declareQueue('q')),
        from(amqp.declareExchange('x')),
        from(amqp.bindQueue('q', 'x', 'k')),
        from(amqp.consume('q')),
        from(amqp.get('q')),
        from(amqp.purgeQueue('q')),
        from(amqp.deleteQueue('q')),
        from(amqp.deleteExchange('x')),
      );
    }),
  );
}

function eventOf(method: AmqpMethod, content?: unknown, properties: Partial<AmqpProperties> = {}): AmqpEvent {
  const story = new Story();
  story.connect('10.0.0.1', '10.0.0.2:5672').amqp('orig', method, content, properties);
  return story.events.at(-1) as AmqpEvent;
}

function match(
  facts: Record<string, Source>,
  content: unknown = {},
  properties: Partial<AmqpProperties> = {},
): Match {
  const policy = policyWith(facts);
  return matchAmqp(
    policy.amqp('front', 'queue'),
    policy.normalisers,
    eventOf(PUBLISH, content, properties),
    null,
  );
}

const headers = (...entries: [string, string | number | null][]): { headers: AmqpTable } => ({
  headers: new Map(entries),
});
const valuesOf = (result: Match): unknown =>
  result.kind === 'matched'
    ? Object.fromEntries(result.facts.map(({ fact, value }) => [fact, value]))
    : result.kind;

describe('matchAmqp', () => {
  test('reads facts from the routing key, properties, headers and the body', () => {
    const facts = {
      key: routingKey(),
      id: property('message-id'),
      to: property('reply-to'),
      type: property('type'),
      who: property('user-id'),
      app: property('app-id'),
      correlation: property('correlation-id'),
      h: header('x-h'),
      n: header('n'),
      item: body('/item'),
    };
    const properties = {
      messageId: 'm',
      replyTo: 'r',
      type: 't',
      userId: 'u',
      appId: 'a',
      correlationId: 'c',
      ...headers(['x-h', 'one'], ['n', 7]),
    };
    expect(valuesOf(match(facts, { item: 'dvd' }, properties))).toEqual({
      key: 'k',
      id: 'm',
      to: 'r',
      type: 't',
      who: 'u',
      app: 'a',
      correlation: 'c',
      h: 'one',
      n: '7',
      item: 'dvd',
    });
  });

  test.each<[string, Record<string, Source>, unknown, Partial<AmqpProperties>, string]>([
    ['a property that is absent', { id: property('message-id') }, {}, {}, 'lacking'],
    ['a header that is a table', { h: header('h') }, {}, { headers: new Map([['h', new Map()]]) }, 'lacking'],
    ['a header that is void', { h: header('h') }, {}, headers(['h', null]), 'lacking'],
    ['a body that is no JSON', { item: body('/item') }, 'item=dvd', {}, 'lacking'],
    ['a body with a key twice', { item: body('/item') }, '{"item":"a","item":"b"}', {}, 'lacking'],
    [
      'a body with an encoding',
      { item: body('/item') },
      { item: 'dvd' },
      { contentEncoding: 'gzip' },
      'cannot-read',
    ],
    ['copies to other keys', {}, {}, headers(['CC', 'elsewhere']), 'undeclared'],
    ['blind copies', {}, {}, headers(['BCC', 'elsewhere']), 'undeclared'],
  ])('%s is %s', (_what, facts, content, properties, kind) => {
    expect(match(facts, content, properties).kind).toBe(kind);
  });

  test('an optional fact may be absent', () => {
    expect(valuesOf(match({ id: maybe(property('message-id')) }))).toEqual({});
  });

  test.each<[AmqpMethod, boolean]>([
    [
      {
        name: 'queue.declare',
        queue: 'q',
        passive: false,
        durable: true,
        exclusive: false,
        autoDelete: false,
        arguments: new Map(),
      },
      true,
    ],
    [
      {
        name: 'queue.declare',
        queue: 'other',
        passive: false,
        durable: true,
        exclusive: false,
        autoDelete: false,
        arguments: new Map(),
      },
      false,
    ],
    [
      {
        name: 'exchange.declare',
        exchange: 'x',
        type: 'direct',
        passive: false,
        durable: true,
        autoDelete: false,
        internal: false,
        arguments: new Map(),
      },
      true,
    ],
    [{ name: 'queue.bind', queue: 'q', exchange: 'x', routingKey: 'k', arguments: new Map() }, true],
    [{ name: 'queue.bind', queue: 'q', exchange: 'x', routingKey: '#', arguments: new Map() }, false],
    [{ name: 'queue.unbind', queue: 'q', exchange: 'x', routingKey: 'k', arguments: new Map() }, false],
    [
      {
        name: 'basic.consume',
        queue: 'q',
        consumerTag: '',
        noAck: false,
        exclusive: false,
        arguments: new Map(),
      },
      true,
    ],
    [{ name: 'basic.get', queue: 'q', noAck: false }, true],
    [{ name: 'queue.purge', queue: 'q' }, true],
    [{ name: 'queue.delete', queue: 'q', ifUnused: false, ifEmpty: false }, true],
    [{ name: 'exchange.delete', exchange: 'x', ifUnused: false }, true],
    [{ name: 'exchange.bind', destination: 'x', source: 'y', routingKey: 'k', arguments: new Map() }, false],
    [{ ...PUBLISH, routingKey: 'other' }, false],
  ])('%o is declared: %s', (method, declared) => {
    const policy = policyWith({});
    const result = matchAmqp(policy.amqp('front', 'queue'), policy.normalisers, eventOf(method), null);
    expect(result.kind).toBe(declared ? 'matched' : 'undeclared');
  });
});

describe('keysOf', () => {
  const { document } = policyWith({});
  const TRACE = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;

  test('reads trace, correlation and message ids of a message', () => {
    const event = eventOf(
      PUBLISH,
      {},
      { correlationId: 'c', messageId: 'm', ...headers(['traceparent', TRACE]) },
    );
    expect(Object.fromEntries(keysOf(document.keys, event))).toEqual({
      trace: 'a'.repeat(32),
      correlation: 'c',
      message: 'm',
    });
  });

  test.each(['', 'nonsense', `00-${'a'.repeat(31)}-${'b'.repeat(16)}-01`, `${TRACE}x`])(
    '%j is no trace',
    (value) => {
      expect(keysOf(document.keys, eventOf(PUBLISH, {}, headers(['traceparent', value]))).size).toBe(0);
    },
  );

  test('a header that stands there twice, or is endless, names nothing', () => {
    const story = new Story();
    const connection = story.connect('10.0.0.1', '10.0.0.2:80');
    connection.http('GET', '/', {
      headers: { 'x-request-id': 'one', 'X-Request-Id': 'two', 'x-b3-traceid': 'z'.repeat(300) },
    });
    const event = story.events.at(-1);
    expect(event?.kind === 'http-request' ? keysOf(document.keys, event).size : -1).toBe(0);
  });
});
