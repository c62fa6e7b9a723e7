// The codec alone. Enters: JSON as Zeek writes it, arbitrary values and bytes; leaves: values, exact, or a stated problem.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BrokerError } from '../../src/broker/failure.ts';
import {
  type Message,
  MessageReader,
  readMessage,
  writeEvent,
  writeSubscription,
} from '../../src/broker/message.ts';
import {
  isWellFormed,
  MAX_COUNT,
  MAX_INTEGER,
  MIN_INTEGER,
  none,
  string,
  type Value,
} from '../../src/broker/value/value.ts';

const LIMIT = 1 << 24;

function envelope(args: string | Uint8Array): Buffer {
  return Buffer.concat([
    Buffer.from(
      '{"type":"data-message","topic":"t/","@data-type":"vector","data":[{"@data-type":"count","data":1},{"@data-type":"count","data":1},{"@data-type":"vector","data":[{"@data-type":"string","data":"ev"},{"@data-type":"vector","data":[',
    ),
    Buffer.from(args),
    Buffer.from(']}]}]}'),
  ]);
}

function argsOf(message: Message): readonly Value[] {
  if (message.kind !== 'event') throw new Error(`${message.kind}: ${JSON.stringify(message)}`);
  return message.args;
}

function only(type: string, data: string | Uint8Array): Value {
  const json = Buffer.concat([
    Buffer.from(`{"@data-type":"${type}","data":`),
    Buffer.from(data),
    Buffer.from('}'),
  ]);
  const [value, ...rest] = argsOf(readMessage(envelope(json)));
  expect(rest).toEqual([]);
  if (value === undefined) throw new Error('no value');
  return value;
}

const text = (content: string): Value => ({ kind: 'string', text: content });
const s = (seconds: bigint): bigint => seconds * 1_000_000_000n;

const VECTORS: readonly (readonly [type: string, data: string, value: Value])[] = [
  ['none', '{}', none],
  ['boolean', 'true', { kind: 'boolean', value: true }],
  ['boolean', 'false', { kind: 'boolean', value: false }],
  ['count', '0', { kind: 'count', value: 0n }],
  ['count', '9007199254740993', { kind: 'count', value: 9_007_199_254_740_993n }],
  ['count', '18446744073709551615', { kind: 'count', value: MAX_COUNT }],
  ['integer', '-7', { kind: 'integer', value: -7n }],
  ['integer', '-9223372036854775808', { kind: 'integer', value: MIN_INTEGER }],
  ['integer', '9223372036854775807', { kind: 'integer', value: MAX_INTEGER }],
  ['real', '0.000000', { kind: 'real', value: 0 }],
  ['real', '-1.500000', { kind: 'real', value: -1.5 }],
  ['real', '1e3', { kind: 'real', value: 1000 }],
  ['real', 'nan', { kind: 'real', value: Number.NaN }],
  ['real', '-nan', { kind: 'real', value: Number.NaN }],
  ['real', 'inf', { kind: 'real', value: Number.POSITIVE_INFINITY }],
  ['real', '-inf', { kind: 'real', value: Number.NEGATIVE_INFINITY }],
  ['real', `${'9'.repeat(300)}.000000`, { kind: 'real', value: 1e300 }],
  ['timespan', '"0s"', { kind: 'timespan', nanoseconds: 0n }],
  ['timespan', '"289999999ns"', { kind: 'timespan', nanoseconds: 289_999_999n }],
  ['timespan', '"-5us"', { kind: 'timespan', nanoseconds: -5000n }],
  ['timespan', '"1500ms"', { kind: 'timespan', nanoseconds: 1_500_000_000n }],
  ['timespan', '"3s"', { kind: 'timespan', nanoseconds: s(3n) }],
  ['timespan', '"2min"', { kind: 'timespan', nanoseconds: s(120n) }],
  ['timespan', '"2h"', { kind: 'timespan', nanoseconds: s(7200n) }],
  ['timestamp', '"1970-01-01T00:00:01.000"', { kind: 'timestamp', nanoseconds: s(1n) }],
  ['timestamp', '"2014-07-09T10:16:44.123"', { kind: 'timestamp', nanoseconds: 1_404_901_004_123_000_000n }],
  [
    'timestamp',
    '"2014-07-09T10:16:44.123456789Z"',
    { kind: 'timestamp', nanoseconds: 1_404_901_004_123_456_789n },
  ],
  ['timestamp', '"2014-07-09T12:16:44+02:00"', { kind: 'timestamp', nanoseconds: s(1_404_901_004n) }],
  ['timestamp', '"1969-12-31T23:59:59.500"', { kind: 'timestamp', nanoseconds: -500_000_000n }],
  ['string', '""', text('')],
  ['string', '"\\b\\f\\n\\r\\t\\v\\"\\\\\\/"', text('\b\f\n\r\t\v"\\/')],
  ['string', '"\\u00e9\\ud83d\\ude00"', text('é😀')],
  ['string', '"\ufeffx"', text('\ufeffx')],
  ['string', '"\\ud83d"', { kind: 'bytes', bytes: Uint8Array.of(0xed, 0xa0, 0xbd) }],
  ['string', '"\\udc00\\ud83d"', { kind: 'bytes', bytes: Uint8Array.of(0xed, 0xb0, 0x80, 0xed, 0xa0, 0xbd) }],
  ['enum-value', '"Notice::LOG"', { kind: 'enum', name: 'Notice::LOG' }],
  ['enum-value', '"<unknown enum>"', { kind: 'enum', name: '<unknown enum>' }],
  ['address', '"2001:db8::"', { kind: 'address', address: '2001:db8::' }],
  ['subnet', '"192.0.2.0/24"', { kind: 'subnet', subnet: '192.0.2.0/24' }],
  ['subnet', '"::/0"', { kind: 'subnet', subnet: '::/0' }],
  ['port', '"80/tcp"', { kind: 'port', number: 80, protocol: 'tcp' }],
  ['port', '"8/icmp"', { kind: 'port', number: 8, protocol: 'icmp' }],
  ['port', '"0/?"', { kind: 'port', number: 0, protocol: 'unknown' }],
  ['vector', '[]', { kind: 'vector', items: [] }],
  ['set', '[{"@data-type":"count","data":1}]', { kind: 'set', items: [{ kind: 'count', value: 1n }] }],
  [
    'table',
    '[{"key":{"@data-type":"vector","data":[{"@data-type":"address","data":"::1"},{"@data-type":"port","data":"1/udp"}]},"value":{"@data-type":"none","data":{}}}]',
    {
      kind: 'table',
      entries: [
        {
          key: {
            kind: 'vector',
            items: [
              { kind: 'address', address: '::1' },
              { kind: 'port', number: 1, protocol: 'udp' },
            ],
          },
          value: none,
        },
      ],
    },
  ],
];

const IDENTIFIER = fc.stringMatching(/^[A-Za-z_]\w{0,8}(?:::[A-Za-z_]\w{0,8})?$/);
const INT64 = fc.bigInt({ min: MIN_INTEGER, max: MAX_INTEGER });
const VALUE: fc.Arbitrary<Value> = fc.letrec<{ value: Value; leaf: Value }>((tie) => ({
  leaf: fc.oneof(
    fc.constant(none),
    fc.boolean().map((value): Value => ({ kind: 'boolean', value })),
    fc.bigInt({ min: 0n, max: MAX_COUNT }).map((value): Value => ({ kind: 'count', value })),
    INT64.map((value): Value => ({ kind: 'integer', value })),
    fc
      .double()
      .filter((n) => Number.isNaN(n) || Number.isFinite(n))
      .map((value): Value => ({ kind: 'real', value })),
    INT64.map((nanoseconds): Value => ({ kind: 'timespan', nanoseconds })),
    INT64.map((nanoseconds): Value => ({ kind: 'timestamp', nanoseconds })),
    fc.string({ unit: 'binary' }).filter(isWellFormed).map(text),
    fc.uint8Array({ maxLength: 40 }).map((bytes): Value => string(bytes)),
    IDENTIFIER.map((name): Value => ({ kind: 'enum', name })),
    fc.oneof(fc.ipV4(), fc.ipV6()).map((address): Value => ({ kind: 'address', address })),
    fc
      .tuple(fc.ipV4(), fc.nat(32))
      .map(([address, length]): Value => ({ kind: 'subnet', subnet: `${address}/${length}` })),
    fc
      .tuple(
        fc.nat(65_535),
        fc.constantFrom('tcp' as const, 'udp' as const, 'icmp' as const, 'unknown' as const),
      )
      .map(([number, protocol]): Value => ({ kind: 'port', number, protocol })),
  ),
  value: fc.oneof(
    { maxDepth: 4 },
    tie('leaf'),
    fc.array(tie('value'), { maxLength: 5 }).map((items): Value => ({ kind: 'vector', items })),
    fc.array(tie('value'), { maxLength: 5 }).map((items): Value => ({ kind: 'set', items })),
    fc
      .array(fc.record({ key: tie('value'), value: tie('value') }), { maxLength: 4 })
      .map((entries): Value => ({ kind: 'table', entries })),
  ),
})).value;

describe('what Zeek sends', () => {
  test.each(VECTORS)('%s %s is read exactly', (type, data, value) => {
    expect(only(type, data)).toEqual(value);
  });

  test('each of the 256 bytes, raw in a string, comes out as it was', () => {
    for (let byte = 0; byte < 256; byte += 1) {
      if (byte === 0x22 || byte === 0x5c) continue;
      const value = only('string', Buffer.from([0x22, 0x61, byte, 0x62, 0x22]));
      if (byte < 0x80) expect(value).toEqual(text(`a${String.fromCharCode(byte)}b`));
      else expect(value).toEqual({ kind: 'bytes', bytes: Uint8Array.of(0x61, byte, 0x62) });
    }
  });

  test('all 256 bytes at once, escaped as Zeek does it, come out as they were', () => {
    const escapes = new Map([
      [0x22, '\\"'],
      [0x5c, '\\\\'],
      [8, '\\b'],
      [12, '\\f'],
      [10, '\\n'],
      [13, '\\r'],
      [9, '\\t'],
      [11, '\\v'],
    ]);
    const all = Array.from({ length: 256 }, (_, byte) => byte);
    const wire = Buffer.concat(all.map((byte) => Buffer.from(escapes.get(byte) ?? Uint8Array.of(byte))));
    const value = only('string', Buffer.concat([Buffer.from('"'), wire, Buffer.from('"')]));
    expect(value).toEqual({ kind: 'bytes', bytes: Uint8Array.from(all) });
  });

  test('acks and errors are read, also with the older key of the error', () => {
    expect(readMessage(Buffer.from('{"type":"ack","endpoint":"e","version":"8.2.2"}'))).toEqual({
      kind: 'ack',
      endpoint: 'e',
      version: '8.2.2',
    });
    for (const key of ['context', 'message'])
      expect(readMessage(Buffer.from(`{"type":"error","code":"c","${key}":"x"}`))).toEqual({
        kind: 'error',
        code: 'c',
        context: 'x',
      });
  });

  test('metadata is read, empty metadata is none, and unknown keys are passed over', () => {
    const event = {
      topic: 't',
      name: 'ev',
      args: [],
      metadata: [{ id: 1n, value: { kind: 'timestamp', nanoseconds: 5n } as const }],
    };
    expect(readMessage(writeEvent(event, LIMIT).bytes)).toEqual({ kind: 'event', ...event });
    const json = Buffer.from(
      envelope('')
        .toString()
        .replace(
          '"data":[]}]}]}',
          '"data":[],"new":[{"a":[1,nan,"}"]}]},{"@data-type":"vector","data":[]}]}]}',
        ),
    );
    expect(readMessage(json)).toEqual({ kind: 'event', topic: 't/', name: 'ev', args: [], metadata: [] });
  });

  test('a data message that is no event is handed on as it is', () => {
    const json = '{"type":"data-message","topic":"t","@data-type":"count","data":5}';
    expect(readMessage(Buffer.from(json))).toEqual({
      kind: 'data',
      topic: 't',
      value: { kind: 'count', value: 5n },
    });
  });

  test.each([
    ['count', '18446744073709551616'],
    ['count', '-1'],
    ['integer', '9223372036854775808'],
    ['real', '1.2.3'],
    ['real', '1'.repeat(500)],
    ['timestamp', '"2014-02-31T00:00:00"'],
    ['timestamp', '"2900-01-01T00:00:00"'],
    ['timespan', '"1.5s"'],
    ['timespan', '"1d"'],
    ['port', '"70000/tcp"'],
    ['address', '"1.2.3"'],
    ['subnet', '"1.2.3.4/33"'],
    ['string', '"\\q"'],
    ['string', '"\\u12"'],
    ['string', '"open'],
    ['money', '"5"'],
    ['table', '[{"value":1}]'],
  ])('%s %s is malformed, with its place', (type, data) => {
    const message = readMessage(envelope(`{"@data-type":"${type}","data":${data}}`));
    expect(message).toMatchObject({ kind: 'malformed' });
    expect(message.kind === 'malformed' && message.offset).toBeGreaterThan(200);
  });

  test('white space and other keys make no difference', () => {
    for (const [type, data, value] of VECTORS) {
      const pairs = ` "note" : [ {"data":1} ] ,\n"@data-type"\t: "${type}" , "data" : ${data} , "more" : null `;
      expect(argsOf(readMessage(envelope(` { ${pairs} } `)))).toEqual([value]);
    }
  });

  test.each([
    '{"@data-type":"count"}',
    '{"data":1,"@data-type":"count"}',
    '{"@data-type":"count","data":1,"data":2}',
    '{"@data-type":"count","@data-type":"count","data":1}x',
    '{}',
  ])('%s is malformed', (json) => {
    expect(readMessage(envelope(json))).toMatchObject({ kind: 'malformed' });
  });

  test('nesting without end is malformed, and costs no call stack', () => {
    const deep = '{"@data-type":"vector","data":['.repeat(100_000);
    expect(readMessage(envelope(deep))).toMatchObject({ kind: 'malformed' });
    expect(readMessage(Buffer.from(`{"x":${'['.repeat(1_000_000)}`))).toMatchObject({ kind: 'malformed' });
  });

  test('arbitrary bytes, and real messages with bytes changed, throw nothing and end', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => typeof readMessage(bytes).kind === 'string'),
    );
    fc.assert(
      fc.property(
        VALUE,
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        (value, changes) => {
          const bytes = Buffer.from(writeEvent({ topic: 't', name: 'ev', args: [value] }, LIMIT).bytes);
          for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
          return typeof readMessage(bytes).kind === 'string';
        },
      ),
    );
  });
});

describe('what Zeek is sent', () => {
  test('any value comes back as it was', () => {
    fc.assert(
      fc.property(fc.array(VALUE, { maxLength: 4 }), (args) => {
        expect(argsOf(readMessage(writeEvent({ topic: 't', name: 'ev', args }, LIMIT).bytes))).toEqual(args);
      }),
      { numRuns: 500 },
    );
  });

  test('it makes no difference in how many slices a message is read', () => {
    fc.assert(
      fc.property(VALUE, fc.integer({ min: 1, max: 60 }), (value, budget) => {
        const { bytes } = writeEvent({ topic: 't', name: 'ev', args: [value, value] }, LIMIT);
        const reader = new MessageReader(bytes);
        let message = reader.run(budget);
        while (message === null) message = reader.run(budget);
        expect(message).toEqual(readMessage(bytes));
      }),
    );
  });

  test('text frames are UTF-8; other bytes go in binary frames', () => {
    const frame = (value: Value) => writeEvent({ topic: 't', name: 'ev', args: [value] }, LIMIT);
    expect(frame(text('é\0')).binary).toBe(false);
    expect(frame(string(Uint8Array.of(0xff))).binary).toBe(true);
  });

  test('reals have a point, timespans no fraction, counts all digits', () => {
    const args: Value[] = [
      { kind: 'real', value: 1 },
      { kind: 'real', value: -0 },
      { kind: 'timespan', nanoseconds: 1_500_000_000n },
      { kind: 'count', value: MAX_COUNT },
    ];
    const json = Buffer.from(writeEvent({ topic: 't', name: 'ev', args }, LIMIT).bytes).toString();
    for (const data of ['1.0', '-0.0', '"1500ms"', '18446744073709551615'])
      expect(json).toContain(`"data":${data}}`);
  });

  const nested = (levels: number): Value =>
    levels === 0 ? none : { kind: 'vector', items: [nested(levels - 1)] };
  test.each<readonly [string, () => unknown]>([
    ['a topic with NUL', () => writeEvent({ topic: 'a\0b', name: 'ev', args: [] }, LIMIT)],
    ['no topic', () => writeEvent({ topic: '', name: 'ev', args: [] }, LIMIT)],
    ['a subscription with NUL', () => writeSubscription(['\0'])],
    ['a name that is no identifier', () => writeEvent({ topic: 't', name: 'a b', args: [] }, LIMIT)],
    [
      'an infinite real',
      () => writeEvent({ topic: 't', name: 'ev', args: [{ kind: 'real', value: 1 / 0 }] }, LIMIT),
    ],
    [
      'a count above 64 bits',
      () => writeEvent({ topic: 't', name: 'ev', args: [{ kind: 'count', value: 2n ** 64n }] }, LIMIT),
    ],
    ['a lone surrogate', () => writeEvent({ topic: 't', name: 'ev', args: [text('\ud800')] }, LIMIT)],
    [
      'a port of five digits too many',
      () =>
        writeEvent(
          { topic: 't', name: 'ev', args: [{ kind: 'port', number: 70_000, protocol: 'tcp' }] },
          LIMIT,
        ),
    ],
    [
      'an address with a zone',
      () => writeEvent({ topic: 't', name: 'ev', args: [{ kind: 'address', address: 'fe80::1%lo' }] }, LIMIT),
    ],
    [
      'a value deeper than CAF reads',
      () => writeEvent({ topic: 't', name: 'ev', args: [nested(70)] }, LIMIT),
    ],
    [
      'a message over the limit',
      () => writeEvent({ topic: 't', name: 'ev', args: [text('x'.repeat(2000))] }, 1000),
    ],
    [
      'bytes over the limit',
      () =>
        writeEvent({ topic: 't', name: 'ev', args: [{ kind: 'bytes', bytes: new Uint8Array(2000) }] }, 1000),
    ],
  ])('%s is refused here and not by Zeek', (_, write) => {
    expect(write).toThrow(BrokerError);
    expect(write).toThrow(expect.objectContaining({ code: 'broker-unsendable' }));
  });
});
