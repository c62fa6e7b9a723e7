// FlowTap's own programs in the lab: contracts by its commands, the engine in the security VM. Enters: a cloud; leaves: an engine and its audit.
import { type ChildProcess, execFile } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Cloud, IDS } from './cloud.ts';
import { LabError, saying, spawnIn, stop, until } from './system.ts';
import { SERVICES } from './topology.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PROGRAM = `${ROOT}/dist/src/cli/main.js`;
const BRIDGE = 'br-int';

/** One line of the audit. */
export type AuditLine = Readonly<Record<string, unknown>>;

/** A command for operators, as one would type it. */
async function flowtap({ services }: Cloud, command: string, ...args: readonly string[]): Promise<string> {
  const argv = [PROGRAM, command, BRIDGE, ...args, '--rundir', services.folder];
  const { stdout } = await promisify(execFile)(process.execPath, argv, { cwd: ROOT });
  return stdout;
}

/** A copy of what each service sends and gets. With both ends monitored, a packet is copied once. */
export async function tapServices(cloud: Cloud): Promise<void> {
  for (const service of SERVICES)
    await flowtap(cloud, 'tap', service, 'ids', 'tcp', 'forward', '--why', 'the lab');
}

export class Engine {
  readonly #cloud: Cloud;
  readonly #audit: string;
  readonly #config: string;
  readonly #taps: boolean;
  child: ChildProcess | null = null;

  /** @param taps it asks for the copies itself; else they are asked for by `tapServices` */
  constructor(cloud: Cloud, scratch: string, taps = false) {
    this.#cloud = cloud;
    this.#taps = taps;
    this.#audit = `${scratch}/audit.jsonl`;
    this.#config = `${scratch}/flowtap.json`;
  }

  /** Begins a new audit. */
  async start(): Promise<void> {
    const config = {
      policies: [`${ROOT}/policies/dvd-rental.ts`],
      captures: [{ name: 'ids', interface: 'eth0' }],
      flowtap: {
        driver: 'ovs',
        bridge: BRIDGE,
        rundir: this.#cloud.services.folder,
        ...(this.#taps ? { contracts: SERVICES.map((each) => `FlowTap(${each}, ids, tcp, forward)`) } : {}),
      },
      audit: { file: this.#audit },
    };
    writeFileSync(this.#config, JSON.stringify(config));
    writeFileSync(this.#audit, '');
    const argv = [process.execPath, PROGRAM, 'run', '--no-typecheck', '--config', this.#config];
    const child = spawnIn(IDS, argv, { env: { TMPDIR: process.env.TMPDIR } });
    this.child = child;
    await saying(child, 'the engine', /tcpdump listens on/, 20_000);
    await until('the engine reaches the switch', 10_000, () =>
      this.lines().some(({ record, change }) => record === 'switch' && change === 'reached'),
    );
  }

  /** What the audit has by now. The last line may be half there. */
  lines(): readonly AuditLine[] {
    const lines = readFileSync(this.#audit, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as AuditLine);
  }

  blocks(): readonly AuditLine[] {
    const latest = new Map<unknown, AuditLine>();
    for (const line of this.lines()) if (line.record === 'block') latest.set(line.id, line);
    return [...latest.values()];
  }

  async stop(): Promise<void> {
    if (this.child === null) return;
    await stop(this.child, 'SIGTERM', 20_000);
    if (this.child.exitCode !== 0) throw new LabError(`the engine ended with ${this.child.exitCode}`);
  }
}
