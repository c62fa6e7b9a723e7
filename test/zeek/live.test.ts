// The live service with a real Zeek on the loopback interface. Enters: requests, signals; leaves: audit records of what came of them.
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, request, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { launchZeek, type ZeekLaunch } from '../../src/zeek/launch.ts';
import { Running } from '../support/running.ts';
import { TcpProxy } from '../support/tcp-proxy.ts';
import { needsZeek } from '../support/zeek.ts';
import { freePort } from '../support/zeek-process.ts';

/** Addresses of the loopback network, so that no other is touched and no namespace is needed. */
const CUSTOMER = '127.0.9.1';
const ORDERS = '127.0.2.11';
const BILLING = '127.0.2.12';

const folder = mkdtempSync(join(tmpdir(), 'flowtap-live-'));
const servers: Server[] = [];
const running: Running[] = [];
const zeeks: ZeekLaunch[] = [];
const proxies: TcpProxy[] = [];
let port = 0;

async function serve(address: string): Promise<void> {
  const server = createServer((_, response) => response.end('ok')).listen(port, address);
  servers.push(server);
  await once(server, 'listening');
}

beforeAll(async () => {
  port = await freePort();
  for (const address of [ORDERS, BILLING]) await serve(address);
  writeFileSync(
    join(folder, 'shop.ts'),
    `import { application, chain, external, header, http, once } from 'flowtap/policy';
export default application('shop', ({ external, service }) => {
  const customer = external('customer');
  const orders = service('orders', { at: '${ORDERS}', http: ${port} });
  const billing = service('billing', { at: '${BILLING}', http: ${port} });
  const order = http.post('/orders').from(customer).to(orders).facts({ user: header('x-user') });
  const charge = http.post('/charge').from(orders).to(billing).facts({ user: header('x-user') });
  return chain(order, once(charge));
});
`.replace('chain, external, header', 'chain, header'),
  );
  // Zeek gives a client that does not answer its pings up after two of these, instead of ten seconds.
  writeFileSync(join(folder, 'quick.zeek'), 'redef FlowTap::ping_interval = 1sec;\n');
});

afterEach(async () => {
  for (const one of running.splice(0)) await one.end();
  for (const one of proxies.splice(0)) await one.stop();
  for (const one of zeeks.splice(0)) await one.stop();
});

afterAll(() => {
  for (const server of servers) server.close();
  rmSync(folder, { recursive: true });
});

function flowtap(zeek: object): Running {
  const file = join(folder, `${running.length}-${Date.now()}.yaml`);
  writeFileSync(file, JSON.stringify({ policies: ['shop.ts'], zeeks: [{ name: 'tap', ...zeek }] }));
  const one = new Running('run', '--config', file);
  running.push(one);
  return one;
}

async function zeek(): Promise<ZeekLaunch> {
  const one = await launchZeek({
    node: 'lo',
    interface: 'lo',
    extra: [join(folder, 'quick.zeek')],
    onLog: () => {},
  });
  zeeks.push(one);
  return one;
}

/** One request on a connection of its own, from an address of choice. */
async function post(from: string, to: string, path: string, user: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    const headers = { 'x-user': user, connection: 'close' };
    request({ host: to, port, localAddress: from, path, method: 'POST', headers }, (response) => {
      response.resume().on('end', resolve);
    })
      .on('error', reject)
      .end();
  });
}

/** An honest order, whose charge is explained; then a charge for somebody who ordered nothing. */
async function orderAndAttack(user: string): Promise<void> {
  await post(CUSTOMER, ORDERS, '/orders', user);
  await post(ORDERS, BILLING, '/charge', `nobody-${user}`);
}

/** Traffic until a verdict shows that it is judged. */
async function judged(one: Running, user: string): Promise<void> {
  const differs = one.out.with({ verdict: 'drop', request: 'POST /charge' });
  let done = false;
  void differs.then(() => {
    done = true;
  });
  for (let attempt = 0; !done && attempt < 100; attempt += 1) {
    await orderAndAttack(`${user}${attempt}`);
    await Promise.race([differs, new Promise((resolve) => setTimeout(resolve, 200))]);
  }
  expect(await differs).toMatchObject({ from: 'orders', to: 'billing', application: 'shop' });
}

function childrenOf(one: Running): readonly number[] {
  const said = execFileSync('pgrep', ['-P', String(one.pid)], { encoding: 'utf8' });
  return said.trim().split('\n').map(Number);
}

describe('a real Zeek on an interface', { timeout: 120_000 }, () => {
  beforeEach((context) => {
    needsZeek(context);
    context.skip(process.getuid?.() !== 0, 'needs root: Zeek captures from the loopback interface');
  });

  test('is started, judged by, killed with -9, started again, and judged by again', async () => {
    const one = flowtap({ interface: 'lo', scripts: ['quick.zeek'] });
    await one.out.with({ record: 'source', change: 'connected' });
    await judged(one, 'alice');
    const [child] = childrenOf(one);
    process.kill(child ?? 0, 'SIGKILL');
    expect(await one.out.with({ record: 'source', change: 'exited' })).toMatchObject({
      response: 'restarting',
    });
    await one.out.with({ record: 'source', change: 'restarted' });
    const before = one.out.all.length;
    await orderAndAttack('bob');
    for (let attempt = 0; attempt < 50; attempt += 1) {
      if (one.out.all.slice(before).some(({ verdict }) => verdict === 'drop')) break;
      await orderAndAttack(`bob${attempt}`);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(one.out.all.slice(before).some(({ verdict }) => verdict === 'drop')).toBe(true);
    one.kill('SIGTERM');
    expect(await one.ended).toEqual({ code: 0, signal: null });
  });

  test('outlives an engine that is killed with -9; the next one takes over', async () => {
    const { url } = await zeek();
    const first = flowtap({ url });
    await first.out.with({ record: 'source', change: 'connected' });
    await judged(first, 'alice');
    first.kill('SIGKILL');
    await first.ended;
    const second = flowtap({ url });
    await second.out.with({ record: 'source', change: 'connected' });
    await judged(second, 'bob');
  });

  test('is told by number of what an engine missed that stood still', async () => {
    const { url } = await zeek();
    const one = flowtap({ url });
    await one.out.with({ record: 'source', change: 'connected' });
    await judged(one, 'alice');
    one.kill('SIGSTOP');
    // Longer than Zeek waits: it gives the client up, and what it publishes then nobody hears.
    for (let i = 0; i < 40; i += 1) {
      await orderAndAttack(`missed${i}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    one.kill('SIGCONT');
    await skippedAndJudged(one);
  });

  test('and the engine find each other again when the network between them was cut', async () => {
    const { url } = await zeek();
    const proxy = await TcpProxy.start(Number(new URL(url).port));
    proxies.push(proxy);
    const one = flowtap({ url: `ws://127.0.0.1:${proxy.port}` });
    await one.out.with({ record: 'source', change: 'connected' });
    await judged(one, 'alice');
    proxy.cut();
    for (let i = 0; i < 40; i += 1) {
      await orderAndAttack(`cut${i}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    proxy.mend();
    await skippedAndJudged(one);
  });
});

/** A gap with its numbers, the posture for it, and verdicts again. */
async function skippedAndJudged(one: Running): Promise<void> {
  const skipped = await one.out.with({ record: 'source', change: 'skipped' });
  expect(Number(skipped.to) - Number(skipped.from) + 1).toBe(skipped.count);
  expect(skipped).toMatchObject({ response: 'blinded' });
  const before = one.out.all.length;
  for (let attempt = 0; attempt < 50; attempt += 1) {
    await orderAndAttack(`after${attempt}`);
    if (one.out.all.slice(before).some(({ verdict }) => verdict === 'drop')) return;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  expect.unreachable('nothing was judged after the gap');
}
