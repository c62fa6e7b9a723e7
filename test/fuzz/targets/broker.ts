// Messages of Zeek's WebSocket API. Enters: frames; leaves: the same message from all readers, and again from what is written of it.
import { isDeepStrictEqual } from 'node:util';
import { BrokerError } from '../../../src/broker/failure.ts';
import {
  type Message,
  MessageReader,
  readMessage,
  readPlainEvent,
  writeEvent,
} from '../../../src/broker/message.ts';
import { Cursor } from '../../../src/broker/value/cursor.ts';
import { ValueReader } from '../../../src/broker/value/read.ts';
import { readRecording, recordings } from '../../support/recording.ts';
import { VECTORS } from '../../support/zeek-values.ts';
import { texts } from '../seeds.ts';
import { Mismatch, type Target } from '../target.ts';
import { weigh } from '../weigh.ts';

function sliced(frame: Uint8Array): Message {
  const reader = new MessageReader(frame);
  for (;;) {
    const message = reader.run(16);
    if (message !== null) return message;
  }
}

/** What was read, written and read again, is the same; what cannot be sent says so. */
function writeAnew(message: Message): void {
  if (message.kind !== 'event') return;
  const { topic, name, args, metadata } = message;
  let frame: Uint8Array;
  try {
    frame = writeEvent({ topic, name, args, metadata }, 1 << 24).bytes;
  } catch (error) {
    if (error instanceof BrokerError && error.code === 'broker-unsendable') return;
    throw error;
  }
  const again = readMessage(frame);
  if (again.kind !== 'event' || !isDeepStrictEqual(again.args, args) || again.name !== name)
    throw new Mismatch('written and read again, it is another');
}

function readValue(bytes: Uint8Array): unknown {
  try {
    const reader = new ValueReader(new Cursor(bytes));
    reader.run(Number.POSITIVE_INFINITY);
    return reader.value;
  } catch (error) {
    if (error instanceof BrokerError) return null;
    throw error;
  }
}

export async function load(): Promise<Target> {
  const frames = recordings()
    .filter((_, index) => index % 6 === 0)
    .flatMap((name) =>
      readRecording(name)
        .frames.filter((frame) => frame.length < 4000)
        .slice(0, 12),
    );
  const values = VECTORS.map(([type, data]) => `{"@data-type":"${type}","data":${data}}`);
  return {
    name: 'broker',
    covers: ['broker/message', 'broker/value/'],
    tags: 1,
    longest: 65_536,
    expansion: 200,
    dictionary: [
      ...values,
      '"@data-type":',
      '"data":',
      '"type":"data-message"',
      '"topic":',
      '\\u0000',
      '\\ud83d',
      '\\ude00',
      '\\v',
      '"',
      '\\',
      '[',
      ']',
      '{',
      '}',
      ',',
      ':',
      ' ',
      '\xff',
      '\xc3\xa9',
      '-',
      '1e400',
      'nan',
      '::/0',
      '1970-01-01T00:00:01.000',
    ],
    seeds: [
      ...texts(...frames),
      ...texts(...values.map((value) => `{"type":"data-message","topic":"/a",${value.slice(1)}`)),
      ...texts(
        '{"type":"ack","endpoint":"a","version":"8.0.0"}',
        '{"type":"error","code":"invalid_topic","context":"x"}',
        ` { "topic" : "t" , "type" : "data-message" , "@data-type":"vector","data":[${values.join(',')}] } `,
      ),
    ],
    run(input) {
      let made = 0;
      for (const { bytes } of input) {
        const frame = Buffer.from(bytes);
        const message = readMessage(frame);
        const plain = readPlainEvent(frame);
        if (plain !== null && !isDeepStrictEqual(plain, message))
          throw new Mismatch('the plain reader reads another');
        const pieces = sliced(frame);
        if (!isDeepStrictEqual(pieces, message)) throw new Mismatch('read in slices, it is another');
        writeAnew(message);
        readValue(frame);
        made += weigh(message);
      }
      return made;
    },
  };
}
