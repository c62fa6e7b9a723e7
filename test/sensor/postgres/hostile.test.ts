// PostgreSQL bytes that are lost, cut, too long or broken. Enters: hostile streams; leaves: what was not understood, never silence.
import { describe, expect, it } from 'vitest';
import { only } from '../../support/parse.ts';
import * as b from '../../support/postgres-bytes.ts';
import { connected } from './connected.ts';

const join = (...messages: readonly Buffer[]): Buffer => Buffer.concat(messages);
const answer = (...messages: readonly Buffer[]): Buffer => join(...messages, b.ready());

describe('lost bytes', () => {
  it('within a query lose that query and nothing else', () => {
    const lost = b.query(`select '${'x'.repeat(100)}'`);
    const emitted = connected()
      .send('orig', lost.subarray(0, 20))
      .lose('orig', 50)
      .send('orig', lost.subarray(70))
      .send('orig', b.query('select 2'))
      .send('resp', join(answer(b.complete('SELECT 1')), answer(b.complete('SELECT 1'))))
      .end();
    expect(emitted).toMatchObject([
      { kind: 'analysis-lost', cause: 'gap', lasting: false },
      { kind: 'sql-statement', request: 2, text: 'select 2' },
      { kind: 'sql-result', request: 1 },
      { kind: 'sql-result', request: 2 },
    ]);
  });

  it('within a Parse make every name unsure', () => {
    const parse = b.parse('t', `select '${'x'.repeat(100)}'`);
    const emitted = connected()
      .send('orig', join(b.parse('s', 'select 1'), b.SYNC))
      .send('resp', answer(b.PARSED))
      .send('orig', parse.subarray(0, 20))
      .lose('orig', 50)
      .send('orig', join(parse.subarray(70), b.bind({ statement: 's' }), b.execute(), b.SYNC))
      .send('resp', answer(b.PARSED, b.BOUND, b.complete('SELECT 1')))
      .end();
    expect(only(emitted, 'sql-statement')).toMatchObject([{ text: null }]);
    expect(only(emitted, 'sql-result')).toMatchObject([{ request: 1 }]);
  });

  it('within a row lose the rows from there on, and still count them', () => {
    const row = b.row('x'.repeat(100));
    const emitted = connected()
      .send('orig', b.query('select'))
      .send('resp', join(b.columns(['a', 25]), b.row('1'), row.subarray(0, 20)))
      .lose('resp', 50)
      .send('resp', answer(row.subarray(70), b.row('3'), b.complete('SELECT 3')))
      .end();
    expect(only(emitted, 'sql-result')).toMatchObject([{ rowCount: 3, rows: [[{ text: '1' }]], last: true }]);
    expect(only(emitted, 'analysis-lost')).toMatchObject([{ cause: 'gap', lasting: false }]);
  });

  it.each(['orig', 'resp'] as const)('between messages of %s end the analysis', (side) => {
    const emitted = connected()
      .send('orig', b.query('select 1'))
      .lose(side, 10)
      .send('orig', b.query('select 2'))
      .send('resp', answer(b.complete('SELECT 1')))
      .end();
    expect(emitted.slice(1)).toMatchObject([{ kind: 'analysis-lost', cause: 'gap', lasting: true }]);
  });
});

describe('limits', () => {
  it('lose a query that is too long, but not its answer', () => {
    const emitted = connected({ limits: { statement: 64 } })
      .send('orig', join(b.query('x'.repeat(100)), b.query('select 2')), 9)
      .send('resp', join(answer(b.complete('SELECT 1')), answer(b.complete('SELECT 1'))))
      .end();
    expect(emitted.map((each) => [each.kind, 'request' in each ? each.request : null])).toEqual([
      ['analysis-lost', null],
      ['sql-statement', 2],
      ['sql-result', 1],
      ['sql-result', 2],
    ]);
    expect(emitted[0]).toMatchObject({ cause: 'limit', lasting: false });
  });

  it('leave a statement without text, or without values, that does not fit', () => {
    const long = (parse: string, value: string): unknown =>
      only(
        connected({ limits: { statement: 64 } })
          .send(
            'orig',
            join(b.parse('s', parse), b.bind({ statement: 's', values: [value] }), b.execute(), b.SYNC),
          )
          .end(),
        'sql-statement',
      );
    expect(long('x'.repeat(100), '1')).toMatchObject([
      { text: null, ambiguities: [{ code: 'sql-unknown-statement' }] },
    ]);
    expect(long('select $1', 'y'.repeat(100))).toMatchObject([
      { text: 'select $1', parameters: [], ambiguities: [{ code: 'sql-parameters' }] },
    ]);
  });

  it('forget the oldest prepared statements, say so once, and then do not know them', () => {
    const parse = connected({ limits: { prepared: 3 } });
    for (const name of ['a', 'b', 'c', 'd', 'e']) {
      parse.send('orig', join(b.parse(name, `select '${name}'`), b.SYNC)).send('resp', answer(b.PARSED));
    }
    for (const statement of ['a', 'e']) parse.send('orig', join(b.bind({ statement }), b.execute(), b.SYNC));
    const emitted = parse.end();
    expect(only(emitted, 'analysis-lost')).toMatchObject([{ cause: 'limit', lasting: false }]);
    expect(only(emitted, 'sql-statement').map(({ text }) => text)).toEqual([null, "select 'e'"]);
  });

  it('hold statements together to a few times the longest message', () => {
    const parse = connected({ limits: { statement: 1000 } });
    for (let index = 0; index < 20; index += 1) {
      parse.send('orig', join(b.parse(`s${index}`, 'x'.repeat(800)), b.SYNC)).send('resp', answer(b.PARSED));
    }
    for (const statement of ['s0', 's19'])
      parse.send('orig', join(b.bind({ statement }), b.execute(), b.SYNC));
    expect(only(parse.end(), 'sql-statement').map(({ text }) => text?.length ?? null)).toEqual([null, 800]);
  });

  it('end the analysis of a client that never waits for answers', () => {
    const parse = connected({ limits: { pipeline: 4 } });
    for (let index = 0; index < 100; index += 1) parse.send('orig', b.query('select 1'));
    const emitted = parse.end();
    expect(emitted.at(-1)).toMatchObject({ cause: 'limit', lasting: true });
    expect(only(emitted, 'sql-statement').length).toBeLessThan(50);
  });

  it('do not let a numeric of eight bytes become a hundred thousand zeros', () => {
    const huge = join(b.int16(0), b.int16(0x7fff), b.int16(0), b.int16(0));
    const fields = { values: [huge], formats: [1] };
    const emitted = connected()
      .send('orig', join(b.parse('', 'select $1', [1700]), b.bind(fields), b.execute(), b.SYNC))
      .end();
    expect(only(emitted, 'sql-statement')[0]?.parameters).toMatchObject([{ type: 'undecoded' }]);
  });
});

describe('broken messages end the analysis', () => {
  it.each([
    ['an unknown type', b.message('y', Buffer.from('x'))],
    ['a length below four', Buffer.from('Q\0\0\0\x03', 'latin1')],
    ['a length beyond everything', Buffer.from('Q\x7f\xff\xff\xff', 'latin1')],
    ['a Sync with a body', b.message('S', Buffer.from('x'))],
    ['a query without its end', b.message('Q', Buffer.from('select 1'))],
    ['a query with more behind its end', b.message('Q', b.cstring('select 1'), Buffer.from('drop'))],
    ['a Parse with too few types', b.message('P', b.cstring(''), b.cstring('x'), b.int16(3))],
    [
      'a Bind with a value beyond its end',
      b.message('B', b.cstring(''), b.cstring(''), b.int16(0), b.int16(1), b.int32(99)),
    ],
    ['a Bind with a format that is none', b.bind({ values: ['1'], formats: [7] })],
    ['a Describe of nothing', b.message('D', Buffer.from('Q'), b.cstring(''))],
    ['an Execute without a row count', b.message('E', b.cstring(''))],
  ])('%s', (_, bytes) => {
    const emitted = connected().send('orig', bytes).send('orig', b.query('select 1')).end();
    expect(emitted).toMatchObject([{ kind: 'analysis-lost', cause: 'malformed', lasting: true }]);
  });

  it.each([
    ['an answer to nothing', '', b.complete('SELECT 1')],
    ['a ReadyForQuery to nothing', '', b.ready()],
    ['a row of another width', 'select 1', join(b.columns(['a', 23]), b.row('1', '2'))],
    ['a ParseComplete for a query', 'select 1', b.PARSED],
  ])('of the server: %s', (_, asked, bytes) => {
    const parse = connected();
    if (asked !== '') parse.send('orig', b.query(asked));
    const emitted = parse.send('resp', bytes).end();
    expect(emitted.at(-1)).toMatchObject({ kind: 'analysis-lost', cause: 'malformed', lasting: true });
  });

  it('a stream that ends within a message', () => {
    expect(connected().send('orig', b.query('select 1').subarray(0, 8)).end('fin')).toMatchObject([
      { cause: 'malformed', lasting: true, span: { side: 'orig' } },
    ]);
    expect(connected().send('orig', b.query('select 1').subarray(0, 8)).end('rst')).toEqual([]);
  });
});

describe('characters', () => {
  const text = (parse: ReturnType<typeof connected>, bytes: string) =>
    only(parse.send('orig', b.query(Buffer.from(bytes, 'latin1'))).end(), 'sql-statement').at(-1);

  it('are UTF-8 when the client says so and they are', () => {
    expect(text(connected(), "select 'Zo\xc3\xab'")).toMatchObject({ text: "select 'Zoë'", ambiguities: [] });
  });

  it('are one a byte, and unsure, when they are not', () => {
    expect(text(connected(), "select 'Zo\xeb'")).toMatchObject({
      text: "select 'Zoë'",
      ambiguities: [{ code: 'sql-encoding' }],
    });
  });

  it('are unsure in another encoding, unless they are ASCII', () => {
    expect(text(connected({ encoding: 'SJIS' }), "select '\x83\x5c'")?.ambiguities).toHaveLength(1);
    expect(text(connected({ encoding: 'SJIS' }), "select 'x'")?.ambiguities).toEqual([]);
  });

  it('are unsure from a change of the encoding on until its answer', () => {
    const change = b.query("set client_encoding to 'SJIS'");
    expect(text(connected().send('orig', change), "select 'Zo\xc3\xab'")?.ambiguities).toHaveLength(1);
    const refused = connected()
      .send('orig', change)
      .send('resp', answer(b.error('22023')));
    expect(text(refused, "select 'Zo\xc3\xab'")?.ambiguities).toEqual([]);
    const changed = connected()
      .send('orig', change)
      .send('resp', answer(b.parameterStatus('client_encoding', 'SJIS'), b.complete('SET')));
    expect(text(changed, "select 'Zo\xc3\xab'")?.ambiguities).toHaveLength(1);
  });

  it('of a bound value are judged as those of a text', () => {
    const bound = join(b.parse('', 'select $1'), b.bind({ values: [Buffer.of(0xeb)] }), b.execute(), b.SYNC);
    expect(only(connected().send('orig', bound).end(), 'sql-statement')).toMatchObject([
      { parameters: [{ type: 'text', text: 'ë' }], ambiguities: [{ code: 'sql-encoding' }] },
    ]);
  });
});
