// PostgreSQL streams (protocol 3). Enters: turns; leaves: events.
import { postgresParser } from '../../../src/sensor/postgres/parser.ts';
import * as b from '../../support/postgres-bytes.ts';
import { conversations, piece } from '../seeds.ts';
import type { Target } from '../target.ts';
import { converse, MIDSTREAM, STREAM_TAGS } from './streams.ts';

export async function load(): Promise<Target> {
  const start = [
    piece(b.startup({ user: 'app', database: 'shop' })),
    piece(b.ASK_PASSWORD, 1),
    piece(b.password('secret')),
    piece(b.WELCOME, 1),
  ];
  const copyIn = b.message('G', Buffer.of(0), b.int16(0));
  return {
    name: 'postgres',
    covers: ['sensor/postgres/', 'sensor/sql/'],
    tags: STREAM_TAGS,
    longest: 65_536,
    expansion: 400,
    dictionary: [
      b.SSL_REQUEST,
      b.GSS_REQUEST,
      b.cancel(1, 2),
      b.startup({ user: 'a' }),
      b.query('select 1'),
      b.parse('s', 'select $1', [23]),
      b.bind({ statement: 's', portal: 'p', values: [b.int32(7)], formats: [1] }),
      b.describe('S', 's'),
      b.describe('P', 'p'),
      b.execute('p', 1),
      b.close('S', 's'),
      b.SYNC,
      b.FLUSH,
      b.TERMINATE,
      b.AUTHENTICATION_OK,
      b.KEY_DATA,
      b.ready('T'),
      b.ready('E'),
      b.ready(),
      b.PARSED,
      b.BOUND,
      b.CLOSED,
      b.NO_DATA,
      b.SUSPENDED,
      b.EMPTY,
      b.complete('SELECT 1'),
      b.error('42703'),
      b.error('28P01', 'FATAL'),
      b.parameters(23, 1700),
      b.row('1', null),
      b.row(b.int32(7)),
      b.columns(['a', 23, 1], ['b', 1700, 1]),
      b.parameterStatus('client_encoding', 'LATIN1'),
      copyIn,
      b.message('d', Buffer.from('1\n')),
      b.message('c'),
      b.message('f', Buffer.from('no\0')),
      b.message('F', b.int32(1), b.int16(0)),
      'S',
      'N',
      '\0\0\0\x04',
      '\x7f\xff\xff\xff',
      '\xff\xff\xff\xff',
      b.query('set client_encoding to latin1; set standard_conforming_strings to off'),
      b.query('begin; commit'),
    ],
    seeds: [
      ...(await conversations('postgres')),
      [
        ...start,
        piece(Buffer.concat([b.parse('s', 'select $1, $2', [23, 1700]), b.describe('S', 's'), b.FLUSH])),
        piece(Buffer.concat([b.PARSED, b.parameters(23, 1700), b.columns(['a', 23], ['b', 1700])]), 1),
        piece(
          b.bind({ statement: 's', portal: 'p', values: [b.int32(7), '3.5'], formats: [1, 0], results: [1] }),
        ),
        piece(Buffer.concat([b.execute('p', 1), b.execute('p', 1), b.SYNC])),
        piece(
          Buffer.concat([
            b.BOUND,
            b.row(b.int32(7), null),
            b.SUSPENDED,
            b.complete('SELECT 0'),
            b.ready('T'),
          ]),
          1,
        ),
        piece(b.query('copy t from stdin')),
        piece(copyIn, 1),
        piece(Buffer.concat([b.message('d', Buffer.from('1\n')), b.message('c')])),
        piece(Buffer.concat([b.complete('COPY 1'), b.ready()]), 1),
        piece(b.TERMINATE),
      ],
      [
        piece(b.query('select 1'), MIDSTREAM),
        piece(Buffer.concat([b.columns(['a', 23]), b.row('1'), b.complete('SELECT 1'), b.ready()]), 1),
      ],
    ],
    run: (input) => converse(postgresParser, input),
  };
}
