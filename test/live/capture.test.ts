// Interfaces that the live service reads itself. Enters: a tcpdump that a test controls; leaves: assertions on journal, restarts and counts.
import { application, chain, http, once } from 'flowtap/policy';
import { afterEach, describe, expect, it } from 'vitest';
import { InputError } from '../../src/errors.ts';
import type { launchTcpdump } from '../../src/live/tcpdump.ts';
import { fakeTcpdump } from '../support/fake-tcpdump.ts';
import { type LiveCapture, liveCapture } from '../support/live-capture.ts';
import { Conversation } from '../support/packets.ts';

const WEB = { ip: '10.1.0.1', port: 40000 };
const SHOP = { ip: '10.1.0.2', port: 8080 };
const PAY = { ip: '10.1.0.3', port: 8080 };
const POLICY = application('shop', ({ external, service }) => {
  const web = external('web', { at: WEB.ip });
  const shop = service('shop', { at: SHOP.ip, http: 8080 });
  const pay = service('pay', { at: PAY.ip, http: 8080 });
  return chain(http.post('/orders').from(web).to(shop), once(http.post('/charges').from(shop).to(pay)));
});
const CHARGE = 'POST /charges HTTP/1.1\r\nhost: pay\r\ncontent-length: 0\r\n\r\n';

const serving: LiveCapture[] = [];
afterEach(async () => {
  for (const each of serving.splice(0)) await each.end().catch(() => {});
});

function serve(capture: typeof launchTcpdump, section: object = {}): LiveCapture {
  const service = liveCapture({ capture, policy: POLICY, section });
  serving.push(service);
  return service;
}

const talk = (client: typeof WEB, server: typeof WEB) => new Conversation({ client, server });

describe('an interface that the service reads', () => {
  it('is read by tcpdump as the configuration says, and its packets are judged as they come', async () => {
    const { launch, runs } = fakeTcpdump();
    const service = serve(launch, { tcpdump: '/opt/tcpdump', buffer: '1MiB', filter: 'not port 22' });
    expect(await service.audit.with({ record: 'source', change: 'connected' })).toMatchObject({
      source: 'tap',
      epoch: '1',
      text: 'tcpdump listens on eth7, link-type EN10MB (Ethernet)',
    });
    expect(runs[0]?.options).toMatchObject({
      interface: 'eth7',
      program: '/opt/tcpdump',
      bufferKiB: 1024,
      filter: 'not port 22',
    });
    runs[0]?.capture(talk(WEB, PAY).open().frames);
    expect(await service.audit.with({ record: 'verdict', verdict: 'drop' })).toMatchObject({
      flow_orig: '10.1.0.1:40000',
      flow_resp: '10.1.0.3:8080',
    });
    expect(await (await service.ask('/healthz')).json()).toMatchObject({
      status: 'ok',
      zeeks: [],
      captures: [{ name: 'tap', state: 'connected', clock: 'right' }],
    });
    const metrics = await (await service.ask('/metrics')).text();
    expect(metrics).toContain('flowtap_capture_up{capture="tap"} 1');
    expect(metrics).toContain('flowtap_capture_source{capture="tap",count="sensor.packets"} 3');
    await service.end();
    expect(service.audit.all.at(-1)).toMatchObject({
      record: 'end',
      sensed_by: 'embedded',
      sources: ['tap'],
    });
  });

  it('lets time pass while it is silent: what waits for an explanation is judged', async () => {
    const { launch, runs } = fakeTcpdump();
    const service = serve(launch);
    await service.audit.with({ change: 'connected' });
    runs[0]?.capture(talk(SHOP, PAY).open().send('client', CHARGE).frames);
    expect(await service.audit.with({ record: 'verdict', verdict: 'drop' })).toMatchObject({
      flow_orig: '10.1.0.2:8080',
    });
  });

  it('whose tcpdump hangs is gone, and its flows are unseen', async () => {
    const { launch, runs } = fakeTcpdump();
    const service = serve(launch, { on: { gone: { do: 'unseen', after: '1s' } } });
    await service.audit.with({ change: 'connected' });
    if (runs[0] !== undefined) runs[0].dropped = null;
    expect(await service.audit.with({ change: 'gone' })).toMatchObject({
      response: 'blinded',
      source: 'tap',
    });
    if (runs[0] !== undefined) runs[0].dropped = 0;
    expect(await service.audit.with({ change: 'connected', text: 'it is heard again' })).toBeDefined();
  });

  it('whose tcpdump ends is read again with back-off, and its flows are unseen then', async () => {
    const { launch, runs } = fakeTcpdump((attempt) =>
      attempt === 2 ? new InputError('tcpdump-unusable', null, 'there is no eth7', 'plug it') : null,
    );
    const service = serve(launch);
    await service.audit.with({ change: 'connected' });
    const conversation = talk(WEB, SHOP).open();
    runs[0]?.capture(conversation.frames);
    await service.audit.with({ record: 'verdict', verdict: 'pass' });
    runs[0]?.die({ signal: 'SIGSEGV', error: 'out of memory' });
    expect(await service.audit.with({ change: 'exited' })).toMatchObject({
      response: 'restarting',
      text: 'tcpdump ended with SIGSEGV: out of memory; it is started again in 3 ms',
    });
    expect(await service.audit.with({ change: 'restarted' })).toMatchObject({
      response: 'blinded',
      epoch: '2',
    });
    expect(await service.audit.with({ record: 'verdict', verdict: 'indeterminate' })).toMatchObject({
      flow_orig: '10.1.0.1:40000',
    });
    // The flow goes on.
    runs[1]?.capture(talk(WEB, PAY).open().frames);
    await service.audit.with({ record: 'verdict', verdict: 'drop' });
    await service.end();
    expect(service.audit.all.at(-1)).toMatchObject({ sensor: { tap: { restarts: 1, dropped_packets: 0 } } });
    const exits = service.audit.all.filter(({ change }) => change === 'exited').map(({ text }) => text);
    expect(exits[1]).toContain('it cannot be started: there is no eth7');
  });

  it('whose stream makes no sense is read anew', async () => {
    const { launch, runs } = fakeTcpdump();
    const service = serve(launch);
    await service.audit.with({ change: 'connected' });
    runs[0]?.write(new Uint8Array(64).fill(0xff));
    await service.audit.with({ change: 'malformed' });
    await service.audit.with({ change: 'restarted' });
    expect(runs).toHaveLength(2);
  });

  it('that loses packets is said to, with their number', async () => {
    const { launch, runs } = fakeTcpdump();
    const service = serve(launch);
    await service.audit.with({ change: 'connected' });
    if (runs[0] !== undefined) runs[0].dropped = 7;
    expect(await service.audit.with({ change: 'packets-dropped' })).toMatchObject({
      source: 'tap',
      count: 7,
    });
    await service.end();
    expect(service.audit.all.at(-1)).toMatchObject({ sensor: { tap: { dropped_packets: 7 } } });
  });

  it('that cannot be read at all ends the service with that error', async () => {
    const gone = new InputError('tcpdump-unusable', null, 'there is no eth7', 'plug it');
    const service = serve(fakeTcpdump(() => gone).launch);
    await expect(service.ended).rejects.toBe(gone);
  });
});
