// The lab's network: a bridge, and a namespace for each host on it. Enters: the topology; leaves: namespaces, or none.
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { vethTo } from '../support/veth.ts';
import { LabError, run } from './system.ts';
import * as net from './topology.ts';

const ip = (...args: string[]): Promise<string> => run('ip', args);
const within = (namespace: string, ...argv: string[]): Promise<string> =>
  run('ip', ['netns', 'exec', namespace, ...argv]);

/** Before this time no segment is held for lost: see `tcp_early_retrans`. */
const PATIENCE = '3s';

function namespaces(): string[] {
  try {
    return readdirSync('/run/netns').filter((name) => name.startsWith(net.PREFIX));
  } catch {
    return [];
  }
}

export const hasNetwork = (): boolean => namespaces().length > 0;

export function requireNoNetwork(): void {
  if (hasNetwork()) {
    throw new LabError(
      'namespaces of another run exist: wait for it, or remove them by `npm run lab -- --clean`',
    );
  }
}

export async function buildNetwork(): Promise<void> {
  await addNamespace(net.SWITCH);
  await ip(
    '-n',
    net.SWITCH,
    'link',
    'add',
    net.BRIDGE,
    'type',
    'bridge',
    'forward_delay',
    '0',
    'stp_state',
    '0',
  );
  await ip('-n', net.SWITCH, 'link', 'set', net.BRIDGE, 'up');
  for (const host of net.HOST_NAMES) {
    await addHost(host, net.SWITCH);
    await ip('-n', net.SWITCH, 'link', 'set', portOf(host), 'master', net.BRIDGE);
  }
  await addInternet();
}

/** A namespace with quiet and patient settings. */
export async function addNamespace(name: string): Promise<void> {
  await ip('netns', 'add', name);
  for (const setting of [
    'net.ipv6.conf.all.disable_ipv6=1',
    'net.ipv6.conf.default.disable_ipv6=1',
    // A closed connection must not make a later story reuse its ports in TIME_WAIT.
    'net.ipv4.tcp_tw_reuse=0',
    // A busy machine answers late, and a segment would be sent again although none was lost.
    'net.ipv4.tcp_early_retrans=0',
    // So that a service's own port never collides with a client's.
    'net.ipv4.ip_local_port_range=32768 60999',
  ]) {
    // A kernel without IPv6 has nothing to switch off.
    await within(name, 'sysctl', '-qe', '-w', setting);
  }
}

/** The host's end of its wire to a switch, in the switch's namespace. */
export const portOf = (host: net.HostName): string => `p-${net.address(host).split('.').at(-1)}`;

/** A host and its wire, to be plugged in by whoever knows the switch. `hurry`: as the system has it, segments are sent again soon. */
export async function addHost(host: net.HostName, at: string, hurry = false): Promise<void> {
  const name = net.namespace(host);
  const portName = portOf(host);
  await addNamespace(name);
  await ip(...vethTo(at, portName, name));
  await ip('-n', name, 'link', 'set', 'eth0', 'address', net.mac(host));
  // Offloads would hand the capture segments that never were on a wire, with checksums not yet made.
  const off = ['tx', 'rx', 'sg', 'tso', 'gso', 'gro'].flatMap((feature) => [feature, 'off']);
  await within(name, 'ethtool', '-K', 'eth0', ...off);
  await within(at, 'ethtool', '-K', portName, ...off);
  await ip('-n', at, 'link', 'set', portName, 'up');
  await ip('-n', name, 'addr', 'add', `${net.address(host)}/24`, 'dev', 'eth0');
  await ip('-n', name, 'link', 'set', 'lo', 'up');
  await ip('-n', name, 'link', 'set', 'eth0', 'up');
  const patient = ['dev', 'eth0', ...(hurry ? [] : ['rto_min', PATIENCE])];
  const source = ['scope', 'link', 'src', net.address(host)];
  await ip('-n', name, 'route', 'replace', '10.1.0.0/24', 'proto', 'kernel', ...source, ...patient);
  if (host !== 'internet') await ip('-n', name, 'route', 'add', 'default', 'via', net.GATEWAY, ...patient);
}

/** Customers and the outside host live behind the gateway. */
export async function addInternet(): Promise<void> {
  const name = net.namespace('internet');
  const customers = Array.from({ length: net.CUSTOMER_COUNT }, (_, i) => net.customerAddress(i + 1));
  for (const address of [...customers, net.OUTSIDE.address]) {
    await ip('-n', name, 'addr', 'add', `${address}/32`, 'dev', 'eth0');
  }
}

async function kill(signal: NodeJS.Signals | 0): Promise<number> {
  let left = 0;
  for (const name of namespaces()) {
    // Whatever runs in our namespaces was started by us: daemons fork helpers (epmd) whose ids we were not told.
    const pids = (await ip('netns', 'pids', name)).split('\n').filter((line) => line !== '');
    for (const pid of pids) {
      try {
        process.kill(Number(pid), signal);
        left++;
      } catch {
        // It ended by itself meanwhile.
      }
    }
  }
  return left;
}

/** Ends what runs in the lab's namespaces, then the namespaces. Never throws for what is already gone. */
export async function removeNetwork(): Promise<void> {
  for (let round = 0; round < 60; round++) {
    if ((await kill(round === 0 ? 'SIGTERM' : round < 40 ? 0 : 'SIGKILL')) === 0) break;
    await sleep(100);
  }
  for (const name of namespaces()) await ip('netns', 'del', name);
}
