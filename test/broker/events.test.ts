// Times and counts beside the events of a real Zeek. Enters: metadata; leaves: event times both ways, and what Zeek counted.
import { describe, expect, vi } from 'vitest';
import { count, string, timestamp } from '../../src/broker/value/value.ts';
import { argsOf, is, until, untilNth } from '../support/stream-items.ts';
import { send, zeekTest } from '../support/zeek-lab.ts';

const SECOND = 1_000_000_000n;

describe('metadata of a real Zeek', () => {
  zeekTest(
    'events have a time when the script asks for it, and ours sets the time of what follows',
    async (lab) => {
      for (const backend of lab.backends) {
        const plain = await lab.connected(await lab.zeek({ backend, script: 'metadata.zeek' }));
        send(plain.client, 'ping', string('forty-two'), count(42));
        expect(await until(plain.items, is('pong'))).toMatchObject([{ metadata: [] }]);

        const args = ['EventMetadata::add_network_timestamp=T'];
        const timed = await lab.connected(await lab.zeek({ backend, script: 'metadata.zeek', args }));
        send(timed.client, 'ping', string('forty-two'), count(42));
        expect(await until(timed.items, is('pong'))).toMatchObject([
          { metadata: [{ id: 1n, value: timestamp(4711n * SECOND) }] },
        ]);
        const metadata = [{ id: 1n, value: timestamp(6162n * SECOND) }];
        const event = { topic: 'to/', name: 'BrokerTest::ping', args: [string('then'), count(1)], metadata };
        timed.client.publish(event);
        expect(await until(timed.items, is('pong'))).toMatchObject([{ metadata }]);
      }
    },
  );

  zeekTest('metadata that Zeek does not know is passed over', async (lab) => {
    const zeek = await lab.zeek({ script: 'metadata.zeek' });
    const { client, items } = await lab.connected(zeek);
    const metadata = [{ id: 4711n, value: string('of ours') }];
    client.publish({ topic: 'to/', name: 'BrokerTest::ping', args: [string('x'), count(1)], metadata });
    expect(await until(items, is('pong'))).toMatchObject([{ kind: 'event', metadata: [] }]);
  });
});

describe('metrics of a real Zeek', () => {
  zeekTest('Zeek counts what a client sends and gets, by its application name', async (lab) => {
    for (const backend of lab.backends) {
      const zeek = await lab.zeek({ backend, script: 'metrics.zeek' });
      const { client, items } = await lab.connected(zeek, { applicationName: 'engine' });
      for (let n = 0; n < 100; n += 1) send(client, 'ping', string('x'.repeat(n * 32)), count(n));
      await untilNth(items, 100, is('pong'));
      send(client, 'measure');
      const metrics = argsOf(await until(items, is('measured')), 'metric');
      const find = (name: string): unknown =>
        metrics.find(
          ([metric, app]) =>
            JSON.stringify([metric, app]).includes(name) && JSON.stringify(app).includes('engine'),
        )?.[2];
      // "outgoing" is what the client publishes; `measure` is one of them, and its answer is not counted yet.
      expect(find('outgoing')).toEqual(count(101));
      expect(find('incoming')).toEqual(count(100));
      // What confirms the last one may come after the answer to it.
      await vi.waitFor(() => expect(client.statistics()).toMatchObject({ published: 101, unconfirmed: 0 }));
    }
  });
});
