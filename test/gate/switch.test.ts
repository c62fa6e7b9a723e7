// The whole way on a real Open vSwitch: a contract redirects, the gate holds. Enters: requests of a client; leaves: assertions on both ends.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';
import { type Host, OpenVSwitch, whyNoSwitch } from '../support/open-vswitch.ts';
import { whyNoRedirect } from '../support/redirecting.ts';
import { PROGRAM } from '../support/running.ts';
import { fakeTerminal } from '../support/terminal.ts';

const why = whyNoSwitch() ?? whyNoRedirect();

describe.skipIf(why !== null)(`a gate behind a switch${why === null ? '' : ` (skipped: ${why})`}`, () => {
  const folder = mkdtempSync(join(tmpdir(), 'flowtap-gate-'));
  const ovs = new OpenVSwitch();
  let client: Host;
  let gate: Host;
  let running: ChildProcess;

  const line = async ({ stdout }: ChildProcess, wanted: RegExp): Promise<void> => {
    if (stdout === null) throw new Error('no output to read');
    for await (const text of createInterface({ input: stdout })) if (wanted.test(text)) break;
    stdout.resume();
  };
  const start = async (): Promise<void> => {
    running = ovs.spawn(
      gate,
      process.execPath,
      PROGRAM,
      'run',
      '--no-typecheck',
      '-c',
      join(folder, 'flowtap.yaml'),
    );
    await line(running, /"change":"opened"/);
  };
  const ask = async (path: string): Promise<string> => {
    const asking = ovs.spawn(
      client,
      'curl',
      '-s',
      '-m',
      '3',
      '-w',
      ' %{http_code}',
      `http://10.9.0.2:8080${path}`,
    );
    let said = '';
    asking.stdout?.on('data', (bytes: Buffer) => {
      said += bytes.toString('latin1');
    });
    await once(asking, 'close');
    return said;
  };

  beforeAll(async () => {
    await ovs.start();
    client = await ovs.addHost('client', 1);
    const server = await ovs.addHost('server', 2);
    gate = await ovs.addHost('ids', 3);
    await ovs.run('ip', '-n', gate.namespace, 'addr', 'flush', 'dev', 'eth0');
    const serve = `require('node:http').createServer((q, r) => r.end(q.url + ' from ' + q.socket.remoteAddress)).listen(8080, '10.9.0.2', () => console.log('ready'));`;
    await line(ovs.spawn(server, process.execPath, '-e', serve), /ready/);
    const neighbours = [client, server].map(({ ip, mac }) => `{ ip: ${ip}, mac: '${mac}' }`).join(', ');
    writeFileSync(
      join(folder, 'flowtap.yaml'),
      `policies: [policy.ts]\ngate: { transparent: { interface: eth0, neighbours: [${neighbours}] } }\n`,
    );
    writeFileSync(
      join(folder, 'policy.ts'),
      `import { application, http, outside, settings } from 'flowtap/policy';
export default application('t', ({ external, service }) => {
  const user = external('user', { at: '10.9.0.1' });
  const shop = service('shop', { at: '10.9.0.2', http: 8080 });
  return [settings({ refuse: 'answer' }), outside(http.get('/health').from(user).to(shop))];
});`,
    );
    await start();
  }, 60_000);

  afterAll(async () => {
    await ovs.stop();
    rmSync(folder, { recursive: true });
  }, 30_000);

  it('is not on the way before somebody asks for that', async () => {
    expect(await ask('/secret')).toBe('/secret from 10.9.0.1 200');
  });

  it('holds what a contract redirects to it, and the server sees the client all the same', async () => {
    const terminal = fakeTerminal();
    const contract = ['server', 'ids', 'tcp,tp_dst=8080', 'redirect'];
    await runProgram(
      ['tap', 'br0', ...contract, '--rundir', ovs.folder, '--as', 'test', '--why', 'a test'],
      terminal,
    );
    expect(terminal.written.out).toMatch(/^c1 FlowTap/);
    expect(await ask('/health')).toBe('/health from 10.9.0.1 200');
    expect(await ask('/secret')).toBe('refused by policy\n 403');
  });

  it('fails closed while it is dead', async () => {
    running.kill('SIGKILL');
    await once(running, 'close');
    expect(await ask('/health')).toMatch(/ 000$/);
    await start();
    expect(await ask('/health')).toBe('/health from 10.9.0.1 200');
  }, 30_000);
});
