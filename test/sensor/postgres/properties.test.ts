// PostgreSQL streams cut, changed and made up. Enters: a conversation with all kinds of messages; leaves: the same events, no crash.
import { describe, expect, it } from 'vitest';
import { postgresParser } from '../../../src/sensor/postgres/parser.ts';
import { only } from '../../support/parse.ts';
import * as b from '../../support/postgres-bytes.ts';
import { expectChunkingDoesNotMatter, expectNothingBreaks, play, type Turn } from '../../support/turns.ts';

const join = (...messages: readonly Buffer[]): Buffer => Buffer.concat(messages);

const CONVERSATION: readonly Turn[] = [
  ['orig', b.SSL_REQUEST],
  ['resp', Buffer.from('N')],
  ['orig', b.startup({ user: 'app', database: 'shop', application_name: 'x' })],
  ['resp', b.ASK_PASSWORD],
  ['orig', b.password('secret')],
  ['resp', b.WELCOME],
  ['orig', b.query('select 1; select 2')],
  [
    'resp',
    join(b.columns(['a', 23]), b.row('1'), b.complete('SELECT 1'), b.columns(['b', 25]), b.row('Zoë')),
  ],
  ['resp', join(b.complete('SELECT 1'), b.ready())],
  ['orig', join(b.parse('s', 'select $1, $2', [23]), b.describe('S', 's'), b.FLUSH)],
  ['resp', join(b.PARSED, b.parameters(23, 1700), b.columns(['a', 23], ['b', 1700]))],
  [
    'orig',
    join(b.bind({ statement: 's', portal: 'p', values: [b.int32(7), '3.5'], formats: [1, 0], results: [1] })),
  ],
  ['orig', join(b.execute('p', 1), b.execute('p', 1), b.SYNC)],
  ['resp', join(b.BOUND, b.row(b.int32(7), null), b.SUSPENDED, b.complete('SELECT 0'), b.ready('T'))],
  ['orig', join(b.close('P', 'p'), b.parse('', 'select nope'), b.bind({}), b.execute(), b.SYNC)],
  ['resp', join(b.CLOSED, b.error('42703'), b.ready('E'))],
  ['orig', b.query('rollback')],
  ['resp', join(b.complete('ROLLBACK'), b.ready())],
  ['orig', b.query('copy t from stdin')],
  ['resp', b.message('G', Buffer.of(0), b.int16(0))],
  ['orig', join(b.message('d', Buffer.from('1\n')), b.message('c'))],
  ['resp', join(b.complete('COPY 1'), b.ready())],
  ['orig', b.query('copy t to stdout')],
  [
    'resp',
    join(b.message('H', Buffer.of(0), b.int16(0)), b.message('d', Buffer.from('1\n')), b.message('c')),
  ],
  ['resp', join(b.complete('COPY 1'), b.ready())],
  ['orig', b.TERMINATE],
];

describe('a PostgreSQL stream', () => {
  it('is read alike however it is cut', () => {
    const events = play(postgresParser, CONVERSATION);
    expect(only(events, 'analysis-lost')).toEqual([]);
    expect(only(events, 'sql-statement')).toHaveLength(6);
    expectChunkingDoesNotMatter(postgresParser, CONVERSATION);
  });

  it('breaks nothing when it is changed, cut or made up', () => {
    expectNothingBreaks(postgresParser, CONVERSATION);
  });

  it('costs time in proportion to its length, also in the worst cases', () => {
    const many = (count: number, message: Buffer): Buffer =>
      Buffer.concat(Array<Buffer>(count).fill(message));
    const login: readonly Turn[] = [
      ['orig', b.startup({ user: 'u' })],
      ['resp', b.WELCOME],
    ];
    const texts = [
      '$a$'.repeat(30_000),
      '/*'.repeat(50_000),
      "''".repeat(50_000),
      ';'.repeat(100_000),
      '\\x'.repeat(50_000),
    ];
    const started = process.cpuUsage().user;
    for (const text of texts) play(postgresParser, [...login, ['orig', b.query(`prepare ${text}`)]]);
    play(postgresParser, [...login, ['orig', many(20_000, join(b.parse('', 'x'), b.SYNC))]]);
    play(postgresParser, [...login, ['orig', b.query('x'.repeat(200_000))]], [1]);
    expect(process.cpuUsage().user - started).toBeLessThan(10_000_000);
  });
});
