// The driver against a real Open vSwitch. Enters: contracts, blocks, kills, edits by others; leaves: what the switch and its hosts show.
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Flow, FlowId } from '../../../src/flow.ts';
import type { Block, BlockState } from '../../../src/flowtap/block.ts';
import { Blocks } from '../../../src/flowtap/blocks.ts';
import { parseContract } from '../../../src/flowtap/contract.ts';
import { ContractBook } from '../../../src/flowtap/contracts.ts';
import type { Counts } from '../../../src/flowtap/driver.ts';
import { systemClock } from '../../../src/flowtap/ovs/clock.ts';
import { controlSocket } from '../../../src/flowtap/ovs/datapath.ts';
import { OvsDriver } from '../../../src/flowtap/ovs/driver.ts';
import { runOf } from '../../../src/flowtap/ovs/layout.ts';
import type { Notice } from '../../../src/flowtap/ovs/notice.ts';
import type { OvsOptions } from '../../../src/flowtap/ovs/options.ts';
import { readPackets } from '../../../src/sensor/capture/read.ts';
import type { VerdictId } from '../../../src/verdict.ts';
import { type Host, isInstalled, OpenVSwitch, whyNoSwitch } from '../../support/open-vswitch.ts';
import { echoServer, Talk } from '../../support/talk.ts';

const HOUR = 3_600_000_000;
const why = whyNoSwitch();
let ovs: OpenVSwitch;
const drivers: OvsDriver[] = [];

beforeEach(async ({ skip }) => {
  if (why !== null) return skip(why);
  ovs = new OpenVSwitch();
  return ovs.start();
}, 60_000);

afterEach(async () => {
  for (const driver of drivers.splice(0)) driver.stop();
  if (why === null) await ovs.stop();
}, 60_000);

interface Running {
  readonly driver: OvsDriver;
  readonly blocks: Blocks;
  readonly book: ContractBook;
  readonly notices: Notice[];
}

/** Writes what comes to a host into a file, each packet at once. */
async function capture(host: Host, filter: string): Promise<string> {
  const file = join(ovs.folder, `${host.name}.pcap`);
  const child = ovs.spawn(
    host,
    'tcpdump',
    '-q',
    '-n',
    '-i',
    'eth0',
    '-U',
    '--immediate-mode',
    '-w',
    file,
    filter,
  );
  child.on('error', () => {});
  await ovs.until(() => existsSync(file) && statSync(file).size >= 24, 'tcpdump');
  return file;
}

/** Packets and bytes that a capture has since a moment, once it is written. */
async function countSince(file: string, since: number): Promise<Counts> {
  let size = -1;
  let same = 0;
  await ovs.until(() => {
    const now = statSync(file).size;
    same = now === size ? same + 1 : 0;
    size = now;
    return same >= 5 || since === 0;
  }, 'the end of a capture');
  const counts = { packets: 0, bytes: 0 };
  const whole = join(ovs.folder, 'whole.pcap');
  // While it is written, the last packet may be half there.
  writeFileSync(whole, readFileSync(file).subarray(0, wholeLength(readFileSync(file))));
  for await (const batch of readPackets(whole)) {
    for (const { ts, bytes } of batch) {
      if (ts <= since) continue;
      counts.packets++;
      counts.bytes += bytes.length;
    }
  }
  return counts;
}

/** Up to the last packet that is all there (little-endian pcap). */
function wholeLength(bytes: Buffer): number {
  let at = 24;
  while (at + 16 <= bytes.length && at + 16 + bytes.readUInt32LE(at + 8) <= bytes.length)
    at += 16 + bytes.readUInt32LE(at + 8);
  return at;
}

function run(epoch = 1, owner = 'engine', witness?: OvsOptions['witness']): Running {
  const notices: Notice[] = [];
  const number = runOf(owner, epoch);
  const driver = new OvsDriver({
    bridge: 'br0',
    management: ovs.management,
    database: ovs.database,
    control: controlSocket(ovs.folder),
    run: number,
    ...(witness === undefined ? {} : { witness }),
    onNotice: (notice) => notices.push(notice),
  });
  drivers.push(driver);
  return { driver, blocks: new Blocks({ driver, run: number }), book: new ContractBook(), notices };
}

function tap({ driver, book }: Running, text: string): void {
  const grant = book.ask(parseContract(text), { by: 'test', at: 0, why: 'a test' });
  expect(grant.kind).toBe('granted');
  driver.setContracts(book.list());
}

function instruction(
  from: Pick<Host, 'ip'>,
  fromPort: number,
  to: Pick<Host, 'ip'>,
  toPort: number,
  lifetime = HOUR,
) {
  const flow: Flow = {
    id: 'f1' as FlowId,
    orig: { ip: from.ip, port: fromPort },
    resp: { ip: to.ip, port: toPort },
    vlans: [],
    seenAt: 'br0',
    midstream: false,
  };
  const cause = 'It bills bob.';
  return { flow, verdict: 'v1' as VerdictId, cause, owner: 'dvd-rental', from: systemClock.wall(), lifetime };
}

async function reach({ blocks }: Running, state: BlockState, id: string): Promise<Block> {
  let found: Block | undefined;
  const changes: Block[] = [];
  await ovs.until(() => {
    changes.push(...blocks.takeChanges());
    found = [...blocks.list(), ...changes].find(
      (block) => block.id === id && block.reached[state] !== undefined,
    );
    return found !== undefined;
  }, `${id} ${state}`);
  return found as Block;
}

/** Packets that came in at a host since it was made. */
async function received(host: Host): Promise<number> {
  const path = '/sys/class/net/eth0/statistics/rx_packets';
  return Number(await ovs.run('ip', 'netns', 'exec', host.namespace, 'cat', path));
}

/** The same, once nothing comes any more: acknowledgements may be late. */
async function quiet(...hosts: readonly Host[]): Promise<readonly number[]> {
  let last: readonly number[] = [];
  let since = 0;
  await ovs.until(async () => {
    const now = await Promise.all(hosts.map(received));
    since = now.join() === last.join() ? since + 1 : 0;
    last = now;
    return since >= 8;
  }, 'silence');
  return last;
}

async function settle(running: Running): Promise<void> {
  await ovs.until(() => running.notices.some(({ kind }) => kind === 'up'), 'up');
  await running.driver.settled();
}

describe('a block on a real switch', () => {
  it('cuts a live connection both ways, and says how far it is, with a receipt', async () => {
    const [web, db] = [await ovs.addHost('web', 1), await ovs.addHost('db', 2)];
    await echoServer(ovs, db, 5432);
    const talk = await Talk.open(ovs, web, 40001, db, 5432);
    const other = await Talk.open(ovs, web, 40002, db, 5432);
    const running = run();
    await settle(running);
    expect(await talk.ask('hello')).toBe('hello');
    const { id } = running.blocks.block(instruction(web, 40001, db, 5432));
    const effective = await reach(running, 'effective', id);
    expect(Object.keys(effective.reached)).toEqual(
      expect.arrayContaining(['accepted', 'installed', 'effective']),
    );
    const before = await received(db);
    talk.say('into the void');
    const confirmed = await reach(running, 'confirmed', id);
    expect(confirmed.receipt?.dropped.packets).toBeGreaterThan(0);
    // Others go on, on the same machine to the same server.
    expect(await other.ask('still here')).toBe('still here');
    expect(await received(db)).toBeLessThan(before + 10);
    running.blocks.release(id, systemClock.wall());
    const removed = await reach(running, 'removed', id);
    expect(removed.receipt?.dropped.packets).toBeGreaterThanOrEqual(confirmed.receipt?.dropped.packets ?? 0);
    expect((await ovs.flows(200)).filter((line) => line.includes('tp_src=40001'))).toEqual([]);
  });

  it('has a receipt of what passed after the verdict, which equals what captures at both ends counted', async ({
    skip,
  }) => {
    if (!isInstalled('tcpdump')) return skip('counting what passed needs tcpdump');
    const [web, db, ids] = [
      await ovs.addHost('web', 1),
      await ovs.addHost('db', 2),
      await ovs.addHost('ids', 3),
    ];
    await echoServer(ovs, db, 5432);
    const [copies, atDb, atWeb] = await Promise.all([
      capture(ids, 'tcp'),
      capture(db, `tcp and src ${web.ip}`),
      capture(web, `tcp and src ${db.ip}`),
    ]);
    const running = run(1, 'engine', (_rule, since) => countSince(copies, since));
    tap(running, 'FlowTap(db, ids, tcp,tp_dst=5432, forward)');
    await settle(running);
    const talk = await Talk.open(ovs, web, 40001, db, 5432);
    const timer = setInterval(() => talk.say('x'.repeat(50)), 1);
    try {
      await ovs.until(async () => (await countSince(atDb, 0)).packets > 100, 'traffic');
      const asked = instruction(web, 40001, db, 5432);
      const { id } = running.blocks.block(asked);
      await reach(running, 'effective', id);
      const { receipt } = await reach(running, 'confirmed', id);
      const ends = await Promise.all([countSince(atDb, asked.from), countSince(atWeb, asked.from)]);
      const passed = ends.reduce((sum, { packets }) => sum + packets, 0);
      // One packet in each direction may be on either side of the moment: each capture has its own clock reading.
      expect(Math.abs((receipt?.passed?.packets ?? Number.NaN) - passed)).toBeLessThanOrEqual(2);
      expect(receipt?.dropped.packets).toBeGreaterThan(0);
    } finally {
      clearInterval(timer);
    }
  });

  it('is taken out by the switch itself when its time is over', async () => {
    const [web, db] = [await ovs.addHost('web', 1), await ovs.addHost('db', 2)];
    const running = run();
    await settle(running);
    const { id } = running.blocks.block(instruction(web, 40001, db, 5432, 500_000));
    await reach(running, 'installed', id);
    expect(await ovs.flows(200)).toContainEqual(expect.stringContaining('hard_timeout=2'));
    await reach(running, 'removed', id);
    expect((await ovs.flows(200)).filter((line) => line.includes('tcp'))).toEqual([]);
    expect(running.blocks.list()).toEqual([]);
  });

  it('comes with hundreds of others in one bundle, and all are there', async () => {
    const running = run();
    await settle(running);
    for (let i = 0; i < 500; i++)
      running.blocks.block(instruction({ ip: '10.9.1.1' }, 1000 + i, { ip: '10.9.1.2' }, 80));
    await running.driver.settled();
    expect((await ovs.flows(200)).filter((line) => line.includes('tcp'))).toHaveLength(1000);
    expect(await running.driver.held()).toHaveLength(500);
  });
});

describe('the end of the switch', () => {
  it('by kill -9 is not the end of what is desired: all comes back, and nothing foreign is removed', async () => {
    const [web, db] = [await ovs.addHost('web', 1), await ovs.addHost('db', 2)];
    await ovs.addHost('ids', 3);
    await echoServer(ovs, db, 5432);
    const running = run();
    tap(running, 'FlowTap(web, ids, tcp, forward)');
    await settle(running);
    const { id } = running.blocks.block(instruction(web, 40001, db, 5432));
    await reach(running, 'effective', id);
    const before = { cut: await ovs.flows(200), from: await ovs.flows(201), to: await ovs.flows(202) };
    await ovs.killSwitch();
    await ovs.until(() => running.notices.some(({ kind }) => kind === 'down'), 'down');
    // What is asked for while the switch is away comes with the rest.
    const late = running.blocks.block(instruction(web, 40002, db, 5432));
    running.notices.splice(0);
    await ovs.startSwitch();
    await ovs.until(async () => (await ovs.ofctl('show').catch(() => '')) !== '', 'management socket');
    await ovs.ofctl('add-flow', 'priority=0,actions=NORMAL');
    await ovs.ofctl('add-flow', 'cookie=0x1234,table=200,priority=7,udp,actions=drop');
    await reach(running, 'installed', late.id);
    await ovs.until(() => running.notices.some(({ kind }) => kind === 'synced'), 'synced');
    await running.driver.settled();
    const after = await ovs.flows(200);
    expect(after).toEqual(
      expect.arrayContaining([...before.cut.map((line) => expect.stringContaining(essence(line)))]),
    );
    expect(await ovs.flows(201)).toEqual(before.from);
    expect(await ovs.flows(202)).toEqual(before.to);
    expect(after.filter((line) => line.includes('tcp'))).toHaveLength(4);
    expect(after).toContainEqual(expect.stringContaining('cookie=0x1234'));
    expect(await ovs.flows(0)).toContainEqual(expect.stringContaining('actions=NORMAL'));
    const talk = await Talk.open(ovs, web, 40003, db, 5432);
    expect(await talk.ask('again')).toBe('again');
  });
});

/** A flow without its timeout, which counts on. */
function essence(line: string): string {
  return line.replace(/hard_timeout=\d+, /, '').replace(/^.*(?=priority=)/, '');
}

describe('an engine that starts again', () => {
  it('removes what its last run left, and leaves alone what others have', async () => {
    const first = run(1);
    const other = run(1, 'operator');
    await settle(first);
    await settle(other);
    first.blocks.block(instruction({ ip: '10.9.1.1' }, 1, { ip: '10.9.1.2' }, 80));
    other.blocks.block(instruction({ ip: '10.9.1.1' }, 2, { ip: '10.9.1.2' }, 80));
    await first.driver.settled();
    await other.driver.settled();
    first.driver.stop();
    await ovs.ofctl('add-flow', 'cookie=0x7,table=201,priority=3,icmp,actions=drop');
    const second = run(2);
    second.blocks.block(instruction({ ip: '10.9.1.1' }, 3, { ip: '10.9.1.2' }, 80));
    await settle(second);
    const cut = (await ovs.flows(200)).join('\n');
    expect(cut).not.toContain('tp_src=1,');
    expect(cut).toContain('tp_src=2,');
    expect(cut).toContain('tp_src=3,');
    expect(await ovs.flows(201)).toContainEqual(expect.stringContaining('cookie=0x7'));
    const synced = second.notices.find(({ kind }) => kind === 'synced');
    expect(synced).toMatchObject({ kind: 'synced', removed: 2 });
    // Two shared flows and more are there for the other one, who is not disturbed.
    expect(await other.driver.held()).toHaveLength(1);
    expect(await second.driver.uninstall()).toBe(true);
    expect((await ovs.flows(200)).join('\n')).toContain('tp_src=2,');
    expect((await ovs.flows(0)).join('\n')).toContain('resubmit(,200)');
  });

  it('leaves nothing when it is the last and uninstalls', async () => {
    const running = run();
    await settle(running);
    running.blocks.block(instruction({ ip: '10.9.1.1' }, 1, { ip: '10.9.1.2' }, 80));
    await running.driver.settled();
    expect(await running.driver.uninstall()).toBe(true);
    expect(await ovs.flows(0)).toEqual([expect.stringContaining('actions=NORMAL')]);
    for (const table of [200, 201, 202, 203]) expect(await ovs.flows(table)).toEqual([]);
  });
});

describe('edits by somebody else', () => {
  it('are told and mended: what was deleted or changed comes back', async () => {
    const running = run();
    await settle(running);
    running.blocks.block(instruction({ ip: '10.9.1.1' }, 1, { ip: '10.9.1.2' }, 80));
    await running.driver.settled();
    const whole = async (): Promise<readonly string[]> => (await ovs.flows(200)).map(essence).sort();
    const before = await whole();
    for (const edit of [
      ['del-flows', 'table=200,tcp'],
      ['mod-flows', 'table=200,tcp,tp_dst=80,actions=NORMAL'],
      ['del-flows', ''],
    ] as const) {
      running.notices.splice(0);
      await ovs.ofctl(edit[0], ...(edit[1] === '' ? [] : [edit[1]]));
      await ovs.until(() => running.notices.some(({ kind }) => kind === 'edited'), 'edited');
      await ovs.until(() => running.notices.some(({ kind }) => kind === 'synced'), 'synced');
      expect(await whole()).toEqual(before);
    }
    expect(await ovs.flows(0)).toContainEqual(expect.stringContaining('resubmit(,200)'));
  });

  it('that add flows to our tables are told, and left', async () => {
    const running = run();
    await settle(running);
    running.notices.splice(0);
    await ovs.ofctl('add-flow', 'cookie=0x9,table=202,priority=3,icmp,actions=drop');
    await ovs.until(() => running.notices.some(({ kind }) => kind === 'edited'), 'edited');
    expect(running.notices[0]).toEqual({ kind: 'edited', how: 'added', table: 202, cookie: 9n, ours: false });
    await running.driver.settled();
    expect(await ovs.flows(202)).toContainEqual(expect.stringContaining('cookie=0x9'));
  });

  it('in table 0 are nobody’s business but theirs', async () => {
    const running = run();
    await settle(running);
    running.notices.splice(0);
    await ovs.ofctl('add-flow', 'priority=5,udp,actions=drop');
    await ovs.ofctl('add-flow', 'table=200,priority=5,udp,actions=drop');
    await ovs.until(() => running.notices.some(({ kind }) => kind === 'edited'), 'edited');
    expect(running.notices.filter((notice) => notice.kind === 'edited' && notice.table === 0)).toEqual([]);
  });
});

describe('a contract on a real switch', () => {
  it('copies both directions once, and nothing else', async () => {
    const [web, db, ids] = [
      await ovs.addHost('web', 1),
      await ovs.addHost('db', 2),
      await ovs.addHost('ids', 3),
    ];
    await echoServer(ovs, db, 5432);
    await echoServer(ovs, db, 6000);
    const running = run();
    // Both ends are monitored by one security VM: each packet still comes once.
    tap(running, 'FlowTap(web, ids, tcp,tp_dst=5432, forward)');
    tap(running, 'FlowTap(db, ids, tcp,tp_dst=5432, forward)');
    await settle(running);
    const talk = await Talk.open(ovs, web, 40001, db, 5432);
    const other = await Talk.open(ovs, web, 40002, db, 6000);
    await talk.ask('warm');
    await other.ask('warm');
    const [atDb = 0, atWeb = 0, atIds = 0] = await quiet(db, web, ids);
    for (let i = 0; i < 20; i++) await talk.ask(`copy ${i}`);
    const [thenDb = 0, thenWeb = 0, thenIds = 0] = await quiet(db, web, ids);
    const copied = thenIds - atIds;
    expect(copied).toBe(thenDb - atDb + thenWeb - atWeb);
    for (let i = 0; i < 20; i++) await other.ask(`quiet ${i}`);
    expect((await quiet(ids))[0]).toBe(thenIds);
    await ovs.until(async () => {
      const delivered = await running.driver.delivered();
      const sum = [...(delivered?.values() ?? [])].reduce((total, { packets }) => total + packets, 0);
      return sum >= copied;
    }, 'counts');
  });

  it('in the path lets through what the security VM sends back, and nothing when that is gone', async () => {
    const [web, db, gate] = [
      await ovs.addHost('web', 1),
      await ovs.addHost('db', 2),
      await ovs.addHost('gate', 3),
    ];
    await echoServer(ovs, db, 5432);
    const running = run();
    await settle(running);
    const free = await Talk.open(ovs, web, 40001, db, 5432);
    tap(running, 'FlowTap(web, gate, tcp,tp_dst=5432, redirect)');
    tap(running, 'FlowTap(db, gate, tcp,tp_dst=5432, redirect)');
    await running.driver.settled();
    const held = await received(db);
    free.say('held');
    await ovs.until(async () => (await received(gate)) > 2, 'redirected');
    expect(await received(db)).toBe(held);
    // The simplest security VM: it sends back whatever comes.
    const ip = (...args: readonly string[]) => ovs.run('ip', '-n', gate.namespace, 'link', ...args);
    await ip('add', 'back', 'type', 'bridge', 'forward_delay', '0');
    await ip('set', 'back', 'up');
    await ip('set', 'eth0', 'master', 'back');
    await ip('set', 'eth0', 'type', 'bridge_slave', 'hairpin', 'on', 'learning', 'off');
    expect(await free.ask('free')).toBe('held');
    expect(await free.ask('again')).toBe('free');
    // No switch may think that the security VM has the addresses of others.
    const learned = await ovs.run('ovs-appctl', 'fdb/show', 'br0');
    const numbers = await ovs.vsctl('get', 'interface', gate.port, 'ofport');
    const atGate = learned.split('\n').filter((line) => new RegExp(`^ *${numbers.trim()} `).test(line));
    expect(atGate.filter((line) => line.includes(web.mac) || line.includes(db.mac))).toEqual([]);
    await ovs.vsctl('del-port', gate.port);
    await ovs.until(async () => !(await ovs.flows(201)).join().includes('output'), 'gate gone');
    const cut = await received(db);
    free.say('lost');
    await ovs.until(
      async () => (await ovs.ofctl('dump-flows', 'table=201')).includes('n_packets=1'),
      'dropped',
    );
    expect(await received(db)).toBeLessThan(cut + 4);
  });

  it('follows its ports when they are plugged elsewhere, and waits while they are away', async () => {
    const web = await ovs.addHost('web', 1);
    await ovs.addHost('ids', 3);
    const running = run();
    tap(running, 'FlowTap(web, ids, tcp, forward)');
    await settle(running);
    const port = (await ovs.vsctl('get', 'interface', web.port, 'ofport')).trim();
    expect(await ovs.flows(201)).toContainEqual(expect.stringContaining(`tcp,in_port=${port} `));
    await ovs.vsctl('del-port', web.port);
    await ovs.until(
      () => running.driver.contractState(running.book.list()[0]?.id ?? ('' as never))?.kind === 'waiting',
      'waiting',
    );
    await running.driver.settled();
    expect(await ovs.flows(201)).toEqual([]);
    await ovs.plug({ ...web, mac: '02:00:00:00:00:99' });
    await ovs.vsctl('set', 'interface', web.port, 'ofport_request=77');
    await ovs.until(async () => (await ovs.flows(201)).join().includes('in_port=77 '), 'moved');
    await running.driver.settled();
    expect(await ovs.flows(202)).toContainEqual(expect.stringContaining('dl_dst=02:00:00:00:00:99'));
  });
});
