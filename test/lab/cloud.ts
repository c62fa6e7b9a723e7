// The lab on switches: nodes, who stands on which, the security VM. Enters: a scratch folder; leaves: a cloud whose flows can be tapped.

import { vethTo } from '../support/veth.ts';
import { addHost, addInternet, addNamespace, portOf } from './network.ts';
import { buildFabric, Node, tapBetween } from './node.ts';
import { run } from './system.ts';
import * as net from './topology.ts';

/** The security VM: one interface without an address, which application VMs cannot reach. */
export const IDS = `${net.PREFIX}ids`;
const IDS_MAC = '02:00:00:00:00:fe';
const IDS_PORT = 'p-ids';

/** Stores of data have a node of their own: what services send them and get from them passes the bridge of the services. */
const STORES: ReadonlySet<net.HostName> = new Set(['queue', 'user-db', 'dvd-db']);

export interface Cloud {
  /** Has the services, and all flows of the application on its bridge. */
  readonly services: Node;
  readonly stores: Node;
}

export interface CloudOptions {
  /** The security VM is on the node of the stores, so that what is tapped goes through a tunnel. */
  readonly apart: boolean;
  /** What the security VM sends comes back to the switch: it is in the path. */
  readonly inPath: boolean;
}

export async function buildCloud(scratch: string, { apart, inPath }: CloudOptions): Promise<Cloud> {
  await buildFabric();
  const [services, stores] = [new Node(1, scratch), new Node(2, scratch)];
  await services.start();
  await stores.start();
  await services.connect(stores);
  await stores.connect(services);
  for (const host of net.HOST_NAMES) {
    const node = STORES.has(host) ? stores : services;
    await addHost(host, node.namespace, true);
    await node.plug(portOf(host), host, net.mac(host));
  }
  await addInternet();
  const security = apart ? stores : services;
  await addSecurity(security, IDS_PORT);
  await tapBetween(services, security, { port: IDS_PORT, mac: IDS_MAC, inPath });
  return { services, stores };
}

/** Everybody whose packets pass the security VM: it has no address, so it can ask nobody for theirs. */
export function neighbours(): readonly { readonly ip: string; readonly mac: string }[] {
  const hosts = net.HOST_NAMES.map((host) => ({ ip: net.address(host), mac: net.mac(host) }));
  const customers = Array.from({ length: net.CUSTOMER_COUNT }, (_, i) => net.customerAddress(i + 1));
  const mac = net.mac('internet');
  return [...hosts, ...[...customers, net.OUTSIDE.address].map((ip) => ({ ip, mac }))];
}

async function addSecurity(node: Node, port: string): Promise<void> {
  await addNamespace(IDS);
  await run('ip', ['-n', IDS, 'link', 'set', 'lo', 'up']);
  await run('ip', vethTo(node.namespace, port, IDS));
  const quiet = ['link', 'set', 'eth0', 'address', IDS_MAC, 'arp', 'off', 'up'];
  await run('ip', ['-n', IDS, ...quiet]);
  // Merged segments are none that were on a wire, and the kernel's buffer has far fewer places for them.
  const off = ['tx', 'rx', 'sg', 'tso', 'gso', 'gro'].flatMap((feature) => [feature, 'off']);
  await run('ip', ['netns', 'exec', IDS, 'ethtool', '-K', 'eth0', ...off]);
  await node.adopt(port);
}
