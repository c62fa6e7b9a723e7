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
import { MAX_COUNT, none, string, type Value } from '../../src/broker/value/value.ts';
import { VALUE, VECTORS } from '../support/zeek-values.ts';

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
    ['real', '5.'],
    ['real', '.5'],
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
    ["one of Broker's own topics", () => writeEvent({ topic: '<$>/local', name: 'ev', args: [] }, LIMIT)],
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
