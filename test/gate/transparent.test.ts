// The built program as a transparent gate between network namespaces. Enters: requests of a client; leaves: assertions on both ends and the kernel.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CLIENT, Redirecting, SERVER, whyNoRedirect } from '../support/redirecting.ts';
import { PROGRAM } from '../support/running.ts';

const POLICY = `import { application, http, outside, settings } from 'flowtap/policy';
export default application('t', ({ external, service }) => {
  const user = external('user', { at: '${CLIENT.ip}' });
  const shop = service('shop', { at: '${SERVER.ip}', http: 8080 });
  return [settings({ refuse: 'answer' }), outside(http.get('/health').from(user).to(shop))];
});`;
const CONFIG = `policies: [policy.ts]
gate:
  transparent:
    interface: eth0
    neighbours: [{ ip: ${CLIENT.ip}, mac: '${CLIENT.mac}' }, { ip: ${SERVER.ip}, mac: '${SERVER.mac}' }]
`;
const SERVE = `require('node:http').createServer((q, r) => r.end(q.url + ' from ' + q.socket.remoteAddress + ':' + q.socket.remotePort))
  .listen(8080, '${SERVER.ip}', () => console.log('ready'));`;
const why = whyNoRedirect();

describe.skipIf(why !== null)(`a transparent gate${why === null ? '' : ` (skipped: ${why})`}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'flowtap-gate-'));
  let wire: Redirecting;
  let gate: ChildProcess;

  const line = async (child: ChildProcess, wanted: RegExp): Promise<void> => {
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) throw new Error('no output to read');
    }
    const out = child.stdout;
    if (out === null) return;
    for await (const text of createInterface({ input: out })) if (wanted.test(text)) return;
    throw new Error(`it ended without saying ${wanted}`);
  };
  const start = async (): Promise<ChildProcess> => {
    const child = wire.spawn(
      'g',
      process.execPath,
      PROGRAM,
      'run',
      '--no-typecheck',
      '-c',
      join(folder, 'flowtap.yaml'),
    );
    child.stderr?.resume();
    await line(child, /"change":"opened"/);
    child.stdout?.resume();
    return child;
  };
  const ask = (path: string, ...more: readonly string[]): Promise<string> =>
    wire.in('c', 'curl', '-s', '-m', '2', '-w', ' %{http_code}', ...more, `http://${SERVER.ip}:8080${path}`);
  const rules = async (): Promise<string> => {
    const tables = await wire.in('g', 'nft', 'list', 'tables');
    const others = await wire.in('g', 'ip', 'rule', 'show', 'priority', '20100');
    return `${tables}${others}${await wire.in('g', 'ip', 'neigh', 'show', 'nud', 'permanent')}`;
  };
  const end = async (signal: NodeJS.Signals): Promise<void> => {
    // `ip netns exec` becomes the program itself.
    gate.kill(signal);
    await once(gate, 'close');
  };

  beforeAll(async () => {
    writeFileSync(join(folder, 'policy.ts'), POLICY);
    writeFileSync(join(folder, 'flowtap.yaml'), CONFIG);
    wire = await Redirecting.up();
    const server = wire.spawn('s', process.execPath, '-e', SERVE);
    await line(server, /ready/);
    gate = await start();
  }, 60_000);

  afterAll(async () => {
    await wire?.down();
    rmSync(folder, { recursive: true });
  });

  it('reaches the server from the address and port of the client', async () => {
    expect(await ask('/health', '--local-port', '40001')).toBe(`/health from ${CLIENT.ip}:40001 200`);
  });

  it('has no byte of a denied request on the wire of the server', async () => {
    const capture = wire.spawn(
      's',
      'tcpdump',
      '-i',
      'eth0',
      '-l',
      '-n',
      '-A',
      'tcp port 8080 and tcp[tcpflags] & tcp-push != 0',
    );
    await new Promise<void>((resolve, reject) => {
      capture.stderr?.on('data', (bytes: Buffer) => {
        if (bytes.includes('listening')) resolve();
      });
      capture.once('close', () => reject(new Error('tcpdump ended')));
    });
    let seen = '';
    const marker = new Promise<void>((resolve) => {
      capture.stdout?.on('data', (bytes: Buffer) => {
        seen += bytes.toString('latin1');
        if (seen.includes('/health from')) resolve();
      });
    });
    expect(await ask('/secret')).toBe('refused by policy\n 403');
    // What the server sees after it shows that it would have been seen.
    expect(await ask('/health')).toMatch(/ 200$/);
    await marker;
    expect(seen).toContain('GET /health');
    expect(seen).not.toContain('secret');
    capture.kill();
  });

  it('has no address that anybody could reach', async () => {
    expect(await wire.in('g', 'ip', '-o', '-4', 'addr', 'show', 'dev', 'eth0')).toBe('');
  });

  it('fails closed when it is killed, and works again when it is started again', async () => {
    await end('SIGKILL');
    expect(await rules()).toContain('flowtap_engine');
    expect(await ask('/health')).toMatch(/ 000$/);
    gate = await start();
    expect(await ask('/health')).toMatch(/ 200$/);
    expect(
      (await wire.in('g', 'ip', '-4', 'rule', 'show', 'priority', '20100')).trim().split('\n'),
    ).toHaveLength(2);
  }, 30_000);

  it('leaves nothing behind when it is stopped, and passes nothing', async () => {
    await end('SIGTERM');
    expect(await rules()).toBe('');
    expect(await ask('/health')).toMatch(/ 000$/);
  }, 30_000);
});
