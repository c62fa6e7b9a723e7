// The quick reader against the general one. Enters: frames as Zeek writes them, whole and damaged; leaves: that both say the same.
import { isIP } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BrokerError } from '../../src/broker/failure.ts';
import { type Message, MessageReader, readMessage, writeEvent } from '../../src/broker/message.ts';
import { isAddress } from '../../src/broker/value/network.ts';
import { readPlain } from '../../src/broker/value/plain.ts';
import { PlainCursor } from '../../src/broker/value/plain-cursor.ts';
import { parseTimestamp, TIMESTAMP_BYTES, timestampAt } from '../../src/broker/value/time.ts';
import { string, type Value } from '../../src/broker/value/value.ts';
import { VALUE, VECTORS } from '../support/zeek-values.ts';

const LIMIT = 1 << 24;

/** What the general reader says: it is the one that can stop in the middle. */
function readSlowly(frame: Uint8Array): Message {
  const reader = new MessageReader(frame);
  let message = reader.run(frame.length - 1);
  while (message === null) message = reader.run(frame.length);
  return message;
}

const frame = (...args: Value[]): Buffer =>
  Buffer.from(writeEvent({ topic: 't/', name: 'Module::ev', args }, LIMIT).bytes);

describe('the quick reader', () => {
  test.each(VECTORS)('takes %s %s as the general one does', (type, data, value) => {
    const json = Buffer.from(`{"@data-type":"${type}","data":${data}}`);
    const cursor = new PlainCursor(json);
    expect(readPlain(cursor)).toEqual(value);
    expect(cursor.at).toBe(json.length);
  });

  test('says of any event what the general one says', () => {
    fc.assert(
      fc.property(fc.array(VALUE, { maxLength: 6 }), (args) => {
        const bytes = frame(...args);
        expect(readMessage(bytes)).toEqual(readSlowly(bytes));
      }),
      { numRuns: 500 },
    );
  });

  test('and of any event with metadata', () => {
    fc.assert(
      fc.property(VALUE, fc.bigInt({ min: 0n, max: 300n }), (value, id) => {
        const event = { topic: 't', name: 'ev', args: [value], metadata: [{ id, value }] };
        const bytes = Buffer.from(writeEvent(event, LIMIT).bytes);
        expect(readMessage(bytes)).toEqual(readSlowly(bytes));
        expect(readMessage(bytes)).toEqual({ kind: 'event', ...event });
      }),
    );
  });

  test('and of frames that are cut, or have bytes changed, put in or taken out', () => {
    const byte = fc.oneof(fc.nat(255), fc.constantFrom(...Buffer.from('{}[]",:\\-0.19eunat/?\x0b')));
    const change = fc.record({ at: fc.nat(), byte, how: fc.constantFrom('set', 'insert', 'drop', 'cut') });
    fc.assert(
      fc.property(VALUE, fc.array(change, { minLength: 1, maxLength: 3 }), (value, changes) => {
        let bytes = [...frame(value)];
        for (const { at, byte, how } of changes) {
          const place = at % bytes.length;
          if (how === 'set') bytes[place] = byte;
          else if (how === 'insert') bytes.splice(place, 0, byte);
          else if (how === 'drop') bytes.splice(place, 1);
          else if (place > 0) bytes = bytes.slice(0, place);
        }
        const damaged = Uint8Array.from(bytes);
        expect(readMessage(damaged)).toEqual(readSlowly(damaged));
      }),
      { numRuns: 3000 },
    );
  });

  test('takes each byte raw in a string, beside texts that need no care', () => {
    for (let byte = 0; byte < 256; byte += 1) {
      if (byte === 0x22 || byte === 0x5c) continue;
      const [head = '', tail = ''] = frame(string('before'), string('@@'), string('é'), string('\u0001'))
        .toString()
        .split('@@');
      const bytes = Buffer.concat([Buffer.from(head), Buffer.of(0x61, byte), Buffer.from(tail)]);
      expect(readMessage(bytes)).toMatchObject({
        args: [string('before'), string(Uint8Array.of(0x61, byte)), string('é'), string('\u0001')],
      });
    }
  });

  test('keeps no large frame for a text of it', () => {
    setFlagsFromString('--expose-gc');
    const collect: unknown = runInNewContext('gc');
    if (typeof collect !== 'function') throw new Error('no gc');
    const bytes = frame(string('a text that is long enough for a slice'), string('x'.repeat(500_000)));
    const heap = (): number => {
      collect();
      return process.memoryUsage().heapUsed;
    };
    const before = heap();
    const kept: Value[] = [];
    for (let round = 0; round < 100; round += 1) {
      const message = readMessage(bytes);
      const first = message.kind === 'event' ? message.args[0] : undefined;
      if (first !== undefined) kept.push(first);
    }
    expect(kept).toHaveLength(100);
    // A hundred frames are 50 MB.
    expect(heap() - before).toBeLessThan(10e6);
  });

  test('leaves to the general one what nests deeper than it goes, and all that is no event', () => {
    let value: Value = string('deep');
    for (let level = 0; level < 30; level += 1) value = { kind: 'vector', items: [value] };
    expect(readMessage(frame(value))).toMatchObject({ kind: 'event', args: [value] });
    for (const json of [
      '{"type":"ack","endpoint":"e","version":"v"}',
      '{"type":"data-message","topic":"t","@data-type":"vector","data":[]}',
      `${frame(string('x'))} `,
      `${frame(string('x'))}}`,
      `${frame(string('x'))}\u0000`,
    ])
      expect(readMessage(Buffer.from(json))).toEqual(readSlowly(Buffer.from(json)));
  });

  test('throws nothing but what the general one reports', () => {
    const json = Buffer.from('{"@data-type":"real","data":1.2.3}');
    expect(() => readPlain(new PlainCursor(json))).toThrow(BrokerError);
    const outside = Buffer.from('{"@data-type":"count","data":18446744073709551616}');
    expect(readPlain(new PlainCursor(outside))).toBeNull();
  });
});

describe('what is checked without the system', () => {
  test('an address is one when the system takes it as one', () => {
    const group = fc.stringMatching(/^[0-9a-fA-F]{0,5}$/);
    const shaped = fc
      .array(fc.oneof(group, fc.constantFrom('', '::', '1.2.3.4', '01.2.3.4', ':', '%lo')), { maxLength: 9 })
      .map((parts) => parts.join(':'));
    const texts = fc.oneof(shaped, fc.ipV6(), fc.ipV4(), fc.stringMatching(/^[0-9a-f:.]{0,20}$/));
    fc.assert(
      fc.property(texts, (text) => {
        expect(isAddress(text)).toBe(isIP(text) !== 0 && !text.includes('%') && text.length <= 45);
      }),
      { numRuns: 20_000 },
    );
  });

  test('a time in the form of Zeek is the one that the calendar says', () => {
    const year = 365 * 24 * 3600 * 1000;
    fc.assert(
      fc.property(fc.integer({ min: -5 * year, max: 235 * year }), fc.nat(22), fc.nat(9), (ms, at, digit) => {
        const text = new Date(ms).toISOString().slice(0, TIMESTAMP_BYTES);
        const changed = `${text.slice(0, at)}${digit}${text.slice(at + 1)}`;
        for (const one of [text, changed]) {
          const nanoseconds = timestampAt(Buffer.from(`..${one}..`), 2);
          if (nanoseconds !== null) expect(nanoseconds).toBe(parseTimestamp(one));
        }
        const usual = ms >= 0 && ms < 230 * year && text.slice(5, 10) !== '02-29';
        if (usual) expect(timestampAt(Buffer.from(text), 0)).toBe(BigInt(ms) * 1_000_000n);
      }),
      { numRuns: 5000 },
    );
  });
});
