// MySQL streams. Enters: turns; leaves: events.
import { mysqlParser } from '../../../src/sensor/mysql/parser.ts';
import * as b from '../../support/mysql-bytes.ts';
import { conversations, piece } from '../seeds.ts';
import type { Target } from '../target.ts';
import { converse, MIDSTREAM, STREAM_TAGS } from './streams.ts';

const VALUES: readonly b.Bound[] = [
  { type: 3, bytes: b.int32(1) },
  { type: 253, bytes: b.lenenc('Zoë') },
  { type: 12, bytes: Buffer.of(7, 0xe8, 7, 2, 29, 12, 34, 56) },
  { type: 6, bytes: null },
];

export async function load(): Promise<Target> {
  const flags = b.USUAL | b.SESSION_TRACK | b.DEPRECATE_EOF;
  const start = [
    piece(b.greeting(), 1),
    piece(b.login({ flags, attributes: { _client_name: 'x' } })),
    piece(b.ok(2), 1),
  ];
  return {
    name: 'mysql',
    covers: ['sensor/mysql/', 'sensor/sql/'],
    tags: STREAM_TAGS,
    longest: 65_536,
    expansion: 400,
    dictionary: [
      b.greeting(),
      b.login({ flags }),
      b.ok(1),
      b.ok(2),
      b.ok(1, { header: 0xfe }),
      b.eof(3),
      b.eof(5, 0x42),
      b.error(1, 1054),
      b.query('select 1'),
      b.prepare('select ?'),
      b.prepared(7, 1, ['a'], true),
      b.prepared(7, 1, ['a'], false),
      b.execute(7, VALUES),
      b.execute(7, VALUES, { types: false }),
      b.resultSet(['a'], [['1']]),
      b.resultSet(['b'], [[null]], { deprecated: true, status: b.MORE_RESULTS }),
      b.row(4, 'x', null),
      b.column(2, 'a'),
      ...[0x01, 0x02, 0x04, 0x09, 0x0e, 0x11, 0x19, 0x1a, 0x1b, 0x1c, 0x1f].map((code) =>
        b.command(code, b.int32(7)),
      ),
      b.command(0x18, b.int32(7), b.int16(0), Buffer.from('x')),
      b.packet(1, b.int8(0xfb), Buffer.from('x')),
      b.packet(2),
      b.packet(255, b.int8(0)),
      '\xfb',
      '\xfc\xff\xff',
      '\xfd\xff\xff\xff',
      '\xfe\xff\xff\xff\xff\xff\xff\xff\xff',
      '\xff\xff\xff\0',
      "set names 'sjis'",
      '/*!50000 ',
      '?',
      ';',
    ],
    seeds: [
      ...(await conversations('mysql')),
      [
        ...start,
        piece(b.query('select 1; select 2')),
        piece(b.resultSet(['a'], [['1']], { deprecated: true, status: b.MORE_RESULTS }), 1),
        piece(b.resultSet(['b'], [['Zoë'], [null]], { deprecated: true, first: 5 }), 1),
        piece(b.prepare('insert into t values (?, ?, ?, ?)')),
        piece(b.prepared(7, 4, ['a'], true), 1),
        piece(b.command(0x18, b.int32(7), b.int16(1), Buffer.from('ahead'))),
        piece(Buffer.concat([b.execute(7, VALUES), b.query('select nope')])),
        piece(Buffer.concat([b.ok(1, { affected: 1 }), b.error(1, 1054)]), 1),
        piece(b.query("load data local infile 'x' into table t")),
        piece(b.packet(1, b.int8(0xfb), Buffer.from('x')), 1),
        piece(Buffer.concat([b.packet(2, Buffer.from('1\n')), b.packet(3)])),
        piece(b.ok(4, { affected: 1 }), 1),
        piece(Buffer.concat([b.command(0x19, b.int32(7)), b.command(0x1f), b.command(0x01)])),
        piece(b.ok(1), 1),
      ],
      [piece(b.query('select 1'), MIDSTREAM), piece(b.resultSet(['a'], [['1']]), 1)],
    ],
    run: (input) => converse(mysqlParser, input),
  };
}
