// What docs/operations.md says, against the code. Enters: the document; leaves: that its configuration is read, and that each row has its test.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readConfig } from '../../src/config/config.ts';
import { DEFAULT_LIMITS } from '../../src/sensor/parser.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const DOCUMENT = readFileSync(join(ROOT, 'docs/operations.md'), 'utf8');
const EXAMPLE = /```yaml\n([^`]*)```/.exec(DOCUMENT)?.[1] ?? '';

it('the configuration of the document is right, and shows the defaults', () => {
  const shown = readConfig('/etc/flowtap/flowtap.yaml', EXAMPLE);
  const least = readConfig(
    '/etc/flowtap/flowtap.yaml',
    'policies: [a.ts]\nzeeks: [{ name: a, url: "ws://[::1]:1" }]',
  );
  expect(shown.zeeks.map(({ name }) => name)).toEqual(['tap0', 'node2']);
  expect(shown.zeeks[0]?.on).toEqual(least.zeeks[0]?.on);
  expect(shown.limits).toEqual(DEFAULT_LIMITS);
  const same = ['containment', 'flowtap', 'inbox', 'time', 'audit', 'log'] as const;
  for (const key of same) expect(shown[key], key).toEqual(least[key]);
});

it('the gates of the document are right, and show the defaults', () => {
  const [, , first = '', second = ''] = [...DOCUMENT.matchAll(/```yaml\n([^`]*)```/g)].map(
    ([, text]) => text,
  );
  const shown = readConfig('/etc/flowtap/flowtap.yaml', first);
  const least = readConfig(
    '/etc/flowtap/flowtap.yaml',
    'policies: [a.ts]\ngate: { transparent: { interface: eth1, neighbours: [{ ip: 10.1.0.11, mac: "02:00:00:00:00:11" }, { ip: 10.1.0.30, mac: "02:00:00:00:00:30" }] } }',
  );
  expect(shown.containment).toBe('redirect');
  expect(shown.gate).toEqual(least.gate);
  const doors = readConfig('/etc/flowtap/flowtap.yaml', `policies: [a.ts]\n${second}`);
  expect(doors.gate?.at.kind).toBe('doors');
});

it('each row of what a gate does is the name of a test', () => {
  const tests = ['bounds', 'sql', 'transparent']
    .map((name) => readFileSync(join(ROOT, `test/gate/${name}.test.ts`), 'utf8'))
    .join('\n');
  const section = (DOCUMENT.split('## A gate in the path')[1] ?? '').split('\n## ')[0] ?? '';
  const names = [...section.matchAll(/ \| \*(.+)\* \|$/gm)].map(([, name]) => name);
  expect(names.length).toBe(9);
  for (const name of names) expect(tests, name).toContain(`'${name}'`);
});

it('each row of what happens when is the name of a test', () => {
  const tests = [
    'cli/run',
    'live/merge',
    'live/watch',
    'live/service',
    'live/bridge',
    'live/capture',
    'live/real-bridge',
    'audit/sink',
  ]
    .map((name) => readFileSync(join(ROOT, `test/${name}.test.ts`), 'utf8'))
    .join('\n');
  const rows = (DOCUMENT.split('## What happens when')[1] ?? '')
    .split('\n## ')[0]
    ?.split('\n')
    .filter((line) => line.startsWith('| ') && !line.startsWith('| ---'))
    .slice(1);
  expect(rows?.length).toBeGreaterThan(20);
  for (const row of rows ?? []) {
    const name = / \| \*(.+)\* \|$/.exec(row)?.[1] ?? row;
    expect(tests, name).toContain(`'${name}'`);
  }
});
