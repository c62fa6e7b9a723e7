// What a real Zeek says of events that it cannot take. Enters: raw messages; leaves: its errors, and that our client makes none of them.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BrokerError } from '../../src/broker/failure.ts';
import { writeEvent } from '../../src/broker/message.ts';
import { count, real, string, timespan } from '../../src/broker/value/value.ts';
import type { RawWebSocket } from '../support/raw-websocket.ts';
import { is, kinds, until } from '../support/stream-items.ts';
import { rawEvent, send, zeekTest } from '../support/zeek-lab.ts';
import { VALUE } from '../support/zeek-values.ts';

const GOOD = '[{"@data-type":"string","data":"Hello"},{"@data-type":"count","data":42}]';

/** The answer to a good ping, which shows that the connection is still of use. */
async function ping(raw: RawWebSocket): Promise<unknown> {
  raw.send(rawEvent('ping', GOOD));
  return await raw.json();
}
const PONG = { type: 'data-message', topic: 'from/' };

const NOT_JSON = 'failed to decode JSON object';
const NO_EVENT = 'failed to create Zeek event';
const NO_TOPIC = 'no topic in top-level JSON object';

const typed = (type: string, data: string): string => `[{"@data-type":"${type}","data":${data}}]`;

describe('errors of a real Zeek', () => {
  zeekTest(
    'bad arguments are errors, one each and in order, and the connection stays of use',
    async (lab) => {
      for (const backend of lab.backends) {
        const zeek = await lab.zeek({ backend });
        await lab.connected(zeek);
        const raw = await lab.rawSubscribed(zeek, ['from/']);
        for (const [args, context] of [
          ['42', NOT_JSON],
          ['[{"@data-type":"string","data":"Hello"}]', NO_EVENT],
          ['[{"@data-type":"count","data":42},{"@data-type":"string","data":"Hello"}]', NO_EVENT],
          [`${GOOD.slice(0, -1)},{"@data-type":"count","data":1}]`, NO_EVENT],
          ['[{"@data-type":"money","data":0}]', NOT_JSON],
        ] as const) {
          raw.send(rawEvent('ping', args));
          expect(await raw.json()).toEqual({ type: 'error', code: 'deserialization_failed', context });
          expect(await ping(raw)).toMatchObject(PONG);
        }
      }
    },
  );

  zeekTest(
    'broken JSON and messages without a topic are errors, and the connection stays of use',
    async (lab) => {
      const zeek = await lab.zeek();
      await lab.connected(zeek);
      const raw = await lab.rawSubscribed(zeek, ['from/']);
      const good = rawEvent('ping', GOOD);
      for (const [message, context] of [
        [good.slice(0, -1), NOT_JSON],
        [`${good}}`, NOT_JSON],
        ['', NOT_JSON],
        [good.replace(',"data"', ',\r\n"data"'), NOT_JSON],
        ['[]', NO_TOPIC],
        [good.replace('"topic":"to/",', ''), NO_TOPIC],
        [good.replace('"to/"', '7'), NO_TOPIC],
      ] as const) {
        raw.send(message);
        const answer = await raw.json();
        expect(answer, message).toMatchObject({ type: 'error', code: 'deserialization_failed' });
        expect([NOT_JSON, NO_TOPIC], context).toContain((answer as { context: string }).context);
        expect(await ping(raw)).toMatchObject(PONG);
      }
    },
  );

  zeekTest('values that Zeek rejects are written in the way that it takes', async (lab) => {
    const zeek = await lab.zeek({ script: 'everything.zeek' });
    const { client, items } = await lab.connected(zeek);
    const raw = await lab.rawSubscribed(zeek, ['from/']);
    for (const args of [
      typed('real', '1'),
      typed('timespan', '"1d"'),
      typed('timestamp', '"2014-02-31T25:00:00"'),
      typed('count', '-1'),
      typed('count', '18446744073709551616'),
      typed('boolean', '1'),
      typed('real', 'inf'),
      typed('string', '"\\ud800"'),
    ]) {
      raw.send(rawEvent('any_value', args));
      expect(await raw.json(), args).toEqual({
        type: 'error',
        code: 'deserialization_failed',
        context: NOT_JSON,
      });
    }
    for (const value of [
      real(1),
      timespan(1_500_000_000n),
      timespan(86_400_000_000_000n),
      count(2n ** 64n - 1n),
    ])
      send(client, 'any_value', value);
    send(client, 'bytes', string('end'));
    expect(kinds(await until(items, is('bytes')))).toEqual(['event']);
  });

  zeekTest(
    'bytes that are no text: 1007 in a text frame, taken in a binary one, as ours sends them',
    async (lab) => {
      const zeek = await lab.zeek({ script: 'everything.zeek' });
      const { client, items } = await lab.connected(zeek);
      const raw = await lab.rawSubscribed(zeek, ['from/']);
      const [head = '', tail = ''] = rawEvent('bytes', typed('string', '"@@"')).split('@@');
      const message = Buffer.concat([Buffer.from(head), Buffer.of(0xff, 0x80), Buffer.from(tail)]);
      raw.send(message, 2);
      const echo = await raw.next();
      expect(echo?.payload.includes(Buffer.of(0xff, 0x80))).toBe(true);
      raw.send(message, 1);
      expect(await raw.json()).toMatchObject({ close: 1007 });
      await until(items, is('bytes'));
      send(client, 'bytes', string(Uint8Array.of(0xff, 0x80)));
      expect(await until(items, is('bytes'))).toMatchObject([
        { kind: 'event', args: [{ kind: 'bytes', bytes: Uint8Array.of(0xff, 0x80) }] },
      ]);
    },
  );

  zeekTest('a message that nests too deep is an error; ours is refused before it is sent', async (lab) => {
    const zeek = await lab.zeek();
    const { client } = await lab.connected(zeek);
    const raw = await lab.rawSubscribed(zeek, ['from/']);

    raw.send(rawEvent('ping', nested(100)));
    expect(await raw.json()).toMatchObject({ code: 'deserialization_failed', context: NOT_JSON });
    expect(await ping(raw)).toMatchObject(PONG);
    let value = string('x');
    for (let level = 0; level < 70; level += 1) value = { kind: 'vector', items: [value] };
    expect(() => send(client, 'ping', value)).toThrow(BrokerError);
  });
});

/** A list with one vector in one vector in one vector. */
function nested(levels: number): string {
  return `[${'{"@data-type":"vector","data":['.repeat(levels)}${']}'.repeat(levels)}]`;
}

describe('envelopes', () => {
  const list = (...items: string[]): string => `{"@data-type":"vector","data":[${items.join(',')}]}`;
  const one = '{"@data-type":"count","data":1}';
  const name = '{"@data-type":"string","data":"BrokerTest::ping"}';
  const args = list('{"@data-type":"string","data":"x"}', one);
  const message = (envelope: string): string => `{"type":"data-message","topic":"to/",${envelope.slice(1)}`;

  zeekTest('of another shape are errors, or are taken all the same, and Zeek goes on', async (lab) => {
    const zeek = await lab.zeek();
    await lab.connected(zeek);
    const raw = await lab.rawSubscribed(zeek, ['from/']);
    // Zeek looks at places of lists that are not there (no bounds are checked): here it found nothing, and said so.
    for (const envelope of [
      one,
      list(),
      list(one),
      list(one, one),
      list(one, one, one),
      list(one, one, list()),
      list(one, one, list(name)),
      list(one, one, list(name, one)),
      list(one, one, list(one, args)),
    ]) {
      raw.send(message(envelope));
      expect(await raw.json(), envelope).toMatchObject({ code: 'deserialization_failed', context: NO_EVENT });
      expect(await ping(raw)).toMatchObject(PONG);
    }
    // Neither the format, nor the type of message, nor what is too much, nor the form of metadata is looked at.
    const other = '{"@data-type":"count","data":9}';
    for (const envelope of [
      list(other, one, list(name, args)),
      list(one, other, list(name, args)),
      list(name, name, list(name, args)),
      list(one, one, list(name, args, list(), one), one),
      list(one, one, list(name, args, one)),
      list(one, one, list(name, args, list(one))),
      list(one, one, list(name, args, list(list(name, one)))),
    ]) {
      raw.send(message(envelope));
      expect(await raw.json(), envelope).toMatchObject(PONG);
    }
  });
});

describe('what our client sends', () => {
  test('is always an envelope that Zeek can index without looking', () => {
    fc.assert(
      fc.property(
        fc.array(VALUE, { maxLength: 4 }),
        fc.array(fc.record({ id: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), value: VALUE }), {
          maxLength: 3,
        }),
        (args, metadata) => {
          const { bytes } = writeEvent({ topic: 't', name: 'M::ev', args, metadata }, 1 << 24);
          // Only strings of `bytes` are not UTF-8, and Node replaces those; nan is not JSON.
          const text = Buffer.from(bytes).toString().replaceAll('"data":nan', '"data":0.5');
          const message: unknown = JSON.parse(text);
          const pair = { '@data-type': 'vector', data: [{ '@data-type': 'count' }, {}] };
          const vectors =
            metadata.length === 0 ? [] : [{ '@data-type': 'vector', data: metadata.map(() => pair) }];
          expect(message).toMatchObject({
            topic: 't',
            '@data-type': 'vector',
            data: [
              { '@data-type': 'count', data: 1 },
              { '@data-type': 'count', data: 1 },
              {
                '@data-type': 'vector',
                data: [
                  { '@data-type': 'string', data: 'M::ev' },
                  { '@data-type': 'vector', data: args.map(() => ({})) },
                  ...vectors,
                ],
              },
            ],
          });
        },
      ),
    );
  });
});
