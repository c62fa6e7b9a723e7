// How long a request that offends has until its flow is cut, by stage, with the embedded sensor. Enters: nothing; leaves: rows of a table.
import { chmodSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { parseContract } from '../../src/flowtap/contract.ts';
import { ContractBook } from '../../src/flowtap/contracts.ts';
import { controlSocket } from '../../src/flowtap/ovs/datapath.ts';
import { OvsDriver } from '../../src/flowtap/ovs/driver.ts';
import { runOf } from '../../src/flowtap/ovs/layout.ts';
import { launchTcpdump } from '../../src/live/tcpdump.ts';
import { application, chain, http, once, settings } from '../../src/policy/author.ts';
import { lived } from '../lab/life.ts';
import { spawnIn } from '../lab/system.ts';
import { type LiveCapture, liveCapture } from '../support/live-capture.ts';
import { quantile } from './measure.ts';
import { ip, namespaceOf, place, serveAt } from './vms.ts';

/** Of each kind, one after another. */
const TRIALS = 60;
/** Between two, so that no purge of the switch's caches waits for the one before. */
const PAUSE_MS = 60;

/** What is declared: charges that an order explains, on the port of the measurement's web server. */
const policyWith = (reorder: '10ms' | '0ms') =>
  application('bench', ({ external, service }) => {
    const customers = external('customers', { at: '10.9.1.0/24' });
    const a = service('a', { at: ip('a'), http: 7000 });
    const b = service('b', { at: ip('b'), http: 7002 });
    return [
      chain(http.post('/orders').from(customers).to(a), once(http.post('/charges').from(a).to(b))),
      settings({ reorder }),
    ];
  });

/** Opens a connection to a port that nothing declares; or sends a request that nothing explains. */
const OFFENDS = `
const { connect } = require('node:net');
const [, from, to, kind, count, wait] = process.argv;
const port = kind === 'undeclared' ? 7001 : 7002;
let made = 0;
const next = () => {
  if (made++ >= Number(count)) return setTimeout(() => process.exit(), 300);
  const socket = connect({ host: to, port, localAddress: from });
  socket.on('error', () => {});
  if (kind !== 'undeclared') socket.write('POST /charges HTTP/1.1\\r\\nhost: b\\r\\ncontent-length: 0\\r\\n\\r\\n');
  setTimeout(next, Number(wait));
};
next();`;

type Stage = 'read' | 'verdict' | 'installed' | 'effective';
const STAGES: readonly Stage[] = ['read', 'verdict', 'installed', 'effective'];

export async function measureTimeToBlock(
  row: (what: string, value: string, note?: string) => void,
): Promise<void> {
  await lived(async (scratch) => {
    const node = await place({ a: 1, b: 1, s: 1 }, scratch);
    await serveAt('b');
    const taps = new OvsDriver({
      bridge: 'br-int',
      management: `${node.folder}/br-int.mgmt`,
      database: `${node.folder}/db.sock`,
      control: controlSocket(node.folder),
      run: runOf('taps', 1),
    });
    const book = new ContractBook();
    book.ask(parseContract('FlowTap(a, ids, tcp, forward)'), { by: 'bench', at: 0, why: 'measured' });
    taps.setContracts(book.list());
    const program = `${scratch}/tcpdump`;
    writeFileSync(program, `#!/bin/sh\nexec ip netns exec ${namespaceOf('s')} tcpdump -Z root "$@"\n`);
    chmodSync(program, 0o755);
    /** When each piece was read, in microseconds. */
    const reads: number[] = [];
    const serviceOf = (reorder: '10ms' | '0ms') =>
      liveCapture({
        capture: async (options) => {
          const tcpdump = await launchTcpdump(options);
          tcpdump.stream.on('data', () => reads.push(preciseNow()));
          return tcpdump;
        },
        policy: policyWith(reorder),
        section: { interface: 'eth0', tcpdump: program },
        more: { flowtap: { driver: 'ovs', bridge: 'br-int', rundir: node.folder } },
      });
    try {
      // Where one sensor sees all of an application, nothing comes out of order, and nobody has to wait.
      for (const reorder of ['10ms', '0ms'] as const) {
        const service = serviceOf(reorder);
        try {
          await service.audit.with({ record: 'switch', change: 'reached' });
          await service.audit.with({ record: 'source', change: 'connected' });
          await taps.settled();
          for (const kind of ['undeclared', 'unexplained'] as const)
            show(`${kind}, reorder ${reorder}`, await trials(service, reads, kind), row);
        } finally {
          await service.end();
        }
      }
    } finally {
      taps.stop();
    }
  });
}

async function trials(
  { audit }: LiveCapture,
  reads: number[],
  kind: 'undeclared' | 'unexplained',
): Promise<ReadonlyMap<Stage, readonly number[]>> {
  const from = audit.all.length;
  const argv = ['-e', OFFENDS, ip('a'), ip('b'), kind, String(TRIALS), String(PAUSE_MS)];
  const child = spawnIn(namespaceOf('a'), [process.execPath, ...argv]);
  await new Promise((resolve) => child.once('close', resolve));
  await pause(1500);
  const lines = audit.all.slice(from).map((line, index) => ({ line, at: audit.times[from + index] ?? 0 }));
  const found = new Map<Stage, number[]>(STAGES.map((stage) => [stage, []]));
  const blocks = new Map(lines.flatMap(({ line }) => (line.record === 'block' ? [[line.id, line]] : [])));
  for (const { line, at } of lines) {
    if (line.record !== 'verdict' || line.verdict !== 'drop') continue;
    // Connections of an earlier part that were cut send their requests again when nothing cuts them any more.
    const block = line.midstream === false ? blocks.get(line.block) : undefined;
    if (block === undefined) continue;
    const packet = micros(String(block.from));
    const reached = block.reached as Readonly<Record<string, string>>;
    const read = reads.find((each) => each >= packet);
    if (read !== undefined) found.get('read')?.push((read - packet) / 1000);
    found.get('verdict')?.push((at - packet) / 1000);
    for (const stage of ['installed', 'effective'] as const)
      if (reached[stage] !== undefined) found.get(stage)?.push((micros(reached[stage]) - packet) / 1000);
  }
  return found;
}

/** Microseconds since 1970: the clock that stamps packets, to the microsecond. */
const preciseNow = (): number => (performance.timeOrigin + performance.now()) * 1000;

/** Microseconds of an RFC 3339 time with six digits. */
function micros(time: string): number {
  const digits = /\.(\d{6})/.exec(time)?.[1] ?? '000000';
  return Math.floor(Date.parse(time) / 1000) * 1e6 + Number(digits);
}

function show(
  kind: string,
  found: ReadonlyMap<Stage, readonly number[]>,
  row: (what: string, value: string, note?: string) => void,
): void {
  const note = kind.startsWith('undeclared')
    ? 'a connection that nothing declares'
    : 'a request that nothing explains';
  for (const [stage, values] of found) {
    const value = `${quantile(values, 0.5).toFixed(1)} / ${quantile(values, 0.99).toFixed(1)} ms`;
    row(`time to block, ${kind}: until ${stage}`, value, `p50 / p99 of ${values.length}; ${note}`);
  }
}
