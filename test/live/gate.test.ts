// The live service with a gate in the path and no Zeek. Enters: requests over loopback; leaves: assertions on answers, journal, health.
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { PassThrough, Writable } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/broker/clock.ts';
import { readConfig } from '../../src/config/config.ts';
import { runService } from '../../src/live/service.ts';
import { AT, shopPolicy } from '../support/gate-policy.ts';
import { askHttp } from '../support/http-client.ts';
import { MockSwitch } from '../support/mock-switch.ts';

type Json = Readonly<Record<string, unknown>>;

describe('the live service with a gate', () => {
  let server: Server;
  let served: string[];
  let records: Json[];
  let stop: AbortController;
  let ended: Promise<void>;
  let waiting: (() => void)[];
  let port: number;

  const journal = async (fields: Json): Promise<Json> => {
    for (;;) {
      const found = records.find((record) =>
        Object.entries(fields).every(([name, value]) => record[name] === value),
      );
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => waiting.push(resolve));
    }
  };

  const start = async (gate: string): Promise<void> => {
    const { port: to } = server.address() as AddressInfo;
    const config = `policies: [none.ts]\ncontainment: redirect\ngate:\n  doors: [{ listen: '127.0.0.1:0', to: '${AT.shop}:${to}' }]\n${gate}`;
    const policy = shopPolicy({}, { http: to, postgres: 1, mysql: 2, amqp: 3 });
    const stdout = new Writable({
      write(chunk, _encoding, done) {
        for (const line of String(chunk).trimEnd().split('\n')) records.push(JSON.parse(line) as Json);
        for (const wake of waiting.splice(0)) wake();
        done();
      },
    });
    const stderr = new PassThrough();
    stderr.resume();
    ended = runService(readConfig('/etc/flowtap/flowtap.yaml', config), [policy], {
      version: '0.0.0',
      reload: () => Promise.reject(new Error('nothing changed')),
      clock: systemClock,
      wall: () => Date.now() * 1000,
      random: () => 0.5,
      launch: () => Promise.reject(new Error('no Zeek is asked for')),
      capture: () => {
        throw new Error('no interface is asked for');
      },
      restart: { minMs: 4, maxMs: 8 },
      stdout,
      stderr,
      stop: stop.signal,
      onReopen: () => () => {},
    });
    const opened = await journal({ record: 'gate', change: 'opened' });
    port = Number(/:(\d+)$/.exec(String(opened.text))?.[1]);
  };

  beforeEach(async () => {
    served = [];
    records = [];
    waiting = [];
    stop = new AbortController();
    server = createServer((request, response) => {
      served.push(`${request.method} ${request.url}`);
      response.end('ok');
    });
    server.listen(0, AT.shop);
    await once(server, 'listening');
  });

  afterEach(async () => {
    stop.abort();
    await ended.catch(() => {});
    server.closeAllConnections();
    server.close();
  });

  const ask = (path: string, from: string = AT.user): ReturnType<typeof askHttp> =>
    askHttp({ host: '127.0.0.1', port, localAddress: from, path });

  it('passes on what is explained, answers what is denied, and writes both down', async () => {
    await start('');
    expect(await ask('/health')).toMatchObject({ status: 200 });
    expect(await ask('/secret')).toMatchObject({ status: 403 });
    const verdict = await journal({ record: 'verdict', verdict: 'drop' });
    expect(verdict).toMatchObject({
      action: 'refuse',
      effect: 'prevented',
      request: 'GET /secret',
      seen_at: 'gate',
      block: null,
    });
    expect(await journal({ record: 'gate', change: 'answered' })).toMatchObject({
      gate: 'gate',
      verdict: verdict.id,
      flow: verdict.flow,
      text: 'GET /secret was answered with a refusal',
    });
    expect(served).toEqual(['GET /health']);
  });

  it('cuts a connection that may not be, and asks for a block', async () => {
    await start('');
    await expect(ask('/health', AT.ledger)).rejects.toMatchObject({ code: 'ECONNRESET' });
    expect(await journal({ record: 'block' })).toMatchObject({ record: 'block' });
    expect(await journal({ record: 'gate', change: 'reset' })).toMatchObject({ gate: 'gate' });
  });

  it('cuts what it holds by itself: the switch beside it gets no flow that would swallow the resets', async () => {
    const mock = new MockSwitch();
    await mock.listen();
    try {
      await start(`flowtap: { driver: ovs, bridge: br0, rundir: '${mock.folder}' }\n`);
      await journal({ record: 'switch', change: 'reached' });
      const before = [...mock.flows.keys()];
      await expect(ask('/health', AT.ledger)).rejects.toMatchObject({ code: 'ECONNRESET' });
      const block = await journal({ record: 'block', state: 'effective' });
      const drop = await journal({ record: 'verdict', verdict: 'drop' });
      expect(block).toMatchObject({ verdicts: [drop.id], seen_at: 'gate', passed_packets: null });
      stop.abort();
      await ended;
      expect([...mock.flows.keys()]).toEqual(before);
    } finally {
      await mock.stop();
    }
  });

  it('is healthy while its doors are open, and says in metrics what it holds', async () => {
    const { port: free } = await freePort();
    await start(`health: { listen: '127.0.0.1:${free}' }\n`);
    await ask('/secret');
    const health = await askHttp({ host: '127.0.0.1', port: free, path: '/healthz' });
    expect(JSON.parse(health.body)).toMatchObject({ status: 'ok', gate: { name: 'gate', open: true } });
    const { body } = await askHttp({ host: '127.0.0.1', port: free, path: '/metrics' });
    expect(body).toContain('flowtap_gate_up 1');
    expect(body).toContain('flowtap_gate_refused_total{protocol="http",how="answer"} 1');
    expect(body).toMatch(/flowtap_gate_held_bytes 0\n/);
  });

  it('ends its chains and its journal when it is told to stop, and cuts who is still there', async () => {
    await start('');
    await ask('/health');
    stop.abort();
    await ended;
    expect(records.at(-1)).toMatchObject({ record: 'end', whole: true, sources: ['gate'] });
    expect(records.some(({ change }) => change === 'closed')).toBe(true);
    await expect(ask('/health')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });
});

async function freePort(): Promise<AddressInfo> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return address;
}
