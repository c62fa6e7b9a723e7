// AMQP field tables. Enters: a table's bytes; leaves: values, or the reader's own refusal.
import { FieldReader, MalformedFrame } from '../../../src/sensor/amqp/fields.ts';
import * as b from '../../support/amqp-bytes.ts';
import { piece, texts } from '../seeds.ts';
import { Mismatch, type Target } from '../target.ts';
import { weigh } from '../weigh.ts';

const deep = (depth: number): Buffer => (depth === 0 ? b.table() : b.table(['k', 'F', deep(depth - 1)]));

export async function load(): Promise<Target> {
  const all = b.table(
    ['t', 't', b.octet(1)],
    ['b', 'b', b.octet(255)],
    ['B', 'B', b.octet(255)],
    ['s', 's', b.short(1)],
    ['u', 'u', b.short(1)],
    ['I', 'I', b.long(1)],
    ['i', 'i', b.long(1)],
    ['l', 'l', b.longlong(1n)],
    ['f', 'f', b.long(0)],
    ['d', 'd', b.longlong(0n)],
    ['D', 'D', Buffer.of(2, 0, 0, 1, 0)],
    ['S', 'S', b.longString('x')],
    ['x', 'x', b.longString('y')],
    ['A', 'A', b.longString(Buffer.from('tAS\0\0\0\0'))],
    ['T', 'T', b.longlong(1n)],
    ['F', 'F', deep(2)],
    ['V', 'V', Buffer.alloc(0)],
  );
  return {
    name: 'fields',
    covers: ['sensor/amqp/fields'],
    tags: 1,
    longest: 65_536,
    expansion: 100,
    dictionary: [
      't',
      'F',
      'A',
      'S',
      'x',
      'D\xff',
      'V',
      '\0\0\0\0',
      '\0\0\0\x05',
      '\xff\xff\xff\xff',
      '\x7f\xff\xff\xff',
      '\x01kF\0\0\0\x08',
      'A\0\0\0\x05',
      'D\xff\x80\0\0\0',
    ],
    seeds: [...texts(all, deep(31), deep(40), b.table()), [piece(Buffer.concat([all, all]))]],
    run(input) {
      const reader = new FieldReader(Buffer.concat(input.map(({ bytes }) => bytes)));
      let made = 0;
      try {
        while (reader.rest > 0) {
          const before = reader.rest;
          made += weigh(reader.table());
          if (reader.rest >= before) throw new Mismatch('a table that takes no bytes');
        }
      } catch (error) {
        if (!(error instanceof MalformedFrame)) throw error;
      }
      return made;
    },
  };
}
