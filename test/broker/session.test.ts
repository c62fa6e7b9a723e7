// The conversation and the queues without a socket. Enters: frames, pongs, time; leaves: states, credit, gaps in their place.
import { describe, expect, test } from 'vitest';
import { backoff } from '../../src/broker/backoff.ts';
import { Inbox } from '../../src/broker/inbox.ts';
import { settingsOf } from '../../src/broker/options.ts';
import { Outbox } from '../../src/broker/outbox.ts';
import { Session } from '../../src/broker/session.ts';

const ACK = Buffer.from('{"type":"ack","endpoint":"e","version":"8.2.2"}');
const OPTIONS = { window: 4, ackTimeoutMs: 5000 };

describe('Session', () => {
  test('subscribes, is acknowledged, sends what waited, is open, and closes', () => {
    const session = new Session(OPTIONS, 0);
    expect(Buffer.from(session.subscription(['a/', 'b"']).bytes).toString()).toBe('["a/","b\\""]');
    expect([session.state, session.credit]).toEqual(['subscribing', 0]);
    expect(session.received(ACK)).toEqual({ kind: 'acked', endpoint: 'e', version: '8.2.2' });
    expect([session.state, session.credit]).toEqual(['acked', 4]);
    session.sent(true);
    expect(session.state).toBe('open');
    expect(session.received(ACK)).toEqual({ kind: 'content' });
    session.close();
    expect(session.state).toBe('closing');
  });

  test('a missing ack names the backend that Zeek has to load, once the time is over', () => {
    const session = new Session(OPTIONS, 1000);
    expect(session.overdue(5999)).toBeNull();
    expect(session.overdue(6000)).toMatchObject({
      kind: 'failed',
      code: 'broker-no-ack',
      message: expect.stringContaining('frameworks/cluster/backend/broker'),
    });
    session.received(ACK);
    expect(session.overdue(9000)).toBeNull();
  });

  test.each([
    [
      '{"type":"error","code":"deserialization_failed","context":"subscriptions not an array"}',
      'broker-refused',
    ],
    ['{"type":"data-message","topic":"t","@data-type":"none","data":{}}', 'broker-protocol'],
    ['garbage', 'broker-protocol'],
  ])('%s in place of the ack fails with %s', (frame, code) => {
    expect(new Session(OPTIONS, 0).received(Buffer.from(frame))).toMatchObject({ kind: 'failed', code });
  });

  test('credit comes back with the pong for what was sent, and with no other one', () => {
    const session = new Session(OPTIONS, 0);
    session.received(ACK);
    expect(session.sent(false)).toBeNull();
    expect(session.sent(false)).toBe('events:2');
    session.sent(false);
    expect(session.sent(false)).toBe('events:4');
    expect([session.credit, session.unconfirmed]).toEqual([0, 4]);
    for (const payload of ['alive', 'events:99', 'events:x', 'ixwebsocket::heartbeat::5s::0'])
      session.pong(payload);
    expect(session.credit).toBe(0);
    session.pong('events:2');
    expect(session.credit).toBe(2);
    session.pong('events:4');
    session.pong('events:2');
    expect([session.credit, session.unconfirmed]).toEqual([4, 0]);
  });
});

describe('Inbox', () => {
  const frame = (byte: number) => Uint8Array.of(byte);
  const all = (inbox: Inbox) => {
    const out: unknown[] = [];
    for (let entry = inbox.shift(); entry !== undefined; entry = inbox.shift()) out.push(entry);
    return out;
  };

  test('is full at either limit, and low at half of both', () => {
    const inbox = new Inbox({ frames: 4, bytes: 6 });
    for (const _ of [1, 2]) inbox.frame(new Uint8Array(3));
    expect([inbox.full, inbox.low]).toEqual([true, false]);
    inbox.shift();
    expect([inbox.full, inbox.low, inbox.bytes]).toEqual([false, true, 3]);
  });

  test('what was dropped is a gap exactly where it is missing', () => {
    const inbox = new Inbox({ frames: 4, bytes: 100 });
    for (const byte of [1, 2, 3, 4]) inbox.frame(frame(byte));
    inbox.drop();
    expect([5, 6].map((byte) => inbox.frame(frame(byte)))).toEqual([false, false]);
    expect([inbox.shift(), inbox.shift()]).toEqual([frame(1), frame(2)]);
    expect(inbox.frame(frame(7))).toBe(true);
    expect(all(inbox)).toEqual([
      frame(3),
      frame(4),
      { kind: 'gap', reason: 'overflow', dropped: 2 },
      frame(7),
    ]);
  });

  test('a state after dropped frames comes after their gap', () => {
    const inbox = new Inbox({ frames: 1, bytes: 100 });
    inbox.frame(frame(1));
    inbox.drop();
    inbox.frame(frame(2));
    inbox.state({ kind: 'closed', clean: false, unconfirmed: 0 });
    expect(all(inbox).slice(1)).toEqual([
      { kind: 'gap', reason: 'overflow', dropped: 1 },
      { kind: 'closed', clean: false, unconfirmed: 0 },
    ]);
  });

  test('attempts that nobody reads take one place', () => {
    const inbox = new Inbox({ frames: 100, bytes: 100 });
    const loss = { code: 'broker-transport', message: 'x', closeCode: null } as const;
    for (let attempt = 1; attempt <= 50; attempt += 1)
      inbox.state({ kind: 'reconnecting', attempt, inMs: 1, loss });
    expect(inbox.length).toBe(1);
    expect(inbox.shift()).toMatchObject({ attempt: 50 });
  });

  test('ten thousand frames come out in order', () => {
    const inbox = new Inbox({ frames: 100_000, bytes: 1e9 });
    const numbers: number[] = [];
    for (let index = 0; index < 10_000; index += 1) {
      inbox.frame(Uint8Array.of(index >> 8, index & 255));
      if (index % 3 > 0) {
        const entry = inbox.shift();
        if (entry instanceof Uint8Array) numbers.push(((entry[0] ?? 0) << 8) | (entry[1] ?? 0));
      }
    }
    for (const entry of all(inbox))
      if (entry instanceof Uint8Array) numbers.push(((entry[0] ?? 0) << 8) | (entry[1] ?? 0));
    expect(numbers).toEqual(Array.from({ length: 10_000 }, (_, index) => index));
  });
});

test('a full outbox says so and stays as it was', () => {
  const outbox = new Outbox({ frames: 2, bytes: 10 });
  const frame = { bytes: new Uint8Array(6), binary: false };
  outbox.add(frame);
  expect(() => outbox.add(frame)).toThrow(expect.objectContaining({ code: 'broker-outbox-full' }));
  expect([outbox.length, outbox.next(), outbox.next(), outbox.low]).toEqual([1, frame, null, true]);
});

test('waits double up to the maximum, and half of each is random', () => {
  const limits = { minMs: 100, maxMs: 1000 };
  expect([1, 2, 3, 4, 5, 1000].map((attempt) => backoff(limits, attempt, () => 0))).toEqual([
    50, 100, 200, 400, 500, 500,
  ]);
  expect([1, 5].map((attempt) => backoff(limits, attempt, () => 1))).toEqual([100, 1000]);
});

test.each([
  { url: 'http://x', topics: [] },
  { url: 'ws://x/other', topics: [] },
  { url: 'ws://x', topics: [], tls: {} },
  { url: 'ws://x', topics: [], applicationName: 'a b' },
  { url: 'ws://x', topics: [], window: 0 },
])('options that cannot work are refused: %j', (options) => {
  expect(() => settingsOf(options)).toThrow(expect.objectContaining({ code: 'broker-usage' }));
});
