// FlowTap's own programs in the lab: contracts by its commands, the engine in the security VM. Enters: a cloud; leaves: an engine and its audit.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Cloud, IDS, neighbours } from './cloud.ts';
import { type AuditLine, Program } from './program.ts';
import { SERVICES } from './topology.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const PROGRAM = `${ROOT}/dist/src/cli/main.js`;
const BRIDGE = 'br-int';

/** Who sees the traffic: the embedded sensor or a Zeek, both on copies; or the gate, in the path. */
export type Sensing = 'sensor' | 'zeek' | 'gate';

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

export class Engine extends Program {
  static readonly #cutBefore = new Set<string>();
  readonly sensing: Sensing;

  constructor(cloud: Cloud, scratch: string, { sensing, taps = false }: EngineOptions) {
    const contracts = SERVICES.map((each) => `FlowTap(${each}, ids, tcp, ${actionFor(sensing)})`);
    super({
      namespace: IDS,
      program: PROGRAM,
      folder: scratch,
      config: {
        policies: [`${ROOT}/policies/dvd-rental.ts`],
        ...SEEING[sensing],
        flowtap: {
          driver: 'ovs',
          bridge: BRIDGE,
          rundir: cloud.services.folder,
          ...(taps ? { contracts } : {}),
        },
        // Under load there are too many that pass to read them over and over.
        audit: { passes: !taps },
      },
      up: [sensing === 'gate' ? ['gate', 'opened'] : ['source', 'connected'], ['switch', 'reached']],
    });
    this.sensing = sensing;
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
}
