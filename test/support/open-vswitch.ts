// A real Open vSwitch for tests. Enters: names; leaves: a switch in a network namespace and a run directory of its own, and their end.
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { vethTo } from './veth.ts';

const runAny = promisify(execFile);
const PROGRAMS = [
  'ovs-vswitchd',
  'ovsdb-server',
  'ovsdb-tool',
  'ovs-vsctl',
  'ovs-ofctl',
  'ovs-appctl',
  'ip',
  'ethtool',
];
const SCHEMA = '/usr/share/openvswitch/vswitch.ovsschema';
/** No command here takes longer unless something is wrong. */
const PATIENCE = 20_000;

async function run(program: string, args: readonly string[], options: { env?: NodeJS.ProcessEnv } = {}) {
  return runAny(program, args, { timeout: PATIENCE, maxBuffer: 1 << 28, ...options });
}

/** Whether a program of the system is there. */
export function isInstalled(program: string): boolean {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'];
  return folders.some((folder) => existsSync(join(folder, program)));
}

/** Why such a switch cannot run here; null when it can. */
export function whyNoSwitch(): string | null {
  const missing = PROGRAMS.filter((program) => !isInstalled(program));
  if (missing.length > 0) return `Open vSwitch tests need ${missing.join(', ')}`;
  if (!existsSync(SCHEMA)) return `Open vSwitch tests need ${SCHEMA}`;
  if (process.getuid?.() !== 0) return 'Open vSwitch tests need root, for network namespaces';
  try {
    execFileSync('ip', ['netns', 'list'], { stdio: 'ignore', timeout: PATIENCE });
    return null;
  } catch {
    return 'Open vSwitch tests need network namespaces';
  }
}

/** A namespace with one address on the switch. */
export interface Host {
  readonly name: string;
  readonly namespace: string;
  readonly port: string;
  readonly ip: string;
  readonly mac: string;
}

let made = 0;

/** Removes what a run that was killed has left: its process is not there any more. */
async function sweep(): Promise<void> {
  const left = (name: string, pattern: RegExp): boolean => {
    const pid = Number(pattern.exec(name)?.[1]);
    return Number.isInteger(pid) && !existsSync(`/proc/${pid}`);
  };
  const namespaces = existsSync('/run/netns') ? readdirSync('/run/netns') : [];
  for (const name of namespaces.filter((each) => left(each, /^ft-(\d+)-/))) {
    const pids = await run('ip', ['netns', 'pids', name]).catch(() => ({ stdout: '' }));
    for (const pid of pids.stdout.split('\n').filter((each) => each !== '')) {
      try {
        process.kill(Number(pid), 'SIGKILL');
      } catch {
        // It ended meanwhile.
      }
    }
    await run('ip', ['netns', 'del', name]).catch(() => {});
  }
  for (const name of readdirSync(tmpdir()).filter((each) => left(each, /^flowtap-ovs-(\d+)-/)))
    rmSync(join(tmpdir(), name), { recursive: true, force: true });
}

export class OpenVSwitch {
  readonly folder = mkdtempSync(join(tmpdir(), `flowtap-ovs-${process.pid}-`));
  readonly #id = `ft-${process.pid}-${++made}`;
  readonly #namespaces: string[] = [];
  readonly #children: ChildProcess[] = [];
  #database: ChildProcess | null = null;
  #switch: ChildProcess | null = null;

  get management(): string {
    return join(this.folder, 'br0.mgmt');
  }

  get database(): string {
    return join(this.folder, 'db.sock');
  }

  get #environment(): NodeJS.ProcessEnv {
    const own = { OVS_RUNDIR: this.folder, OVS_LOGDIR: this.folder, OVS_DBDIR: this.folder };
    return { ...process.env, PATH: `${process.env.PATH}:/usr/sbin:/sbin`, ...own };
  }

  /** Both daemons, and a bridge `br0` on the userspace datapath that forwards as a learning switch. */
  async start(): Promise<void> {
    await sweep();
    await this.#addNamespace(this.#id);
    const file = join(this.folder, 'conf.db');
    await this.run('ovsdb-tool', 'create', file, SCHEMA);
    this.#database = this.#daemon('ovsdb-server', file, `--remote=punix:${this.database}`, '--pidfile');
    await this.until(() => existsSync(this.database), 'ovsdb-server');
    await this.run('ovs-vsctl', ...this.#db, '--no-wait', 'init');
    await this.startSwitch();
    const settings = ['datapath_type=netdev', 'protocols=OpenFlow10,OpenFlow14', 'fail_mode=secure'];
    await this.vsctl('add-br', 'br0', '--', 'set', 'bridge', 'br0', ...settings);
    await this.ofctl('add-flow', 'priority=0,actions=NORMAL');
  }

  async startSwitch(): Promise<void> {
    this.#switch = this.#daemon('ovs-vswitchd', `unix:${this.database}`, '--pidfile');
    const pid = this.#switch.pid ?? 0;
    await this.until(() => existsSync(join(this.folder, `ovs-vswitchd.${pid}.ctl`)), 'ovs-vswitchd');
  }

  /** As when the machine's memory runs out: no good-bye. */
  async killSwitch(): Promise<void> {
    await this.#end(this.#switch, 'SIGKILL');
    this.#switch = null;
  }

  async addHost(name: string, last: number): Promise<Host> {
    const namespace = `${this.#id}-${name}`;
    const port = `p-${name}`;
    const mac = `02:00:00:00:00:${last.toString(16).padStart(2, '0')}`;
    const ip = `10.9.0.${last}`;
    await this.#addNamespace(namespace);
    await run('ip', vethTo(this.#id, port, namespace));
    await run('ip', ['-n', namespace, 'link', 'set', 'eth0', 'address', mac, 'up']);
    await run('ip', ['-n', namespace, 'addr', 'add', `${ip}/24`, 'dev', 'eth0']);
    await run('ip', ['-n', this.#id, 'link', 'set', port, 'up']);
    // Checksums that are still to be made by hardware would never be made here.
    await run('ip', ['netns', 'exec', this.#id, 'ethtool', '-K', port, 'tx', 'off'], {
      env: this.#environment,
    });
    await run('ip', ['netns', 'exec', namespace, 'ethtool', '-K', 'eth0', 'tx', 'off'], {
      env: this.#environment,
    });
    const host = { name, namespace, port, ip, mac };
    await this.plug(host);
    return host;
  }

  /** Connects a host, as an orchestrator does: with its stable name and its address. */
  async plug({ name, port, mac }: Pick<Host, 'name' | 'port' | 'mac'>, bridge = 'br0'): Promise<void> {
    const ids = [`external_ids:iface-id=${name}`, `external_ids:attached-mac="${mac}"`];
    await this.vsctl('add-port', bridge, port, '--', 'set', 'interface', port, ...ids);
  }

  vsctl(...args: readonly string[]): Promise<string> {
    return this.run('ovs-vsctl', ...this.#db, ...args);
  }

  ofctl(command: string, ...args: readonly string[]): Promise<string> {
    return this.run('ovs-ofctl', '-O', 'OpenFlow14', command, `unix:${this.management}`, ...args);
  }

  /** The flows of a table without what changes by itself. */
  async flows(table: number): Promise<readonly string[]> {
    const flags = ['-O', 'OpenFlow14', '--no-stats'];
    const text = await this.run(
      'ovs-ofctl',
      ...flags,
      'dump-flows',
      `unix:${this.management}`,
      `table=${table}`,
    );
    return text.split('\n').flatMap((line) => (line.includes('actions=') ? [line.trim()] : []));
  }

  async run(program: string, ...args: readonly string[]): Promise<string> {
    const { stdout } = await run(program, args, { env: this.#environment });
    return stdout;
  }

  /** Starts a program in a host's namespace; it ends with the switch, at the latest. */
  spawn({ namespace }: Pick<Host, 'namespace'>, ...argv: readonly string[]): ChildProcess {
    const child = spawn('ip', ['netns', 'exec', namespace, ...argv], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#children.push(child);
    return child;
  }

  /** Removes everything, also after a failure half way. Bounded: what does not end is killed. */
  async stop(): Promise<void> {
    for (const child of this.#children) await this.#end(child, 'SIGKILL');
    await this.#end(this.#switch, 'SIGTERM');
    await this.#end(this.#database, 'SIGTERM');
    for (const namespace of this.#namespaces) await run('ip', ['netns', 'del', namespace]).catch(() => {});
    rmSync(this.folder, { recursive: true, force: true });
  }

  get #db(): readonly string[] {
    return [`--db=unix:${this.database}`, '--timeout=15'];
  }

  async #addNamespace(name: string): Promise<void> {
    await run('ip', ['netns', 'add', name]);
    this.#namespaces.push(name);
    await run('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
    // Without it, each interface would greet its neighbours, and be counted.
    const off = ['net.ipv6.conf.all.disable_ipv6=1', 'net.ipv6.conf.default.disable_ipv6=1'];
    await run('ip', ['netns', 'exec', name, 'sysctl', '-qe', '-w', ...off]).catch(() => {});
  }

  #daemon(program: string, ...args: readonly string[]): ChildProcess {
    const log = `--log-file=${join(this.folder, `${program}.log`)}`;
    const options = [...args, '--no-chdir', log, '-vconsole:off'];
    return spawn('ip', ['netns', 'exec', this.#id, program, ...options], {
      env: this.#environment,
      stdio: 'ignore',
    });
  }

  async #end(child: ChildProcess | null, signal: NodeJS.Signals): Promise<void> {
    if (child === null || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
    child.kill(signal);
    const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
    await ended;
    clearTimeout(timer);
  }

  /** Waits for something that another process does; its log says why it did not. */
  async until(done: () => boolean | Promise<boolean>, what: string): Promise<void> {
    const end = Date.now() + PATIENCE;
    while (!(await done())) {
      if (Date.now() > end) throw new Error(`${what} did not get there: ${this.#log(what)}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  #log(program: string): string {
    try {
      return readFileSync(join(this.folder, `${program}.log`), 'utf8').slice(-2000);
    } catch {
      return 'no log';
    }
  }
}
