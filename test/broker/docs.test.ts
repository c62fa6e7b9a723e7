// The document against the code. Enters: docs/broker.md and the example; leaves: that each claim has its test, and that it runs.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { writeEvent } from '../../src/broker/message.ts';
import { MockZeek } from '../support/mock-zeek.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const read = (path: string): string => readFileSync(`${ROOT}${path}`, 'utf8');

const tests = readdirSync(`${ROOT}test/broker`)
  .filter((name) => name.endsWith('.test.ts'))
  .map((name) => read(`test/broker/${name}`))
  .concat(read('test/support/zeek-values.ts'))
  .join('\n');

/** The cases of Zeek 8.2.2 for its WebSocket server; telemetry and suspend_processing stand elsewhere in its tree. */
const CASES = [
  ...['one', 'one-ipv6', 'one-pipelining', 'two-pipelining', 'three', 'bad-event-args', 'bad-subscriptions'],
  ...['bad-url', 'metadata', 'ping-timeout', 'terminate-while-queuing', 'cluster-log', 'cloexec-leak'],
  ...[
    'listen-idempotent',
    'tls',
    'tls-nocert',
    'tls-usage-error',
    'broker/manager-recvs',
    'broker/manager-sends',
  ],
  ...['broker/manager-worker-ping-pong', 'zeromq/manager-worker-ping-pong', 'broker/match-all-subscription'],
  ...['broker/no-subscriptions', 'zeromq/no-subscriptions', 'broker/oneshot', 'zeromq/oneshot'],
  ...['broker/spurious-peer-error', 'server/broker', 'server/default', 'server/ipc', 'server/error'],
].map((name) => `cluster/websocket/${name}`);

test('each of the cases of Zeek has its tests, and they exist', () => {
  const page = read('docs/broker-cases.md');
  const rows = page.split('\n').filter((line) => /^\| (?!---|case)/.test(line));
  const named = (text: string): string[] => [...text.matchAll(/\*([^*]+)\*/g)].map(([, name = '']) => name);
  for (const row of rows) expect(named(row).length, row).toBeGreaterThan(0);
  expect(named(page).filter((name) => !tests.includes(`'${name}'`))).toEqual([]);
  const elsewhere = ['telemetry/ws', 'telemetry/ws-app', 'telemetry/ws-invalid-app'].map(
    (name) => `cluster/${name}`,
  );
  for (const name of [...CASES, ...elsewhere, 'core/suspend_processing/websocket'])
    expect(
      rows.filter((row) => row.startsWith(`| ${name} |`)),
      name,
    ).toHaveLength(1);
});

test('each cell of the last column is the name of a test', () => {
  const table = read('docs/broker.md').split('## Compared')[1] ?? '';
  const cells = table
    .split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| ---'))
    .slice(1);
  expect(cells.length).toBeGreaterThan(20);
  for (const line of cells) {
    const name = /\| \*(.+)\* \|$/.exec(line)?.[1] ?? line;
    // Codec vectors are named by type and data.
    const found = name.endsWith(' is read exactly') ? name.split('"')[1] : `'${name}'`;
    expect(tests, name).toContain(found);
  }
});

test('the example of the document is the file, and runs', async () => {
  const example = read('examples/broker.ts');
  expect(read('docs/broker.md')).toContain(example);
  const published: string[] = [];
  const server = await MockZeek.start(async (peer) => {
    await peer.subscribe('node');
    const hello = await peer.next();
    published.push(hello?.payload.toString() ?? '');
    peer.text(
      Buffer.from(writeEvent({ topic: 'example/from-zeek/', name: 'Example::answer', args: [] }, 1000).bytes),
    );
  });
  const env = {
    ...process.env,
    JITI_ALIAS: JSON.stringify({ 'flowtap/broker': `${ROOT}src/broker/public.ts` }),
  };
  const child = spawn(process.execPath, ['--import', 'jiti/register', 'examples/broker.ts', server.url], {
    cwd: ROOT,
    env,
  });
  const exit = once(child, 'exit');
  let output = '';
  for await (const data of child.stdout) {
    output += String(data);
    if (output.endsWith('Example::answer []\n')) child.kill('SIGINT');
  }
  expect(await exit).toEqual([0, null]);
  await server.stop();
  expect(published[0]).toContain('"Example::hello"');
  expect(output).toBe('connected to Zeek 8.2.2 as node\nExample::answer []\nclosed\n');
});
