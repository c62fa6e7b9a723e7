// AMQP 0-9-1 streams. Enters: turns; leaves: events.
import { amqpParser } from '../../../src/sensor/amqp/parser.ts';
import * as b from '../../support/amqp-bytes.ts';
import { conversations, piece } from '../seeds.ts';
import type { Target } from '../target.ts';
import { converse, STREAM_TAGS } from './streams.ts';

export async function load(): Promise<Target> {
  const table = b.table(
    ['a', 'S', b.longString('x')],
    ['t', 'F', b.table(['b', 't', b.octet(1)])],
    ['l', 'l', b.longlong(7n)],
  );
  return {
    name: 'amqp',
    covers: ['sensor/amqp/'],
    tags: STREAM_TAGS,
    longest: 65_536,
    expansion: 200,
    dictionary: [
      b.PROTOCOL_HEADER,
      '\xce',
      b.frame(8, 0, Buffer.alloc(0)),
      b.publish(1, 'rentals', 'rental.created', '{"a":1}'),
      b.contentHeader(1, 5),
      b.contentHeader(1, 5, 0xfffe),
      b.body(1, 'hello'),
      b.frame(1, 1, Buffer.of(0, 60, 0, 60)),
      table,
      b.method(1, 60, 70, b.short(0), b.shortString('q'), b.octet(0)),
      b.method(1, 60, 80, b.longlong(1n), b.octet(0)),
      b.method(
        1,
        60,
        60,
        b.shortString('tag'),
        b.longlong(1n),
        b.octet(0),
        b.shortString('e'),
        b.shortString('k'),
      ),
      b.method(1, 50, 10, b.short(0), b.shortString('q'), b.octet(0), table),
      b.method(1, 20, 40, b.short(200), b.shortString('bye'), b.long(0)),
      b.method(1, 85, 10, b.octet(0)),
      b.method(1, 90, 10),
      b.method(1, 60, 120, b.longlong(1n), b.octet(1)),
      'F',
      'A',
      'S',
      'x',
      'D',
      'T',
      '\0\0\0\0',
      '\xff\xff\xff\xff',
    ],
    seeds: [
      ...(await conversations('amqp')),
      [
        piece(b.PROTOCOL_HEADER),
        piece(b.method(1, 50, 10, b.short(0), b.shortString('q'), b.octet(2), table)),
        piece(b.publish(1, 'rentals', 'rental.created', '{"user":"alice"}', ',"b":2')),
        piece(
          b.method(1, 60, 71, b.longlong(9n), b.octet(0), b.shortString('e'), b.shortString('k'), b.long(0)),
          1,
        ),
        piece(
          Buffer.concat([
            b.contentHeader(1, 3, 0xa000, b.shortString('application/json'), table),
            b.body(1, 'abc'),
          ]),
          1,
        ),
        piece(b.method(1, 60, 80, b.longlong(9n), b.octet(0))),
      ],
    ],
    run: (input) => converse(amqpParser, input),
  };
}
