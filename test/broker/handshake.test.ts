// The first messages, with a real Zeek. Enters: clients, paths, headers, subscriptions; leaves: acks, or the refusals that Zeek gives.
import { networkInterfaces } from 'node:os';
import { describe, expect, test } from 'vitest';
import { BrokerClient } from '../../src/broker/client.ts';
import { count, string, vector } from '../../src/broker/value/value.ts';
import { argsOf, is, kind, stream, until, untilNth } from '../support/stream-items.ts';
import { rawEvent, send, untilSaid, zeekTest } from '../support/zeek-lab.ts';

describe('a handshake with a real Zeek', () => {
  zeekTest('one client: an ack with its fields, and five answers to five pings', async (lab) => {
    for (const backend of lab.backends) {
      const zeek = await lab.zeek({ backend });
      const client = lab.client(zeek);
      const items = stream(client);
      expect((await until(items, kind('connected'))).at(-1)).toEqual({
        kind: 'connected',
        endpoint: expect.stringMatching(/-websocket-\d+$/),
        version: lab.version,
        again: false,
      });
      for (let n = 0; n < 5; n += 1) {
        send(client, 'ping', string('ping'), count(n));
        expect(await until(items, is('pong'))).toMatchObject([
          { kind: 'event', topic: 'from/', args: [string('ping'), count(n)], metadata: [] },
        ]);
      }
    }
  });

  zeekTest('one client over IPv6', async (lab) => {
    const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
    if (!addresses.some(({ address }) => address === '::1')) lab.skip('needs IPv6 on the loopback interface');
    for (const backend of lab.backends) {
      const zeek = await lab.zeek({ backend, set: { ADDR: '::1' } });
      const { client, items } = await lab.connected(`ws://[::1]:${zeek.port}`);
      for (let n = 0; n < 5; n += 1) send(client, 'ping', string('six'), count(n));
      const pongs = argsOf(await untilNth(items, 5, is('pong')), 'pong');
      expect(pongs).toEqual([0, 1, 2, 3, 4].map((n) => [string('six'), count(n)]));
    }
  });

  zeekTest('what is published before the ack goes out after it, in order', async (lab) => {
    for (const backend of lab.backends) {
      const zeek = await lab.zeek({ backend });
      const client = lab.client(zeek);
      for (let n = 0; n < 5; n += 1) send(client, 'ping', string('early'), count(n));
      const items = await untilNth(stream(client), 5, is('pong'));
      expect(argsOf(items, 'pong').map(([, n]) => n)).toEqual([0, 1, 2, 3, 4].map((n) => count(n)));
      // Zeek itself would also take events that come in one go with the subscription.
      const raw = await lab.raw(zeek);
      raw.send('["from/"]');
      const ping = '[{"@data-type":"string","data":"raw"},{"@data-type":"count","data":7}]';
      for (let n = 0; n < 5; n += 1) raw.send(rawEvent('ping', ping));
      expect(await raw.json()).toMatchObject({ type: 'ack' });
      for (let n = 0; n < 5; n += 1) expect(await raw.json()).toMatchObject({ topic: 'from/' });
    }
  });

  zeekTest('two clients that publish before they are acknowledged both get all ten answers', async (lab) => {
    for (const backend of lab.backends) {
      const zeek = await lab.zeek({ backend, set: { EXPECT: '2' } });
      const clients = [lab.client(zeek), lab.client(zeek)];
      for (const [index, client] of clients.entries())
        for (let n = 0; n < 5; n += 1) send(client, 'ping', string(`client ${index}`), count(n));
      for (const client of clients) {
        const pongs = argsOf(await untilNth(stream(client), 10, is('pong')), 'pong');
        for (const index of [0, 1]) {
          const of = pongs.filter(([who]) => who?.kind === 'string' && who.text === `client ${index}`);
          expect(of.map(([, n]) => n)).toEqual([0, 1, 2, 3, 4].map((n) => count(n)));
        }
      }
    }
  });

  zeekTest('three clients have ids of their own, and each gets all sixteen answers', async (lab) => {
    for (const backend of lab.backends) {
      const zeek = await lab.zeek({ backend });
      const clients = [await lab.connected(zeek), await lab.connected(zeek), await lab.connected(zeek)];
      expect(new Set(clients.map(({ endpoint }) => endpoint)).size).toBe(3);
      for (let n = 0; n < 16; n += 1) {
        const sender = clients[n % 3]?.client;
        if (sender !== undefined) send(sender, 'ping', string('all'), count(n));
        for (const { items } of clients)
          expect(argsOf(await until(items, is('pong')), 'pong')).toEqual([[string('all'), count(n)]]);
      }
    }
  });

  zeekTest('a wrong path is refused with an error and 1008, and other clients go on', async (lab) => {
    const zeek = await lab.zeek();
    const { client, items } = await lab.connected(zeek);
    for (const path of ['/v0/messages/json', '/v1/messages/json/', '/v1/messages/json?x=1']) {
      const bad = await lab.raw(zeek, { path });
      expect(bad.response).toMatch(/^HTTP\/1\.1 101 /);
      const context = 'Invalid URI - use /v1/messages/json';
      expect(await bad.json()).toEqual({ type: 'error', code: 'invalid_uri', context });
      expect(await bad.json()).toEqual({ close: 1008, reason: context });
    }
    send(client, 'ping', string('good'), count(1));
    expect(await until(items, is('pong'))).toHaveLength(1);
  });

  test('our client asks for no other path', () => {
    for (const path of ['/v0/messages/json', '/v1/messages/json/', '/x'])
      expect(() => new BrokerClient({ url: `ws://127.0.0.1:1${path}`, topics: [] })).toThrow(
        expect.objectContaining({ code: 'broker-usage' }),
      );
  });

  zeekTest('an application name reaches the script; one that Zeek refuses is not sent', async (lab) => {
    const zeek = await lab.zeek();
    const watcher = await lab.connected(zeek, { topics: ['watch/'] });
    const applicationName = 'engine/1.0_=:*@-';
    const { endpoint } = await lab.connected(zeek, { applicationName, topics: ['from/', 'x/', 'from/'] });
    expect(await untilSaid(watcher.items, 'added', endpoint)).toEqual([
      string(applicationName),
      vector(string('from/'), string('x/')),
    ]);
    const bad = await lab.raw(zeek, { headers: ['X-Application-Name: !!invalid~~'] });
    const context = 'Invalid X-Application-Name';
    expect(await bad.json()).toEqual({ type: 'error', code: 'invalid_application_name', context });
    expect(await bad.json()).toEqual({ close: 1008, reason: context });
    expect(() => lab.client(zeek, { applicationName: '!!invalid~~' })).toThrow(
      expect.objectContaining({ code: 'broker-usage' }),
    );
  });

  zeekTest('the Origin is not looked at: whoever reaches the port is in', async (lab) => {
    const zeek = await lab.zeek();
    await lab.connected(zeek);
    const page = await lab.raw(zeek, { headers: ['Origin: https://attacker.example'] });
    page.send('[""]');
    expect(await page.json()).toMatchObject({ type: 'ack' });
  });

  zeekTest('no topics: an ack all the same, also without a backend', async (lab) => {
    for (const backend of [...lab.backends, 'none' as const]) {
      const zeek = await lab.zeek({ backend });
      const { client } = await lab.connected(zeek, { topics: [] });
      expect(await client.close()).toBe(true);
    }
  });

  zeekTest('the log of the cluster has every client, coming and going, by name', async (lab) => {
    for (const backend of lab.backends) {
      const zeek = await lab.zeek({ backend, args: ['Log::default_rotation_interval=0sec'] });
      const named = await lab.connected(zeek, { applicationName: 'super-duper-app' });
      const unnamed = await lab.connected(zeek);
      const last = await lab.connected(zeek, { applicationName: 'super-duper-app' });
      expect(await named.client.close()).toBe(true);
      expect(await unnamed.client.close()).toBe(true);
      send(last.client, 'finish');
      await zeek.process.exited;
      const log = zeek.process.file('cluster.log');
      for (const { endpoint } of [named, unnamed, last]) expect(log).toContain(endpoint);
      expect(log.match(/super-duper-app/g)?.length).toBeGreaterThanOrEqual(3);
      expect(log).toMatch(/code 1000/);
    }
  });
});
