// How MySQL connections begin. Enters: greetings, logins and answers; leaves: sessions, refusals, and what is no MySQL.
import { describe, expect, it } from 'vitest';
import { mysqlParser } from '../../../src/sensor/mysql/parser.ts';
import * as b from '../../support/mysql-bytes.ts';
import { only, Parse } from '../../support/parse.ts';

const greeted = (greeting = b.greeting()): Parse => new Parse(mysqlParser).send('resp', greeting);

describe('a MySQL login', () => {
  it('gives a session with user, database and attributes once the server accepts it', () => {
    const attributes = { _client_name: 'libmysql', _pid: '7' };
    const emitted = greeted()
      .send('orig', b.login({ user: 'zoë', attributes }))
      .send('resp', b.ok(2))
      .end();
    expect(emitted).toMatchObject([
      { kind: 'sql-session', dialect: 'mysql', user: 'zoë', database: 'shop', span: { side: 'resp' } },
    ]);
    const [session] = only(emitted, 'sql-session');
    expect([...(session?.parameters ?? [])]).toEqual(Object.entries(attributes));
  });

  it('may name no database', () => {
    const flags = b.USUAL & ~b.CONNECT_WITH_DB;
    const emitted = greeted().send('orig', b.login({ flags })).send('resp', b.ok(2)).end();
    expect(emitted).toMatchObject([{ kind: 'sql-session', database: null }]);
  });

  it('goes through other ways to prove who it is, and shows nothing of them', () => {
    const emitted = greeted()
      .send('orig', b.login())
      .send('resp', b.packet(2, b.int8(0xfe), b.cstring('caching_sha2_password'), Buffer.alloc(20, 1)))
      .send('orig', b.packet(3, Buffer.from('S3CRET-scramble')), 3)
      .send('resp', b.packet(4, b.int8(1), b.int8(4)))
      .send('orig', b.packet(5, b.cstring('S3CRET in clear')))
      .send('resp', b.ok(6))
      .send('orig', b.query('select 1'))
      .end();
    expect(emitted.map(({ kind }) => kind)).toEqual(['sql-session', 'sql-statement']);
    expect(JSON.stringify(emitted)).not.toContain('S3CRET');
  });

  it('of the oldest protocol is read too', () => {
    const flags = b.int16(b.CONNECT_WITH_DB | 1);
    const old = b.packet(
      1,
      flags,
      b.int16(0),
      b.int8(0),
      b.cstring('app'),
      b.cstring('proof'),
      b.cstring('shop'),
    );
    const emitted = greeted(b.greeting(b.CONNECT_WITH_DB | 1))
      .send('orig', old)
      .send('resp', b.ok(2))
      .end();
    expect(emitted).toMatchObject([{ kind: 'sql-session', user: 'app', database: 'shop' }]);
  });

  it('may be refused, also before anyone was asked', () => {
    expect(greeted().send('orig', b.login()).send('resp', b.error(2, 1045)).end()).toMatchObject([
      { kind: 'sql-login-failed', user: 'app', database: 'shop', code: '1045' },
    ]);
    expect(greeted(b.error(0, 1130)).end()).toMatchObject([
      { kind: 'sql-login-failed', user: '', code: '1130' },
    ]);
  });

  it('lets a command be sent before its answer', () => {
    const emitted = greeted()
      .send('orig', Buffer.concat([b.login(), b.query('select 1')]))
      .send('resp', Buffer.concat([b.ok(2), b.resultSet(['1'], [['1']])]))
      .end();
    expect(emitted.map(({ kind }) => kind)).toEqual(['sql-statement', 'sql-session', 'sql-result']);
  });
});

describe('what is not read', () => {
  it('is TLS, from the switch on', () => {
    const request = b.packet(1, b.int32(b.USUAL | b.SSL), Buffer.alloc(28));
    const emitted = greeted().send('orig', request).send('orig', '\x16\x03\x01\x02\x00').end();
    expect(emitted).toMatchObject([{ kind: 'analysis-lost', cause: 'tls', lasting: true }]);
  });

  it.each([b.COMPRESS, 0x400_0000])('is compression, when both sides want it (%i)', (flag) => {
    const login = b.login({ flags: b.USUAL | flag });
    const emitted = greeted()
      .send('orig', login)
      .send('resp', b.ok(2))
      .send('orig', b.query('select 1'))
      .end();
    expect(emitted).toMatchObject([
      { kind: 'sql-session' },
      { kind: 'analysis-lost', cause: 'compressed', lasting: true },
    ]);
    const alone = greeted(b.greeting(b.USUAL)).send('orig', login).send('resp', b.ok(2));
    expect(alone.send('orig', b.query('select 1')).end()).toMatchObject([
      { kind: 'sql-session' },
      { kind: 'sql-statement' },
    ]);
  });

  it.each(['GET / HTTP/1.1\r\n\r\n', '\0\0\0\x08\x04\xd2\x16\x2f'])(
    'is a client that speaks first',
    (bytes) => {
      const emitted = new Parse(mysqlParser).send('orig', bytes, 1).end();
      expect(emitted).toMatchObject([{ cause: 'other-protocol', lasting: true, protocol: 'mysql' }]);
    },
  );

  it.each(['SSH-2.0-OpenSSH\r\n', '\x05\0\0\0hello', '220 smtp ESMTP\r\n'])(
    'is another greeting',
    (bytes) => {
      const emitted = new Parse(mysqlParser).send('resp', bytes, 2).end();
      expect(emitted).toMatchObject([{ cause: 'other-protocol', lasting: true }]);
    },
  );

  it('is a login that breaks off', () => {
    const emitted = greeted()
      .send('orig', b.packet(1, b.int32(b.USUAL), Buffer.alloc(28), Buffer.from('app')))
      .end();
    expect(emitted).toMatchObject([{ cause: 'malformed', lasting: true }]);
  });
});
