// The gate with real sockets on loopback. Enters: clients and servers of this process; leaves: assertions on what each end sees.
import { once } from 'node:events';
import { Agent, createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openDoors } from '../../src/gate/plain.ts';
import { AT, shopPolicy } from '../support/gate-policy.ts';
import { askHttp } from '../support/http-client.ts';
import { DOOR_OPTIONS, LoopbackGate } from '../support/loopback-gate.ts';

describe('a gate on loopback', () => {
  let seen: string[];
  let server: Server;
  let path: LoopbackGate;

  beforeEach(async () => {
    seen = [];
    server = createServer((incoming, response) => {
      let length = 0;
      incoming.on('data', (bytes: Buffer) => {
        length += bytes.length;
      });
      incoming.on('end', () => {
        seen.push(`${incoming.method} ${incoming.url} ${length}`);
        response.end(incoming.url);
      });
    });
    server.listen(0, AT.shop);
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const policy = shopPolicy(
      { reorder: '2ms', clockSkew: '1ms' },
      { http: port, postgres: 1, mysql: 2, amqp: 3 },
    );
    path = await LoopbackGate.open(policy, [{ ip: AT.shop, port }]);
  });

  afterEach(async () => {
    await path.close();
    server.closeAllConnections();
    server.close();
  });

  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const ask = (method: string, target: string, body = '', through = agent): ReturnType<typeof askHttp> =>
    askHttp({
      host: '127.0.0.1',
      port: path.ports[0] ?? 0,
      localAddress: AT.user,
      method,
      path: target,
      body,
      headers: { 'x-user': 'ann' },
      agent: through,
    });

  it('passes requests on, and refuses one between them on the same connection', async () => {
    expect(await ask('GET', '/health')).toEqual({ status: 200, body: '/health' });
    expect(await ask('GET', '/secret')).toEqual({ status: 403, body: 'refused by policy\n' });
    expect(await ask('GET', '/health')).toEqual({ status: 200, body: '/health' });
    expect(seen).toEqual(['GET /health 0', 'GET /health 0']);
    expect(path.gate.statistics.connections).toBe(1);
  });

  it('passes a large upload on in bounded memory', async () => {
    const body = 'x'.repeat(20 * 1024 ** 2);
    expect(await ask('PUT', '/upload', body)).toEqual({ status: 200, body: '/upload' });
    expect(seen).toEqual([`PUT /upload ${body.length}`]);
    expect(path.gate.statistics.mostHeldBytes).toBeLessThan(2 * 1024 ** 2);
  });

  it('lets a client read the last answer when more of its request is on the way', async () => {
    const body = ' '.repeat(4 * 1024 ** 2);
    const reply = await ask('POST', '/buy', body, new Agent()).catch(
      (error: NodeJS.ErrnoException) => error.code,
    );
    expect(reply).toEqual({ status: 403, body: 'refused by policy\n' });
    expect(seen).toEqual([]);
  });

  it('resets a connection that may not be, without reaching the server', async () => {
    let reached = 0;
    server.on('connection', () => reached++);
    const port = path.ports[0] ?? 0;
    const socket = connect({ port, host: '127.0.0.1', localAddress: AT.ledger });
    const [error] = (await once(socket, 'error').catch((cause: unknown) => [cause])) as [
      NodeJS.ErrnoException,
    ];
    expect(error.code).toBe('ECONNRESET');
    expect(reached).toBe(0);
  });

  it('resets the client when the server is not there', async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    await expect(ask('GET', '/health', '', new Agent())).rejects.toMatchObject({ code: 'ECONNRESET' });
  });

  it('says which address it cannot listen at, and leaves no door open', async () => {
    const taken = { ip: '127.0.0.1', port: path.ports[0] ?? 0 };
    const to = { ip: AT.shop, port: 9 };
    const targets = [
      { listen: { ip: '127.0.0.1', port: 0 }, to },
      { listen: taken, to },
    ];
    await expect(openDoors(path.gate, targets, DOOR_OPTIONS)).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
  });
});
