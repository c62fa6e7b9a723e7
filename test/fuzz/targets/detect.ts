// Which protocol a flow speaks, and the flow read by whichever parser that is. Enters: turns, a port; leaves: events.

import type { ParserContext, StreamParser } from '../../../src/sensor/parser.ts';
import { PARSERS } from '../../../src/sensor/parsers.ts';
import { selectParser } from '../../../src/sensor/select.ts';
import * as mysql from '../../support/mysql-bytes.ts';
import * as postgres from '../../support/postgres-bytes.ts';
import { conversations, piece } from '../seeds.ts';
import type { Target } from '../target.ts';
import { converse, STREAM_TAGS } from './streams.ts';

/** What is known of the port, by the tag of the first piece. */
const PORTS = [
  { port: 9, hints: [] },
  { port: 80, hints: [] },
  { port: 5672, hints: [] },
  { port: 5432, hints: [] },
  { port: 3306, hints: [] },
  { port: 1, hints: [['*:1', 'http']] },
  { port: 1, hints: [['192.0.2.2:1', 'mysql']] },
  { port: 1, hints: [['*:1', 'postgres']] },
] as const;

const FOREIGN = [
  '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03',
  'SSH-2.0-OpenSSH_9.6\r\n',
  'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
  '*1\r\n$4\r\nPING\r\n',
  '220 mail ESMTP\r\n',
  'AMQP\0\x01\0\0',
  'AMQP\x03\x01\0\0',
  '\x10\x0c\0\x04MQTT',
  '\0\0\0\x08\x04\xd2\x16\x2f',
  'GET / HTTP/1.1\r\n',
  'HTTP/1.1 200 OK\r\n',
  '\r\n',
  '\0',
];

export async function load(): Promise<Target> {
  const captured = await Promise.all(
    (['http', 'amqp', 'postgres', 'mysql'] as const).map((each) => conversations(each)),
  );
  const open = (context: ParserContext, tag: number) => {
    const { port, hints } = PORTS[(tag >> 5) % PORTS.length] ?? PORTS[0];
    const flow = { ...context.flow, resp: { ...context.flow.resp, port } };
    const reader = selectParser(new Map(hints), PARSERS).open({ ...context, flow }, () => {});
    const parser: StreamParser = {
      protocol: 'http',
      data: (side, offset, bytes) => reader.data(side, offset, bytes),
      elided: (side, offset, length) => reader.elided(side, offset, length),
      lost: (side, offset, length) => reader.lost(side, offset, length),
      end: (side, how) => reader.end(side, how),
    };
    return parser;
  };
  return {
    name: 'detect',
    covers: ['sensor/detect/', 'sensor/undecided', 'sensor/select'],
    tags: STREAM_TAGS * PORTS.length,
    longest: 16_384,
    expansion: 400,
    dictionary: [...FOREIGN, mysql.greeting(), postgres.SSL_REQUEST, postgres.startup({ user: 'a' })],
    seeds: [
      ...captured.flatMap((inputs) => inputs.slice(0, 3)),
      ...FOREIGN.flatMap((text) => [[piece(text)], [piece(text, 1)], [piece('x', 8), piece(text)]]),
    ],
    // Where segments begin is something to go by here: cut otherwise, a flow may be taken for another.
    run: (input) => converse(open, input, 'none'),
  };
}
