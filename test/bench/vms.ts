// Three nodes with VMs that a measurement places. Enters: who is on which node; leaves: VMs, a security VM, and programs in them.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { addNamespace } from '../lab/network.ts';
import { buildFabric, Node, tapBetween } from '../lab/node.ts';
import { LabError, run, saying, spawnIn } from '../lab/system.ts';
import { PREFIX } from '../lab/topology.ts';
import { vethTo } from '../support/veth.ts';

export type VmName = 'a' | 'b' | 's';
export type Placement = Readonly<Record<VmName, 1 | 2 | 3>>;

const OFF = ['tx', 'rx', 'sg', 'tso', 'gso', 'gro'].flatMap((feature) => [feature, 'off']);
const LAST: Readonly<Record<VmName, number>> = { a: 1, b: 2, s: 9 };
const TRAFFIC = new URL('./traffic.js', import.meta.url).pathname;

export const ip = (vm: VmName): string => `10.9.0.${LAST[vm]}`;
export const namespaceOf = (vm: VmName): string => `${PREFIX}vm-${vm}`;
export const mac = (vm: VmName): string => `02:00:00:00:00:0${LAST[vm]}`;

/** @returns the node of A, whose traffic is copied */
export async function place(placement: Placement, scratch: string): Promise<Node> {
  await buildFabric();
  const numbers = [...new Set(Object.values(placement))].sort();
  const nodes = new Map<number, Node>(numbers.map((number) => [number, new Node(number, scratch)]));
  const nodeOf = (vm: VmName): Node => {
    const node = nodes.get(placement[vm]);
    if (node === undefined) throw new Error(`no node has ${vm}`);
    return node;
  };
  for (const node of nodes.values()) await node.start();
  for (const node of nodes.values())
    for (const other of nodes.values()) if (other !== node) await node.connect(other);
  for (const vm of ['a', 'b', 's'] as const) await addVm(vm, nodeOf(vm));
  const [watched, security] = [nodeOf('a'), nodeOf('s')];
  await tapBetween(watched, security, { port: 'p-s', mac: mac('s'), inPath: true });
  return watched;
}

async function addVm(vm: VmName, node: Node): Promise<void> {
  const [name, port] = [namespaceOf(vm), `p-${vm}`];
  await addNamespace(name);
  await run('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
  await run('ip', vethTo(node.namespace, port, name));
  await run('ip', ['-n', name, 'link', 'set', 'eth0', 'address', mac(vm)]);
  await run('ip', ['netns', 'exec', name, 'ethtool', '-K', 'eth0', ...OFF]);
  await run('ip', ['-n', name, 'link', 'set', 'eth0', 'up']);
  await node.adopt(port);
  if (vm === 's') return;
  await run('ip', ['-n', name, 'addr', 'add', `${ip(vm)}/24`, 'dev', 'eth0']);
  await node.plug(port, vm, mac(vm));
}

export async function serveAt(vm: VmName): Promise<void> {
  await saying(
    spawnIn(namespaceOf(vm), [process.execPath, TRAFFIC, 'serve', ip(vm)]),
    'the server',
    /ready/,
    10_000,
  );
}

/** Runs traffic from A to B. */
export async function traffic<T>(mode: 'stream' | 'web' | 'latency', milliseconds: number): Promise<T> {
  const child = spawnIn(namespaceOf('a'), [
    process.execPath,
    TRAFFIC,
    mode,
    ip('a'),
    ip('b'),
    String(milliseconds),
  ]);
  let said = '';
  let complaint = '';
  child.stdout?.on('data', (piece: Buffer) => {
    said += piece.toString();
  });
  child.stderr?.on('data', (piece: Buffer) => {
    complaint += piece.toString();
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new LabError(`traffic ${mode} ended with ${code}: ${complaint}`);
  return JSON.parse(said) as T;
}

/** The paper's security VM in its measurements: reads, counts, and forgets. */
export async function reader(): Promise<ChildProcess> {
  const options = ['-i', 'eth0', '-n', '-B', '16384', '-s', '0', '-Z', 'root', '-w', '/dev/null'];
  const tcpdump = spawnIn(namespaceOf('s'), ['tcpdump', ...options]);
  await saying(tcpdump, 'tcpdump', /listening on/, 10_000);
  return tcpdump;
}
