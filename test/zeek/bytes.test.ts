// Every byte value in every published field, through a real Zeek. Enters: captures made here; leaves: each value, exact.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import type { Event } from '../../src/events/event.ts';
import * as amqp from '../support/amqp-bytes.ts';
import { eventsOfCapture } from '../support/capture.ts';
import * as mysql from '../support/mysql-bytes.ts';
import { differences, normalise } from '../support/normalise.ts';
import { Conversation, type Frame, pcapFile } from '../support/packets.ts';
import * as postgres from '../support/postgres-bytes.ts';
import { needsZeek, runZeek } from '../support/zeek.ts';

const folder = mkdtempSync(join(tmpdir(), 'flowtap-bytes-'));
afterAll(() => rmSync(folder, { recursive: true }));

const BYTES = Array.from({ length: 256 }, (_, byte) => byte);
const ALL = Buffer.from(BYTES);
const around = (byte: number): Buffer => Buffer.from([0x61, byte, 0x62]);
/** As our readers keep a text: UTF-8 where it is, else Latin-1. */
const shown = (bytes: Buffer): string =>
  bytes.toString('utf8').includes('\ufffd') ? bytes.toString('latin1') : bytes.toString('utf8');

let connections = 0;
function conversation(port: number): Conversation {
  connections += 1;
  const client = { ip: '10.1.0.9', port: 10_000 + connections };
  const start = 1_700_000_000_000_000 + connections * 1_000_000;
  return new Conversation({ client, server: { ip: '10.1.0.12', port }, start }).open();
}

/** Both sensors read the same; what they read. */
async function both(name: string, talks: readonly Conversation[]): Promise<readonly Event[]> {
  const file = join(folder, `${name}.pcap`);
  const frames: Frame[] = talks.flatMap((talk) => talk.close().frames);
  writeFileSync(file, pcapFile(frames));
  const [ours, zeek] = [await eventsOfCapture(file), await runZeek(file)];
  expect(zeek.notices.filter(({ kind }) => kind !== 'hello' && kind !== 'lost')).toEqual([]);
  expect(differences(normalise(ours), normalise(zeek.events))).toEqual([]);
  return zeek.events;
}

function of<K extends Event['kind']>(events: readonly Event[], kind: K) {
  return events.filter((event): event is Extract<Event, { kind: K }> => event.kind === kind);
}

describe('all 256 byte values arrive from a real Zeek, exact', () => {
  beforeEach(needsZeek);

  test('in a request’s target, header name, header value and body', { timeout: 120_000 }, async () => {
    const send = (...parts: readonly (string | Buffer)[]): Conversation =>
      conversation(8080).send('client', Buffer.concat(parts.map((part) => Buffer.from(part))));
    const rest = ' HTTP/1.1\r\nHost: h\r\n';
    const targets = BYTES.map((byte) => send('GET /', around(byte), rest, '\r\n'));
    const names = BYTES.map((byte) => send('GET /', rest, 'x-', around(byte), ': 1\r\n\r\n'));
    const values = BYTES.map((byte) => send('GET /', rest, 'x-v: ', around(byte), '\r\n\r\n'));
    const body = send('POST /', rest, 'Content-Length: 256\r\n\r\n', ALL);
    const requests = of(await both('http', [...targets, ...names, ...values, body]), 'http-request');
    const seen = new Set(requests.map(({ target }) => target));
    // A space, CR and LF end a target; which bytes those are is the one thing that is not exact about it.
    for (const byte of BYTES.filter((each) => ![0x0a, 0x0d, 0x20, 0x09].includes(each)))
      expect(seen).toContain(`/${around(byte).toString('latin1')}`);
    const headers = new Set(
      requests.flatMap((each) => each.headers.map(({ name, value }) => `${name}=${value}`)),
    );
    for (const byte of BYTES.filter((each) => ![0x0a, 0x0d].includes(each)))
      expect(headers).toContain(`x-v=${around(byte).toString('latin1')}`);
    for (const byte of BYTES.filter((each) => ![0x0a, 0x0d, 0x3a].includes(each)))
      expect(headers).toContain(`x-${around(byte).toString('latin1')}=1`);
    expect(Buffer.from(requests.at(-1)?.body.bytes ?? [])).toEqual(ALL);
  });

  test('in an exchange, a routing key, a property, a header and a payload', async () => {
    const shortOf = (bytes: Buffer): Buffer => Buffer.concat([amqp.octet(bytes.length), bytes]);
    const talk = conversation(5672).send('client', amqp.PROTOCOL_HEADER);
    for (const byte of BYTES) {
      const text = around(byte);
      const entry = Buffer.concat([shortOf(Buffer.from('h')), Buffer.from('S'), amqp.longString(text)]);
      talk.send(
        'client',
        Buffer.concat([
          amqp.method(1, 60, 40, amqp.short(0), shortOf(text), shortOf(text), amqp.octet(0)),
          amqp.contentHeader(1, 256, (1 << 13) | (1 << 10), amqp.longString(entry), shortOf(text)),
          amqp.frame(3, 1, ALL),
        ]),
      );
    }
    const events = of(await both('amqp', [talk]), 'amqp-method');
    expect(events).toHaveLength(256);
    for (const [byte, { method, content }] of events.entries()) {
      const text = shown(around(byte));
      expect(method).toMatchObject({ name: 'basic.publish', exchange: text, routingKey: text });
      expect(content?.properties.correlationId).toBe(text);
      expect(content?.properties.headers?.get('h')).toBe(text);
      expect(Buffer.from(content?.body.bytes ?? [])).toEqual(ALL);
    }
  });

  test('in PostgreSQL’s user name, statement text and bound values', { timeout: 120_000 }, async () => {
    const named = BYTES.slice(1).map((byte) => {
      const user = Buffer.concat([postgres.cstring('user'), postgres.cstring(around(byte)), Buffer.of(0)]);
      return conversation(5432)
        .send('client', postgres.untyped(196_608, user))
        .send('server', postgres.WELCOME);
    });
    const talk = conversation(5432)
      .send('client', postgres.startup({ user: 'u' }))
      .send('server', postgres.WELCOME);
    for (const byte of BYTES.slice(1)) {
      talk.send('client', postgres.query(Buffer.concat([Buffer.from('SELECT '), around(byte)])));
      talk.send('server', Buffer.concat([postgres.complete('SELECT 0'), postgres.ready()]));
    }
    talk.send('client', Buffer.concat([postgres.parse('', 'SELECT $1', [17]), postgres.SYNC]));
    talk.send('server', Buffer.concat([postgres.PARSED, postgres.ready()]));
    for (const byte of BYTES) {
      const bind = postgres.bind({ values: [around(byte)], formats: [1] });
      talk.send('client', Buffer.concat([bind, postgres.execute(), postgres.SYNC]));
      talk.send('server', Buffer.concat([postgres.BOUND, postgres.complete('SELECT 0'), postgres.ready()]));
    }
    const events = await both('postgres', [...named, talk]);
    expect(
      of(events, 'sql-session')
        .map(({ user }) => user)
        .slice(0, 255),
    ).toEqual(BYTES.slice(1).map((byte) => shown(around(byte))));
    const statements = of(events, 'sql-statement');
    expect(statements.slice(0, 255).map(({ text }) => text)).toEqual(
      BYTES.slice(1).map((byte) => shown(Buffer.concat([Buffer.from('SELECT '), around(byte)]))),
    );
    expect(statements.slice(255).map(({ parameters }) => parameters)).toEqual(
      BYTES.map((byte) => [{ type: 'bytes', text: around(byte).toString('hex') }]),
    );
  });

  test('in MySQL’s user name, statement text and bound values', { timeout: 120_000 }, async () => {
    const talk = conversation(3306)
      .send('server', mysql.greeting())
      .send('client', mysql.login({ user: Buffer.from(BYTES.slice(1, 128)).toString() }))
      .send('server', mysql.ok(2));
    for (const byte of BYTES) {
      talk.send('client', mysql.query(Buffer.concat([Buffer.from('SELECT '), around(byte)])));
      talk.send('server', mysql.ok(1));
    }
    talk.send('client', mysql.prepare('SELECT ?')).send('server', mysql.prepared(7, 1));
    for (const byte of BYTES) {
      talk.send('client', mysql.execute(7, [{ type: 252, bytes: mysql.lenenc(around(byte)) }]));
      talk.send('server', mysql.ok(1));
    }
    const events = await both('mysql', [talk]);
    expect(of(events, 'sql-session')[0]?.user).toBe(Buffer.from(BYTES.slice(1, 128)).toString());
    const statements = of(events, 'sql-statement');
    expect(statements.slice(0, 256).map(({ text }) => text)).toEqual(
      BYTES.map((byte) => shown(Buffer.concat([Buffer.from('SELECT '), around(byte)]))),
    );
    expect(statements).toHaveLength(512);
    // A value of a blob type is text where it is UTF-8, else bytes.
    const bound = (text: Buffer) =>
      text.toString('utf8').includes('\ufffd')
        ? { type: 'bytes', text: text.toString('hex') }
        : { type: 'text', text: text.toString('utf8') };
    expect(statements.slice(256).map(({ parameters }) => parameters)).toEqual(
      BYTES.map((byte) => [bound(around(byte))]),
    );
  });
});
