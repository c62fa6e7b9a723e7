// AMQP 0-9-1 connections as bytes. Enters: frames of both sides; leaves: methods with their content, and what was broken.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { amqpParser } from '../../../src/sensor/amqp/parser.ts';
import {
  body,
  contentHeader,
  frame,
  long,
  longlong,
  longString,
  method,
  octet,
  PROTOCOL_HEADER,
  publish,
  short,
  shortString,
  table,
} from '../../support/amqp-bytes.ts';
import { type Emitted, only, Parse, type ParseOptions, textOf } from '../../support/parse.ts';

type Method = Emitted & { kind: 'amqp-method' };

function client(...frames: Buffer[]): Emitted[] {
  return new Parse(amqpParser).send('orig', Buffer.concat([PROTOCOL_HEADER, ...frames])).end();
}

function methods(...frames: Buffer[]): Method[] {
  return only(client(...frames), 'amqp-method');
}

function server(frames: Buffer, options: ParseOptions = {}): Emitted[] {
  return new Parse(amqpParser, options).send('orig', PROTOCOL_HEADER).send('resp', frames).end();
}

const TABLE = table();
const bodyText = (each: Method | undefined): string => textOf(each?.content?.body.bytes ?? new Uint8Array());

describe('methods', () => {
  test.each<[string, Buffer, object]>([
    [
      'connection.open',
      method(0, 10, 40, shortString('/prod'), shortString(''), octet(0)),
      { vhost: '/prod' },
    ],
    [
      'exchange.declare',
      method(1, 40, 10, short(0), shortString('x'), shortString('topic'), octet(0b00010), TABLE),
      { exchange: 'x', type: 'topic', passive: false, durable: true },
    ],
    [
      'exchange.delete',
      method(1, 40, 20, short(0), shortString('x'), octet(1)),
      { exchange: 'x', ifUnused: true },
    ],
    [
      'exchange.bind',
      method(1, 40, 30, short(0), shortString('d'), shortString('s'), shortString('k'), octet(0), TABLE),
      { destination: 'd', source: 's', routingKey: 'k' },
    ],
    [
      'queue.declare',
      method(1, 50, 10, short(0), shortString('q'), octet(0b00110), TABLE),
      { queue: 'q', passive: false, durable: true, exclusive: true, autoDelete: false },
    ],
    [
      'queue.bind',
      method(1, 50, 20, short(0), shortString('q'), shortString('x'), shortString('k'), octet(0), TABLE),
      { queue: 'q', exchange: 'x', routingKey: 'k' },
    ],
    [
      'queue.unbind',
      method(1, 50, 50, short(0), shortString('q'), shortString('x'), shortString('k'), TABLE),
      { queue: 'q', routingKey: 'k' },
    ],
    ['queue.purge', method(1, 50, 30, short(0), shortString('q'), octet(0)), { queue: 'q' }],
    [
      'queue.delete',
      method(1, 50, 40, short(0), shortString('q'), octet(0b10)),
      { queue: 'q', ifUnused: false, ifEmpty: true },
    ],
    ['basic.qos', method(1, 60, 10, long(0), short(20), octet(1)), { prefetchCount: 20, global: true }],
    [
      'basic.consume',
      method(1, 60, 20, short(0), shortString('q'), shortString('t'), octet(0b0010), TABLE),
      { queue: 'q', consumerTag: 't', noAck: true, exclusive: false },
    ],
    ['basic.cancel', method(1, 60, 30, shortString('t'), octet(0)), { consumerTag: 't' }],
    ['basic.get', method(1, 60, 70, short(0), shortString('q'), octet(1)), { queue: 'q', noAck: true }],
    [
      'basic.ack',
      method(1, 60, 80, longlong(2n ** 64n - 1n), octet(1)),
      { deliveryTag: 2n ** 64n - 1n, multiple: true },
    ],
    ['basic.reject', method(1, 60, 90, longlong(7n), octet(1)), { deliveryTag: 7n, requeue: true }],
    [
      'basic.nack',
      method(1, 60, 120, longlong(7n), octet(0b10)),
      { deliveryTag: 7n, multiple: false, requeue: true },
    ],
    ['basic.recover', method(1, 60, 110, octet(1)), { requeue: true }],
    ['confirm.select', method(1, 85, 10, octet(0)), {}],
    ['tx.commit', method(1, 90, 20), {}],
    [
      'channel.close',
      method(1, 20, 40, short(200), shortString('bye'), short(0), short(0)),
      { code: 200, text: 'bye' },
    ],
  ])('%s has its arguments', (name, bytes, fields) => {
    expect(methods(bytes)).toMatchObject([
      { channel: bytes.readUInt16BE(1), method: { name, ...fields }, content: null, ambiguities: [] },
    ]);
  });

  test('the user and the virtual host are on every later event, and the password is nowhere', () => {
    const startOk = method(
      0,
      10,
      11,
      TABLE,
      shortString('PLAIN'),
      longString('\0shop\0secret'),
      shortString('en_US'),
    );
    const open = method(0, 10, 40, shortString('/prod'), shortString(''), octet(0));
    const found = methods(startOk, open, method(1, 90, 10));
    expect(found.map(({ user, vhost }) => [user, vhost])).toEqual([
      ['shop', null],
      ['shop', '/prod'],
      ['shop', '/prod'],
    ]);
    expect(
      JSON.stringify(found, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
    ).not.toContain('secret');
  });

  test('AMQPLAIN names its user in a table', () => {
    const login = table(['LOGIN', 'S', longString('shop')], ['PASSWORD', 'S', longString('secret')]).subarray(
      4,
    );
    const [found] = methods(
      method(0, 10, 11, TABLE, shortString('AMQPLAIN'), longString(login), shortString('en_US')),
    );
    expect(found?.user).toBe('shop');
  });

  test('a field table has every type of RabbitMQ, exactly', () => {
    const nested = table(['a', 'I', long(5)]);
    const args = table(
      ['t', 't', octet(1)],
      ['b', 'b', octet(0xff)],
      ['s', 's', short(0xffff)],
      ['I', 'I', long(0xffffffff)],
      ['l', 'l', longlong(2n ** 63n)],
      ['D', 'D', Buffer.concat([octet(2), long(350)])],
      ['S', 'S', longString('text')],
      ['x', 'x', longString(Buffer.of(0xff, 0))],
      ['A', 'A', longString(Buffer.concat([Buffer.from('I'), long(1), Buffer.from('V')]))],
      ['T', 'T', longlong(1_700_000_000n)],
      ['F', 'F', nested],
      ['V', 'V', Buffer.alloc(0)],
    );
    const [found] = methods(method(1, 50, 10, short(0), shortString('q'), octet(0), args));
    expect(found?.method).toMatchObject({ name: 'queue.declare' });
    const table_ = found?.method.name === 'queue.declare' ? Object.fromEntries(found.method.arguments) : {};
    expect(table_).toEqual({
      t: true,
      b: -1,
      s: -1,
      I: -1,
      l: -(2n ** 63n),
      D: '3.50',
      S: 'text',
      x: '\xff\0',
      A: [1, null],
      T: 1_700_000_000n,
      F: new Map([['a', 5]]),
      V: null,
    });
  });

  test('a key that stands twice in a table is ambiguous', () => {
    const args = table(['k', 'I', long(1)], ['k', 'I', long(2)]);
    expect(
      methods(method(1, 50, 10, short(0), shortString('q'), octet(0), args))[0]?.ambiguities,
    ).toMatchObject([{ code: 'amqp-field-table' }]);
  });
});

describe('content', () => {
  test('is put together from several frames, on several channels at once', () => {
    const publishOn = (channel: number): Buffer =>
      method(channel, 60, 40, short(0), shortString('x'), shortString(`k${channel}`), octet(0));
    const found = methods(
      publishOn(1),
      contentHeader(1, 6),
      body(1, 'abc'),
      publishOn(2),
      contentHeader(2, 2),
      body(2, 'zz'),
      frame(8, 0, Buffer.alloc(0)),
      body(1, 'def'),
    );
    expect(found.map((each) => [each.channel, bodyText(each)])).toEqual([
      [2, 'zz'],
      [1, 'abcdef'],
    ]);
    expect(found[1]?.span.start).toBe(PROTOCOL_HEADER.length);
  });

  test('has its properties', () => {
    const flags = 0x8000 | 0x2000 | 0x1000 | 0x0400 | 0x0080 | 0x0040;
    const header = contentHeader(
      1,
      0,
      flags,
      shortString('application/json'),
      table(['traceparent', 'S', longString('00-ab')]),
      octet(2),
      shortString('c-1'),
      shortString('m-1'),
      longlong(5n),
    );
    const [found] = methods(
      method(1, 60, 40, short(0), shortString('x'), shortString('k'), octet(0)),
      header,
    );
    expect(found?.content?.properties).toMatchObject({
      contentType: 'application/json',
      deliveryMode: 2,
      correlationId: 'c-1',
      messageId: 'm-1',
      timestamp: 5n,
      userId: null,
    });
    expect(found?.content?.properties.headers?.get('traceparent')).toBe('00-ab');
  });

  test('of a delivery comes from the server', () => {
    const deliver = method(
      1,
      60,
      60,
      shortString('ct'),
      longlong(3n),
      octet(1),
      shortString('x'),
      shortString('k'),
    );
    const [found] = only(server(Buffer.concat([deliver, contentHeader(1, 2), body(1, 'hi')])), 'amqp-method');
    expect(found).toMatchObject({
      method: {
        name: 'basic.deliver',
        consumerTag: 'ct',
        deliveryTag: 3n,
        redelivered: true,
        exchange: 'x',
        routingKey: 'k',
      },
      span: { side: 'resp' },
    });
    expect(bodyText(found)).toBe('hi');
  });

  test('over the limit is kept up to the limit and counted whole', () => {
    const parse = new Parse(amqpParser, { limits: { body: 10 } }).send(
      'orig',
      Buffer.concat([PROTOCOL_HEADER, publish(1, 'x', 'k', 'a'.repeat(30), 'b'.repeat(30))]),
    );
    expect(only(parse.end(), 'amqp-method')[0]?.content?.body).toMatchObject({
      state: 'truncated',
      length: 60,
    });
  });
});

describe('broken connections', () => {
  test.each<[string, string, Buffer]>([
    ['a frame without its end octet', 'malformed', frame(1, 1, Buffer.concat([short(90), short(20)]), 0)],
    ['a frame of an unknown type', 'malformed', frame(9, 1, Buffer.alloc(0))],
    ['a method that is not known', 'malformed', method(1, 60, 999)],
    ['a field that is longer than its frame', 'malformed', method(1, 60, 30, octet(200))],
    [
      'a table value of an unknown type',
      'malformed',
      method(1, 50, 10, short(0), shortString('q'), octet(0), table(['k', '?', Buffer.alloc(0)])),
    ],
    [
      'tables nested too deep',
      'malformed',
      method(1, 50, 10, short(0), shortString('q'), octet(0), nest(40)),
    ],
    ['a content header that no method announced', 'malformed', contentHeader(1, 0)],
    ['a body that no method announced', 'malformed', body(1, 'x')],
    [
      'a body longer than announced',
      'malformed',
      Buffer.concat([
        method(1, 60, 40, short(0), shortString(''), shortString('q'), octet(0)),
        contentHeader(1, 1),
        body(1, 'xyz'),
      ]),
    ],
    [
      'a method in the middle of content',
      'malformed',
      Buffer.concat([
        method(1, 60, 40, short(0), shortString(''), shortString('q'), octet(0)),
        method(1, 90, 20),
      ]),
    ],
    ['a frame longer than the limit', 'limit', frame(1, 1, Buffer.alloc(1 << 20))],
  ])('%s ends the reading: %s', (_what, cause, bytes) => {
    const emitted = client(bytes, method(1, 90, 20));
    expect(only(emitted, 'analysis-lost')).toMatchObject([{ cause, protocol: 'amqp', lasting: true }]);
    expect(only(emitted, 'amqp-method')).toEqual([]);
  });

  test.each(['AMQP\0\x01\0\0', 'AMQP\x03\x01\0\0', 'GET / HTTP/1.1\r\n'])(
    '%j is another protocol',
    (bytes) => {
      const emitted = new Parse(amqpParser).send('orig', bytes).end();
      expect(only(emitted, 'analysis-lost')).toMatchObject([{ cause: 'other-protocol' }]);
    },
  );

  test('missing bytes end the reading, for frames cannot be found again with certainty', () => {
    const parse = new Parse(amqpParser).send(
      'orig',
      Buffer.concat([PROTOCOL_HEADER, publish(1, 'x', 'k', 'a')]),
    );
    parse.lose('orig', 10).send('orig', publish(1, 'x', 'k', 'b'));
    expect(only(parse.end(), 'amqp-method')).toHaveLength(1);
  });

  test('a connection under way is read from its first whole frame', () => {
    const parse = new Parse(amqpParser, { midstream: true })
      .send('orig', 'junk')
      .send('orig', publish(1, 'x', 'k', 'a'));
    expect(only(parse.end(), 'amqp-method')).toMatchObject([{ user: null, vhost: null }]);
  });
});

describe('however the bytes come', () => {
  const stream = Buffer.concat([
    PROTOCOL_HEADER,
    method(0, 10, 40, shortString('/'), shortString(''), octet(0)),
    publish(1, 'x', 'k', 'abc', 'def'),
    publish(2, '', 'q'),
    method(1, 60, 80, longlong(1n), octet(0)),
  ]);

  test('any chunking gives the same events', () => {
    const whole = new Parse(amqpParser).send('orig', stream).end();
    expect(whole).toHaveLength(4);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), (size) => {
        expect(new Parse(amqpParser).send('orig', stream, size).end()).toEqual(whole);
      }),
    );
  });

  test('no bytes make it throw or grow', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(stream.length - 1), fc.nat(255)), { maxLength: 8 }),
        fc.uint8Array({ maxLength: 60 }),
        fc.boolean(),
        (flips, tail, midstream) => {
          const broken = Buffer.from(stream);
          for (const [at, value] of flips) broken[at] = value;
          const parse = new Parse(amqpParser, { midstream, limits: { body: 16 } })
            .send('orig', broken, 7)
            .send('resp', tail)
            .send('orig', tail);
          for (const each of parse.end())
            if (each.kind === 'amqp-method')
              expect(each.content?.body.bytes.length ?? 0).toBeLessThanOrEqual(16);
        },
      ),
      { numRuns: 300 },
    );
  });
});

function nest(depth: number): Buffer {
  let inner = TABLE;
  for (let i = 0; i < depth; i++) inner = table(['k', 'F', inner]);
  return inner;
}
