// Zeek's ready-made server, and its socket after its death. Enters: backends; leaves: that our client works with each.
import { describe, expect } from 'vitest';
import { count, string } from '../../src/broker/value/value.ts';
import { argsOf, is, kind, kinds, until } from '../support/stream-items.ts';
import { send, type ZeekLab, type ZeekOptions, zeekTest } from '../support/zeek-lab.ts';
import { freePort } from '../support/zeek-process.ts';

async function readyMade(lab: ZeekLab, options: ZeekOptions): Promise<string> {
  const port = await freePort();
  const env = { ZEEK_WEBSOCKET_LISTEN_PORT: String(port) };
  const zeek = await lab.zeek({ script: 'ready-made.zeek', port, env, ...options });
  const { client, items } = await lab.connected(zeek);
  send(client, 'ping', string('ready'), count(42));
  expect(argsOf(await until(items, is('pong')), 'pong')).toEqual([[string('ready'), count(42)]]);
  return zeek.process.output;
}

describe('the server that comes with Zeek', () => {
  zeekTest('works with Broker as backend', async (lab) => {
    expect(await readyMade(lab, { backend: 'broker' })).toMatch(/Running.*CLUSTER_BACKEND_BROKER/);
  });

  zeekTest('works with ZeroMQ over TCP, its default', async (lab) => {
    if (!lab.backends.includes('zeromq')) lab.skip('needs a Zeek that was built with ZeroMQ');
    const set = {
      XPUB: `tcp://127.0.0.1:${await freePort()}`,
      XSUB: `tcp://127.0.0.1:${await freePort()}`,
    };
    expect(await readyMade(lab, { backend: 'zeromq', set })).toMatch(/Running.*CLUSTER_BACKEND_ZEROMQ/);
  });

  zeekTest('works with ZeroMQ over sockets of the file system', async (lab) => {
    if (!lab.backends.includes('zeromq')) lab.skip('needs a Zeek that was built with ZeroMQ');
    const set = { XPUB: 'ipc://./ipc-xpub', XSUB: 'ipc://./ipc-xsub' };
    expect(await readyMade(lab, { backend: 'zeromq', set })).toMatch(/Running.*CLUSTER_BACKEND_ZEROMQ/);
  });

  zeekTest('does not start in a cluster that has no backend', async (lab) => {
    const files = {
      'cluster-layout.zeek':
        'redef Cluster::nodes += { ["worker-1"] = [$ip=127.0.0.1, $node_type=Cluster::WORKER] };\n',
    };
    const zeek = await lab.zeek({
      script: 'ready-made.zeek',
      backend: 'none',
      env: { CLUSTER_NODE: 'worker-1' },
      files,
    });
    expect(await zeek.process.exited).toBe(1);
    expect(zeek.process.output).toContain('Cluster::backend was Cluster::CLUSTER_BACKEND_NONE');
  });

  zeekTest(
    'a process that outlives its Zeek does not hold the port: the client is back at the next one',
    async (lab) => {
      const zeek = await lab.zeek({ script: 'survivor.zeek' });
      const { client, items } = await lab.connected(zeek);
      while (zeek.process.file('survivor.pid').trim() === '') {
        send(client, 'ping', string('turn'), count(0));
        await until(items, is('pong'));
      }
      const survivor = Number(zeek.process.file('survivor.pid'));
      lab.defer(() => process.kill(survivor, 'SIGKILL'));
      zeek.process.kill();
      await zeek.process.exited;
      expect(process.kill(survivor, 0)).toBe(true);
      await lab.zeek({ port: zeek.port });
      expect(kinds(await until(items, kind('connected')))).toEqual(['lost', 'gap', 'connected']);
      expect(process.kill(survivor, 0)).toBe(true);
    },
  );
});
