// Measures the Open vSwitch driver against ovs-ofctl, and the gate against a forwarder. Enters: what this makes; leaves: a table.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { BlockId, DropRule, Report } from '../../src/flowtap/driver.ts';
import { systemClock } from '../../src/flowtap/ovs/clock.ts';
import { controlSocket } from '../../src/flowtap/ovs/datapath.ts';
import { OvsDriver } from '../../src/flowtap/ovs/driver.ts';
import { runOf } from '../../src/flowtap/ovs/layout.ts';
import { commonFlow } from '../../src/flowtap/syntax/space.ts';
import { parseFlowSyntax } from '../../src/flowtap/syntax/syntax.ts';
import { randomFrom, randomSyntax } from '../support/frames.ts';
import { isInstalled, OpenVSwitch, whyNoSwitch } from '../support/open-vswitch.ts';
import { measureGate } from './gate.ts';
import { quantile } from './measure.ts';
import { measurePlacements } from './placements.ts';
import { measureTimeToBlock } from './time-to-block.ts';

const MANY = 10_000;
const FEW = 1000;
/** Runs of each bundle; the median is printed. */
const RUNS = 3;
/** Single blocks, one after another. */
const SINGLE = 200;
const PAIRS = 20_000;
const RUN = runOf('bench', 1);

const why = whyNoSwitch() ?? (isInstalled('tcpdump') ? null : 'tcpdump is not installed');
/** All, or only what is named: driver, placements, block, overlap, gate. */
const wanted = process.argv.slice(2);
const wants = (part: string): boolean => wanted.length === 0 || wanted.includes(part);
if (why === null) {
  if (wants('driver')) await measure();
  if (wants('placements')) await measurePlacements(row);
  if (wants('block')) await measureTimeToBlock(row);
} else process.stdout.write(`skipped: ${why}\n`);
if (wants('overlap')) measureOverlap();
if (wants('gate')) await measureGate(row, quantile);

async function measure(): Promise<void> {
  const ovs = new OpenVSwitch();
  try {
    await ovs.start();
    const ours: number[] = [];
    const few: number[] = [];
    const theirs: number[] = [];
    // The first round warms both up and does not count.
    for (let i = 0; i <= RUNS; i++) {
      const took = await byDriver(ovs, FEW);
      if (i > 0) few.push(took);
    }
    for (let i = 0; i <= RUNS; i++) {
      const [a, b] = [await byDriver(ovs, MANY), await byOfctl(ovs, MANY)];
      if (i === 0) continue;
      ours.push(a);
      theirs.push(b);
    }
    const [many, small, ofctl] = [quantile(ours, 0.5), quantile(few, 0.5), quantile(theirs, 0.5)];
    row(
      `${MANY} blocks (${2 * MANY} flows) in one bundle`,
      `${many.toFixed(0)} ms`,
      'from apply to the last "installed"',
    );
    row(
      '  / ovs-ofctl --bundle add-flows of the same',
      (many / ofctl).toFixed(2),
      'time ratio; below 1 is faster',
    );
    row(
      `  time a block, ${MANY} / ${FEW}`,
      (many / MANY / (small / FEW)).toFixed(2),
      'ratio; 1 is a flat cost',
    );
    await single(ovs);
  } finally {
    await ovs.stop();
  }
}

async function single(ovs: OpenVSwitch): Promise<void> {
  const { driver, reports } = driverOf(ovs);
  await driver.settled();
  const installed: number[] = [];
  const effective: number[] = [];
  // The first opens the control socket, and does not count.
  for (let number = 0; number <= SINGLE; number++) {
    reports.splice(0);
    // Longer than the pause that the driver makes between two purges.
    await pause(25);
    const started = performance.now();
    driver.apply([{ kind: 'set', rule: rule(number) }], systemClock.wall());
    await driver.settled();
    const took = performance.now() - started;
    if (number === 0) continue;
    effective.push(took);
    const at = reports.find(({ kind }) => kind === 'installed')?.at ?? Number.NaN;
    installed.push(at / 1000 - performance.timeOrigin - started);
  }
  await driver.uninstall();
  const ofctl: number[] = [];
  for (let i = 0; i < 20; i++) {
    const started = performance.now();
    await ovs.ofctl('add-flow', `table=9,priority=${i + 1},tcp,tp_dst=${i},actions=drop`);
    ofctl.push(performance.now() - started);
  }
  const show = (values: readonly number[]): string =>
    `${quantile(values, 0.5).toFixed(2)} / ${quantile(values, 0.99).toFixed(2)} ms`;
  row('one block, until installed', show(installed), `p50 / p99 of ${SINGLE}, one at a time`);
  row('one block, until effective', show(effective), 'the same; the datapath has forgotten what it cached');
  row(
    '  installed / ovs-ofctl add-flow',
    (quantile(installed, 0.5) / quantile(ofctl, 0.5)).toFixed(3),
    'time ratio of the medians; ovs-ofctl is a process each time',
  );
}

function rule(number: number): DropRule {
  const source = { ip: `10.${number >> 8}.${number & 255}.1`, port: 40_000 };
  const destination = { ip: '10.250.0.1', port: 80 };
  return {
    block: `b${number}` as BlockId,
    cookie: { run: RUN, block: number },
    where: 'br0',
    until: systemClock.wall() + 3600e6,
    matches: [
      { ip: 4, vlans: [], source, destination },
      { ip: 4, vlans: [], source: destination, destination: source },
    ],
  };
}

function driverOf(ovs: OpenVSwitch): { driver: OvsDriver; reports: Report[] } {
  const driver = new OvsDriver({
    bridge: 'br0',
    management: ovs.management,
    database: null,
    control: controlSocket(ovs.folder),
    run: RUN,
  });
  const reports: Report[] = [];
  driver.listen((report) => reports.push(report));
  return { driver, reports };
}

async function byDriver(ovs: OpenVSwitch, count: number): Promise<number> {
  const { driver, reports } = driverOf(ovs);
  await driver.settled();
  const changes = Array.from({ length: count }, (_, i) => ({ kind: 'set', rule: rule(i + 1) }) as const);
  const started = performance.now();
  driver.apply(changes, systemClock.wall());
  await driver.settled();
  const last = Math.max(...reports.flatMap(({ kind, at }) => (kind === 'installed' ? [at] : [])));
  const held = (await driver.held()) ?? [];
  await driver.uninstall();
  if (held.length !== count) throw new Error(`${held.length} blocks of ${count} are in the switch`);
  return last / 1000 - performance.timeOrigin - started;
}

async function byOfctl(ovs: OpenVSwitch, count: number): Promise<number> {
  const file = join(ovs.folder, 'flows.txt');
  const lines = Array.from({ length: count }, (_, i) => {
    const { matches } = rule(i + 1);
    return matches.map(({ source, destination }) => {
      const ends = `nw_src=${source.ip},nw_dst=${destination.ip},tp_src=${source.port},tp_dst=${destination.port}`;
      return `table=200,priority=40000,hard_timeout=3600,send_flow_rem,tcp,vlan_tci=0,${ends},actions=drop`;
    });
  });
  writeFileSync(file, lines.flat().join('\n'));
  const started = performance.now();
  await ovs.run('ovs-ofctl', '-O', 'OpenFlow14', '--bundle', 'add-flows', `unix:${ovs.management}`, file);
  const took = performance.now() - started;
  await ovs.ofctl('del-flows', 'table=200');
  return took;
}

/** The overlap check against reading the same two texts. */
function measureOverlap(): void {
  const random = randomFrom(1);
  const texts = Array.from(
    { length: PAIRS },
    () => [randomSyntax(random).text, randomSyntax(random).text] as const,
  );
  const readingStarted = performance.now();
  const pairs = texts.map(([a, b]) => [parseFlowSyntax(a), parseFlowSyntax(b)] as const);
  const reading = performance.now() - readingStarted;
  const started = performance.now();
  let overlapping = 0;
  for (const [a, b] of pairs) if (commonFlow(a, b) !== null) overlapping++;
  const checking = performance.now() - started;
  row(
    'overlap check / reading both flow syntaxes',
    (checking / reading).toFixed(2),
    `${PAIRS} pairs, ${overlapping} overlap`,
  );
}

function row(what: string, value: string, note = ''): void {
  process.stdout.write(`${what.padEnd(48)}${value.padStart(18)}  ${note}\n`);
}
