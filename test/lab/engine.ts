// FlowTap's own programs in the lab: contracts by its commands, the engine in the security VM. Enters: a cloud; leaves: an engine and its audit.
import { type ChildProcess, execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Cloud, IDS, neighbours } from './cloud.ts';
import { LabError, spawnIn, stop, until } from './system.ts';
import { SERVICES } from './topology.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PROGRAM = `${ROOT}/dist/src/cli/main.js`;
const BRIDGE = 'br-int';

/** Who sees the traffic: the embedded sensor or a Zeek, both on copies; or the gate, in the path. */
export type Sensing = 'sensor' | 'zeek' | 'gate';

/** One line of the audit. */
export type AuditLine = Readonly<Record<string, unknown>>;

export interface EngineOptions {
  readonly sensing: Sensing;
  /** It asks for the contracts itself; else they are asked for by `tapServices`. */
  readonly taps?: boolean;
}

/** A command for operators, as one would type it. */
async function flowtap({ services }: Cloud, command: string, ...args: readonly string[]): Promise<string> {
  const argv = [PROGRAM, command, BRIDGE, ...args, '--rundir', services.folder];
  const { stdout } = await promisify(execFile)(process.execPath, argv, { cwd: ROOT });
  return stdout;
}

const actionFor = (sensing: Sensing): 'forward' | 'redirect' => (sensing === 'gate' ? 'redirect' : 'forward');

/** What each service sends and gets: a copy, or by way of the gate. With both ends monitored, a packet is delivered once. */
export async function tapServices(cloud: Cloud, sensing: Sensing): Promise<void> {
  for (const service of SERVICES)
    await flowtap(cloud, 'tap', service, 'ids', 'tcp', actionFor(sensing), '--why', 'the lab');
}

const SEEING: Readonly<Record<Sensing, Readonly<Record<string, unknown>>>> = {
  sensor: { captures: [{ name: 'ids', interface: 'eth0' }] },
  zeek: { zeeks: [{ name: 'ids', interface: 'eth0' }] },
  gate: { gate: { name: 'ids', transparent: { interface: 'eth0', neighbours: neighbours() } } },
};

const flowOf = ({ flow_orig, flow_resp }: AuditLine): string => `${flow_orig} > ${flow_resp}`;

export class Engine {
  static readonly #cutBefore = new Set<string>();
  readonly #cloud: Cloud;
  readonly #audit: string;
  readonly #config: string;
  readonly #options: EngineOptions;
  #log = '';
  child: ChildProcess | null = null;
  /** Milliseconds since 1970 when it was up last. */
  upAt = 0;

  constructor(cloud: Cloud, scratch: string, options: EngineOptions) {
    this.#cloud = cloud;
    this.#options = options;
    this.#audit = `${scratch}/audit.jsonl`;
    this.#config = `${scratch}/flowtap.json`;
  }

  get sensing(): Sensing {
    return this.#options.sensing;
  }

  /** Begins a new audit. */
  async start(): Promise<void> {
    const { sensing, taps = false } = this.#options;
    const contracts = SERVICES.map((each) => `FlowTap(${each}, ids, tcp, ${actionFor(sensing)})`);
    const config = {
      policies: [`${ROOT}/policies/dvd-rental.ts`],
      ...SEEING[sensing],
      flowtap: {
        driver: 'ovs',
        bridge: BRIDGE,
        rundir: this.#cloud.services.folder,
        ...(taps ? { contracts } : {}),
      },
      // Under load there are too many that pass to read them over and over.
      audit: { file: this.#audit, passes: !taps },
    };
    writeFileSync(this.#config, JSON.stringify(config));
    writeFileSync(this.#audit, '');
    const argv = [process.execPath, PROGRAM, 'run', '--no-typecheck', '--config', this.#config];
    const { HOME, ZEEK_BIN, TMPDIR } = process.env;
    const child = spawnIn(IDS, argv, { env: { HOME, ZEEK_BIN, TMPDIR } });
    this.child = child;
    const keep = (chunk: Buffer): void => {
      this.#log = (this.#log + chunk.toString()).slice(-20_000);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    await until('the engine sees the traffic and reaches the switch', 60_000, () => {
      if (child.exitCode !== null) throw new LabError(`the engine ended:\n${this.#log}`);
      return this.#sees() && this.said('switch', 'reached');
    });
    this.upAt = Date.now();
  }

  /** Does once what a service manager does: starts it again when it was killed. Resolves when it is up. */
  async restarted(): Promise<void> {
    if (this.child !== null && this.child.signalCode === null) await once(this.child, 'exit');
    await this.start();
  }

  #sees(): boolean {
    return this.#options.sensing === 'gate' ? this.said('gate', 'opened') : this.said('source', 'connected');
  }

  /** What the audit has by now. The last line may be half there. */
  lines(): readonly AuditLine[] {
    const lines = readFileSync(this.#audit, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as AuditLine);
  }

  /** The audit has such a record, behind its first `after` lines. */
  said(record: string, change: string, after = 0): boolean {
    return this.lines()
      .slice(after)
      .some((line) => line.record === record && line.change === change);
  }

  /** How often the audit has such a record. */
  count(record: string, change: string): number {
    return this.lines().filter((line) => line.record === record && line.change === change).length;
  }

  /**
   * Drops of connections that began in this run. The system goes on with sockets of the story before that were cut: an engine that
   * is started again does not know them, and cuts them anew.
   */
  drops(): readonly AuditLine[] {
    return this.lines().filter(
      (line) =>
        line.record === 'verdict' &&
        line.verdict === 'drop' &&
        line.midstream === false &&
        !Engine.#cutBefore.has(flowOf(line)),
    );
  }

  /** What was cut in this run is nothing new in the next one: a server sends the answer to a SYN again for a minute. */
  forgetDrops(): void {
    for (const line of this.drops()) Engine.#cutBefore.add(flowOf(line));
  }

  blocks(): readonly AuditLine[] {
    const latest = new Map<unknown, AuditLine>();
    for (const line of this.lines()) if (line.record === 'block') latest.set(line.id, line);
    return [...latest.values()];
  }

  async stop(): Promise<void> {
    if (this.child === null) return;
    await stop(this.child, 'SIGTERM', 20_000);
    if (this.child.exitCode !== 0)
      throw new LabError(`the engine ended with ${this.child.exitCode}:\n${this.#log}`);
  }
}
