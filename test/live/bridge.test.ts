// The live service with a switch that misbehaves on demand. Enters: verdicts, crashes, refusals, edits; leaves: flows, audit, log, health.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { systemClock } from '../../src/broker/clock.ts';
import type { Flow, FlowId } from '../../src/flow.ts';
import { Blocks } from '../../src/flowtap/blocks.ts';
import { BASE_COOKIE, blockCookie, runOf } from '../../src/flowtap/ovs/layout.ts';
import { Bridge } from '../../src/live/bridge.ts';
import type { VerdictId } from '../../src/verdict.ts';
import { type LiveBridge, liveBridge } from '../support/live-bridge.ts';
import { MockSwitch } from '../support/mock-switch.ts';

/** `random` is 0.5 in these tests. */
const RUN = runOf('engine', 128);
const WEB = '10.9.0.1:40001';
const DATABASE = '10.9.0.2:5432';

let mock: MockSwitch;
const ends: (() => unknown)[] = [];

beforeEach(async () => {
  mock = new MockSwitch();
  await mock.listen();
});

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
  await mock.stop();
});

async function live(more: object = {}): Promise<LiveBridge> {
  const service = await liveBridge({ driver: 'ovs', bridge: 'br0', rundir: mock.folder, ...more });
  ends.push(() => service.stop());
  return service;
}

const cut = (): readonly bigint[] =>
  [...mock.flows.values()].flatMap(({ cookie }) => (cookie === BASE_COOKIE ? [] : [cookie]));
const until = (check: () => void | Promise<void>): Promise<void> =>
  vi.waitFor(check, { timeout: 10_000, interval: 5 });

describe('a switch', () => {
  it('gets the blocks that drop verdicts lead to, and keeps them when the service is stopped', async () => {
    const service = await live();
    await service.audit.with({ record: 'switch', change: 'reached' });
    service.speaks.connect('C1', WEB, DATABASE);
    const drop = await service.audit.with({ record: 'verdict', verdict: 'drop' });
    const block = await service.audit.with({ record: 'block', state: 'installed' });
    expect(block).toMatchObject({ verdicts: [drop.id], flow_resp: DATABASE, seen_at: 'tap' });
    expect(cut()).toEqual([blockCookie(RUN, 1), blockCookie(RUN, 1)]);
    expect(await service.health()).toMatchObject({
      status: 'ok',
      switch: { bridge: 'br0', state: 'ready', why: null },
    });
    // The last verdict falls while it is told to stop.
    service.speaks.connect('C2', '10.9.0.1:40002', DATABASE);
    await service.audit.with({ record: 'verdict', flow_orig: '10.9.0.1:40002' });
    await service.stop();
    expect(cut()).toHaveLength(4);
    expect(service.audit.all[0]).toMatchObject({ record: 'start' });
    expect(service.audit.all.at(-1)).toMatchObject({ record: 'end', whole: true });
    expect(service.audit.all).toContainEqual(
      expect.objectContaining({ record: 'block', flow_orig: '10.9.0.1:40002', state: 'installed' }),
    );
  });

  it('that has blocks of a former run loses them when the next one reaches it', async () => {
    const former = await live();
    await former.audit.with({ record: 'switch', change: 'reached' });
    former.speaks.connect('C1', WEB, DATABASE);
    await former.audit.with({ record: 'block', state: 'installed' });
    await former.stop();
    expect(cut()).toHaveLength(2);
    // Both have one number by chance, as one run in 256 has with the one before.
    const next = await live();
    expect(await next.audit.with({ record: 'switch', change: 'reached' })).toMatchObject({
      text: '5 flows were there, 0 were set, 2 that nobody wants were removed, 0 of others stay',
    });
    expect(cut()).toEqual([]);
  });

  it('that is out of reach makes health degraded, and gets all blocks when it is back', async () => {
    const service = await live();
    await service.audit.with({ record: 'switch', change: 'reached' });
    service.speaks.connect('C1', WEB, DATABASE);
    await service.audit.with({ record: 'block', state: 'installed' });
    const said = service.audit.all.length;
    await mock.crash();
    expect(await service.audit.with({ record: 'switch', change: 'lost' })).toMatchObject({ bridge: 'br0' });
    expect(await service.log.with({ change: 'lost' })).toMatchObject({ level: 'error', bridge: 'br0' });
    const sick = await service.health();
    expect(sick).toMatchObject({ status: 'degraded', switch: { state: 'lost' } });
    expect(sick.reasons[0]).toMatch(/^bridge br0 is lost: /);
    expect(await service.metrics()).toContain('flowtap_switch_up{bridge="br0"} 0');
    service.speaks.connect('C2', '10.9.0.1:40002', DATABASE);
    await service.audit.with({ record: 'block', state: 'accepted' }, said);
    await mock.listen();
    await service.audit.with({ record: 'switch', change: 'reached' }, said);
    await until(() => expect(cut()).toHaveLength(4));
    expect(await service.health()).toMatchObject({ status: 'ok' });
    expect(await service.metrics()).toContain('flowtap_switch_changes_total{bridge="br0",change="lost"} 1');
    // It was tried many times; that is no news.
    expect(service.audit.all.filter(({ change }) => change === 'lost')).toHaveLength(1);
  });

  it('that is not there at the beginning is tried until it is', async () => {
    await mock.crash();
    const service = await live();
    await service.audit.with({ record: 'source', change: 'connected' });
    await service.audit.with({ record: 'switch', change: 'lost' });
    expect(service.audit.all[0]).toMatchObject({ record: 'start' });
    expect(await service.health()).toMatchObject({ status: 'degraded' });
    await mock.listen();
    await service.audit.with({ record: 'switch', change: 'reached' });
  });

  it('whose flows somebody else changes gets them again, and it is said', async () => {
    const service = await live();
    await service.audit.with({ record: 'switch', change: 'reached' });
    service.speaks.connect('C1', WEB, DATABASE);
    await service.audit.with({ record: 'block', state: 'installed' });
    mock.edit((flows) => {
      for (const [slot, { cookie }] of [...flows]) if (cookie === blockCookie(RUN, 1)) flows.delete(slot);
    });
    expect(await service.audit.with({ record: 'switch', change: 'edited' })).toMatchObject({
      count: 2,
      text: 'somebody else changed 2 flows of ours, and 0 others in our tables',
    });
    expect(await service.audit.with({ record: 'switch', change: 'mended' })).toMatchObject({ count: 2 });
    expect(await service.log.with({ change: 'edited' })).toMatchObject({ level: 'warn', bridge: 'br0' });
    expect(cut()).toHaveLength(2);
  });

  it('that refuses a block leaves it failed, with the reason in audit and log', async () => {
    mock.manners.refuses = ({ cookie }) => cookie === blockCookie(RUN, 1);
    const service = await live();
    await service.audit.with({ record: 'switch', change: 'reached' });
    service.speaks.connect('C1', WEB, DATABASE);
    expect(await service.audit.with({ record: 'block', state: 'failed' })).toMatchObject({
      why: 'flow-mod failed 5/0',
    });
    expect(await service.log.with({ state: 'failed' })).toMatchObject({
      level: 'error',
      bridge: 'br0',
      block: 'b1',
      message: 'flow-mod failed 5/0',
    });
  });

  it('that does not carry the flows of a Zeek is not asked for them', async () => {
    const config = {
      kind: 'ovs',
      bridge: 'br0',
      folder: mock.folder,
      owner: 'engine',
      zeeks: ['tap'],
      contracts: [],
    } as const;
    const { blocks } = bridge(config);
    expect(ask(blocks, 'elsewhere')).toMatchObject({
      state: 'unsupported',
      why: 'elsewhere is not on this bridge',
    });
    expect(ask(blocks, 'tap')).toMatchObject({ state: 'accepted' });
  });

  it('that lost a block without a word gets it again when all is compared', async () => {
    const config = {
      kind: 'ovs',
      bridge: 'br0',
      folder: mock.folder,
      owner: 'engine',
      zeeks: null,
      contracts: [],
    } as const;
    const { is, blocks } = bridge(config);
    ask(blocks, 'tap');
    await until(() => expect(cut()).toHaveLength(2));
    await until(() => expect(is.view.state).toBe('ready'));
    for (const [slot, { cookie }] of [...mock.flows]) if (cookie !== BASE_COOKIE) mock.flows.delete(slot);
    is.tick(systemClock.now(), blocks, () => 1);
    expect(cut()).toHaveLength(0);
    is.tick(systemClock.now() + 30_000, blocks, () => 1);
    await until(() => expect(cut()).toHaveLength(2));
  });
});

function bridge(config: ConstructorParameters<typeof Bridge>[0]['config']) {
  const is = new Bridge({
    config,
    parts: { clock: systemClock, wall: () => Date.now() * 1000, random: () => 0.5 },
    reporter: { takeSwitch: () => {}, refused: () => {} },
    witness: async () => null,
  });
  ends.push(() => is.stop());
  return { is, blocks: new Blocks(is) };
}

function ask(blocks: Blocks, seenAt: string) {
  const flow: Flow = {
    id: 'f1' as FlowId,
    orig: { ip: '10.9.0.1', port: seenAt.length },
    resp: { ip: '10.9.0.2', port: 5432 },
    vlans: [],
    seenAt,
    midstream: false,
  };
  const from = Date.now() * 1000;
  const cause = 'because';
  return blocks.block({
    flow,
    verdict: 'v1' as VerdictId,
    cause,
    owner: 'shop',
    from,
    lifetime: 3_600_000_000,
  });
}
