// The paper's Tables I to III on its four placements, copied and in the path. Enters: nothing; leaves: rows of a table.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseContract } from '../../src/flowtap/contract.ts';
import { ContractBook } from '../../src/flowtap/contracts.ts';
import { controlSocket } from '../../src/flowtap/ovs/datapath.ts';
import { OvsDriver } from '../../src/flowtap/ovs/driver.ts';
import { runOf } from '../../src/flowtap/ovs/layout.ts';
import { application, http, outside } from '../../src/policy/author.ts';
import { lived } from '../lab/life.ts';
import type { Node } from '../lab/node.ts';
import { Program } from '../lab/program.ts';
import { LabError, stop } from '../lab/system.ts';
import { median, quantile } from './measure.ts';
import { ip, mac, namespaceOf, type Placement, place, reader, serveAt, traffic } from './vms.ts';

const PLACEMENTS: readonly (readonly [string, Placement])[] = [
  ['A, B, S on three nodes', { a: 1, b: 2, s: 3 }],
  ['A and S together', { a: 1, b: 2, s: 1 }],
  ['A and B together', { a: 1, b: 1, s: 2 }],
  ['all together', { a: 1, b: 1, s: 1 }],
];
/** What A and B may say to each other. An upload is judged by its head, and passed on as it comes. */
const POLICY = application('placements', ({ service }) => {
  const a = service('a', { at: ip('a'), http: 7000 });
  const b = service('b', { at: ip('b'), http: 7002 });
  return outside(http.get('/').from(a).to(b), http.post('/upload').from(a).to(b).streams());
});
const PROGRAM = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
/** Passed requests without which the gate was not in the path. */
const LEAST_PASSED = 100;
/** Baseline, forward and redirect take turns; the median of each is shown. */
const ROUNDS = 3;
const EACH_MS = 1200;

interface Figures {
  readonly megabits: number[];
  readonly perSecond: number[];
  readonly latencies: number[];
}

export async function measurePlacements(
  row: (what: string, value: string, note?: string) => void,
): Promise<void> {
  for (const [name, placement] of PLACEMENTS) {
    await lived(async (scratch) => {
      const node = await place(placement, scratch);
      await serveAt('b');
      const [baseline, forward, redirect] = [figures(), figures(), figures()];
      for (let round = 0; round < ROUNDS; round++) {
        await measure(baseline);
        await tapped(node, () => measure(forward));
        await held(node, scratch, () => measure(redirect));
      }
      show(name, baseline, { forward, redirect }, row);
    });
  }
}

const figures = (): Figures => ({ megabits: [], perSecond: [], latencies: [] });

async function measure({ megabits, perSecond, latencies }: Figures): Promise<void> {
  megabits.push((await traffic<{ megabits: number }>('stream', EACH_MS)).megabits);
  perSecond.push((await traffic<{ perSecond: number }>('web', EACH_MS)).perSecond);
  latencies.push(...(await traffic<{ latencies: number[] }>('latency', EACH_MS)).latencies);
}

/** With a contract for all that A sends and gets, and a security VM that reads it. */
async function tapped(node: Node, work: () => Promise<void>): Promise<void> {
  const read = await reader();
  const driver = new OvsDriver({
    bridge: 'br-int',
    management: `${node.folder}/br-int.mgmt`,
    database: `${node.folder}/db.sock`,
    control: controlSocket(node.folder),
    run: runOf('bench', 1),
    onPlaces: () => placed(),
  });
  let placed: () => void = () => {};
  const places = new Promise<void>((resolve) => {
    placed = resolve;
  });
  try {
    const book = new ContractBook();
    book.ask(parseContract('FlowTap(a, ids, tcp, forward)'), { by: 'bench', at: 0, why: 'measured' });
    driver.setContracts(book.list());
    await places;
    await driver.settled();
    await work();
    const delivered = await driver.delivered();
    if ((delivered?.values().next().value?.packets ?? 0) === 0) throw new Error('nothing was copied');
  } finally {
    await driver.uninstall();
    await stop(read, 'SIGINT');
  }
}

/** With a contract that leads all that A sends and gets through the gate of an engine in the security VM. */
async function held(node: Node, scratch: string, work: () => Promise<void>): Promise<void> {
  const policy = `${scratch}/policy.json`;
  writeFileSync(policy, JSON.stringify(POLICY));
  const neighbours = (['a', 'b'] as const).map((vm) => ({ ip: ip(vm), mac: mac(vm) }));
  const engine = new Program({
    namespace: namespaceOf('s'),
    program: PROGRAM,
    folder: scratch,
    config: {
      policies: [policy],
      gate: { name: 'gate', transparent: { interface: 'eth0', neighbours } },
      flowtap: {
        driver: 'ovs',
        bridge: 'br-int',
        rundir: node.folder,
        contracts: ['FlowTap(a, ids, tcp, redirect)'],
      },
      audit: { passes: false },
    },
    up: [
      ['gate', 'opened'],
      ['switch', 'reached'],
    ],
  });
  try {
    await engine.start();
    await work();
  } finally {
    await engine.stop();
    // An engine that is stopped leaves its contracts, so that nothing passes unjudged while it is away.
    await node.ofctl('del-flows', 'br-int');
    await node.ofctl('add-flow', 'br-int', 'priority=0,actions=NORMAL');
  }
  const end = engine.lines().at(-1);
  const { verdicts } = (end as { engine?: { verdicts?: Record<string, number> } } | undefined)?.engine ?? {};
  if ((verdicts?.pass ?? 0) < LEAST_PASSED || (verdicts?.drop ?? 0) > 0)
    throw new LabError(`not what goes through a gate: ${JSON.stringify(end)}`);
}

function show(
  name: string,
  baseline: Figures,
  tapped: Readonly<Record<'forward' | 'redirect', Figures>>,
  row: (what: string, value: string, note?: string) => void,
): void {
  const compare = (what: string, pick: (figures: Figures) => number, unit: string): void => {
    const [before, ...after] = [baseline, tapped.forward, tapped.redirect].map(pick) as [
      number,
      number,
      number,
    ];
    const digits = unit === 'ms' ? 3 : 0;
    const values = [before, ...after].map((value) => value.toFixed(digits)).join(' / ');
    const changes = after.map((value) => ((100 * (value - before)) / before).toFixed(1)).join(' %, ');
    row(`${name}: ${what}`, `${values} ${unit}`, `baseline / forward / redirect: ${changes} %`);
  };
  compare('TCP', ({ megabits }) => median(megabits), 'Mbit/s');
  compare('web requests', ({ perSecond }) => median(perSecond), '/s');
  compare('latency p50', ({ latencies }) => quantile(latencies, 0.5), 'ms');
  compare('latency p99', ({ latencies }) => quantile(latencies, 0.99), 'ms');
}
