// Stalls, silence and death, with a real Zeek. Enters: readers that stall, pongs kept back, cut networks, signals; leaves: recovery, gaps shown.
// Time passes here, since Zeek counts it itself: its shortest interval of pings is a second.
import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import type { StreamItem } from '../../src/broker/item.ts';
import { count, string } from '../../src/broker/value/value.ts';
import { argsOf, is, kind, kinds, until, untilNth } from '../support/stream-items.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { send, untilLost, zeekTest } from '../support/zeek-lab.ts';

const PING_1S = { PING: '1' };

/** The running numbers of events that the script sends in a flood; other items by their kind. */
function numbersOf(items: readonly StreamItem[]): (number | string)[] {
  return items.flatMap((item) => {
    if (item.kind === 'reconnecting') return [];
    const [first] = item.kind === 'event' && is('number')(item) ? item.args : [];
    return [first?.kind === 'count' ? Number(first.value) : item.kind];
  });
}

const isNumber = (n: number) => (item: StreamItem) => numbersOf([item])[0] === n;

describe('a client that is too slow for a real Zeek', () => {
  zeekTest('that answers no pings is closed with 1011, and the script is told why', async (lab) => {
    const zeek = await lab.zeek({ set: PING_1S, args: ['Log::default_rotation_interval=0sec'] });
    const watcher = await lab.connected(zeek, { topics: ['watch/'] });
    const raw = await lab.raw(zeek);
    raw.answersPings = false;
    raw.send('[]');
    const ack = await raw.json();
    const endpoint = String((ack as { endpoint: unknown }).endpoint);
    expect(await raw.json()).toEqual({ close: 1011, reason: 'Ping timeout' });
    expect(await untilLost(watcher.items, endpoint)).toEqual({ code: 1011, reason: 'Ping timeout' });
    send(watcher.client, 'finish');
    await zeek.process.exited;
    expect(zeek.process.file('cluster.log')).toMatch(/1011.*Ping timeout/);
  });

  zeekTest(
    'whose process stands still is closed with 1011; it says so, shows the gap, and is back',
    async (lab) => {
      const zeek = await lab.zeek({ set: PING_1S });
      const { client, items, endpoint } = await lab.connected(zeek);
      // The whole event loop, as a long computation of ours would stop it.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 3500);
      const seen = await until(items, kind('connected'));
      expect(kinds(seen)).toEqual(['lost', 'gap', 'connected']);
      expect(seen[0]).toMatchObject({ loss: { code: 'broker-transport', closeCode: 1011 } });
      expect(seen.at(-1)).toMatchObject({
        again: true,
        endpoint: expect.not.stringMatching(`^${endpoint}$`),
      });
      send(client, 'ping', string('back'), count(1));
      expect(kinds(await until(items, is('pong')))).toEqual(['event']);
    },
  );

  zeekTest(
    'whose reader stalls is dropped by Zeek; what arrived before is whole, then the gap',
    async (lab) => {
      const zeek = await lab.zeek({ script: 'flood.zeek', set: PING_1S });
      const watcher = await lab.connected(zeek, { topics: ['watch/'] });
      const stalled = await lab.connected(zeek, { inbox: { frames: 100 } });
      const other = await lab.connected(zeek);
      const total = 60_000;
      send(watcher.client, 'flood', count(0), count(total));
      // The other one gets everything all the same, if late.
      const all = await until(other.items, isNumber(total - 1));
      expect(numbersOf(all)).toEqual(Array.from({ length: total }, (_, n) => n));
      // Zeek's send time-out has no close frame, and its script does hear of it.
      const end = await untilLost(watcher.items, stalled.endpoint);
      expect(end.code).not.toBe(1000);

      const seen = await until(stalled.items, kind('connected'));
      const before = numbersOf(seen).filter((one) => typeof one === 'number');
      expect(before.length).toBeGreaterThan(100);
      expect(before.length).toBeLessThan(total);
      expect(numbersOf(seen)).toEqual([...before.keys(), 'lost', 'gap', 'connected']);
      expect(seen.find(kind('lost'))).toMatchObject({ loss: { closeCode: null } });
      send(watcher.client, 'flood', count(total), count(10));
      expect(numbersOf(await until(stalled.items, isNumber(total + 9)))).toEqual(
        Array.from({ length: 10 }, (_, n) => total + n),
      );
    },
  );

  zeekTest(
    'and that rather drops than stalls stays connected, with the number of lost events in the gap',
    async (lab) => {
      const zeek = await lab.zeek({ script: 'flood.zeek', set: PING_1S });
      const watcher = await lab.connected(zeek, { topics: [] });
      const other = await lab.connected(zeek);
      const dropping = await lab.connected(zeek, {
        inbox: { frames: 100 },
        overflow: { kind: 'drop', afterMs: 50 },
      });
      const total = 60_000;
      send(watcher.client, 'flood', count(0), count(total));
      await until(other.items, isNumber(total - 1));
      // It has not read a single item so far: its ack and all events are received, whether kept or dropped.
      while (dropping.client.statistics().framesReceived < total + 1) await turn();
      const seen = await until(dropping.items, kind('gap'));
      const kept = numbersOf(seen).filter((one) => typeof one === 'number');
      const { dropped } = dropping.client.statistics();
      expect(numbersOf(seen)).toEqual([...kept.keys(), 'gap']);
      expect(kept.length + dropped).toBe(total);
      expect(dropping.client.statistics()).toMatchObject({ connections: 1, state: 'open' });
      send(watcher.client, 'flood', count(total), count(1));
      expect(numbersOf(await until(dropping.items, isNumber(total)))).toEqual([total]);
    },
  );
});

describe('a real Zeek that is gone', () => {
  zeekTest(
    'a Zeek that hangs is given up; what is published meanwhile waits, and is sent when it is back',
    async (lab) => {
      const zeek = await lab.zeek();
      const { client, items } = await lab.connected(zeek, { silenceMs: 1500, connectTimeoutMs: 500 });
      zeek.process.halt();
      for (let n = 0; n < 100; n += 1) send(client, 'ping', string('waiting'), count(n));
      const lost = await until(items, kind('lost'));
      // It may have answered for some before it stood still; then 32 were under way, and the rest waits.
      const { published, unsent, lostUnconfirmed } = client.statistics();
      expect([published + unsent, lostUnconfirmed]).toEqual([100, 32]);
      expect(lost.at(-1)).toMatchObject({
        loss: { code: 'broker-silent', closeCode: null },
        unconfirmed: 32,
      });
      // The kernel still takes connections for it, and nobody answers.
      const tried = await until(items, (item) => item.kind === 'reconnecting' && item.attempt >= 2);
      expect(tried.at(-1)).toMatchObject({ loss: { code: 'broker-transport' } });
      zeek.process.goOn();
      expect(kinds(await until(items, kind('connected')))).toEqual(['gap', 'connected']);
      const pongs = argsOf(
        await until(
          items,
          (item) => item.kind === 'event' && JSON.stringify(item.args[1], text).includes('99'),
        ),
        'pong',
      );
      // Of the 32, nobody knows, which is what "unconfirmed" says; of what waited, nothing is missing, and nothing comes twice.
      const numbers = pongs.map(([, n]) => (n?.kind === 'count' ? Number(n.value) : -1));
      expect(numbers.slice(-unsent)).toEqual(Array.from({ length: unsent }, (_, n) => n + published));
      expect(new Set(numbers).size).toBe(numbers.length);
      expect(client.statistics().lostUnconfirmed).toBe(32);
    },
  );

  zeekTest('a network that is cut for a short while costs nothing', async (lab) => {
    const zeek = await lab.zeek({ script: 'flood.zeek' });
    const proxy = await TcpProxy.start(zeek.port);
    lab.defer(() => proxy.stop());
    const direct = await lab.connected(zeek);
    const { client, items } = await lab.connected(`ws://127.0.0.1:${proxy.port}`);
    proxy.cut();
    // No more than the kernel takes: beyond that, Zeek waits for this client, and the others with it.
    send(direct.client, 'flood', count(0), count(200));
    await until(direct.items, isNumber(199));
    proxy.mend();
    expect(numbersOf(await until(items, isNumber(199)))).toEqual(Array.from({ length: 200 }, (_, n) => n));
    expect(client.statistics().connections).toBe(1);
  });

  zeekTest(
    'a network that is cut for long: loss, gap, and back by itself, with the missing numbers in the gap',
    async (lab) => {
      const zeek = await lab.zeek({ script: 'flood.zeek' });
      const proxy = await TcpProxy.start(zeek.port);
      lab.defer(() => proxy.stop());
      const direct = await lab.connected(zeek);
      const limits = { silenceMs: 1500, connectTimeoutMs: 500 };
      const { items } = await lab.connected(`ws://127.0.0.1:${proxy.port}`, limits);
      send(direct.client, 'flood', count(0), count(10));
      const seen = await until(items, isNumber(9));
      proxy.cut();
      // No more than the kernel takes: beyond that, Zeek waits for this client, and the others with it.
      send(direct.client, 'flood', count(10), count(10));
      await until(direct.items, isNumber(19));
      seen.push(...(await until(items, (item) => item.kind === 'reconnecting' && item.attempt >= 3)));
      expect(seen.find(kind('lost'))).toMatchObject({ loss: { code: 'broker-silent' } });
      proxy.mend();
      seen.push(...(await until(items, kind('connected'))));
      send(direct.client, 'flood', count(20), count(10));
      seen.push(...(await until(items, isNumber(29))));
      const first = Array.from({ length: 10 }, (_, n) => n);
      expect(numbersOf(seen)).toEqual([...first, 'lost', 'gap', 'connected', ...first.map((n) => n + 20)]);
    },
  );

  zeekTest(
    'Zeek killed in the middle of a flood: what came is whole, and the new one goes on after the gap',
    async (lab) => {
      const zeek = await lab.zeek({ script: 'flood.zeek' });
      const { client, items } = await lab.connected(zeek);
      send(client, 'flood', count(0), count(200_000));
      const seen = await until(items, isNumber(1000));
      zeek.process.kill();
      await zeek.process.exited;
      await lab.zeek({ script: 'flood.zeek', port: zeek.port });
      seen.push(...(await until(items, kind('connected'))));
      const before = numbersOf(seen).filter((one) => typeof one === 'number');
      expect(numbersOf(seen)).toEqual([...before.keys(), 'lost', 'gap', 'connected']);
      send(client, 'flood', count(1_000_000), count(3));
      expect(numbersOf(await untilNth(items, 3, is('number')))).toEqual([1_000_000, 1_000_001, 1_000_002]);
    },
  );
});

function text(_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? value.toString() : value;
}
