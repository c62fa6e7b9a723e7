// Sizes, numbers of clients and ends, with a real Zeek. Enters: floods, many clients, large messages; leaves: what is refused, lost or kept.
import { describe, expect } from 'vitest';
import { count, string, timespan } from '../../src/broker/value/value.ts';
import { argsOf, is, kind, kinds, stream, until, untilNth } from '../support/stream-items.ts';
import { rawEvent, send, untilLost, zeekTest } from '../support/zeek-lab.ts';

describe('limits of a real Zeek', () => {
  zeekTest(
    'Zeek ends while three clients flood a queue of one: all see it, and nothing hangs',
    async (lab) => {
      const zeek = await lab.zeek({ script: 'countdown.zeek', set: { QUEUE: '1' } });
      const clients = [];
      for (let index = 0; index < 3; index += 1)
        clients.push(await lab.connected(zeek, { topics: [], reconnect: { afterLoss: false } }));
      let sent = 0;
      const flooding = clients.map(async ({ client }) => {
        while (client.statistics().state !== 'closed') {
          if (send(client, 'tick', string('tick'), count(sent))) sent += 1;
          else await client.drained();
        }
      });
      for (const { items } of clients)
        expect(await until(items, () => false)).toMatchObject([
          // Zeek closes with 1001; when bytes of the flood are still unread, its kernel sends a reset, which may overtake that.
          { kind: 'lost', loss: { message: expect.stringMatching(/1001 Terminating|broke off/) } },
          { kind: 'closed', clean: false },
        ]);
      await Promise.allSettled(flooding);
      expect(await zeek.process.exited).toBe(0);
      expect(sent).toBeGreaterThanOrEqual(1000);
    },
  );

  zeekTest(
    'the hundred-and-first client is closed without a word; it comes in when there is room',
    async (lab) => {
      const zeek = await lab.zeek();
      const first = await lab.connected(zeek, { topics: ['watch/'] });
      const others = [];
      for (let index = 1; index < 100; index += 1) others.push(await lab.rawSubscribed(zeek, []));
      expect(await lab.maybeRaw(zeek)).toBeNull();
      const client = lab.client(zeek);
      const items = stream(client);
      expect((await until(items, kind('reconnecting'))).at(-1)).toMatchObject({
        attempt: 1,
        loss: { code: 'broker-transport', closeCode: null },
      });
      await others[0]?.close();
      expect(kinds(await until(items, kind('connected')))).toEqual(['connected']);
      send(first.client, 'finish');
    },
  );

  zeekTest(
    'large messages arrive whole both ways, and one over our limit is a loss with its reason',
    async (lab) => {
      const zeek = await lab.zeek({ script: 'large.zeek' });
      const { client, items } = await lab.connected(zeek, { maxPublishBytes: 9_000_000 });
      const large = string('0123456789abcdef'.repeat(500_000));
      send(client, 'ping', large, count(1));
      expect(argsOf(await until(items, is('pong')), 'pong')).toEqual([[large, count(1)]]);
      send(client, 'make', count(20));
      const seen = await until(items, kind('connected'));
      expect(kinds(seen)).toEqual(['lost', 'gap', 'connected']);
      expect(seen[0]).toMatchObject({ loss: { code: 'broker-too-large' } });
      send(client, 'make', count(10));
      const made = argsOf(await until(items, is('pong')), 'pong');
      expect(made).toEqual([[string('x'.repeat(10 * 2 ** 20)), count(10)]]);
    },
  );

  zeekTest(
    'what a script publishes while Zeek ends is lost without a trace, so a marker has to come before',
    async (lab) => {
      const zeek = await lab.zeek({ script: 'ending.zeek' });
      const client = lab.client(zeek, { reconnect: { afterLoss: false } });
      const items = stream(client);
      await until(items, kind('connected'));
      send(client, 'mark');
      expect(argsOf(await until(items, is('pong')), 'pong')).toEqual([[string('marker'), count(1)]]);
      send(client, 'finish');
      const seen = await until(items, () => false);
      expect(argsOf(seen, 'pong')).toEqual([]);
      expect(seen.at(-2)).toMatchObject({ kind: 'lost', loss: { closeCode: 1001 } });
      expect(await zeek.process.exited).toBe(0);
      expect(zeek.process.output).toContain('published in zeek_done');
    },
  );

  zeekTest(
    'while Zeek works and cannot take events, credit holds ours back, and it is not disconnected',
    async (lab) => {
      const zeek = await lab.zeek({ script: 'flood.zeek', set: { PING: '1' } });
      const { client, items } = await lab.connected(zeek);
      const raw = await lab.rawSubscribed(zeek, []);
      send(client, 'work', timespan(3_500_000_000n));
      for (let n = 0; n < 500; n += 1) send(client, 'ping', string('held'), count(n));
      // Beside one without credit, whose pongs wait behind its events: now and then Zeek closes that with 1011.
      for (let n = 0; n < 500; n += 1)
        raw.send(rawEvent('ping', '[{"@data-type":"string","data":"raw"},{"@data-type":"count","data":1}]'));
      const seen = await untilNth(items, 500, (item) => is('pong')(item) && mine(item));
      expect(seen.filter((item) => item.kind !== 'event')).toEqual([]);
      expect(client.statistics()).toMatchObject({ connections: 1, published: 501 });
    },
  );

  zeekTest(
    'a client that hangs up without a close frame: the script hears of it, others go on',
    async (lab) => {
      const zeek = await lab.zeek();
      const watcher = await lab.connected(zeek, { topics: ['watch/', 'from/'] });
      const raw = await lab.raw(zeek);
      raw.send('["from/"]');
      const { endpoint } = (await raw.json()) as { endpoint: string };
      raw.destroy();
      expect((await untilLost(watcher.items, endpoint)).code).not.toBe(1000);
      send(watcher.client, 'ping', string('still'), count(1));
      expect(argsOf(await until(watcher.items, is('pong')), 'pong')).toHaveLength(1);
    },
  );
});

function mine(item: { readonly kind: string }): boolean {
  return JSON.stringify(item, (_, value: unknown) =>
    typeof value === 'bigint' ? Number(value) : value,
  ).includes('"held"');
}
