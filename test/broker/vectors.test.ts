// The unit tests of Zeek's own codec, as data. Enters: JSON and the values that Broker 2.8 has for it; leaves: the same from ours.
import { expect, test } from 'vitest';
import { readMessage, writeEvent } from '../../src/broker/message.ts';
import {
  address,
  boolean,
  count,
  enumeration,
  integer,
  none,
  port,
  real,
  set,
  string,
  subnet,
  table,
  timespan,
  timestamp,
  type Value,
  vector,
} from '../../src/broker/value/value.ts';

const typed = (type: string, data: string): string => `{"@data-type":"${type}","data":${data}}`;
const enumOf = (name: string): Value => ({ kind: 'enum', name });

/** libbroker/broker/format/json.test.cc, and what libbroker/broker/internal/json.test.cc has of each type. */
const VALUES: readonly (readonly [json: string, value: Value])[] = [
  [typed('none', '{}'), none],
  [typed('boolean', 'true'), boolean(true)],
  [typed('boolean', 'false'), boolean(false)],
  ...[0, 10, 42, 100].map((n) => [typed('count', String(n)), count(n)] as const),
  ...[0, 10, 23, 42, 100, -10].map((n) => [typed('integer', String(n)), integer(n)] as const),
  [typed('real', '0.000000'), real(0)],
  [typed('real', '-10.000000'), real(-10)],
  [typed('real', '42.000000'), real(42)],
  [typed('real', '12.48'), real(12.48)],
  [typed('real', '1234567890123456824475648.000000'), real(1.2345678901234568e24)],
  [typed('string', '"foo"'), string('foo')],
  [typed('string', '"foo\\n\\"bar"'), string('foo\n"bar')],
  [typed('string', '"string!"'), string('string!')],
  [typed('address', '"192.128.4.4"'), address('192.128.4.4')],
  [typed('address', '"2001:db8::"'), address('2001:db8::')],
  [typed('subnet', '"192.128.4.0/24"'), subnet('192.128.4.0/24')],
  [typed('subnet', '"255.255.255.0/24"'), subnet('255.255.255.0/24')],
  [typed('port', '"8080/tcp"'), port(8080, 'tcp')],
  [typed('port', '"9000/udp"'), port(9000, 'udp')],
  ...(
    [
      ['0s', 0n],
      ['1ns', 1n],
      ['999ns', 999n],
      ['1us', 1000n],
      ['999us', 999_000n],
      ['1ms', 1_000_000n],
      ['999ms', 999_000_000n],
      ['1s', 1_000_000_000n],
      ['23s', 23_000_000_000n],
    ] as const
  ).map(([text, ns]) => [typed('timespan', `"${text}"`), timespan(ns)] as const),
  [typed('timestamp', '"2014-07-09T10:16:44.000"'), timestamp(1_404_901_004_000_000_000n)],
  [typed('timestamp', '"2022-04-10T16:07:00.000"'), timestamp(1_649_606_820_000_000_000n)],
  [typed('enum-value', '"foo"'), enumeration('foo')],
  [typed('enum-value', '"foo\\n\\"bar"'), enumOf('foo\n"bar')],
  [
    typed('vector', `[${typed('integer', '1')},${typed('count', '2')},${typed('string', '"three"')}]`),
    vector(integer(1), count(2), string('three')),
  ],
  [
    typed('set', `[${typed('integer', '1')},${typed('integer', '2')},${typed('integer', '3')}]`),
    set(integer(1), integer(2), integer(3)),
  ],
  [
    typed(
      'table',
      `[{"key":${typed('string', '"a-key"')},"value":${typed('integer', '1')}},{"key":${typed('string', '"b-key"')},"value":${typed('count', '42')}}]`,
    ),
    table({ key: string('a-key'), value: integer(1) }, { key: string('b-key'), value: count(42) }),
  ],
];

const message = (value: string): Buffer =>
  Buffer.from(`{"type":"data-message","topic":"/test/topic",${value.slice(1)}`);

test('what Zeek writes is read, and what it reads is written', () => {
  for (const [json, value] of VALUES) {
    expect(readMessage(message(json)), json).toEqual({ kind: 'data', topic: '/test/topic', value });
    // Reals have their own shortest form, and what is no identifier is no enum value of Zeek.
    if (value.kind === 'real' || (value.kind === 'enum' && value.name !== 'foo')) continue;
    const event = { topic: 't', name: 'ev', args: [value] };
    expect(Buffer.from(writeEvent(event, 10_000).bytes).toString()).toContain(`"data":[${json}]}`);
  }
});

test('one of everything is read as one of everything', () => {
  const all = typed('vector', `[${VALUES.map(([json]) => json).join(',')}]`);
  expect(readMessage(message(all))).toEqual({
    kind: 'data',
    topic: '/test/topic',
    value: vector(...VALUES.map(([, value]) => value)),
  });
});

test('an address that is none is malformed, as it is for Zeek', () => {
  const json = typed('vector', `[${typed('address', '"123ns"')}]`);
  expect(readMessage(message(json))).toMatchObject({ kind: 'malformed' });
});

test('an event with a network timestamp has the bytes that Zeek has for it', () => {
  // src/cluster/serializer/broker/Serializer.cc
  const zeek =
    '{"@data-type":"vector","data":[{"@data-type":"count","data":1},{"@data-type":"count","data":1},{"@data-type":"vector","data":[{"@data-type":"string","data":"Supervisor::node_status"},{"@data-type":"vector","data":[{"@data-type":"string","data":"TEST"},{"@data-type":"count","data":42}]},{"@data-type":"vector","data":[{"@data-type":"vector","data":[{"@data-type":"count","data":1},{"@data-type":"timestamp","data":"1970-01-01T00:00:00.000"}]}]}]}]}';
  const event = {
    topic: '/test/topic',
    name: 'Supervisor::node_status',
    args: [string('TEST'), count(42)],
    metadata: [{ id: 1n, value: timestamp(0n) }],
  };
  expect(Buffer.from(writeEvent(event, 10_000).bytes)).toEqual(message(zeek));
  expect(readMessage(message(zeek))).toEqual({ kind: 'event', ...event });
});
