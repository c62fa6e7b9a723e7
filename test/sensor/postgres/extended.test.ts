// The extended query protocol of PostgreSQL. Enters: messages of both sides; leaves: what is really executed, and with which values.
import { describe, expect, it } from 'vitest';
import { only } from '../../support/parse.ts';
import * as b from '../../support/postgres-bytes.ts';
import { connected } from './connected.ts';

const join = (...messages: readonly Buffer[]): Buffer => Buffer.concat(messages);
const answer = (...messages: readonly Buffer[]): Buffer => join(...messages, b.ready());
/** A whole batch as most drivers send it. */
const run = (text: string, fields: b.BindFields = {}, oids: readonly number[] = []): Buffer =>
  join(b.parse('', text, oids), b.bind(fields), b.describe('P'), b.execute(), b.SYNC);
const done = answer(b.PARSED, b.BOUND, b.NO_DATA, b.complete('UPDATE 1'));

describe('a bound statement', () => {
  it('is reported at its Execute, from its Parse on, with its values', () => {
    const emitted = connected()
      .send('orig', run('update t set a = $1 where b = $2', { values: ['5', null] }))
      .send('resp', done)
      .end();
    expect(emitted.map(({ kind }) => kind)).toEqual(['sql-prepare', 'sql-statement', 'sql-result']);
    const [prepare, statement, result] = emitted;
    expect(prepare).toMatchObject({ name: '', text: 'update t set a = $1 where b = $2' });
    expect(statement).toMatchObject({
      request: 1,
      via: 'bound',
      parameters: [{ type: 'text', text: '5' }, { type: 'null' }],
      user: 'app',
      ambiguities: [],
    });
    expect(statement?.span.start).toBe(prepare?.span.start);
    expect(result).toMatchObject({ request: 1, affected: 1, last: true });
  });

  it('has typed values where the client or the server said the types', () => {
    const emitted = connected()
      .send('orig', run('select $1, $2', { values: ['3.50', 'yes'] }, [1700, 16]))
      .send('resp', done)
      .send('orig', join(b.parse('s', 'select $1'), b.describe('S', 's'), b.SYNC))
      .send('resp', answer(b.PARSED, b.parameters(23), b.columns(['a', 23])))
      .send('orig', join(b.bind({ statement: 's', values: ['7'] }), b.execute(), b.SYNC))
      .send('resp', answer(b.BOUND, b.row('7'), b.complete('SELECT 1')))
      .end();
    expect(only(emitted, 'sql-statement').map(({ parameters }) => parameters)).toEqual([
      [
        { type: 'number', text: '3.50' },
        { type: 'boolean', text: 'true' },
      ],
      [{ type: 'number', text: '7' }],
    ]);
    expect(only(emitted, 'sql-result')[1]?.rows).toEqual([[{ type: 'number', text: '7' }]]);
  });

  it('keeps the bytes of a binary value whose type is not known, or that does not fit it', () => {
    const values = [Buffer.of(1, 2), Buffer.of(1, 2, 3), Buffer.of(0, 0, 0, 9)];
    const emitted = connected()
      .send('orig', run('select $1, $2, $3', { values, formats: [1] }, [0, 23, 23]))
      .end();
    expect(only(emitted, 'sql-statement')[0]?.parameters).toEqual([
      { type: 'undecoded', text: '0102' },
      { type: 'undecoded', text: '010203' },
      { type: 'number', text: '9' },
    ]);
  });

  it('may mix formats, and says when their number does not fit', () => {
    const bound = (formats: readonly number[]) =>
      only(
        connected()
          .send('orig', run('select $1, $2', { values: [Buffer.of(0, 1), '2'], formats }, [21, 21]))
          .end(),
        'sql-statement',
      )[0];
    expect(bound([1, 0])?.parameters).toEqual([
      { type: 'number', text: '1' },
      { type: 'number', text: '2' },
    ]);
    expect(bound([1, 0, 0])?.ambiguities).toMatchObject([{ code: 'sql-parameters' }]);
  });

  it('says when too few or too many values are bound', () => {
    const codes = (values: readonly string[]) => {
      const parse = connected()
        .send('orig', join(b.parse('s', 'select $1, $2'), b.describe('S', 's'), b.SYNC))
        .send('resp', answer(b.PARSED, b.parameters(23, 23), b.NO_DATA))
        .send('orig', join(b.bind({ statement: 's', values }), b.execute(), b.SYNC));
      return only(parse.end(), 'sql-statement')[0]?.ambiguities.map(({ code }) => code);
    };
    expect(codes(['1'])).toEqual(['sql-parameters']);
    expect(codes(['1', '2'])).toEqual([]);
    expect(codes(['1', '2', '3'])).toEqual(['sql-parameters']);
  });

  it('has rows in the formats that its Bind asked for', () => {
    const emitted = connected()
      .send(
        'orig',
        join(b.parse('', 'select'), b.bind({ results: [1, 0] }), b.describe('P'), b.execute(), b.SYNC),
      )
      .send('resp', join(b.PARSED, b.BOUND, b.columns(['a', 23, 1], ['b', 23, 0])))
      .send('resp', answer(b.row(b.int32(8), '9'), b.complete('SELECT 1')))
      .end();
    expect(only(emitted, 'sql-result')[0]?.rows).toEqual([
      [
        { type: 'number', text: '8' },
        { type: 'number', text: '9' },
      ],
    ]);
  });

  it('may be executed again and again from its name, each Execute by itself', () => {
    const again = (value: string) => join(b.bind({ statement: 's', values: [value] }), b.execute(), b.SYNC);
    const parse = connected().send('orig', join(b.parse('s', 'delete from t where a = $1'), b.SYNC));
    parse.send('resp', answer(b.PARSED));
    for (const value of ['1', '2']) {
      parse.send('orig', again(value)).send('resp', answer(b.BOUND, b.complete('DELETE 1')));
    }
    const emitted = parse.end();
    expect(only(emitted, 'sql-prepare')).toHaveLength(1);
    const statements = only(emitted, 'sql-statement');
    expect(statements.map(({ request, parameters }) => [request, parameters])).toEqual([
      [1, [{ type: 'text', text: '1' }]],
      [2, [{ type: 'text', text: '2' }]],
    ]);
    expect(only(emitted, 'sql-result').map(({ request, affected }) => [request, affected])).toEqual([
      [1, 1],
      [2, 1],
    ]);
    // Each begins at its own Bind.
    expect(statements[1]?.span.start).toBe((statements[0]?.span.end ?? 0) + b.SYNC.length);
  });
});

describe('a portal', () => {
  it('that is fetched in pieces is one statement with several results', () => {
    const emitted = connected()
      .send('orig', b.query('begin'))
      .send('resp', join(b.complete('BEGIN'), b.ready('T')))
      .send(
        'orig',
        join(
          b.parse('', 'select a'),
          b.bind({ portal: 'p' }),
          b.describe('P', 'p'),
          b.execute('p', 1),
          b.SYNC,
        ),
      )
      .send('resp', join(b.PARSED, b.BOUND, b.columns(['a', 23]), b.row('1'), b.SUSPENDED, b.ready('T')))
      .send('orig', join(b.execute('p', 1), b.execute('p'), b.SYNC))
      .send('resp', join(b.row('2'), b.SUSPENDED, b.row('3'), b.complete('SELECT 1'), b.ready('T')))
      .end();
    expect(only(emitted, 'sql-statement')).toHaveLength(2);
    expect(only(emitted, 'sql-result').map(({ request, rows }) => [request, rows[0]?.[0]])).toEqual([
      [1, undefined],
      [2, { type: 'number', text: '1' }],
      [2, { type: 'number', text: '2' }],
      [2, { type: 'number', text: '3' }],
    ]);
  });

  it('does not outlive its transaction', () => {
    const emitted = connected()
      .send('orig', join(b.parse('', 'select 1'), b.bind({ portal: 'p' }), b.SYNC))
      .send('resp', answer(b.PARSED, b.BOUND))
      .send('orig', join(b.execute('p'), b.SYNC))
      .send('resp', answer(b.error('34000')))
      .end();
    expect(only(emitted, 'sql-statement')).toMatchObject([
      { text: null, ambiguities: [{ code: 'sql-unknown-statement' }] },
    ]);
  });

  it.each([
    'commit; begin; declare p cursor for select secret',
    'declare p cursor for select secret',
    'ROLLBACK',
  ])('is not trusted after: %s', (text) => {
    const emitted = connected()
      .send('orig', b.query('begin'))
      .send('resp', join(b.complete('BEGIN'), b.ready('T')))
      .send('orig', join(b.parse('', 'select 1'), b.bind({ portal: 'p' }), b.SYNC))
      .send('resp', join(b.PARSED, b.BOUND, b.ready('T')))
      .send('orig', join(b.query(text), b.execute('p'), b.SYNC))
      .end();
    expect(only(emitted, 'sql-statement').at(-1)?.text).toBeNull();
  });
});

describe('an error', () => {
  it('is the result of everything up to the Sync', () => {
    const emitted = connected()
      .send(
        'orig',
        join(
          b.parse('', 'select nope'),
          b.bind({}),
          b.execute(),
          b.parse('', 'select 2'),
          b.bind({}),
          b.execute(),
          b.SYNC,
        ),
      )
      .send('orig', b.query('select 3'))
      .send('resp', answer(b.error('42703')))
      .send('resp', answer(b.complete('SELECT 1')))
      .end();
    expect(only(emitted, 'sql-result').map(({ request, code }) => [request, code])).toEqual([
      [1, '42703'],
      [2, '42703'],
      [3, null],
    ]);
  });

  it('is also the result of what comes after it, until the Sync', () => {
    const emitted = connected()
      .send('orig', join(b.parse('', 'select nope'), b.FLUSH))
      .send('resp', b.error('42703'))
      .send('orig', join(b.bind({}), b.execute(), b.query('drop table t'), b.SYNC))
      .send('resp', b.ready())
      .send('orig', b.query('select 3'))
      .send('resp', answer(b.complete('SELECT 1')))
      .end();
    expect(only(emitted, 'sql-result').map(({ request, code }) => [request, code])).toEqual([
      [null, '42703'],
      [1, '42703'],
      [2, '42703'],
      [3, null],
    ]);
  });

  it('at the Sync itself takes back what the batch had done', () => {
    const emitted = connected()
      .send('orig', run('insert into t values (1)'))
      .send('resp', answer(b.PARSED, b.BOUND, b.NO_DATA, b.complete('INSERT 0 1'), b.error('23503')))
      .end();
    expect(only(emitted, 'sql-result').map(({ request, outcome }) => [request, outcome])).toEqual([
      [1, 'ok'],
      [1, 'error'],
    ]);
  });
});

describe('a statement whose text may be another one is not trusted', () => {
  /** `s` is prepared and confirmed as something harmless. */
  const harmless = () =>
    connected()
      .send('orig', join(b.parse('s', 'select 1'), b.SYNC))
      .send('resp', answer(b.PARSED));
  const used = join(b.bind({ statement: 's' }), b.execute(), b.SYNC);

  it('when it was prepared before we looked', () => {
    const [statement] = only(connected().send('orig', used).end(), 'sql-statement');
    expect(statement).toMatchObject({ text: null, ambiguities: [{ code: 'sql-unknown-statement' }] });
  });

  it.each([
    'deallocate s',
    'DEALLOCATE PREPARE "s"',
    'deallocate "\u00e9"',
    'deallocate u&"s"',
    '/* x */ discard all',
    "select ';'; deallocate all",
    'prepare s as delete from t',
    'do $$ begin execute $q$ deallocate s $q$; end $$',
  ])('when SQL drops or defines it: %s', (text) => {
    const emitted = harmless()
      .send('orig', join(b.query(text), used))
      .end();
    expect(only(emitted, 'sql-statement')[1]?.text).toBeNull();
  });

  it.each(['deallocate other', "select 'deallocate s'", 'discard plans', 'update prepare set s = 1'])(
    'but it is when SQL does something else: %s',
    (text) => {
      const emitted = harmless()
        .send('orig', join(b.query(text), used))
        .end();
      expect(only(emitted, 'sql-statement')[1]?.text).toBe('select 1');
    },
  );

  it('when the server says that names were dropped, which the text did not show', () => {
    const emitted = harmless()
      .send('orig', b.query("select '\\'' ; deallocate s; --'"))
      .send('resp', answer(b.complete('SELECT 1'), b.complete('DEALLOCATE')))
      .send('orig', used)
      .end();
    expect(only(emitted, 'sql-statement')[1]?.text).toBeNull();
  });

  it('when its Parse was passed over for an error', () => {
    const emitted = connected()
      .send('orig', join(b.parse('', 'delete from t'), b.SYNC))
      .send('resp', answer(b.PARSED))
      .send('orig', join(b.bind({ statement: 'nope' }), b.parse('', 'select 1'), b.SYNC))
      .send('resp', answer(b.error('26000')))
      .send('orig', join(b.bind({}), b.execute(), b.SYNC))
      .end();
    expect(only(emitted, 'sql-statement')[0]?.text).toBeNull();
  });

  it('when its Parse is in a batch that the server has not yet answered', () => {
    const emitted = connected()
      .send(
        'orig',
        join(b.bind({ statement: 'nope' }), b.parse('', 'select 1'), b.SYNC, b.bind({}), b.execute(), b.SYNC),
      )
      .end();
    expect(only(emitted, 'sql-statement')[0]).toMatchObject({
      text: 'select 1',
      ambiguities: [{ code: 'sql-unknown-statement' }],
    });
  });

  it('when a name that the server cuts to the same one was closed', () => {
    const long = 'x'.repeat(63);
    const emitted = connected()
      .send('orig', join(b.parse(`${long}a`, 'select 1'), b.SYNC))
      .send('resp', answer(b.PARSED))
      .send('orig', join(b.close('S', `${long}b`), b.parse(`${long}c`, 'delete from t'), b.SYNC))
      .send('resp', answer(b.CLOSED, b.PARSED))
      .send('orig', join(b.bind({ statement: `${long}a` }), b.execute(), b.SYNC))
      .end();
    expect(only(emitted, 'sql-statement')[0]?.text).toBe('delete from t');
  });

  it('when a Close or a simple query has taken the unnamed one away', () => {
    for (const message of [join(b.close('S', ''), b.SYNC), b.query('select 9')]) {
      const emitted = connected()
        .send('orig', join(b.parse('', 'select 1'), b.SYNC))
        .send('resp', answer(b.PARSED))
        .send('orig', join(message, b.bind({}), b.execute(), b.SYNC))
        .end();
      expect(only(emitted, 'sql-statement').at(-1)?.text).toBeNull();
    }
  });
});
