// What the gate adds to a request's time, beside a plain TCP forwarder in the same run. Enters: nothing; leaves: rows of a table.
import { once } from 'node:events';
import { Agent, createServer } from 'node:http';
import { type AddressInfo, connect, createServer as createTcp, type Server } from 'node:net';
import { AT, shopPolicy } from '../support/gate-policy.ts';
import { askHttp } from '../support/http-client.ts';
import { LoopbackGate } from '../support/loopback-gate.ts';

/** Requests by each way; they take turns, so that a noisy moment meets all of them. */
const REQUESTS = 4000;
const WARM_UP = 500;

interface Way {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly agent: Agent;
  readonly took: number[];
}

type Row = (what: string, value: string, note: string) => void;

/** One request after the other on one kept connection each, client, server and all ways in this process. */
export async function measureGate(
  row: Row,
  quantile: (values: readonly number[], q: number) => number,
): Promise<void> {
  const server = createServer((request, response) => {
    request.resume();
    request.on('end', () => response.end('ok'));
  }).listen(0, AT.shop);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const forwarder = await forwardTo(AT.shop, port);
  const policy = shopPolicy({}, { http: port, postgres: 1, mysql: 2, amqp: 3 });
  const gate = await LoopbackGate.open(policy, [{ ip: AT.shop, port }]);
  const way = (name: string, host: string, to: number): Way => ({
    name,
    host,
    port: to,
    agent: new Agent({ keepAlive: true, maxSockets: 1 }),
    took: [],
  });
  const direct = way('direct', AT.shop, port);
  const plain = way('through a TCP forwarder', '127.0.0.1', (forwarder.address() as AddressInfo).port);
  const held = way('through the gate', '127.0.0.1', gate.ports[0] ?? 0);
  const ways = [direct, plain, held];
  for (let count = 0; count < WARM_UP + REQUESTS; count++) {
    for (const { host, port: to, agent, took } of ways) {
      const started = performance.now();
      const { status } = await askHttp({ host, port: to, localAddress: AT.user, path: '/health', agent });
      if (status !== 200) throw new Error(`status ${status}`);
      if (count >= WARM_UP) took.push(performance.now() - started);
    }
  }
  for (const { name, took } of ways) {
    const [p50, p99] = [quantile(took, 0.5), quantile(took, 0.99)];
    row(
      `HTTP request ${name}`,
      `${p50.toFixed(3)} / ${p99.toFixed(3)} ms`,
      `p50 / p99 of ${REQUESTS}, one at a time`,
    );
  }
  const added = (q: number): string => (quantile(held.took, q) - quantile(plain.took, q)).toFixed(3);
  row(
    '  added by the gate to the forwarder',
    `${added(0.5)} / ${added(0.99)} ms`,
    'parsing, verdict, holding; aim: 2 ms at p50',
  );
  for (const { agent } of ways) agent.destroy();
  await gate.close();
  forwarder.close();
  server.close();
}

async function forwardTo(host: string, port: number): Promise<Server> {
  const server = createTcp((client) => {
    const upstream = connect({ host, port });
    for (const socket of [client, upstream]) socket.setNoDelay(true).on('error', () => {});
    client.pipe(upstream).pipe(client);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}
