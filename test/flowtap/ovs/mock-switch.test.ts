// The driver against a switch that misbehaves on demand. Enters: crashes, refusals, edits; leaves: desired state kept, reports true.
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Flow, FlowId } from '../../../src/flow.ts';
import { Blocks } from '../../../src/flowtap/blocks.ts';
import { systemClock } from '../../../src/flowtap/ovs/clock.ts';
import { OvsDriver } from '../../../src/flowtap/ovs/driver.ts';
import { BASE_COOKIE, blockCookie, runOf } from '../../../src/flowtap/ovs/layout.ts';
import type { Notice } from '../../../src/flowtap/ovs/notice.ts';
import type { VerdictId } from '../../../src/verdict.ts';
import { type Manners, MockSwitch } from '../../support/mock-switch.ts';

const RUN = runOf('engine', 1);
let mock: MockSwitch;
const drivers: OvsDriver[] = [];

beforeEach(async () => {
  mock = new MockSwitch();
  await mock.listen();
});

afterEach(async () => {
  for (const driver of drivers.splice(0)) driver.stop();
  await mock.stop();
});

function run(): { driver: OvsDriver; blocks: Blocks; notices: Notice[] } {
  const notices: Notice[] = [];
  const driver = new OvsDriver({
    bridge: 'br0',
    management: mock.path,
    database: null,
    control: null,
    run: RUN,
    onNotice: (notice) => notices.push(notice),
    random: () => 0,
  });
  drivers.push(driver);
  return { driver, blocks: new Blocks({ driver, run: RUN }), notices };
}

function block(blocks: Blocks, port: number, lifetime = 3_600_000_000, vlans: readonly number[] = []) {
  const flow: Flow = {
    id: 'f1' as FlowId,
    orig: { ip: '10.0.0.1', port },
    resp: { ip: '10.0.0.2', port: 80 },
    vlans,
    seenAt: 'br0',
    midstream: false,
  };
  const from = systemClock.wall();
  return blocks.block({ flow, verdict: 'v1' as VerdictId, cause: 'because', owner: 'shop', from, lifetime });
}

const until = (check: () => void | Promise<void>): Promise<void> =>
  vi.waitFor(check, { timeout: 10_000, interval: 5 });
const cut = (): number => [...mock.flows.values()].filter(({ cookie }) => cookie !== BASE_COOKIE).length;
const states = (blocks: Blocks): readonly string[] => blocks.list().map(({ state }) => state);

describe('blocks', () => {
  it('asked for in one go come in one bundle, all of it or nothing', async () => {
    const { driver, blocks } = run();
    await driver.settled();
    const before = mock.bundles.length;
    for (let i = 1; i <= 50; i++) block(blocks, i);
    await driver.settled();
    expect(mock.bundles.slice(before).map(({ length }) => length)).toEqual([100]);
    expect(states(blocks)).toEqual(Array<string>(50).fill('installed'));
  });

  it('are asked for again after a crash, also those of which nobody knows whether they arrived', async () => {
    const { driver, blocks } = run();
    block(blocks, 1);
    await driver.settled();
    for (const dies of ['before', 'after'] as const) {
      mock.manners.diesAtCommit = dies;
      const connections = mock.connections;
      block(blocks, dies === 'before' ? 2 : 3);
      await until(() => expect(mock.connections).toBeGreaterThan(connections));
      mock.manners.diesAtCommit = null;
      await driver.settled();
    }
    expect(cut()).toBe(6);
    await mock.crash();
    block(blocks, 4);
    expect(states(blocks).at(-1)).toBe('accepted');
    await mock.listen();
    await driver.settled();
    expect(cut()).toBe(8);
    expect(await driver.held()).toHaveLength(4);
  });

  it('that the switch refuses fail alone: the others of the bundle are set', async () => {
    mock.manners.refuses = ({ cookie }) => cookie === blockCookie(RUN, 2);
    const { driver, blocks } = run();
    await driver.settled();
    for (let i = 1; i <= 3; i++) block(blocks, i);
    await driver.settled();
    await until(() => expect(states(blocks)).toEqual(['installed', 'failed', 'installed']));
    expect(blocks.list()[1]?.why).toBe('flow-mod failed 5/0');
    expect(cut()).toBe(4);
  });

  it('of a bundle that is refused as a whole all fail, and say so', async () => {
    const { driver, blocks } = run();
    await driver.settled();
    mock.manners.refusesCommits = true;
    block(blocks, 1);
    await until(() => expect(states(blocks)).toEqual(['failed']));
    expect(blocks.list()[0]?.why).toBe('bundle failed 17/13');
    expect(cut()).toBe(0);
  });

  it('with more than one VLAN tag are unsupported', () => {
    const { blocks } = run();
    expect(block(blocks, 1, 1e9, [1, 2])).toMatchObject({
      state: 'unsupported',
      why: 'more than one VLAN tag',
    });
  });

  it('that the switch ended in time are over; one that shall stay is set again', async () => {
    const { driver, blocks } = run();
    block(blocks, 1, 1000);
    block(blocks, 2, 100_000 * 1e6);
    await driver.settled();
    const timeouts = [...mock.flows.values()].flatMap(({ hardTimeout }) =>
      hardTimeout === 0 ? [] : [hardTimeout],
    );
    const [first = 0, second = 0, ...long] = timeouts;
    // A second and what is left of the block's own time, which is next to nothing.
    expect(Math.max(first, second)).toBeLessThanOrEqual(2);
    expect(long).toEqual([65_535, 65_535]);
    mock.expire();
    await until(() => expect(cut()).toBe(2));
    await until(() => expect(blocks.list().map(({ id }) => id)).toEqual(['b2']));
  });

  it('give their last counts when they go', async () => {
    const { driver, blocks } = run();
    const { id } = block(blocks, 1);
    await driver.settled();
    for (const [slot, flow] of mock.flows)
      if (flow.notify) mock.flows.set(slot, { ...flow, packets: 3n, bytes: 180n });
    blocks.takeChanges();
    blocks.release(id, systemClock.wall());
    await until(() => expect(blocks.list()).toEqual([]));
    expect(blocks.takeChanges().at(-1)).toMatchObject({
      state: 'removed',
      receipt: { passed: null, dropped: { packets: 6, bytes: 360 } },
    });
  });

  it('are confirmed when the switch goes on dropping, not by what it counted at first', async () => {
    const { driver, blocks } = run();
    block(blocks, 1);
    await driver.settled();
    const drop = (packets: bigint): void => {
      for (const [slot, flow] of mock.flows)
        if (flow.notify) mock.flows.set(slot, { ...flow, packets, bytes: packets * 60n });
    };
    drop(1n);
    const looks = mock.listings;
    await until(() => expect(mock.listings).toBeGreaterThan(looks));
    expect(states(blocks)).toEqual(['installed']);
    drop(2n);
    await until(() => expect(states(blocks)).toEqual(['confirmed']));
  });
});

describe('flows of others', () => {
  it('in our tables stay, also in the place of one of ours: that block fails, or exists when they do the same', async () => {
    const { driver, blocks } = run();
    block(blocks, 1);
    block(blocks, 2);
    await driver.settled();
    mock.edit((flows) => {
      for (const [slot, flow] of [...flows]) {
        if (flow.cookie === BASE_COOKIE) continue;
        const first = flow.cookie === blockCookie(RUN, 1);
        flows.set(slot, { ...flow, cookie: 7n, actions: first ? [] : [{ kind: 'output', port: 1 }] });
      }
    });
    mock.disconnect();
    await until(() => expect(states(blocks)).toEqual(['exists', 'failed']));
    expect([...mock.flows.values()].filter(({ cookie }) => cookie === 7n)).toHaveLength(4);
  });

  it('that delete ours are told, and what they deleted is set again', async () => {
    const { driver, blocks, notices } = run();
    block(blocks, 1);
    await driver.settled();
    mock.edit((flows) => flows.clear());
    await until(() => expect(cut()).toBe(2));
    expect(notices.filter(({ kind }) => kind === 'edited')).toHaveLength(7);
    expect(mock.flows.size).toBe(7);
  });
});

describe('any sequence of blocks, releases, crashes, cut connections and edits', () => {
  it('ends with exactly what is desired in the switch, and what strangers put there', async () => {
    const step = fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({ kind: fc.constant('block' as const), port: fc.integer({ min: 1, max: 5 }) }),
      },
      {
        weight: 2,
        arbitrary: fc.record({ kind: fc.constant('release' as const), port: fc.integer({ min: 1, max: 5 }) }),
      },
      fc.constantFrom(
        { kind: 'crash' as const },
        { kind: 'disconnect' as const },
        { kind: 'delete' as const },
        { kind: 'stranger' as const },
        { kind: 'settle' as const },
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 14 }), async (steps) => {
        mock.edit((flows) => flows.clear());
        const { driver, blocks } = run();
        const ports = new Set<number>();
        for (const each of steps) {
          if (each.kind === 'block') {
            block(blocks, each.port);
            ports.add(each.port);
          } else if (each.kind === 'release') {
            const found = blocks
              .list()
              .find(({ flow, state }) => flow.orig.port === each.port && state !== 'removing');
            if (found !== undefined) blocks.release(found.id, systemClock.wall());
            ports.delete(each.port);
          } else if (each.kind === 'crash') {
            await mock.crash();
            await mock.listen();
          } else if (each.kind === 'disconnect') mock.disconnect();
          else if (each.kind === 'delete') mock.edit((flows) => flows.delete([...flows.keys()].at(-1) ?? ''));
          else if (each.kind === 'settle') await driver.settled();
          else mock.edit((flows) => flows.set('stranger', STRANGER));
        }
        const strangers = mock.flows.has('stranger') ? 1 : 0;
        await until(() => {
          const own = [...mock.flows.values()].filter(({ cookie }) => cookie !== STRANGER.cookie);
          const cuts = own.flatMap(({ match, notify }) =>
            notify ? [Number(match?.cells.get('tp_src')?.value)] : [],
          );
          const both = [...ports].flatMap((port) => [port, 80]);
          expect(cuts.sort((a, b) => a - b)).toEqual(both.sort((a, b) => a - b));
          expect(own).toHaveLength(5 + 2 * ports.size);
        });
        expect(mock.flows.has('stranger') ? 1 : 0).toBe(strangers);
        // A connection that was cut last need not be there again yet, though the flows are.
        await until(async () => expect(await driver.held()).toHaveLength(ports.size));
        driver.stop();
      }),
      { numRuns: 40 },
    );
  });
});

/** Where no flow of ours is. */
const STRANGER = {
  table: 201,
  priority: 9,
  cookie: 7n,
  hardTimeout: 0,
  seconds: 0,
  packets: 0n,
  bytes: 0n,
  match: { inPort: 3, cells: new Map() },
  actions: [],
  notify: false,
};

describe('a switch', () => {
  it('without OpenFlow 1.4 is told apart from one that is away, with the remedy', async () => {
    (mock.manners as Manners).versions = [1, 4];
    const { notices } = run();
    await until(() => expect(notices).toContainEqual(expect.objectContaining({ kind: 'down' })));
    expect(notices[0]).toMatchObject({ why: expect.stringContaining('add OpenFlow14 to its protocols') });
  });

  it('that is left leaves nothing of ours behind', async () => {
    const { driver, blocks } = run();
    block(blocks, 1);
    await driver.settled();
    expect(await driver.uninstall()).toBe(true);
    expect(mock.flows.size).toBe(0);
  });
});
