// MySQL streams cut, changed and made up. Enters: conversations with all kinds of messages; leaves: the same events, no crash.
import { describe, expect, it } from 'vitest';
import { mysqlParser } from '../../../src/sensor/mysql/parser.ts';
import * as b from '../../support/mysql-bytes.ts';
import { only } from '../../support/parse.ts';
import { expectChunkingDoesNotMatter, expectNothingBreaks, play, type Turn } from '../../support/turns.ts';

const join = (...parts: readonly Buffer[]): Buffer => Buffer.concat(parts);

function conversation(deprecated: boolean): readonly Turn[] {
  const flags = b.USUAL | b.SESSION_TRACK | (deprecated ? b.DEPRECATE_EOF : 0);
  const end = (sequence: number) => (deprecated ? b.ok(sequence, { header: 0xfe }) : b.eof(sequence));
  const values: readonly b.Bound[] = [
    { type: 3, bytes: b.int32(1) },
    { type: 253, bytes: b.lenenc('Zoë') },
    { type: 12, bytes: Buffer.of(7, 0xe8, 7, 2, 29, 12, 34, 56) },
    { type: 6, bytes: null },
  ];
  return [
    ['resp', b.greeting()],
    ['orig', b.login({ flags, attributes: { _client_name: 'x' } })],
    ['resp', b.ok(2)],
    ['orig', b.query('select 1; select 2')],
    ['resp', b.resultSet(['a'], [['1']], { deprecated, status: b.MORE_RESULTS })],
    ['resp', b.resultSet(['b'], [['Zoë'], [null]], { deprecated, first: deprecated ? 5 : 6 })],
    ['orig', b.prepare('insert into t values (?, ?, ?, ?)')],
    ['resp', b.prepared(7, 4, ['a'], deprecated)],
    ['orig', b.command(0x18, b.int32(7), b.int16(1), Buffer.from('ahead'))],
    ['orig', join(b.execute(7, values), b.query('select nope'))],
    ['resp', join(b.ok(1, { affected: 1 }), b.error(1, 1054))],
    ['orig', b.execute(7, values, { types: false })],
    [
      'resp',
      join(b.packet(1, b.int8(1)), b.column(2, 'a', { type: 3 }), deprecated ? Buffer.alloc(0) : b.eof(3)),
    ],
    ['resp', join(b.packet(deprecated ? 3 : 4, Buffer.of(0, 0), b.int32(5)), end(deprecated ? 4 : 5))],
    ['orig', b.command(0x02, Buffer.from('other'))],
    ['resp', b.ok(1, { state: join(b.int8(1), b.lenenc(b.lenenc('other'))) })],
    ['orig', b.query("load data local infile 'x' into table t")],
    ['resp', b.packet(1, b.int8(0xfb), Buffer.from('x'))],
    ['orig', join(b.packet(2, Buffer.from('1\n')), b.packet(3))],
    ['resp', b.ok(4, { affected: 1 })],
    ['orig', join(b.command(0x19, b.int32(7)), b.command(0x1f))],
    ['resp', b.ok(1)],
    ['orig', b.command(0x01)],
  ];
}

describe.each([true, false])('a MySQL stream (EOF packets deprecated: %s)', (deprecated) => {
  const turns = conversation(deprecated);

  it('is read alike however it is cut', () => {
    const events = play(mysqlParser, turns);
    expect(events.filter(({ kind }) => kind === 'analysis-lost' || kind === 'ambiguity')).toEqual([]);
    expect(only(events, 'sql-statement')).toHaveLength(5);
    expectChunkingDoesNotMatter(mysqlParser, turns);
  });

  it('breaks nothing when it is changed, cut or made up', () => {
    expectNothingBreaks(mysqlParser, turns);
  });
});

describe('a MySQL stream', () => {
  it('costs time in proportion to its length, also in the worst cases', () => {
    const login = conversation(false).slice(0, 3);
    const started = process.cpuUsage().user;
    for (const text of ['/*!', '/*', "''", ';', '\\', '`', '"', '-- \n', '? '].map((part) =>
      part.repeat(60_000),
    )) {
      play(mysqlParser, [...login, ['orig', b.query(`set names ${text}`)], ['orig', b.prepare(text)]]);
    }
    play(mysqlParser, [...login, ['orig', b.query('x'.repeat(200_000))]], [1]);
    const piece = b.command(0x18, b.int32(7), b.int16(0), Buffer.from('x'));
    const pieces = Buffer.concat(Array<Buffer>(50_000).fill(piece));
    play(mysqlParser, [...login, ['orig', b.prepare('do ?')], ['resp', b.prepared(7, 1)], ['orig', pieces]]);
    expect(process.cpuUsage().user - started).toBeLessThan(10_000_000);
  });
});
