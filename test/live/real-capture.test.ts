// A security VM on a real Open vSwitch. Enters: copies of a contract on its interface; leaves: a flow that is cut, and a receipt that is true.
import { chmodSync, existsSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { application, chain, http } from 'flowtap/policy';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { launchTcpdump } from '../../src/live/tcpdump.ts';
import { readPackets } from '../../src/sensor/capture/read.ts';
import { PARSERS } from '../../src/sensor/parsers.ts';
import { createSensor } from '../../src/sensor/sensor.ts';
import { type Matched, Tally } from '../../src/sensor/tally.ts';
import { type LiveCapture, liveCapture } from '../support/live-capture.ts';
import { type Host, isInstalled, OpenVSwitch, whyNoSwitch } from '../support/open-vswitch.ts';
import { echoServer, Talk } from '../support/talk.ts';

const POLICY = application('shop', ({ external, service }) => {
  const web = external('web', { at: '10.9.0.1' });
  const shop = service('shop', { at: '10.9.0.3', http: 8080 });
  service('db', { at: '10.9.0.2', postgres: 5432 });
  return chain(http.post('/orders').from(web).to(shop));
});

const why = whyNoSwitch() ?? (isInstalled('tcpdump') ? null : 'tcpdump is not installed');
let ovs: OpenVSwitch;
let service: LiveCapture | null = null;

beforeEach(async ({ skip }) => {
  if (why !== null) return skip(why);
  ovs = new OpenVSwitch();
  return ovs.start();
}, 60_000);

afterEach(async () => {
  await service?.end().catch(() => {});
  service = null;
  if (why === null) await ovs.stop();
}, 60_000);

/** A capture of what a host gets. */
async function captureAt(host: Host): Promise<{ readonly file: string; finish(): Promise<void> }> {
  const file = join(ovs.folder, `${host.name}.pcap`);
  const tcpdump = ovs.spawn(
    host,
    'tcpdump',
    '-i',
    'eth0',
    '-Q',
    'in',
    '--immediate-mode',
    '-U',
    '-Z',
    'root',
    '-w',
    file,
  );
  const ended = new Promise<void>((resolve) => tcpdump.once('exit', () => resolve()));
  await ovs.until(() => existsSync(file) && statSync(file).size >= 24, 'tcpdump');
  return {
    file,
    finish: async () => {
      tcpdump.kill('SIGINT');
      await ended;
    },
  };
}

async function count(
  file: string,
  match: Matched,
  since: number,
): Promise<{ packets: number; bytes: number }> {
  const tally = new Tally();
  const onSegment: Tally['take'] = (segment, length) => tally.take(segment, length);
  const sensor = createSensor({ source: file, parsers: PARSERS, onEvent: () => {}, onSegment });
  for await (const batch of readPackets(file)) for (const packet of batch) sensor.packet(packet);
  return tally.since([match], since) ?? { packets: -1, bytes: -1 };
}

it('a flow of the copies is cut, and its receipt has what its ends got after the verdict, to the byte', async () => {
  const [web, db, ids] = [
    await ovs.addHost('web', 1),
    await ovs.addHost('db', 2),
    await ovs.addHost('ids', 9),
  ];
  await echoServer(ovs, db, 5432);
  const program = join(ovs.folder, 'tcpdump-of-ids');
  writeFileSync(program, `#!/bin/sh\nexec ip netns exec ${ids.namespace} tcpdump -Z root "$@"\n`);
  chmodSync(program, 0o755);
  const live = liveCapture({
    capture: launchTcpdump,
    policy: POLICY,
    section: { interface: 'eth0', tcpdump: program },
    more: {
      flowtap: {
        driver: 'ovs',
        bridge: 'br0',
        rundir: ovs.folder,
        contracts: ['FlowTap(web, ids, tcp, forward)'],
      },
    },
  });
  service = live;
  await live.audit.with({ record: 'switch', change: 'contract', text: 'c1 is installed' });
  await live.audit.with({ record: 'source', change: 'connected' });
  const captures = [await captureAt(db), await captureAt(web)] as const;
  // Undeclared: the verdict falls on its first packet, and the connection goes on until it is cut.
  const bad = await Talk.open(ovs, web, 40001, db, 5432);
  bad.say('this may pass');
  await live.audit.with({ record: 'block', state: 'effective' });
  bad.say('this comes too late');
  const confirmed = await live.audit.with({ record: 'block', state: 'confirmed' });
  expect(confirmed).toMatchObject({ seen_at: 'tap', flow_orig: '10.9.0.1:40001' });
  for (const capture of captures) await capture.finish();
  const there = {
    ip: 4,
    vlans: [],
    source: { ip: web.ip, port: 40001 },
    destination: { ip: db.ip, port: 5432 },
  } as const;
  const back = { ip: 4, vlans: [], source: there.destination, destination: there.source } as const;
  // The first packet is that of the verdict; all later ones came after it.
  const toDb = await count(captures[0].file, there, 0);
  const toWeb = await count(captures[1].file, back, 0);
  const first = 74;
  expect({ packets: confirmed.passed_packets, bytes: confirmed.passed_bytes }).toEqual({
    packets: toDb.packets + toWeb.packets - 1,
    bytes: toDb.bytes + toWeb.bytes - first,
  });
  expect(confirmed.passed_packets).toBeGreaterThan(0);
}, 60_000);
