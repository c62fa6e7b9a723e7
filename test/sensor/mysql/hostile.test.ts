// MySQL bytes that are lost, out of order or broken, and connections under way. Enters: such streams; leaves: never silence.
import { describe, expect, it } from 'vitest';
import { mysqlParser } from '../../../src/sensor/mysql/parser.ts';
import * as b from '../../support/mysql-bytes.ts';
import { only, Parse } from '../../support/parse.ts';
import { connected } from './connected.ts';

const join = (...parts: readonly Buffer[]): Buffer => Buffer.concat(parts);

describe('lost bytes', () => {
  it('of the client make reading begin again with a whole command, and nobody known', () => {
    const emitted = connected()
      .send('orig', b.query('select 1').subarray(0, 6))
      .lose('orig', 30)
      .send('orig', 'the middle of a command')
      .send('orig', b.query('select 2'))
      .send('resp', b.resultSet(['a'], [['2']]))
      .end();
    expect(emitted).toMatchObject([
      { kind: 'analysis-lost', cause: 'midstream', lasting: false },
      { kind: 'sql-statement', text: 'select 2', user: null, database: null },
      { kind: 'sql-result', request: 1, rowCount: 1 },
    ]);
  });

  it('of the server leave its answer out, and the next one is matched again', () => {
    const emitted = connected()
      .send('orig', b.query('select 1'))
      .send('resp', b.resultSet(['a'], [['1']]).subarray(0, 20))
      .lose('resp', 30)
      .send('resp', b.eof(9))
      .send('orig', b.query('select 2'))
      .send('resp', b.ok(1, { affected: 2 }))
      .end();
    expect(only(emitted, 'sql-result')).toMatchObject([{ request: 2, affected: 2 }]);
    expect(only(emitted, 'analysis-lost').every(({ lasting }) => !lasting)).toBe(true);
  });

  it('of the server, with several answers outstanding, end the analysis', () => {
    const emitted = connected()
      .send('orig', join(b.query('select 1'), b.query('select 2')))
      .lose('resp', 30)
      .send('resp', b.ok(1))
      .end();
    expect(emitted.at(-1)).toMatchObject({ cause: 'gap', lasting: true });
  });

  it('within a row lose that row and those after it, and count them', () => {
    const head = join(b.packet(1, b.int8(1)), b.column(2, 'a'), b.eof(3), b.row(4, '1'));
    const long = b.row(5, 'x'.repeat(100));
    const emitted = connected()
      .send('orig', b.query('select a'))
      .send('resp', join(head, long.subarray(0, 20)))
      .lose('resp', 50)
      .send('resp', join(long.subarray(70), b.row(6, '3'), b.eof(7)))
      .end();
    expect(only(emitted, 'sql-result')).toMatchObject([{ rowCount: 3, rows: [[{ text: '1' }]] }]);
    expect(only(emitted, 'analysis-lost')).toMatchObject([{ cause: 'gap', lasting: false }]);
  });

  it('of a login end the analysis', () => {
    const emitted = new Parse(mysqlParser).send('resp', b.greeting()).lose('orig', 20).end();
    expect(emitted).toEqual([]);
    const middle = new Parse(mysqlParser)
      .send('resp', b.greeting())
      .send('orig', b.login())
      .lose('resp', 20)
      .end();
    expect(middle).toMatchObject([{ cause: 'gap', lasting: true }]);
  });
});

describe('a connection that is read from the middle', () => {
  const midstream = (): Parse => new Parse(mysqlParser, { midstream: true });

  it.each([true, false])('takes from the answers whether there are EOF packets (%s)', (deprecated) => {
    const emitted = midstream()
      .send('orig', b.prepare('select ?'))
      .send('resp', b.prepared(7, 1, ['a'], deprecated))
      .send('orig', b.execute(7, [{ type: 3, bytes: b.int32(1) }]))
      .send(
        'resp',
        join(b.packet(1, b.int8(1)), b.column(2, 'a', { type: 3 }), deprecated ? Buffer.alloc(0) : b.eof(3)),
      )
      .send(
        'resp',
        join(b.packet(4, Buffer.of(0, 0), b.int32(5)), deprecated ? b.ok(5, { header: 0xfe }) : b.eof(5)),
      )
      .send('orig', b.query('select 2'))
      .send('resp', b.resultSet(['a'], [['2']], { deprecated }))
      .end();
    expect(only(emitted, 'analysis-lost')).toEqual([]);
    expect(only(emitted, 'sql-statement')).toMatchObject([
      { user: null, parameters: [{ text: '1' }] },
      { text: 'select 2' },
    ]);
    expect(only(emitted, 'sql-result').map(({ request, rows }) => [request, rows[0]?.[0]])).toEqual([
      [1, { type: 'number', text: '5' }],
      [2, { type: 'text', text: '2' }],
    ]);
  });

  it('reads a login that comes after all', () => {
    const emitted = midstream()
      .send('resp', b.greeting())
      .send('orig', b.login())
      .send('resp', b.ok(2))
      .end();
    expect(emitted).toMatchObject([{ kind: 'sql-session', user: 'app' }]);
  });

  it('gives the rest of an older answer to nobody', () => {
    const emitted = midstream()
      .send('resp', b.row(7, 'rest'))
      .send('orig', b.query('select 1'))
      .send('resp', join(b.row(8, 'rest'), b.eof(9)))
      .send('resp', b.ok(1))
      .end();
    expect(only(emitted, 'sql-result')).toMatchObject([{ request: 1, rowCount: 0 }]);
  });

  it('is not sure of characters, as nobody said which they are', () => {
    const ambiguities = (text: string) =>
      only(midstream().send('orig', b.query(text)).end(), 'sql-statement')[0]?.ambiguities.length;
    expect([ambiguities("'plain'"), ambiguities("'Zoë'"), ambiguities("'\\'")]).toEqual([0, 1, 1]);
  });

  it('sees attributes before a query', () => {
    const parse = midstream().send('orig', b.command(0x03, Buffer.of(0, 1), Buffer.from('select 1')));
    expect(only(parse.end(), 'sql-statement')).toMatchObject([{ text: 'select 1' }]);
  });
});

describe('broken packets', () => {
  it.each([
    ['a command that is not numbered 0', b.packet(3, Buffer.from('\x03select 1'))],
    ['a command without a byte', b.packet(0)],
    [
      'a continuation with another number',
      join(b.query('x'.repeat(0xff_ffff)).subarray(0, 0x100_0003), b.packet(7)),
    ],
  ])('of the client end the analysis: %s', (_, bytes) => {
    const emitted = connected().send('orig', bytes).send('orig', b.query('select 1')).end();
    expect(emitted.at(-1)).toMatchObject({ cause: 'malformed', lasting: true });
    expect(only(emitted, 'sql-statement')).toEqual([]);
  });

  it.each([
    ['an answer to nothing', '', b.ok(1)],
    ['neither OK nor a result set', 'select', b.packet(1, Buffer.of(1, 2, 3))],
    [
      'a column definition that is none',
      'select',
      join(b.packet(1, b.int8(1)), b.packet(2, b.lenenc('def'))),
    ],
    [
      'a row of another width',
      'select',
      join(b.packet(1, b.int8(1)), b.column(2, 'a'), b.eof(3), b.row(4, '1', '2')),
    ],
  ])('of the server end it too: %s', (_, asked, bytes) => {
    const parse = connected();
    if (asked !== '') parse.send('orig', b.query(asked));
    expect(parse.send('resp', bytes).end().at(-1)).toMatchObject({ cause: 'malformed', lasting: true });
  });

  it('of the server with an unexpected number are an ambiguity', () => {
    const emitted = connected().send('orig', b.query('select 1')).send('resp', b.ok(9)).end();
    expect(emitted).toMatchObject([
      { kind: 'sql-statement' },
      { kind: 'ambiguity', code: 'sql-message' },
      { kind: 'sql-result', request: 1 },
    ]);
  });

  it('give a result of their own when the server says goodbye', () => {
    expect(connected().send('resp', b.error(0, 4031)).end()).toMatchObject([
      { kind: 'sql-result', request: null, code: '4031' },
    ]);
  });

  it('of a client that never waits for answers end the analysis', () => {
    const parse = connected({ limits: { pipeline: 4 } });
    for (let index = 0; index < 10; index += 1) parse.send('orig', b.query('select 1'));
    expect(parse.end().at(-1)).toMatchObject({ cause: 'limit', lasting: true });
  });

  it('are those that the stream ends within', () => {
    expect(connected().send('orig', b.query('select 1').subarray(0, 7)).end('fin')).toMatchObject([
      { cause: 'malformed', lasting: true },
    ]);
    expect(connected().send('orig', b.query('select 1').subarray(0, 7)).end('rst')).toEqual([]);
  });
});
