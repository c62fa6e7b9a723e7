// Prepared statements of MySQL and MariaDB. Enters: commands and answers; leaves: what is really executed, and with which values.
import { describe, expect, it } from 'vitest';
import * as b from '../../support/mysql-bytes.ts';
import { only, type Parse } from '../../support/parse.ts';
import { connected } from './connected.ts';

const join = (...parts: readonly Buffer[]): Buffer => Buffer.concat(parts);
const LAST = 0xffff_ffff;
const int = (value: number): b.Bound => ({ type: 3, bytes: b.int32(value) });
const text = (value: string): b.Bound => ({ type: 253, bytes: b.lenenc(value) });
const NULL: b.Bound = { type: 6, bytes: null };

/** Statement 7 wants so many values. */
const prepared = (count: number, parse: Parse = connected(), sql = 'insert into t'): Parse =>
  parse.send('orig', b.prepare(sql)).send('resp', b.prepared(7, count));
const statements = (parse: Parse) => only(parse.end(), 'sql-statement');

describe('with query attributes agreed on and none sent', () => {
  it('a statement without parameters is sure, since both ways to read it come to the same', () => {
    const parse = prepared(0, connected({ also: b.QUERY_ATTRIBUTES }), 'select 1').send(
      'orig',
      b.execute(7, []),
    );
    expect(statements(parse)).toMatchObject([{ parameters: [], ambiguities: [] }]);
  });
});

describe('a prepared statement', () => {
  it('is reported with its number, and executed with its values', () => {
    const emitted = prepared(3)
      .send('orig', b.execute(7, [int(-5), text('Zoë'), NULL]))
      .send('resp', b.ok(1, { affected: 1 }))
      .end();
    expect(emitted).toMatchObject([
      { kind: 'sql-prepare', name: '7', text: 'insert into t', span: { side: 'orig' } },
      {
        kind: 'sql-statement',
        request: 1,
        via: 'bound',
        text: 'insert into t',
        parameters: [{ type: 'number', text: '-5' }, { type: 'text', text: 'Zoë' }, { type: 'null' }],
        ambiguities: [],
      },
      { kind: 'sql-result', request: 1, affected: 1, last: true },
    ]);
  });

  it.each([
    [1, false, Buffer.of(0xff), 'number', '-1'],
    [1, true, Buffer.of(0xff), 'number', '255'],
    [8, true, Buffer.alloc(8, 0xff), 'number', '18446744073709551615'],
    [4, false, Buffer.from(new Float32Array([0.1]).buffer), 'number', '0.1'],
    [5, false, Buffer.from(new Float64Array([1e-7]).buffer), 'number', '0.0000001'],
    [246, false, b.lenenc('3.50'), 'number', '3.50'],
    [10, false, Buffer.of(4, 0xe8, 7, 2, 29), 'time', '2024-02-29'],
    [12, false, Buffer.of(0), 'time', '0000-00-00T00:00:00'],
    [
      12,
      false,
      Buffer.of(11, 0xe8, 7, 2, 29, 1, 2, 3, 0x40, 0xe2, 1, 0),
      'time',
      '2024-02-29T01:02:03.123456',
    ],
    [11, false, Buffer.of(8, 1, 1, 0, 0, 0, 2, 3, 4), 'time', '-26:03:04'],
    [252, false, b.lenenc('text'), 'text', 'text'],
    [252, false, b.lenenc(Buffer.of(0, 0xff)), 'bytes', '00ff'],
    [16, false, b.lenenc(Buffer.of(5)), 'bytes', '05'],
    [255, false, b.lenenc('geo'), 'bytes', '67656f'],
  ])('of type %i (unsigned: %s) takes %o', (type, unsigned, bytes, kind, value) => {
    const parse = prepared(1).send('orig', b.execute(7, [{ type, unsigned, bytes }]));
    expect(statements(parse)).toMatchObject([{ parameters: [{ type: kind, text: value }], ambiguities: [] }]);
  });

  it('remembers the types of the execution before', () => {
    const parse = prepared(2).send(
      'orig',
      join(b.execute(7, [int(1), text('a')]), b.execute(7, [int(2), text('b')], { types: false })),
    );
    expect(statements(parse)[1]?.parameters).toEqual([
      { type: 'number', text: '2' },
      { type: 'text', text: 'b' },
    ]);
  });

  it.each([
    ['types that were never sent', prepared(1), b.execute(7, [int(1)], { types: false })],
    ['too few values', prepared(2), b.execute(7, [int(1)])],
    ['too many values', prepared(1), b.execute(7, [int(1), int(2)])],
    ['values where none are wanted', prepared(0), b.execute(7, [int(1)])],
    ['a type that no client binds', prepared(1), b.execute(7, [{ type: 9, bytes: b.int32(1) }])],
    ['a type that is none', prepared(1), b.execute(7, [{ type: 99, bytes: b.int32(1) }])],
  ])('is not trusted with %s', (_, parse, execute) => {
    expect(statements(parse.send('orig', execute))).toMatchObject([
      { text: 'insert into t', parameters: [], ambiguities: [{ code: 'sql-parameters' }] },
    ]);
  });

  it('has values that come ahead in pieces, once', () => {
    const piece = (data: string) => b.command(0x18, b.int32(7), b.int16(1), Buffer.from(data));
    const blob: b.Bound = { type: 252, bytes: Buffer.alloc(0) };
    const parse = prepared(2)
      .send(
        'orig',
        join(piece('a'), piece('b'), b.execute(7, [int(1), blob]), b.execute(7, [int(2), text('c')])),
      )
      .send('orig', join(piece('z'), b.command(0x1a, b.int32(7)), b.execute(7, [int(3), text('d')])));
    expect(statements(parse).map(({ parameters }) => parameters[1])).toEqual([
      { type: 'text', text: 'ab' },
      { type: 'text', text: 'c' },
      { type: 'text', text: 'd' },
    ]);
  });

  it('whose values ahead are too long is not trusted', () => {
    const piece = b.command(0x18, b.int32(7), b.int16(0), Buffer.alloc(60, 0x61));
    const parse = prepared(1, connected({ limits: { statement: 100 } })).send(
      'orig',
      join(piece, piece, b.execute(7, [{ type: 252, bytes: Buffer.alloc(0) }])),
    );
    expect(statements(parse)).toMatchObject([{ parameters: [], ambiguities: [{ code: 'sql-parameters' }] }]);
  });

  it('has rows in binary form', () => {
    const rows = join(b.packet(1, b.int8(2)), b.column(2, 'a', { type: 3 }), b.column(3, 'b'), b.eof(4));
    const emitted = prepared(0)
      .send('orig', b.execute(7, []))
      .send('resp', join(rows, b.packet(5, Buffer.of(0, 0b1000), b.int32(9)), b.eof(6)))
      .end();
    expect(only(emitted, 'sql-result')[0]?.rows).toEqual([[{ type: 'number', text: '9' }, { type: 'null' }]]);
  });

  it('may leave its rows to a cursor', () => {
    const head = join(b.packet(1, b.int8(1)), b.column(2, 'a', { type: 3 }), b.eof(3, b.CURSOR_EXISTS));
    const emitted = prepared(0)
      .send('orig', b.execute(7, [], { flags: 1 }))
      .send('resp', head)
      .send('orig', b.command(0x1c, b.int32(7), b.int32(1)))
      .send('resp', join(b.packet(1, Buffer.of(0, 0), b.int32(9)), b.eof(2, b.CURSOR_EXISTS)))
      .end();
    expect(
      only(emitted, 'sql-result').map(({ request, last, rowCount }) => [request, last, rowCount]),
    ).toEqual([
      [1, false, 0],
      [1, true, 1],
    ]);
    expect(only(emitted, 'sql-command')).toMatchObject([
      { command: 'COM_STMT_FETCH', request: 1, argument: '7' },
    ]);
  });

  it.each([true, false])('is answered with definitions, with EOF packets or without (%s)', (deprecated) => {
    const emitted = connected({ also: deprecated ? b.DEPRECATE_EOF : 0 })
      .send('orig', join(b.prepare('select ?, ?'), b.query('select 1')))
      .send('resp', join(b.prepared(7, 2, ['a', 'b'], deprecated), b.ok(1)))
      .end();
    expect(emitted.map(({ kind }) => kind)).toEqual(['sql-statement', 'sql-prepare', 'sql-result']);
  });

  it('may be answered without the definitions of its columns, which are then those of the prepare', () => {
    const also = b.OPTIONAL_METADATA;
    const emitted = prepared(0, connected({ also }))
      .send('orig', b.prepare('select a'))
      .send('resp', b.prepared(8, 0, ['a']))
      .send('orig', b.execute(8, []))
      .send(
        'resp',
        join(b.packet(1, Buffer.of(0, 1)), b.eof(2), b.packet(3, Buffer.of(0, 0), b.lenenc('x')), b.eof(4)),
      )
      .end();
    expect(only(emitted, 'sql-result')).toMatchObject([
      { columns: [{ name: 'a' }], rows: [[{ text: 'x' }]] },
    ]);
  });

  it('that the server refuses is an error of no request', () => {
    const emitted = connected().send('orig', b.prepare('selec')).send('resp', b.error(1, 1064)).end();
    expect(emitted).toMatchObject([{ kind: 'sql-result', request: null, code: '1064' }]);
  });
});

describe('a statement is not known', () => {
  const unknown = { text: null, parameters: [], ambiguities: [{ code: 'sql-unknown-statement' }] };
  const execute = b.execute(7, [int(1)]);

  it.each([
    ['before it was prepared', connected()],
    ['after COM_STMT_CLOSE', prepared(1).send('orig', b.command(0x19, b.int32(7)))],
    ['after COM_RESET_CONNECTION', prepared(1).send('orig', b.command(0x1f))],
    [
      'after COM_CHANGE_USER',
      prepared(1).send('orig', b.command(0x11, b.cstring('u'), b.int8(0), b.cstring(''))),
    ],
    ['after commands were lost', prepared(1).lose('orig', 20)],
    ['before the server has numbered it', connected().send('orig', b.prepare('x ?'))],
  ])('%s', (_, parse) => {
    expect(statements(parse.send('orig', execute)).at(-1)).toMatchObject(unknown);
  });

  it('when more are prepared than are kept, which is said', () => {
    const parse = connected({ limits: { prepared: 2 } });
    for (const id of [1, 2, 3]) parse.send('orig', b.prepare(`do ${id}`)).send('resp', b.prepared(id, 0));
    const emitted = parse.send('orig', join(b.execute(1, []), b.execute(3, []))).end();
    expect(only(emitted, 'sql-statement').map(({ text }) => text)).toEqual([null, 'do 3']);
    expect(only(emitted, 'analysis-lost')).toMatchObject([{ cause: 'limit', lasting: false }]);
  });

  it('when it does not fit', () => {
    const parse = prepared(0, connected({ limits: { statement: 50 } }), 'x'.repeat(60)).send(
      'orig',
      b.execute(7, []),
    );
    expect(statements(parse)).toMatchObject([unknown]);
  });
});

describe('MariaDB', () => {
  it('executes the statement prepared last before the server has numbered it', () => {
    const emitted = connected()
      .send(
        'orig',
        join(b.prepare("insert into t values(?, '?', `?`, ?)"), b.execute(LAST, [int(1), text('a')])),
      )
      .send('resp', join(b.prepared(9, 2), b.ok(1)))
      .end();
    expect(only(emitted, 'sql-statement')).toMatchObject([
      { parameters: [{ text: '1' }, { text: 'a' }], ambiguities: [] },
    ]);
    expect(only(emitted, 'sql-result')).toMatchObject([{ request: 1, last: true }]);
  });

  it.each(["x '\\'", 'x /* ? */', 'x -- ?', 'x "?"', "x '?"])(
    'is not trusted to do so where the number of values is in doubt: %s',
    (sql) => {
      const parse = connected().send('orig', join(b.prepare(sql), b.execute(LAST, [int(1)])));
      expect(statements(parse)).toMatchObject([
        { parameters: [], ambiguities: [{ code: 'sql-parameters' }] },
      ]);
    },
  );

  it('executes in bulk: each row is a statement, and all have the one answer', () => {
    const row = (value: number, rest: Buffer) => join(b.int8(0), b.int32(value), rest);
    const rows = [row(1, join(b.int8(0), b.lenenc('a'))), row(2, b.int8(1))];
    const bulk = (...data: readonly Buffer[]) =>
      b.command(0xfa, b.int32(7), b.int16(128), Buffer.of(3, 0, 253, 0), ...data);
    const emitted = prepared(2)
      .send('orig', bulk(...rows))
      .send('resp', b.ok(1, { affected: 2 }))
      .end();
    expect(only(emitted, 'sql-statement').map(({ request, parameters }) => [request, parameters[1]])).toEqual(
      [
        [1, { type: 'text', text: 'a' }],
        [2, { type: 'null' }],
      ],
    );
    expect(only(emitted, 'sql-result').map(({ request, affected }) => [request, affected])).toEqual([
      [1, null],
      [2, 2],
    ]);
    const left = statements(prepared(2).send('orig', bulk(row(1, b.int8(2)))));
    expect(left).toMatchObject([{ ambiguities: [{ code: 'sql-parameters' }] }]);
  });

  it('reports progress between the packets of an answer', () => {
    const emitted = connected()
      .send('orig', b.query('alter table t force'))
      .send('resp', join(b.packet(1, Buffer.of(0xff, 0xff, 0xff, 1, 1, 1, 0, 0, 0)), b.ok(2)))
      .end();
    expect(only(emitted, 'sql-result')).toMatchObject([{ outcome: 'ok' }]);
  });
});

describe('MySQL 8 query attributes', () => {
  const named = (...values: readonly (readonly [string, b.Bound])[]): Buffer =>
    join(
      b.int8(values.length),
      Buffer.of(0, 1),
      ...values.map(([name, { type }]) => join(Buffer.of(type, 0), b.lenenc(name))),
      ...values.map(([, { bytes }]) => Buffer.from(bytes ?? [])),
    );

  it('come after the values of a statement, and are not theirs', () => {
    const also = b.QUERY_ATTRIBUTES;
    const execute = b.command(
      0x17,
      b.int32(7),
      b.int8(8),
      b.int32(1),
      named(['', int(1)], ['trace', text('x')]),
    );
    const parse = prepared(1, connected({ also })).send('orig', execute);
    expect(statements(parse)).toMatchObject([{ parameters: [{ text: '1' }], ambiguities: [] }]);
  });

  it('need not be there', () => {
    const parse = prepared(1, connected({ also: b.QUERY_ATTRIBUTES })).send('orig', b.execute(7, [int(1)]));
    expect(statements(parse)).toMatchObject([{ parameters: [{ text: '1' }], ambiguities: [] }]);
  });
});
