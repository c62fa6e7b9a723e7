// The live service on a real Open vSwitch. Enters: a verdict of the engine on what a mock Zeek says; leaves: a connection that is cut.
import { afterEach, beforeEach, expect, it } from 'vitest';
import { type LiveBridge, liveBridge } from '../support/live-bridge.ts';
import { OpenVSwitch, whyNoSwitch } from '../support/open-vswitch.ts';
import { echoServer, Talk } from '../support/talk.ts';

const why = whyNoSwitch();
let ovs: OpenVSwitch;
let service: LiveBridge | null = null;

beforeEach(async ({ skip }) => {
  if (why !== null) return skip(why);
  ovs = new OpenVSwitch();
  return ovs.start();
}, 60_000);

afterEach(async () => {
  await service?.stop();
  service = null;
  if (why === null) await ovs.stop();
}, 60_000);

it('a connection that the policy does not declare is cut on the bridge, and others go on', async () => {
  const [web, db] = [await ovs.addHost('web', 1), await ovs.addHost('db', 2)];
  await echoServer(ovs, db, 5432);
  const bad = await Talk.open(ovs, web, 40001, db, 5432);
  const other = await Talk.open(ovs, web, 40002, db, 5432);
  const live = await liveBridge({ driver: 'ovs', bridge: 'br0', rundir: ovs.folder });
  service = live;
  await live.audit.with({ record: 'switch', change: 'reached' });
  expect(await bad.ask('before')).toBe('before');
  live.speaks.connect('C1', `${web.ip}:40001`, `${db.ip}:5432`);
  const drop = await live.audit.with({ record: 'verdict', verdict: 'drop' });
  expect(await live.audit.with({ record: 'block', state: 'effective' })).toMatchObject({
    verdicts: [drop.id],
  });
  const cut = (await ovs.flows(200)).filter((line) => line.includes('40001'));
  expect(cut).toHaveLength(2);
  for (const line of cut) expect(line).toContain('actions=drop');
  bad.say('after');
  const confirmed = await live.audit.with({ record: 'block', state: 'confirmed' });
  expect(confirmed.dropped_packets).toBeGreaterThan(0);
  expect(await other.ask('still here')).toBe('still here');
  // The echo of what was said last would have come before now.
  let echoed = false;
  void bad.ask('again').then(
    () => {
      echoed = true;
    },
    () => {},
  );
  expect(await other.ask('and still')).toBe('and still');
  expect(echoed).toBe(false);
  await live.stop();
  service = null;
  expect((await ovs.flows(200)).filter((line) => line.includes('40001'))).toHaveLength(2);
}, 60_000);
