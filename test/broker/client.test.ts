// The client against a server that misbehaves. Enters: scripted connections; leaves: the stream, with every loss in it.
import { setImmediate as turn } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import { BrokerClient } from '../../src/broker/client.ts';
import type { StreamItem } from '../../src/broker/item.ts';
import { writeEvent } from '../../src/broker/message.ts';
import type { ClientOptions } from '../../src/broker/options.ts';
import { count, string, type Value, vector } from '../../src/broker/value/value.ts';
import { Authority, whyNoCertificates } from '../support/certificates.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { frames, type MockPeer, MockZeek, type Script } from '../support/mock-zeek.ts';
import { kind, stream, until } from '../support/stream-items.ts';

const open: { stop(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.stop();
});

async function mock(...args: Parameters<typeof MockZeek.start>): Promise<MockZeek> {
  const server = await MockZeek.start(...args);
  open.push({
    stop: async () => {
      await server.stop();
      expect(server.failures).toEqual([]);
    },
  });
  return server;
}

/** Fast retries, so that no test waits; the waits themselves are tested with the clock of the test. */
function client(server: MockZeek, options: Partial<ClientOptions> = {}): BrokerClient {
  const made = new BrokerClient({
    url: server.url,
    topics: ['t/'],
    ...options,
    reconnect: { minMs: 1, maxMs: 2, ...options.reconnect },
  });
  open.push({ stop: () => made.close() });
  return made;
}

const event = (index: number, ...more: Value[]): Buffer =>
  Buffer.from(writeEvent({ topic: 't/', name: 'ev', args: [count(index), ...more] }, 1 << 26).bytes);

const numbers = (items: readonly StreamItem[]): unknown[] =>
  items
    .filter((item) => item.kind !== 'reconnecting')
    .map((item) => (item.kind === 'event' ? numberOf(item) : item.kind));

function numberOf(item: StreamItem): number {
  const first = item.kind === 'event' ? item.args[0] : undefined;
  return first?.kind === 'count' ? Number(first.value) : -1;
}

const isEvent = (index: number) => (item: StreamItem) => numberOf(item) === index;

async function settle(done: () => boolean): Promise<void> {
  for (let round = 0; round < 200_000 && !done(); round += 1) await turn();
  expect(done()).toBe(true);
}

describe('connecting', () => {
  test('asks for the path, the application name, no subprotocol and no compression, and subscribes', async () => {
    let request = '';
    let topics = '';
    const server = await mock(async (peer) => {
      request = peer.request;
      topics = await peer.subscribe('node-1');
    });
    const items = await until(stream(client(server, { applicationName: 'engine/1' })), kind('connected'));
    expect(items).toEqual([{ kind: 'connected', endpoint: 'node-1', version: '8.2.2', again: false }]);
    expect(request).toMatch(/^GET \/v1\/messages\/json HTTP\/1\.1\r\n/);
    expect(request).toMatch(/x-application-name: engine\/1/i);
    expect(request).not.toMatch(/sec-websocket-(protocol|extensions)|origin/i);
    expect(topics).toBe('["t/"]');
  });

  test('without an ack it names the missing backend, and tries again', async () => {
    const clock = new FakeClock();
    let subscribed = 0;
    const server = await mock(async (peer) => {
      await peer.next();
      subscribed += 1;
    });
    const reading = until(stream(client(server, { clock })), kind('reconnecting'));
    await settle(() => subscribed === 1);
    clock.advance(5000);
    expect(await reading).toMatchObject([
      {
        kind: 'reconnecting',
        attempt: 1,
        loss: { code: 'broker-no-ack', message: expect.stringContaining('backend/broker') },
      },
    ]);
  });

  test('the ack is missed even when the timer for it comes a little early', async () => {
    const clock = new FakeClock();
    const early = {
      now: () => clock.now(),
      after: (ms: number, run: () => void) => clock.after(Math.max(ms - 2, 1), run),
    };
    let subscribed = 0;
    const server = await mock(async (peer) => {
      await peer.next();
      subscribed += 1;
    });
    const reading = until(stream(client(server, { clock: early })), kind('reconnecting'));
    await settle(() => subscribed === 1);
    clock.advance(5010);
    expect(await reading).toMatchObject([{ loss: { code: 'broker-no-ack' } }]);
  });

  test('an error in place of the ack, and close 1008, are refusals', async () => {
    const server = await mock(async (peer, index) => {
      await peer.next();
      if (index === 0) peer.text('{"type":"error","code":"invalid_uri","context":"no"}');
      else peer.close(1008, 'Invalid URI');
    });
    const reading = stream(client(server));
    for (const closeCode of [null, 1008])
      expect((await until(reading, kind('reconnecting'))).at(-1)).toMatchObject({
        loss: { code: 'broker-refused', closeCode },
      });
  });

  test('nobody there ends with an error after as many attempts as were asked for', async () => {
    const server = await MockZeek.start(() => {});
    await server.stop();
    const reading = stream(client(server, { reconnect: { attempts: 3 } }));
    const items = await until(reading, (item) => item.kind === 'reconnecting' && item.attempt === 2);
    expect(items.every((item) => item.kind === 'reconnecting')).toBe(true);
    await expect(reading.next()).rejects.toMatchObject({ name: 'BrokerError', code: 'broker-unreachable' });
  });

  test('an HTTP refusal is a failed attempt', async () => {
    const server = await mock(() => {}, null, 'HTTP/1.1 400 no\r\nContent-Length: 0\r\n\r\n');
    const [item] = await until(stream(client(server)), kind('reconnecting'));
    expect(item).toMatchObject({
      loss: { code: 'broker-transport', message: expect.stringContaining('400') },
    });
  });

  test('attempts back off exponentially, with jitter from outside', async () => {
    const clock = new FakeClock();
    const server = await MockZeek.start(() => {});
    await server.stop();
    const reading = stream(
      client(server, { clock, random: () => 1, reconnect: { minMs: 100, maxMs: 1000 } }),
    );
    const waits: number[] = [];
    for (let round = 0; round < 6; round += 1) {
      const { value } = await reading.next();
      if (value?.kind !== 'reconnecting') throw new Error(value?.kind);
      waits.push(value.inMs);
      clock.advance(value.inMs);
    }
    expect(waits).toEqual([100, 200, 400, 800, 1000, 1000]);
  });
});

describe('receiving', () => {
  test('every byte that Zeek can send arrives, and keeps the connection', async () => {
    const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const raw = (content: Uint8Array): Buffer => {
      const [head = '', tail = ''] = event(7, string('@@')).toString().split('@@');
      return Buffer.concat([Buffer.from(head), content, Buffer.from(tail)]);
    };
    const escaped = Buffer.concat(
      [...all].map((byte) =>
        byte === 0x22 || byte === 0x5c
          ? Buffer.of(0x5c, byte)
          : byte === 11
            ? Buffer.from('\\v')
            : Buffer.of(byte),
      ),
    );
    const server = await mock(async (peer) => {
      await peer.subscribe();
      peer.text(raw(escaped));
      peer.text(event(8));
    });
    const items = await until(stream(client(server)), isEvent(8));
    expect(items[1]).toMatchObject({ args: [count(7), { kind: 'bytes', bytes: all }] });
    expect(numbers(items)).toEqual(['connected', 7, 8]);
  });

  test('a frame that nobody can read is an item in its place', async () => {
    const server = await mock(async (peer) => {
      await peer.subscribe();
      for (const frame of [event(1), Buffer.from('{"type":'), event(2)]) peer.text(frame);
      peer.text('{"type":"ack","endpoint":"e","version":"v"}');
      peer.text('{"type":"error","code":"deserialization_failed","context":"x"}');
    });
    const items = await until(stream(client(server)), kind('error'));
    expect(numbers(items)).toEqual(['connected', 1, 'malformed', 2, 'malformed', 'error']);
    expect(items[2]).toMatchObject({ size: 8, start: Uint8Array.from(Buffer.from('{"type":')) });
  });

  test('two messages in one segment, and one in fragments of 32 KiB, arrive whole', async () => {
    const large = string('x'.repeat(200_000));
    const server = await mock(async (peer) => {
      await peer.subscribe();
      peer.raw(Buffer.concat([frames(1, event(1)), frames(1, event(2))]));
      peer.text(event(3, large), 32_768);
    });
    const items = await until(stream(client(server)), isEvent(3));
    expect(numbers(items)).toEqual(['connected', 1, 2, 3]);
    expect(items[3]).toMatchObject({ args: [count(3), large] });
  });

  test('a message over the limit ends the connection, with its reason and a gap', async () => {
    const server = await mock(async (peer, index) => {
      await peer.subscribe();
      peer.text(index === 0 ? event(1, string('x'.repeat(5000))) : event(2));
    });
    const items = await until(stream(client(server, { maxMessageBytes: 4096 })), isEvent(2));
    expect(numbers(items)).toEqual(['connected', 'lost', 'gap', 'connected', 2]);
    expect(items[1]).toMatchObject({ loss: { code: 'broker-too-large' } });
  });

  test('pings are answered while a large message is decoded and a greedy reader reads', async () => {
    const items = vector(...Array.from({ length: 60_000 }, (_, index) => count(index)));
    let peer: MockPeer | null = null;
    const server = await mock(async (one) => {
      peer = one;
      await one.subscribe();
      one.text(event(1, items), 32_768);
      one.ping('p');
      for (let index = 2; index < 2000; index += 1) one.text(event(index));
    });
    const reading = stream(client(server));
    await until(reading, kind('connected'));
    let turns = 0;
    let over = false;
    const counting = (async () => {
      while (!over) {
        await turn();
        turns += 1;
      }
    })();
    await until(reading, isEvent(1));
    over = true;
    await counting;
    // 2.5 MiB in slices of a quarter.
    expect(turns).toBeGreaterThan(8);
    await until(reading, isEvent(1999));
    await settle(() => (peer?.pongs.length ?? 0) > 0);
    expect(peer).toMatchObject({ pongs: [Buffer.from('p')] });
  });
});

describe('losing the connection', () => {
  const twice =
    (end: (peer: MockPeer) => void): Script =>
    async (peer, index) => {
      await peer.subscribe(`node-${index}`);
      peer.text(event(index * 10 + 1));
      if (index === 0) end(peer);
    };

  test.each<readonly [string, (peer: MockPeer) => void, number | null]>([
    ['close 1001', (peer) => peer.close(1001, 'Terminating'), 1001],
    ['close 1011', (peer) => peer.close(1011, 'Ping timeout'), 1011],
    ['an end without a close frame', (peer) => peer.socket.end(), null],
    [
      'half a message and an RST',
      (peer) => {
        peer.raw(frames(1, event(5)).subarray(0, 40));
        peer.reset();
      },
      null,
    ],
    ['a frame that breaks the protocol', (peer) => peer.raw(Buffer.from([0xff, 0x00])), null],
  ])('%s: what came before is kept, then loss, gap and a new subscription', async (_, end, closeCode) => {
    const server = await mock(twice(end));
    const items = await until(stream(client(server)), isEvent(11));
    expect(numbers(items).filter((item) => item !== 1)).toEqual([
      'connected',
      'lost',
      'gap',
      'connected',
      11,
    ]);
    expect(items.find(kind('lost'))).toMatchObject({ loss: { code: 'broker-transport', closeCode } });
    expect(items.find(kind('gap'))).toEqual({ kind: 'gap', reason: 'reconnected', dropped: null });
    expect(items.filter(kind('connected'))).toMatchObject([
      { endpoint: 'node-0', again: false },
      { endpoint: 'node-1', again: true },
    ]);
    if (closeCode !== null) expect(numbers(items)).toContain(1);
  });

  test('a peer that falls silent is given up, one that sends in the middle of a frame is not', async () => {
    const clock = new FakeClock();
    let first: MockPeer | null = null;
    const server = await mock(async (peer, index) => {
      if (index === 0) first = peer;
      peer.answersPings = false;
      await peer.subscribe();
    });
    const one = client(server, { clock, silenceMs: 1000 });
    const reading = stream(one);
    await until(reading, kind('connected'));
    clock.advance(500);
    (first as MockPeer | null)?.raw(frames(1, event(1)).subarray(0, 20));
    // The bytes are in when the event loop turned often enough; nothing in the stream shows it.
    for (let round = 0; round < 200; round += 1) await turn();
    clock.advance(500);
    expect(one.statistics().state).toBe('open');
    clock.advance(1500);
    expect((await until(reading, kind('lost'))).at(-1)).toMatchObject({ loss: { code: 'broker-silent' } });
  });

  test('for a replay, the loss of the connection is the end', async () => {
    const server = await mock(twice((peer) => peer.close(1001, 'Terminating')));
    const items = await until(stream(client(server, { reconnect: { afterLoss: false } })), () => false);
    expect(numbers(items)).toEqual(['connected', 1, 'lost', 'closed']);
  });
});

describe('a reader that is slow', () => {
  const flood =
    (total: number): Script =>
    async (peer) => {
      await peer.subscribe();
      for (let index = 0; index < total; index += 1) peer.text(event(index, string('x'.repeat(2000))));
    };

  test('stops the socket at the limit, and nothing is lost when it goes on', async () => {
    const server = await mock(flood(5000));
    const one = client(server, { inbox: { frames: 100 } });
    await settle(() => one.statistics().paused);
    expect(one.statistics().queuedFrames).toBeLessThan(100 + 64);
    const items = await until(stream(one), isEvent(4999));
    expect(items.filter(kind('event')).map(numberOf)).toEqual(
      Array.from({ length: 5000 }, (_, index) => index),
    );
    expect(one.statistics()).toMatchObject({ dropped: 0, events: 5000, connections: 1 });
    expect(one.statistics().pauses).toBeGreaterThan(1);
  });

  test('or drops after a time, with a gap that counts them', async () => {
    const clock = new FakeClock();
    const server = await mock(flood(1000));
    const one = client(server, { clock, inbox: { frames: 100 }, overflow: { kind: 'drop', afterMs: 2000 } });
    await settle(() => one.statistics().paused);
    expect(one.statistics().dropped).toBe(0);
    clock.advance(2000);
    await settle(() => one.statistics().framesReceived === 1001);
    const { dropped } = one.statistics();
    const items = await until(stream(one), kind('gap'));
    const events = items.filter(kind('event')).length;
    expect(items.at(-1)).toEqual({ kind: 'gap', reason: 'overflow', dropped });
    expect(events + dropped).toBe(1000);
  });

  test('or ends the stream with an error, after what was received', async () => {
    const server = await mock(flood(1000));
    const one = client(server, { inbox: { frames: 100 }, overflow: { kind: 'fail' } });
    const reading = stream(one);
    await settle(() => one.statistics().state === 'closed');
    await expect(until(reading, () => false)).rejects.toMatchObject({ code: 'broker-overflow' });
  });

  test('does not make the client connect again before it reads', async () => {
    let connections = 0;
    const server = await mock(async (peer, index) => {
      connections += 1;
      await peer.subscribe();
      for (let number = 0; number < 4; number += 1) peer.text(event(index * 10 + number));
      if (index === 0) peer.socket.end();
    });
    const one = client(server, { inbox: { frames: 3 }, overflow: { kind: 'drop', afterMs: 1 } });
    await settle(() => one.statistics().state === 'connecting' && connections === 1);
    const items = await until(stream(one), isEvent(10));
    expect(numbers(items).slice(-3)).toEqual(['gap', 'connected', 10]);
  });
});

describe('publishing', () => {
  test('no more events than the window are under way, and pongs let the next ones go', async () => {
    const received: number[] = [];
    let peer: MockPeer | null = null;
    const server = await mock(async (one) => {
      peer = one;
      one.answersPings = false;
      await one.subscribe();
      for (;;) {
        const frame = await one.next();
        if (frame === null) return;
        received.push(frame.opcode);
      }
    });
    const one = client(server, { window: 8, closeTimeoutMs: 50 });
    await until(stream(one), kind('connected'));
    for (let index = 0; index < 20; index += 1)
      one.publish({ topic: 't/', name: 'ev', args: [count(index)] });
    await settle(() => received.length === 8);
    expect(one.statistics()).toMatchObject({ unsent: 12, unconfirmed: 8 });
    (peer as MockPeer | null)?.pong(Buffer.from('events:8'));
    await settle(() => received.length === 16);
    expect(one.statistics()).toMatchObject({ unsent: 4, unconfirmed: 8 });
  });

  test('what waits without a connection goes out with the next one; what was under way is said to be unsure', async () => {
    const bodies: string[] = [];
    const server = await mock(async (peer, index) => {
      if (index === 0) peer.answersPings = false;
      await peer.subscribe();
      for (let frame = await peer.next(); frame !== null && frame.opcode < 8; frame = await peer.next()) {
        bodies.push(frame.payload.toString());
        if (index === 0) peer.reset();
      }
    });
    const one = client(server, { window: 1 });
    const reading = stream(one);
    one.publish({ topic: 't/', name: 'first', args: [] });
    one.publish({ topic: 't/', name: 'second', args: [] });
    const items = await until(reading, (item) => item.kind === 'connected' && item.again);
    expect(items.find(kind('lost'))).toMatchObject({ unconfirmed: 1 });
    await settle(() => bodies.length === 2);
    expect(bodies[1]).toContain('"second"');
  });

  test('a full outbox is an error, drained says when there is room', async () => {
    const server = await mock(async (peer) => {
      await peer.subscribe();
    });
    const one = client(server, { outbox: { frames: 4 } });
    const publish = () => one.publish({ topic: 't/', name: 'ev', args: [] });
    expect([publish(), publish(), publish(), publish()]).toEqual([true, true, false, false]);
    expect(publish).toThrow(expect.objectContaining({ code: 'broker-outbox-full' }));
    await one.drained();
    expect(publish()).toBe(true);
  });
});

describe('closing', () => {
  test('sends what waits, has it confirmed, takes what Zeek still sends, and ends the stream', async () => {
    let received = 0;
    const server = await mock(async (peer) => {
      peer.answersClose = false;
      await peer.subscribe();
      for (;;) {
        const frame = await peer.next();
        if (frame === null) return;
        if (frame.opcode === 8) {
          for (let index = 0; index < 500; index += 1) peer.text(event(index));
          peer.raw(frames(8, frame.payload));
          peer.socket.end();
        } else received += 1;
      }
    });
    const one = client(server);
    const reading = stream(one);
    await until(reading, kind('connected'));
    for (let index = 0; index < 100; index += 1)
      one.publish({ topic: 't/', name: 'ev', args: [count(index)] });
    expect(await one.close()).toBe(true);
    expect(received).toBe(100);
    const items = await until(reading, () => false);
    expect(items.filter(kind('event'))).toHaveLength(500);
    expect(items.at(-1)).toEqual({ kind: 'closed', clean: true, unconfirmed: 0 });
    expect(() => one.publish({ topic: 't/', name: 'ev', args: [] })).toThrow(
      expect.objectContaining({ code: 'broker-closed' }),
    );
  });

  test('a peer that confirms nothing costs the close time-out, and the rest is said to be unsure', async () => {
    const clock = new FakeClock();
    const server = await mock(async (peer) => {
      peer.answersPings = false;
      await peer.subscribe();
    });
    const one = client(server, { clock });
    const reading = stream(one);
    await until(reading, kind('connected'));
    one.publish({ topic: 't/', name: 'ev', args: [] });
    const closed = one.close();
    clock.advance(5000);
    expect(await closed).toBe(false);
    expect((await until(reading, () => false)).at(-1)).toEqual({
      kind: 'closed',
      clean: false,
      unconfirmed: 1,
    });
  });

  test('leaving the loop closes, however much is still coming', async () => {
    const server = await mock(async (peer) => {
      await peer.subscribe();
      for (let index = 0; index < 3000; index += 1) peer.text(event(index, string('x'.repeat(1000))));
    });
    const one = client(server, { inbox: { frames: 10 } });
    for await (const item of one) if (item.kind === 'event') break;
    expect(one.statistics().state).toBe('closed');
  });

  test('before there was a connection it is at once', async () => {
    const server = await mock(() => {});
    expect(await client(server).close()).toBe(true);
  });

  test('a second reader is refused', async () => {
    const server = await mock(async (peer) => {
      await peer.subscribe();
    });
    const one = client(server);
    await until(stream(one), kind('connected'));
    await expect(stream(one).next()).rejects.toMatchObject({ code: 'broker-usage' });
  });
});

describe('TLS', () => {
  test('checks the server against the CA given, and shows its own certificate', async (context) => {
    const reason = whyNoCertificates();
    if (reason !== null) return context.skip(reason);
    const authority = new Authority('ca');
    open.push({ stop: async () => authority.stop() });
    const { cert, key } = authority.sign('both');
    const ca = authority.cert;
    const subscribed = async (peer: MockPeer) => {
      await peer.subscribe();
    };
    const server = await mock(subscribed, { ca, cert, key, requestCert: true, rejectUnauthorized: true });
    const tls = { ca, cert, key };
    expect((await until(stream(client(server, { tls })), kind('connected'))).at(-1)).toMatchObject({
      kind: 'connected',
    });
    const distrusting = await until(stream(client(server, { tls: { cert, key } })), kind('reconnecting'));
    expect(distrusting[0]).toMatchObject({
      loss: { code: 'broker-transport', message: expect.stringContaining('certificate') },
    });
    const anonymous = await until(stream(client(server, { tls: { ca } })), kind('reconnecting'));
    expect(anonymous[0]).toMatchObject({ loss: { code: 'broker-transport' } });
  });

  test('a certificate that cannot be read is refused before any connection', () => {
    expect(
      () => new BrokerClient({ url: 'wss://127.0.0.1:1', topics: [], tls: { cert: 'x', key: 'y' } }),
    ).toThrow(expect.objectContaining({ code: 'broker-usage' }));
  });
});
