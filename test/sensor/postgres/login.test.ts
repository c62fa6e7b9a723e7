// How PostgreSQL connections begin. Enters: start-up messages and their answers; leaves: sessions, refusals, and what is no PostgreSQL.
import { describe, expect, it } from 'vitest';
import { postgresParser } from '../../../src/sensor/postgres/parser.ts';
import { Parse } from '../../support/parse.ts';
import * as b from '../../support/postgres-bytes.ts';

const begin = (): Parse => new Parse(postgresParser);

describe('a PostgreSQL login', () => {
  it('gives a session with user, database and parameters once the server accepts it', () => {
    const parameters = {
      user: 'zoë',
      database: 'rental',
      application_name: 'x',
      'my.setting': '1',
      '_pq_.x': '',
    };
    const [session, ...others] = begin().send('orig', b.startup(parameters)).send('resp', b.WELCOME).end();
    expect(others).toEqual([]);
    expect(session).toMatchObject({
      kind: 'sql-session',
      dialect: 'postgres',
      user: 'zoë',
      database: 'rental',
    });
    expect(session?.kind === 'sql-session' && [...session.parameters]).toEqual([
      ['application_name', 'x'],
      ['my.setting', '1'],
      ['_pq_.x', ''],
    ]);
    expect(session?.span).toEqual({ side: 'resp', start: 0, end: 9 });
  });

  it('takes the user for the database where none is given, and the last of a name given twice', () => {
    const twice = b.untyped(196_608, ...['user', 'a', 'user', 'b', ''].map(b.cstring));
    expect(begin().send('orig', twice).send('resp', b.WELCOME).end()).toMatchObject([
      { user: 'b', database: 'b' },
    ]);
  });

  it.each([0, 2, 9999])('reads protocol 3.%i, also when the server offers another minor version', (minor) => {
    const emitted = begin()
      .send('orig', b.startup({ user: 'u' }, 196_608 + minor))
      .send('resp', b.message('v', b.int32(0), b.int32(0)))
      .send('resp', b.message('R', b.int32(0)))
      .send('resp', b.message('K', b.int32(1), Buffer.alloc(32)))
      .send('resp', b.ready())
      .end();
    expect(emitted).toMatchObject([{ kind: 'sql-session', user: 'u' }]);
  });

  it('never shows a password', () => {
    const emitted = begin()
      .send('orig', b.startup({ user: 'u' }))
      .send('resp', b.ASK_PASSWORD)
      .send('orig', b.password('hunter2'), 3)
      .send('resp', b.WELCOME)
      .send('orig', b.query('select 1'))
      .end();
    expect(emitted.map(({ kind }) => kind)).toEqual(['sql-session', 'sql-statement']);
    expect(JSON.stringify(emitted)).not.toContain('hunter2');
  });

  it('says that the server refused, before and after the password', () => {
    const refused = (...server: Buffer[]) =>
      begin()
        .send('orig', b.startup({ user: 'u', database: 'd' }))
        .send('resp', Buffer.concat(server))
        .end();
    const failed = { kind: 'sql-login-failed', user: 'u', database: 'd', code: '28P01' };
    expect(refused(b.ASK_PASSWORD, b.error('28P01', 'FATAL'))).toMatchObject([failed]);
    expect(refused(b.AUTHENTICATION_OK, b.error('3D000', 'FATAL'))).toMatchObject([
      { kind: 'sql-session' },
      { ...failed, code: '3D000' },
    ]);
  });

  it('knows a statement that is sent before the login is through', () => {
    const emitted = begin()
      .send('orig', Buffer.concat([b.startup({ user: 'u' }), b.query('select 1')]))
      .send('resp', Buffer.concat([b.WELCOME, b.complete('SELECT 0'), b.ready()]))
      .end();
    expect(emitted).toMatchObject([
      { kind: 'sql-statement', request: 1, user: 'u' },
      { kind: 'sql-session' },
      { kind: 'sql-result', request: 1, last: true },
    ]);
  });

  it('reports the cancelling of another connection, without its key', () => {
    const emitted = begin().send('orig', b.cancel(4711, 0x5ec2e7)).end();
    expect(emitted).toMatchObject([
      { kind: 'sql-command', command: 'CancelRequest', argument: '4711', user: null },
    ]);
  });
});

describe('encryption', () => {
  it('ends the analysis when the server accepts it', () => {
    const tls = begin()
      .send('orig', b.SSL_REQUEST)
      .send('resp', 'S')
      .send('orig', '\x16\x03\x01\x02\x00')
      .end();
    expect(tls).toMatchObject([{ kind: 'analysis-lost', cause: 'tls', lasting: true }]);
    const gss = begin().send('orig', b.GSS_REQUEST).send('resp', 'G').end();
    expect(gss).toMatchObject([{ kind: 'analysis-lost', cause: 'gss', lasting: true }]);
  });

  it('goes on in the clear when the server refuses it, however the client asks', () => {
    const client = [b.GSS_REQUEST, b.SSL_REQUEST, b.startup({ user: 'u' })];
    const apart = begin();
    apart
      .send('orig', client[0] ?? '')
      .send('resp', 'N')
      .send('orig', client[1] ?? '')
      .send('resp', 'N');
    const together = begin().send('orig', Buffer.concat(client)).send('resp', 'NN');
    for (const parse of [apart.send('orig', client[2] ?? ''), together]) {
      expect(parse.send('resp', b.WELCOME).end()).toMatchObject([{ kind: 'sql-session', user: 'u' }]);
    }
  });

  it('is recognised where TLS begins without asking', () => {
    const hello = begin().send('orig', '\x16\x03\x01\x00\xf0\x01\x00\x00').end();
    expect(hello).toMatchObject([{ cause: 'tls', lasting: true }]);
  });

  it('is nothing else than yes or no', () => {
    const emitted = begin().send('orig', b.SSL_REQUEST).send('resp', 'x').end();
    expect(emitted).toMatchObject([{ cause: 'malformed', lasting: true }]);
  });
});

describe('another protocol', () => {
  it.each([
    ['HTTP', 'GET / HTTP/1.1\r\n\r\n'],
    ['SSH', 'SSH-2.0-OpenSSH\r\n'],
    ['AMQP', 'AMQP\0\0\x09\x01'],
    ['start-up', '\0\0\0\x09\0\x02\0\0\0'],
  ])('is said to be one, and which: %s', (name, bytes) => {
    const emitted = begin().send('orig', bytes, 1).end();
    expect(emitted).toHaveLength(1);
    expect(emitted).toMatchObject([{ cause: 'other-protocol', lasting: true, protocol: 'postgres' }]);
    expect(JSON.stringify(emitted)).toContain(name);
  });

  it('is one where the server speaks first', () => {
    const greeting = '\x4a\0\0\0\x0a8.0.40\0';
    expect(begin().send('resp', greeting).end()).toMatchObject([{ cause: 'other-protocol' }]);
    expect(begin().send('resp', b.ready()).end()).toMatchObject([{ cause: 'other-protocol' }]);
  });
});
