// One cloud node with an Open vSwitch of its own. Enters: a name, a folder; leaves: bridges, tunnels, ports, and their end.
import type { ChildProcess } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { addNamespace } from './network.ts';
import { LabError, run, spawnIn, until } from './system.ts';
import { PREFIX } from './topology.ts';

const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';
/** Room for the tunnel's header around a whole frame of a VM. */
const FABRIC_MTU = '1600';
/** The namespace of the wires between nodes. */
const FABRIC = `${PREFIX}fabric`;
/** Virtual networks in the tunnels: that of the VMs, and that of copies for a security VM. */
const VMS = 1;
const COPIES = 2;

/**
 * A node has three bridges: `br-int` with the VMs and a tunnel to each other node, `br-phy` with the wire to them, and `br-tap`,
 * which hands whatever comes to it to the security VM: over its port here, or through a tunnel to the node that has it.
 *
 * The paper sends copies and traffic through one pair of bridges, needs a second patch port since a packet cannot leave by the port
 * that it came by, gets a loop from it, and filters broadcasts. Here what is tapped has a tunnel and bridges of its own, each with
 * two ports and no address table: nothing loops, no address is rewritten, and no switch learns an address from a copy. Copies go
 * one way only; with a gate in the path, what it lets through comes back by the same way.
 */
export class Node {
  readonly name: string;
  readonly namespace: string;
  readonly folder: string;
  readonly #number: number;
  /** The port of br-tap by which packets come, and the one that leads to the security VM. */
  #lead: { readonly from: string; readonly to: string; readonly back: boolean } | null = null;
  switch: ChildProcess | null = null;

  constructor(number: number, scratch: string) {
    this.#number = number;
    this.name = `node${number}`;
    this.namespace = `${PREFIX}${this.name}`;
    this.folder = `${scratch}/${this.name}`;
  }

  get address(): string {
    return `172.31.0.${this.#number}`;
  }

  /** Needs the fabric. */
  async start(): Promise<void> {
    mkdirSync(this.folder);
    await addNamespace(this.namespace);
    await run('ip', ['-n', this.namespace, 'link', 'set', 'lo', 'up']);
    const wire = ['type', 'veth', 'peer', 'name', this.name, 'netns', FABRIC];
    await run('ip', ['-n', this.namespace, 'link', 'add', 'wire', 'mtu', FABRIC_MTU, ...wire]);
    await run('ip', ['-n', FABRIC, 'link', 'set', this.name, 'mtu', FABRIC_MTU, 'master', 'fabric', 'up']);
    await this.adopt('wire');
    const file = `${this.folder}/conf.db`;
    await run('ovsdb-tool', ['create', file, SCHEMA]);
    this.#daemon('ovsdb-server', file, `--remote=punix:${this.folder}/db.sock`);
    await until('ovsdb-server', 10_000, () => existsSync(`${this.folder}/db.sock`));
    await this.vsctl('--no-wait', 'init');
    await this.startSwitch();
    const netdev = ['datapath_type=netdev', 'protocols=OpenFlow10,OpenFlow14', 'fail_mode=secure'];
    for (const bridge of ['br-phy', 'br-int', 'br-tap'])
      await this.vsctl('add-br', bridge, '--', 'set', 'bridge', bridge, ...netdev);
    for (const bridge of ['br-phy', 'br-int'])
      await this.ofctl('add-flow', bridge, 'priority=0,actions=NORMAL');
    await this.vsctl('add-port', 'br-phy', 'wire');
    await this.#raise();
  }

  /** ovs-vswitchd makes the node's own port of br-phy anew each time that it starts. */
  async #raise(): Promise<void> {
    await run('ip', ['-n', this.namespace, 'addr', 'replace', `${this.address}/24`, 'dev', 'br-phy']);
    await run('ip', ['-n', this.namespace, 'link', 'set', 'br-phy', 'mtu', FABRIC_MTU, 'up']);
  }

  async startSwitch(): Promise<void> {
    const child = this.#daemon('ovs-vswitchd', `unix:${this.folder}/db.sock`);
    this.switch = child;
    await until('ovs-vswitchd', 10_000, () => existsSync(`${this.folder}/ovs-vswitchd.${child.pid}.ctl`));
  }

  /**
   * What this lab itself set in the switch and a switch that was killed has lost. The flows of FlowTap are not among it.
   * @param first awaited before anything of the VMs may pass
   */
  async restoreSwitch(first: () => Promise<void> = async () => undefined): Promise<void> {
    await this.startSwitch();
    // Sockets of the switch that was killed are still there, and nobody listens.
    for (const bridge of ['br-phy', 'br-int', 'br-tap'])
      await until(bridge, 10_000, () =>
        this.ofctl('show', bridge).then(
          () => true,
          () => false,
        ),
      );
    await this.#raise();
    await this.ofctl('add-flow', 'br-phy', 'priority=0,actions=NORMAL');
    await this.#leadOn();
    await first();
    await this.ofctl('add-flow', 'br-int', 'priority=0,actions=NORMAL');
  }

  /** A tunnel for the VMs' traffic. What came through one tunnel goes into none, so that a full mesh has no loop. */
  async connect(other: Node): Promise<void> {
    const port = `t-${other.name}`;
    const options = ['type=vxlan', `options:remote_ip=${other.address}`, `options:key=${VMS}`];
    await this.vsctl('add-port', 'br-int', port, '--', 'set', 'interface', port, ...options);
    await this.vsctl('set', 'port', port, 'protected=true');
  }

  /** The port `ids` of br-int leads to br-tap; gives the port there by which its packets come. */
  async openTap(mac: string): Promise<string> {
    const ids = ['external_ids:iface-id=ids', `external_ids:attached-mac="${mac}"`];
    const patch = (peer: string): string[] => ['type=patch', `options:peer=${peer}`];
    await this.vsctl(
      'add-port',
      'br-int',
      'ids',
      '--',
      'set',
      'interface',
      'ids',
      ...patch('from-int'),
      ...ids,
    );
    await this.vsctl('add-port', 'br-tap', 'from-int', '--', 'set', 'interface', 'from-int', ...patch('ids'));
    return 'from-int';
  }

  /** The security VM is at this port of br-tap. */
  async plugTap(port: string): Promise<string> {
    await this.vsctl('add-port', 'br-tap', port);
    return port;
  }

  /** A tunnel of br-tap to that of another node; gives its port. */
  async tapTunnel(other: Node): Promise<string> {
    const port = `c-${other.name}`;
    const options = ['type=vxlan', `options:remote_ip=${other.address}`, `options:key=${COPIES}`];
    await this.vsctl('add-port', 'br-tap', port, '--', 'set', 'interface', port, ...options);
    return port;
  }

  /**
   * What comes to br-tap by one port leaves by the other, which leads to the security VM. With `back`, what that sends in its
   * turn goes the way back; without, it goes nowhere. Two ports are all that br-tap has, so nothing can loop.
   */
  async lead(from: string, to: string, back: boolean): Promise<void> {
    this.#lead = { from, to, back };
    await this.#leadOn();
  }

  async #leadOn(): Promise<void> {
    if (this.#lead === null) return;
    const { from, to, back } = this.#lead;
    await this.ofctl('add-flow', 'br-tap', `priority=1,in_port=${from},actions=output:${to}`);
    if (back) await this.ofctl('add-flow', 'br-tap', `priority=1,in_port=${to},actions=output:${from}`);
  }

  /** Checksums that hardware would make are never made on a userspace datapath. */
  async adopt(port: string): Promise<void> {
    await run('ip', ['netns', 'exec', this.namespace, 'ethtool', '-K', port, 'tx', 'off']);
    await run('ip', ['-n', this.namespace, 'link', 'set', port, 'up']);
  }

  /** Connects a VM as an orchestrator does: with its stable name and its address. */
  async plug(port: string, name: string, mac: string): Promise<void> {
    const ids = [`external_ids:iface-id=${name}`, `external_ids:attached-mac="${mac}"`];
    await this.vsctl('add-port', 'br-int', port, '--', 'set', 'interface', port, ...ids);
  }

  vsctl(...args: readonly string[]): Promise<string> {
    return run('ovs-vsctl', [`--db=unix:${this.folder}/db.sock`, '--timeout=15', ...args]);
  }

  ofctl(command: string, bridge: string, ...args: readonly string[]): Promise<string> {
    const where = `unix:${this.folder}/${bridge}.mgmt`;
    return run('ovs-ofctl', ['-O', 'OpenFlow14', command, where, ...args]);
  }

  #daemon(program: string, ...args: readonly string[]): ChildProcess {
    const log = `--log-file=${this.folder}/${program}.log`;
    const env = {
      PATH: `${process.env.PATH}:/usr/sbin:/sbin`,
      OVS_RUNDIR: this.folder,
      OVS_LOGDIR: this.folder,
      OVS_DBDIR: this.folder,
    };
    const options = ['--pidfile', '--no-chdir', log, '-vconsole:off'];
    return spawnIn(this.namespace, [program, ...args, ...options], { env });
  }
}

/** What `watched` has tapped goes to the security VM at a port of `security`; and comes back, where it is `inPath`. */
export async function tapBetween(
  watched: Node,
  security: Node,
  { port, mac, inPath }: { readonly port: string; readonly mac: string; readonly inPath: boolean },
): Promise<void> {
  const from = await watched.openTap(mac);
  const to = await security.plugTap(port);
  if (watched === security) return watched.lead(from, to, inPath);
  await security.lead(await security.tapTunnel(watched), to, inPath);
  await watched.lead(from, await watched.tapTunnel(security), inPath);
}

/** What a lab on switches needs besides. */
export function requireSwitch(): void {
  for (const program of ['ovs-vswitchd', 'ovsdb-server', 'ovs-vsctl', 'ovs-ofctl']) {
    const places = ['/usr/sbin', '/usr/bin', ...(process.env.PATH ?? '').split(':')];
    if (!places.some((place) => existsSync(`${place}/${program}`)))
      throw new LabError(`${program} is missing: apt-get install openvswitch-switch`);
  }
}

/** The wires between the nodes. */
export async function buildFabric(): Promise<void> {
  await addNamespace(FABRIC);
  const link = [
    'link',
    'add',
    'fabric',
    'mtu',
    FABRIC_MTU,
    'type',
    'bridge',
    'forward_delay',
    '0',
    'stp_state',
    '0',
  ];
  await run('ip', ['-n', FABRIC, ...link]);
  await run('ip', ['-n', FABRIC, 'link', 'set', 'fabric', 'up']);
}
