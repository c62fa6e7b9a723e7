// The paper's Tables I to III on its four placements. Enters: nothing; leaves: tables on standard output.
import { parseContract } from '../../src/flowtap/contract.ts';
import { ContractBook } from '../../src/flowtap/contracts.ts';
import { controlSocket } from '../../src/flowtap/ovs/datapath.ts';
import { OvsDriver } from '../../src/flowtap/ovs/driver.ts';
import { runOf } from '../../src/flowtap/ovs/layout.ts';
import { lived } from '../lab/life.ts';
import type { Node } from '../lab/node.ts';
import { stop } from '../lab/system.ts';
import { median, quantile } from './measure.ts';
import { type Placement, place, reader, serveAt, traffic } from './vms.ts';

const PLACEMENTS: readonly (readonly [string, Placement])[] = [
  ['A, B, S on three nodes', { a: 1, b: 2, s: 3 }],
  ['A and S together', { a: 1, b: 2, s: 1 }],
  ['A and B together', { a: 1, b: 1, s: 2 }],
  ['all together', { a: 1, b: 1, s: 1 }],
];
/** Baseline and forward take turns; the median of each is shown. */
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
      const [baseline, forward] = [figures(), figures()];
      for (let round = 0; round < ROUNDS; round++) {
        await measure(baseline);
        await tapped(node, () => measure(forward));
      }
      show(name, baseline, forward, row);
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

function show(
  name: string,
  baseline: Figures,
  forward: Figures,
  row: (what: string, value: string, note?: string) => void,
): void {
  const compare = (what: string, pick: (figures: Figures) => number, unit: string): void => {
    const [before, after] = [pick(baseline), pick(forward)];
    const change = (100 * (after - before)) / before;
    const digits = unit === 'ms' ? 3 : 0;
    const values = `${before.toFixed(digits)} / ${after.toFixed(digits)} ${unit}`;
    row(`${name}: ${what}`, values, `baseline / forward, ${change >= 0 ? '+' : ''}${change.toFixed(1)} %`);
  };
  compare('TCP', ({ megabits }) => median(megabits), 'Mbit/s');
  compare('web requests', ({ perSecond }) => median(perSecond), '/s');
  compare('latency p50', ({ latencies }) => quantile(latencies, 0.5), 'ms');
  compare('latency p99', ({ latencies }) => quantile(latencies, 0.99), 'ms');
}
