// Text commands of MySQL. Enters: commands and answers; leaves: statements, commands, and results matched to them.
import { describe, expect, it } from 'vitest';
import * as b from '../../support/mysql-bytes.ts';
import { only } from '../../support/parse.ts';
import { connected } from './connected.ts';

const join = (...parts: readonly Buffer[]): Buffer => Buffer.concat(parts);

describe('COM_QUERY', () => {
  it('is a statement, and its rows are its result', () => {
    const emitted = connected()
      .send('orig', b.query("select 'Zoë'"))
      .send('resp', b.resultSet(['a', 'b'], [['Zoë', null]]))
      .end();
    expect(emitted).toMatchObject([
      {
        kind: 'sql-statement',
        dialect: 'mysql',
        request: 1,
        via: 'text',
        text: "select 'Zoë'",
        parameters: [],
        user: 'app',
        database: 'shop',
        ambiguities: [],
      },
      {
        kind: 'sql-result',
        request: 1,
        outcome: 'ok',
        columns: [
          { name: 'a', type: 'var_string' },
          { name: 'b', type: 'var_string' },
        ],
        rows: [[{ type: 'text', text: 'Zoë' }, { type: 'null' }]],
        rowCount: 1,
        affected: null,
        last: true,
      },
    ]);
  });

  it('has a result without EOF packets where both sides agreed', () => {
    const emitted = connected({ also: b.DEPRECATE_EOF })
      .send('orig', join(b.query('select 1'), b.query('select 2')))
      .send(
        'resp',
        join(b.resultSet(['a'], [], { deprecated: true }), b.resultSet(['a'], [['2']], { deprecated: true })),
      )
      .end();
    expect(only(emitted, 'sql-result').map(({ request, rowCount }) => [request, rowCount])).toEqual([
      [1, 0],
      [2, 1],
    ]);
  });

  it('of several statements has several results, and the last one says so', () => {
    const emitted = connected()
      .send('orig', b.query('select 1; update t set a = 1; select nope'))
      .send('resp', b.resultSet(['1'], [['1']], { status: b.MORE_RESULTS }))
      .send('resp', join(b.ok(6, { affected: 3, status: b.MORE_RESULTS }), b.error(7, 1054)))
      .end();
    expect(only(emitted, 'sql-statement')).toHaveLength(1);
    expect(only(emitted, 'sql-result').map(({ last, affected, code }) => [last, affected, code])).toEqual([
      [false, null, null],
      [false, 3, null],
      [true, null, '1054'],
    ]);
    expect(only(emitted, 'ambiguity')).toEqual([]);
  });

  it('keeps the first rows, counts all, and can fail among them', () => {
    const rows = ['1', '2', '3'].map((value, index) => b.row(4 + index, value));
    const head = join(b.packet(1, b.int8(1)), b.column(2, 'a'), b.eof(3));
    const emitted = connected({ limits: { rows: 2 } })
      .send('orig', b.query('select a'))
      .send('resp', join(head, ...rows, b.error(7, 1317)), 5)
      .end();
    expect(only(emitted, 'sql-result')).toMatchObject([
      { rowCount: 3, code: '1317', rows: [[{ text: '1' }], [{ text: '2' }]] },
    ]);
  });

  it('may have attributes before its text, which are no part of it', () => {
    const attribute = join(Buffer.of(0, 1, 253, 0), b.lenenc('name'), b.lenenc('value'));
    const emitted = connected({ also: b.QUERY_ATTRIBUTES })
      .send('orig', b.command(0x03, Buffer.of(0, 1), Buffer.from('select 1')))
      .send('resp', b.ok(1))
      .send('orig', b.command(0x03, Buffer.of(1, 1), attribute, Buffer.from('select 2')))
      .send('resp', b.ok(1))
      .end();
    expect(only(emitted, 'sql-statement').map(({ text }) => text)).toEqual(['select 1', 'select 2']);
    const broken = connected({ also: b.QUERY_ATTRIBUTES }).send('orig', b.query('select 1')).end();
    expect(broken).toMatchObject([{ cause: 'malformed', lasting: true }]);
  });

  it('of sixteen mebibytes and more is one message', () => {
    const text = `select '${'x'.repeat(0xff_ffff)}'`;
    const emitted = connected({ limits: { statement: 1 << 25 } })
      .send('orig', b.query(text), 1 << 20)
      .send('resp', b.ok(2))
      .end();
    expect(only(emitted, 'sql-statement')[0]?.text?.length).toBe(text.length);
    expect(only(emitted, 'ambiguity')).toEqual([]);
    const cut = connected({ limits: { statement: 1000 } })
      .send('orig', b.query(text), 1 << 20)
      .send('resp', b.ok(2))
      .end();
    expect(cut).toMatchObject([
      { kind: 'analysis-lost', cause: 'limit', lasting: false },
      { kind: 'sql-result', request: 1 },
    ]);
  });
});

describe('values in text form', () => {
  it.each([
    [3, 255, '-5', 'number', '-5'],
    [246, 63, '12345678901234567890.10', 'number', '12345678901234567890.10'],
    [5, 63, '1e-7', 'number', '0.0000001'],
    [12, 63, '2024-02-29 12:00:00.500000', 'time', '2024-02-29T12:00:00.5'],
    [10, 63, '0000-00-00', 'time', '0000-00-00'],
    [11, 63, '-838:59:59', 'time', '-838:59:59'],
    [252, 63, '\u0001\u0002', 'bytes', '0102'],
    [252, 255, 'text', 'text', 'text'],
    [245, 63, '{"a":1}', 'text', '{"a":1}'],
    [16, 63, '\u0005', 'bytes', '05'],
  ])('type %i, collation %i: %s', (type, collation, sent, kind, text) => {
    const set = join(
      b.packet(1, b.int8(1)),
      b.column(2, 'v', { type, collation }),
      b.eof(3),
      b.row(4, sent),
      b.eof(5),
    );
    const emitted = connected().send('orig', b.query('select v')).send('resp', set).end();
    expect(only(emitted, 'sql-result')[0]?.rows).toEqual([[{ type: kind, text }]]);
  });
});

describe('the default database', () => {
  const databases = (...turns: readonly (readonly ['orig' | 'resp', Buffer])[]): unknown => {
    const parse = connected();
    for (const [side, bytes] of turns) parse.send(side, bytes);
    return only(parse.end(), 'sql-statement').map(({ database }) => database);
  };
  const init = b.command(0x02, Buffer.from('other'));

  it('changes with COM_INIT_DB and with USE, once the server says so', () => {
    expect(databases(['orig', init], ['resp', b.ok(1)], ['orig', b.query('a')])).toEqual(['other']);
    expect(databases(['orig', init], ['resp', b.error(1, 1049)], ['orig', b.query('a')])).toEqual(['shop']);
    expect(databases(['orig', b.query('USE `Other`')], ['resp', b.ok(1)], ['orig', b.query('a')])).toEqual([
      'shop',
      'Other',
    ]);
    expect(
      databases(['orig', b.query('select 1; use x')], ['resp', b.ok(1)], ['orig', b.query('a')]),
    ).toEqual(['shop', null]);
  });

  it('is not known while it may be changing', () => {
    expect(databases(['orig', join(init, b.query('a'))])).toEqual([null]);
  });

  it('is what the server tracks, where it does', () => {
    const state = join(b.int8(1), b.lenenc(b.lenenc('tracked')));
    const emitted = connected({ also: b.SESSION_TRACK })
      .send('orig', b.query('call p()'))
      .send('resp', b.ok(1, { state }))
      .send('orig', b.query('a'))
      .end();
    expect(only(emitted, 'sql-statement').map(({ database }) => database)).toEqual(['shop', 'tracked']);
  });
});

describe('other commands', () => {
  it.each([
    ['COM_PING', b.command(0x0e), null],
    ['COM_PROCESS_KILL', b.command(0x0c, b.int32(7)), '7'],
    ['COM_SET_OPTION', b.command(0x1b, b.int16(1)), '1'],
    ['COM_CREATE_DB', b.command(0x05, Buffer.from('x')), 'x'],
    ['COM_0x33', b.command(0x33), null],
  ])('%s has a name, perhaps an argument, and a result', (command, bytes, argument) => {
    const emitted = connected().send('orig', bytes).send('resp', b.ok(1)).end();
    expect(emitted).toMatchObject([
      { kind: 'sql-command', request: 1, command, argument, user: 'app' },
      { kind: 'sql-result', request: 1, outcome: 'ok', last: true },
    ]);
  });

  it('COM_QUIT has no answer', () => {
    expect(connected().send('orig', b.command(0x01)).end()).toMatchObject([{ command: 'COM_QUIT' }]);
  });

  it('COM_FIELD_LIST and COM_STATISTICS have answers of their own', () => {
    const emitted = connected()
      .send('orig', join(b.command(0x04, b.cstring('t')), b.command(0x09), b.query('a')))
      .send(
        'resp',
        join(b.column(1, 'a'), b.column(2, 'b'), b.eof(3), b.packet(1, Buffer.from('Uptime: 7')), b.ok(1)),
      )
      .end();
    expect(only(emitted, 'sql-result').map(({ request }) => request)).toEqual([1, 2, 3]);
  });

  it('COM_BINLOG_DUMP is answered without an end', () => {
    const emitted = connected()
      .send('orig', b.command(0x12, b.int32(4)))
      .send('resp', join(b.packet(1, b.int8(0), Buffer.alloc(50)), b.packet(2, b.int8(0), Buffer.alloc(50))))
      .end();
    expect(emitted).toMatchObject([{ command: 'COM_BINLOG_DUMP' }]);
  });

  it('COM_CHANGE_USER is a login', () => {
    const change = b.command(
      0x11,
      b.cstring('root'),
      b.lenenc('S3CRET'),
      b.cstring('mysql'),
      b.int16(255),
      b.cstring('x'),
    );
    const parse = (answer: Buffer) =>
      connected()
        .send('orig', join(change, b.query('a')))
        .send('resp', b.packet(1, b.int8(0xfe), b.cstring('plugin'), Buffer.alloc(20)))
        .send('orig', b.packet(2, Buffer.from('S3CRET')))
        .send('resp', answer)
        .send('orig', b.query('b'))
        .end();
    const emitted = parse(join(b.ok(3), b.ok(1)));
    expect(only(emitted, 'sql-session')).toMatchObject([{ user: 'root', database: 'mysql' }]);
    expect(only(emitted, 'sql-statement').map(({ user, database }) => [user, database])).toEqual([
      [null, null],
      ['root', 'mysql'],
    ]);
    expect(JSON.stringify(emitted)).not.toContain('S3CRET');
    expect(only(parse(b.error(3, 1045)), 'sql-login-failed')).toMatchObject([{ user: 'root', code: '1045' }]);
  });

  it('LOCAL INFILE is the wish of the server for a file, which is passed over', () => {
    const emitted = connected()
      .send('orig', b.query("load data local infile 'x' into table t"))
      .send('resp', b.packet(1, b.int8(0xfb), Buffer.from('/etc/passwd')))
      .send('orig', join(b.packet(2, Buffer.from('\x03drop table t')), b.packet(3)))
      .send('resp', b.ok(4, { affected: 1 }))
      .send('orig', b.query('a'))
      .end();
    expect(emitted).toMatchObject([
      { kind: 'sql-statement', request: 1 },
      {
        kind: 'sql-command',
        request: 1,
        command: 'LOCAL INFILE',
        argument: '/etc/passwd',
        span: { side: 'resp' },
      },
      { kind: 'sql-result', request: 1, affected: 1 },
      { kind: 'sql-statement', request: 2, text: 'a' },
    ]);
  });
});

describe('LOCAL INFILE', () => {
  it('that the server refuses while the file is sent is an error, and no success', () => {
    const emitted = connected()
      .send('orig', b.query("load data local infile 'x' into table t"))
      .send('resp', b.packet(1, b.int8(0xfb), Buffer.from('x')))
      .send('orig', b.packet(2, Buffer.from('1,2')))
      .send('resp', b.error(3, 1290))
      .end();
    expect(only(emitted, 'sql-result')).toMatchObject([{ request: 1, outcome: 'error', code: '1290' }]);
  });
});

describe('character sets', () => {
  const codes = (
    text: string,
    options: Parameters<typeof connected>[0] = {},
    before: readonly string[] = [],
  ) => {
    const parse = connected(options);
    for (const earlier of before) parse.send('orig', b.query(earlier)).send('resp', b.ok(1));
    const emitted = parse.send('orig', b.query(Buffer.from(text, 'latin1'))).end();
    return only(emitted, 'sql-statement')
      .at(-1)
      ?.ambiguities.map(({ code }) => code);
  };

  it('that are UTF-8 are sure while the bytes are', () => {
    expect(codes("'Zo\xc3\xab' '\\'")).toEqual([]);
    expect(codes("'\xbf\x27'")).toEqual(['sql-encoding']);
  });

  it('of one byte a character are sure for ASCII', () => {
    expect(codes("'\\''", { collation: 8 })).toEqual([]);
    expect(codes("'\xeb'", { collation: 8 })).toEqual(['sql-encoding']);
  });

  it.each([
    'set names gbk',
    'SET CHARACTER SET big5',
    'set @@session.character_set_client = "sjis"',
    '/*!40101 SET NAMES gbk */',
    'set names default',
    'set a = 1, names gbk',
  ])('of several bytes make a backslash unsure: %s', (text) => {
    expect(codes("'\\'", {}, [text])).toEqual(['sql-encoding']);
    expect(codes("'plain'", {}, [text])).toEqual([]);
    expect(codes("'\\'", {}, [text, 'set names utf8mb4'])).toEqual([]);
  });

  it('are unsure from the change on, before its answer', () => {
    const emitted = connected()
      .send('orig', join(b.query('set names gbk'), b.query("'\\'")))
      .end();
    expect(only(emitted, 'sql-statement')[1]?.ambiguities).toHaveLength(1);
  });

  it('are not known after COM_RESET_CONNECTION', () => {
    const emitted = connected()
      .send('orig', b.command(0x1f))
      .send('resp', b.ok(1))
      .send('orig', b.query("'Zoë'"))
      .end();
    expect(only(emitted, 'sql-statement')[0]?.ambiguities).toHaveLength(1);
  });
});
