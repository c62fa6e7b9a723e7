// Who sees what, with real Zeeks, alone and in clusters. Enters: subscriptions and publishers; leaves: what each client gets.
import { describe, expect } from 'vitest';
import { writeSubscription } from '../../src/broker/message.ts';
import { count, string, type Value, vector } from '../../src/broker/value/value.ts';
import { argsOf, is, kinds, until, untilNth } from '../support/stream-items.ts';
import { type Backend, send, untilSaid, type ZeekLab, zeekTest } from '../support/zeek-lab.ts';
import { freePort } from '../support/zeek-process.ts';

const texts = (args: readonly (readonly Value[])[]): string[] =>
  args.map(([first]) => (first?.kind === 'string' ? first.text : ''));

interface Node {
  readonly name: string;
  readonly type: string;
  readonly port: number;
}

/** The nodes of a cluster on this machine, as Zeek reads them. */
function layout(backend: Backend, nodes: readonly Node[], logPort: number): string {
  const entry = ({ name, type, port }: Node, listens: boolean): string =>
    `["${name}"] = [$node_type=Cluster::${type}, $ip=127.0.0.1${listens ? `, $p=${port}/tcp` : ''}${name === 'manager' ? '' : ', $manager="manager"'}],`;
  const entries = nodes.map((node) => entry(node, backend === 'broker'));
  // With ZeroMQ a node that takes logs can have no WebSocket clients: each of them would bind the port for logs again.
  if (backend === 'zeromq') entries.push(entry({ name: 'logger', type: 'LOGGER', port: logPort }, true));
  const load = backend === 'broker' ? '@load frameworks/cluster/backend/broker\n' : '';
  const takesLogs = backend === 'broker' && !nodes.some(({ type }) => type === 'LOGGER') ? 'T' : 'F';
  return `${load}redef Cluster::manager_is_logger = ${takesLogs};\nredef Cluster::nodes = {\n${entries.join('\n')}\n};\n`;
}

async function startCluster(lab: ZeekLab, backend: Backend, types: readonly string[]) {
  const ports = await Promise.all(types.map(() => freePort()));
  const nodes = types.map((type, index) => {
    const name = type === 'MANAGER' ? 'manager' : `${type.toLowerCase()}-${index}`;
    return { name, type, port: ports[index] ?? 0 };
  });
  const shared = {
    XPUB: String(await freePort()),
    XSUB: String(await freePort()),
    NODES: String(types.length),
  };
  const files = { 'cluster-layout.zeek': layout(backend, nodes, await freePort()) };
  const running = [];
  for (const { name } of nodes)
    running.push(
      await lab.zeek({ backend, script: 'cluster.zeek', set: shared, env: { CLUSTER_NODE: name }, files }),
    );
  const manager = running[0];
  if (manager === undefined) throw new Error('a cluster needs a manager');
  return manager;
}

describe('subscriptions at a real Zeek', () => {
  zeekTest(
    'what is no list of texts is an error, and the connection is dead; ours are always lists',
    async (lab) => {
      const zeek = await lab.zeek();
      const watcher = await lab.connected(zeek, { topics: ['watch/'] });
      const notAnArray = 'subscriptions not an array';
      const notAString = 'individual subscription not a string';
      for (const [first, context] of [
        ['["broken", "brrr', notAnArray],
        ['{"topics":[]}', notAnArray],
        ['[1, 2]', notAString],
        ['[1, "/my_topic"]', notAString],
      ] as const) {
        const raw = await lab.raw(zeek);
        raw.send(first);
        expect(await raw.json()).toEqual({ type: 'error', code: 'deserialization_failed', context });
        raw.destroy();
      }
      // Duplicates are merged, and what Zeek's script gets is sorted.
      const { client, endpoint } = await lab.connected(zeek, {
        topics: ['/topic/good', '/duplicate', '/duplicate', '/a'],
      });
      const [, topics] = await untilSaid(watcher.items, 'added', endpoint);
      expect(topics).toEqual(vector(string('/a'), string('/duplicate'), string('/topic/good')));
      await client.close();
      for (const some of [[], [''], ['a"b', 'é\u0001']])
        expect(JSON.parse(Buffer.from(writeSubscription(some).bytes).toString())).toEqual(some);
    },
  );

  zeekTest(
    'the manager sees what clients publish; each client sees the others, and not itself',
    async (lab) => {
      for (const backend of lab.backends) {
        const zeek = await lab.zeek({ backend });
        const clients = [];
        for (let index = 0; index < 3; index += 1)
          clients.push(await lab.connected(zeek, { topics: ['to/', 'from/'] }));
        for (let n = 0; n < 9; n += 1) {
          const sender = clients[n % 3];
          if (sender === undefined) throw new Error('three clients');
          send(sender.client, 'ping', string('ping'), count(n));
          for (const { items } of clients) {
            // The pong of Zeek comes from its answer to the ping: what others see of the ping itself came before or comes next.
            const seen = await untilNth(
              items,
              items === sender.items ? 1 : 2,
              (item) => item.kind === 'event',
            );
            const names = seen.map((item) => (item.kind === 'event' ? item.name : item.kind)).sort();
            expect(names).toEqual(
              items === sender.items ? ['BrokerTest::pong'] : ['BrokerTest::ping', 'BrokerTest::pong'],
            );
          }
        }
      }
    },
  );

  zeekTest('three events that a manager publishes arrive at three clients', async (lab) => {
    for (const backend of lab.backends) {
      const zeek = await lab.zeek({ backend, set: { EXPECT: '4' } });
      const sender = await lab.connected(zeek, { topics: [] });
      const clients = [await lab.connected(zeek), await lab.connected(zeek)];
      for (let n = 0; n < 3; n += 1) send(sender.client, 'ping', string('held'), count(n));
      // They are held until the fourth client is there.
      clients.push(await lab.connected(zeek));
      for (const { items } of clients)
        expect(argsOf(await untilNth(items, 3, is('pong')), 'pong')).toEqual(
          [0, 1, 2].map((n) => [string('held'), count(n)]),
        );
    }
  });

  zeekTest('manager, worker and the other clients all see what one client publishes', async (lab) => {
    for (const backend of lab.backends) {
      const manager = await startCluster(lab, backend, ['MANAGER', 'WORKER']);
      const clients = [];
      for (let index = 0; index < 3; index += 1)
        clients.push(await lab.connected(manager, { topics: ['to/', 'from/'] }));
      for (const sender of clients) {
        send(sender.client, 'ping', string('ping'), count(1));
        for (const { items } of clients) {
          // An answer of each of the two nodes, and the ping itself at the others.
          const seen = await untilNth(items, items === sender.items ? 2 : 3, (item) => item.kind === 'event');
          expect(texts(argsOf(seen, 'pong')).sort()).toEqual(['manager: ping', 'worker-1: ping']);
          expect(argsOf(seen, 'ping')).toHaveLength(items === sender.items ? 0 : 1);
        }
      }
    }
  });

  zeekTest('a subscription of everything brings events, and neither logs nor identifiers', async (lab) => {
    const manager = await startCluster(lab, 'broker', ['MANAGER', 'LOGGER', 'LOGGER']);
    const { client, items } = await lab.connected(manager, { topics: [''] });
    // The script writes a log and publishes an identifier before it answers.
    send(client, 'ping', string('all'), count(1));
    const seen = await until(
      items,
      (item) => item.kind === 'event' && is('pong')(item) && texts([item.args])[0] === 'manager: all',
    );
    expect(new Set(kinds(seen))).toEqual(new Set(['event']));
  });

  zeekTest('thirty-two short clients without topics: what each of them published was taken', async (lab) => {
    for (const backend of lab.backends) {
      const zeek = await lab.zeek({ backend });
      const watcher = await lab.connected(zeek);
      for (let n = 0; n < 32; n += 1) {
        const { client } = await lab.connected(zeek, { topics: [] });
        send(client, 'ping', string('short'), count(n));
        expect(await client.close()).toBe(true);
      }
      const pongs = argsOf(await untilNth(watcher.items, 32, is('pong')), 'pong');
      // Between connections there is no order.
      const numbers = pongs
        .map(([, n]) => (n?.kind === 'count' ? Number(n.value) : -1))
        .sort((a, b) => a - b);
      expect(numbers).toEqual(Array.from({ length: 32 }, (_, n) => n));
    }
  });

  zeekTest('a hundred events and an immediate close: Zeek had all of them', async (lab) => {
    for (const backend of lab.backends) {
      const zeek = await lab.zeek({ backend });
      const watcher = await lab.connected(zeek);
      const client = lab.client(zeek, { topics: [] });
      for (let n = 0; n < 100; n += 1) send(client, 'ping', string('once'), count(n));
      expect(await client.close()).toBe(true);
      const pongs = argsOf(await untilNth(watcher.items, 100, is('pong')), 'pong');
      expect(pongs.map(([, n]) => n)).toEqual(Array.from({ length: 100 }, (_, n) => count(n)));
    }
  });

  zeekTest('an error between Zeeks is none of the clients', async (lab) => {
    const zeek = await lab.zeek({ script: 'peering.zeek' });
    const { client, items } = await lab.connected(zeek);
    for (let n = 0; n < 3; n += 1) {
      send(client, 'ping', string('quiet'), count(n));
      expect(kinds(await until(items, is('pong')))).toEqual(['event']);
    }
    // The peering failed before the answer to this event, and only Zeek's own output has it.
    send(client, 'await_failure');
    expect(kinds(await until(items, is('failed')))).toEqual(['event']);
  });
});
