// Simple queries, COPY and function calls of PostgreSQL. Enters: messages of both sides; leaves: statements and their results.
import { describe, expect, it } from 'vitest';
import { postgresParser } from '../../../src/sensor/postgres/parser.ts';
import { only, Parse } from '../../support/parse.ts';
import * as b from '../../support/postgres-bytes.ts';
import { connected } from './connected.ts';

const INT4 = 23;
const answer = (...messages: readonly Buffer[]): Buffer => Buffer.concat([...messages, b.ready()]);

describe('a simple query', () => {
  it('is a statement, and its rows are its result', () => {
    const parse = connected().send('orig', b.query('select a from t -- Zoë'));
    const rows = [b.columns(['a', INT4], ['b', 25]), b.row('1', 'x'), b.row(null, 'Zoë')];
    const emitted = parse.send('resp', answer(...rows, b.complete('SELECT 2'))).end();
    expect(emitted).toMatchObject([
      {
        kind: 'sql-statement',
        dialect: 'postgres',
        request: 1,
        via: 'text',
        text: 'select a from t -- Zoë',
        parameters: [],
        user: 'app',
        database: 'shop',
        ambiguities: [],
      },
      {
        kind: 'sql-result',
        request: 1,
        outcome: 'ok',
        code: null,
        columns: [
          { name: 'a', type: 'int4' },
          { name: 'b', type: 'text' },
        ],
        rows: [
          [
            { type: 'number', text: '1' },
            { type: 'text', text: 'x' },
          ],
          [{ type: 'null' }, { type: 'text', text: 'Zoë' }],
        ],
        rowCount: 2,
        affected: null,
        last: true,
      },
    ]);
  });

  it('keeps only the first rows, and counts all', () => {
    const parse = connected({ limits: { rows: 2 } }).send('orig', b.query('select 1'));
    const rows = [1, 2, 3, 4].map((value) => b.row(String(value)));
    const emitted = parse
      .send('resp', answer(b.columns(['a', INT4]), ...rows, b.complete('SELECT 4')), 7)
      .end();
    const [result] = only(emitted, 'sql-result');
    expect(result?.rowCount).toBe(4);
    expect(result?.rows).toEqual([[{ type: 'number', text: '1' }], [{ type: 'number', text: '2' }]]);
  });

  it('has a result for each of its statements, and the last one says so', () => {
    const emitted = connected()
      .send('orig', b.query('select 1; update t set a = 1; select 2'))
      .send(
        'resp',
        answer(b.columns(['a', INT4]), b.row('1'), b.complete('SELECT 1'), b.complete('UPDATE 7')),
      )
      .end();
    expect(only(emitted, 'sql-result')).toMatchObject([
      { request: 1, rowCount: 1, affected: null, last: false },
      { request: 1, rowCount: 0, affected: 7, last: true },
    ]);
  });

  it('ends with its error', () => {
    const emitted = connected()
      .send('orig', b.query('select 1; select 1/0; select 2'))
      .send('resp', answer(b.complete('SELECT 1'), b.error('22012')))
      .end();
    expect(only(emitted, 'sql-result')).toMatchObject([
      { outcome: 'ok', last: false },
      { outcome: 'error', code: '22012', last: true },
    ]);
  });

  it('may be empty, and may be one of several that wait', () => {
    const emitted = connected()
      .send('orig', Buffer.concat([b.query(''), b.query('delete from t'), b.query('begin')]))
      .send('resp', Buffer.concat([answer(b.EMPTY), answer(b.error('42P01')), answer(b.complete('BEGIN'))]))
      .end();
    expect(only(emitted, 'sql-result').map(({ request, code }) => [request, code])).toEqual([
      [1, null],
      [2, '42P01'],
      [3, null],
    ]);
  });

  it('is not disturbed by notices, notifications and settings', () => {
    const notice = b.message('N', b.cstring('SNOTICE'), Buffer.of(0));
    const notification = b.message('A', b.int32(1), b.cstring('x'), b.cstring('hi'));
    const emitted = connected()
      .send('orig', b.query('select 1'))
      .send(
        'resp',
        answer(
          notice,
          b.columns(['a', INT4]),
          notification,
          b.parameterStatus('TimeZone', 'UTC'),
          b.row('1'),
          b.complete('SELECT 1'),
        ),
      )
      .end();
    expect(only(emitted, 'sql-result')).toMatchObject([{ rowCount: 1, last: true }]);
  });

  it('that is not answered when the connection ends was still asked', () => {
    expect(connected().send('orig', b.query('select 1')).end('rst')).toHaveLength(1);
  });

  it('gives a result for an error that the server sends unasked', () => {
    expect(connected().send('resp', b.error('57P01', 'FATAL')).end()).toMatchObject([
      { kind: 'sql-result', request: null, outcome: 'error', code: '57P01' },
    ]);
  });
});

describe('values in text form', () => {
  it.each([
    [16, 't', 'boolean', 'true'],
    [16, ' FALSE', 'boolean', 'false'],
    [16, 'maybe', 'text', 'maybe'],
    [23, '-5', 'number', '-5'],
    [1700, '3.50', 'number', '3.50'],
    [1700, '12345678901234567890.10', 'number', '12345678901234567890.10'],
    [701, '1e-07', 'number', '0.0000001'],
    [701, '1e+300000', 'text', '1e+300000'],
    [701, '-inf', 'number', '-Infinity'],
    [17, '\\xDEad', 'bytes', 'dead'],
    [17, '\\x0', 'text', '\\x0'],
    [1082, '2024-02-29', 'time', '2024-02-29'],
    [1114, '2024-02-29 12:00:00.500', 'time', '2024-02-29T12:00:00.5'],
    [1184, '2024-03-01 01:30:00+05:30', 'time', '2024-02-29T20:00:00Z'],
    [1184, 'yesterday', 'text', 'yesterday'],
    [2950, 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11', 'text', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'],
    [999_999, 'anything', 'text', 'anything'],
  ])('type %i: %s is %s %s', (oid, sent, type, text) => {
    const emitted = connected()
      .send('orig', b.query('select v'))
      .send('resp', answer(b.columns(['v', oid]), b.row(sent), b.complete('SELECT 1')))
      .end();
    expect(only(emitted, 'sql-result')[0]?.rows).toEqual([[{ type, text }]]);
  });
});

describe('COPY', () => {
  const copyIn = b.message('G', Buffer.of(0), b.int16(0));
  const data = (text: string): Buffer => b.message('d', Buffer.from(text));

  it('into the server is one command with the number of bytes', () => {
    const emitted = connected()
      .send('orig', b.query('copy t from stdin'))
      .send('resp', copyIn)
      .send('orig', Buffer.concat([data('1\n'), data('2\n'), b.message('c')]), 5)
      .send('resp', answer(b.complete('COPY 2')))
      .end();
    expect(emitted.map(({ kind }) => kind)).toEqual(['sql-statement', 'sql-command', 'sql-result']);
    expect(emitted[1]).toMatchObject({ command: 'CopyData', argument: '4', request: 1 });
    expect(emitted[2]).toMatchObject({ affected: 2, last: true });
  });

  it('may be given up by the client', () => {
    const emitted = connected()
      .send('orig', b.query('copy t from stdin'))
      .send('resp', copyIn)
      .send('orig', b.message('f', b.cstring('no')))
      .send('resp', answer(b.error('57014')))
      .end();
    expect(only(emitted, 'sql-command').map(({ command }) => command)).toEqual(['CopyData', 'CopyFail']);
    expect(only(emitted, 'sql-result')).toMatchObject([{ code: '57014' }]);
  });

  it('out of the server counts bytes and lines', () => {
    const emitted = connected()
      .send('orig', b.query('copy t to stdout'))
      .send(
        'resp',
        answer(
          b.message('H', Buffer.of(0), b.int16(0)),
          data('1\n'),
          data('2\n'),
          b.message('c'),
          b.complete('COPY 2'),
        ),
      )
      .end();
    expect(only(emitted, 'sql-command')).toMatchObject([{ argument: '4', span: { side: 'resp' } }]);
    expect(only(emitted, 'sql-result')).toMatchObject([{ rowCount: 2, affected: 2 }]);
  });

  it('by an Execute ignores a Sync that comes before its end', () => {
    const batch = [b.parse('', 'copy t from stdin'), b.bind({}), b.execute(), b.SYNC];
    const emitted = connected()
      .send('orig', Buffer.concat(batch))
      .send('resp', Buffer.concat([b.PARSED, b.BOUND, copyIn]))
      .send('orig', Buffer.concat([b.SYNC, data('1\n'), b.message('c'), b.SYNC]))
      .send('resp', answer(b.complete('COPY 1')))
      .send('orig', b.query('select 1'))
      .send('resp', answer(b.complete('SELECT 0')))
      .end();
    expect(only(emitted, 'analysis-lost')).toEqual([]);
    expect(only(emitted, 'sql-result').map(({ request }) => request)).toEqual([1, 2]);
  });

  it('allows no request in its middle', () => {
    const emitted = connected()
      .send('orig', b.query('copy t from stdin'))
      .send('resp', copyIn)
      .send('orig', b.query('select secret'))
      .end();
    expect(only(emitted, 'sql-statement')).toHaveLength(1);
    expect(emitted.at(-1)).toMatchObject({ cause: 'malformed', lasting: true });
  });

  it('in both directions goes on for as long as it likes', () => {
    const emitted = connected()
      .send('orig', b.query('START_REPLICATION 0/0'))
      .send('resp', b.message('W', Buffer.of(0), b.int16(0)))
      .send('resp', data('w'.repeat(30)))
      .send('orig', data('r'.repeat(20)))
      .end();
    expect(emitted.map(({ kind }) => kind)).toEqual(['sql-statement']);
  });
});

describe('a function call', () => {
  it('is a command of its own', () => {
    const emitted = connected()
      .send('orig', b.message('F', b.int32(1598), b.int16(0), b.int16(0), b.int16(0)))
      .send('resp', answer(b.message('V', b.int32(-1))))
      .end();
    expect(emitted).toMatchObject([
      { kind: 'sql-command', command: 'FunctionCall', argument: '1598', request: 1 },
      { kind: 'sql-result', request: 1, outcome: 'ok', last: true },
    ]);
  });
});

describe('a connection that is read from the middle', () => {
  it('begins at the first segment that is messages throughout, with nobody known', () => {
    const parse = new Parse(postgresParser, { midstream: true });
    const emitted = parse
      .send('orig', 'the middle of something')
      .send('orig', b.query('select 1'))
      .send('resp', answer(b.columns(['a', INT4]), b.row('1'), b.complete('SELECT 1')))
      .end();
    expect(emitted).toMatchObject([
      { kind: 'analysis-lost', cause: 'midstream', lasting: false },
      { kind: 'sql-statement', text: 'select 1', user: null, database: null },
      { kind: 'sql-result', request: 1, last: true },
    ]);
  });

  it('gives answers to what was asked before to nobody', () => {
    const emitted = new Parse(postgresParser, { midstream: true })
      .send('resp', answer(b.row('1'), b.complete('SELECT 1')))
      .send('orig', b.query('select 2'))
      .send('resp', answer(b.complete('SELECT 0')))
      .end();
    expect(only(emitted, 'sql-result').map(({ request }) => request)).toEqual([null, 1]);
  });
});
