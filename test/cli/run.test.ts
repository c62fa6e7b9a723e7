// `flowtap run` as a process, with Zeeks that do what they are told. Enters: configurations, events; leaves: assertions on audit, log, health.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { loadPolicies } from '../../src/cli/load-policy.ts';
import { Authority, whyNoCertificates } from '../support/certificates.ts';
import { Epoch, Speaker, wall } from '../support/flowtap-zeek.ts';
import { MockZeek, type Script } from '../support/mock-zeek.ts';
import { PROGRAM, Running } from '../support/running.ts';

const folder = mkdtempSync(join(tmpdir(), 'flowtap-run-'));
const CUSTOMER = '198.51.100.1:40000';
const ORDERS = '10.2.0.11:8080';
const DATABASE = '10.2.0.30:5432';
const ORDER = 'POST /orders HTTP/1.1\r\nHost: orders\r\nX-User: alice\r\nContent-Length: 0\r\n\r\n';

const POLICY = `import { application, chain, fact, header, http, once, sql } from 'flowtap/policy';
export default application('shop', ({ external, service }) => {
  const customer = external('customer');
  const orders = service('orders', { at: '10.2.0.11', http: 8080 });
  const db = service('orders-db', { at: '10.2.0.30', postgres: 5432 });
  const order = http.post('/orders').from(customer).to(orders).facts({ user: header('x-user') });
  const store = sql.insert('orders').from(orders).to(db).values({ name: fact('user') });
  return chain(order, once(store));
});
`;

beforeAll(async () => {
  writeFileSync(join(folder, 'shop.ts'), POLICY);
  const [policy] = await loadPolicies([join(folder, 'shop.ts')], {
    typecheck: false,
    timeout: 30_000,
    print: () => {},
  });
  // As a document it loads without a thread of its own.
  writeFileSync(join(folder, 'shop.json'), JSON.stringify(policy?.document));
});
afterAll(() => rmSync(folder, { recursive: true }));

const started: Running[] = [];
const mocks: MockZeek[] = [];
afterEach(async () => {
  for (const running of started.splice(0)) await running.end();
  for (const mock of mocks.splice(0)) {
    expect(mock.failures).toEqual([]);
    await mock.stop();
  }
});

let configurations = 0;

function flowtap(config: object, ...options: readonly string[]): Running {
  configurations += 1;
  const file = join(folder, `${configurations}.yaml`);
  writeFileSync(file, JSON.stringify({ policies: ['shop.json'], ...config }));
  const running = new Running('run', '--config', file, ...options);
  started.push(running);
  return running;
}

async function zeek(script: Script): Promise<MockZeek> {
  const mock = await MockZeek.start(script);
  mocks.push(mock);
  return mock;
}

/** A Zeek that has said hello; the promise gives whoever speaks for it. */
async function greeted(
  epoch: Epoch,
  ts: () => number = wall,
): Promise<{ readonly url: string; readonly speaker: Promise<Speaker> }> {
  let resolve: (speaker: Speaker) => void = () => {};
  const speaker = new Promise<Speaker>((found) => {
    resolve = found;
  });
  const { url } = await zeek(async (peer) => {
    await peer.subscribe();
    const speaks = new Speaker(peer, epoch, ts);
    speaks.hello();
    resolve(speaks);
  });
  return { url, speaker };
}

describe('flowtap run', () => {
  beforeEach(({ skip }) => {
    skip(!existsSync(PROGRAM), 'the program is not built: npm run build');
  });

  it('judges what a Zeek sees, and asks for blocks', async () => {
    const { url, speaker } = await greeted(new Epoch('E1', 'node-a'));
    const running = flowtap({ zeeks: [{ name: 'a', url }] });
    const speaks = await speaker;
    speaks.connect('C1', CUSTOMER, ORDERS);
    speaks.connect('C2', CUSTOMER, DATABASE);
    const drop = await running.out.with({ record: 'verdict', verdict: 'drop' });
    expect(drop).toMatchObject({ code: 'connection-not-declared', flow_resp: DATABASE, effect: 'detected' });
    expect(await running.out.with({ record: 'block', state: 'effective' })).toMatchObject({
      verdicts: [drop.id],
      flow_resp: DATABASE,
    });
    expect(running.out.all).toContainEqual(
      expect.objectContaining({ record: 'verdict', verdict: 'pass', code: 'connection-declared' }),
    );
    expect(running.out.all.slice(0, 2)).toMatchObject([
      { record: 'start', sources: ['a'], policies: [{ application: 'shop' }] },
      { record: 'source', change: 'connected', source: 'a', epoch: 'E1', response: 'none' },
    ]);
    expect(await running.err.with({ change: 'connected' })).toMatchObject({
      level: 'info',
      zeek: 'a',
      message: 'Zeek 8.2.2 as node-a',
    });
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'stops on %s with what is there, ends chains as abandoned, and exits with 0',
    async (signal) => {
      const { url, speaker } = await greeted(new Epoch('E1'));
      const running = flowtap({ zeeks: [{ name: 'a', url }] });
      const speaks = await speaker;
      speaks.connect('C1', CUSTOMER, ORDERS);
      speaks.data('C1', true, 0, ORDER);
      await running.out.with({ record: 'verdict', code: 'chain-opened' });
      running.kill(signal);
      expect(await running.ended).toEqual({ code: 0, signal: null });
      expect(running.out.all.slice(-2)).toMatchObject([
        { record: 'chain', outcome: 'abandoned', root: 'POST /orders of customer 198.51.100.1' },
        { record: 'end', whole: true, sources: ['a'], engine: { chains_opened: 1, chains_open: 0 } },
      ]);
      expect(running.err.all.at(-1)).toMatchObject({ message: 'stopped' });
      // Facts are for the audit alone.
      expect(running.err.texts.join('\n')).not.toContain('alice');
    },
  );

  it('ends at once on the second signal', async () => {
    const { url } = await zeek(async (peer) => {
      peer.answersClose = false;
      await peer.subscribe();
      new Speaker(peer, new Epoch('E1')).hello();
    });
    const running = flowtap({ zeeks: [{ name: 'a', url }] });
    await running.out.with({ change: 'connected' });
    running.kill('SIGTERM');
    await running.err.with({ message: 'stopping' });
    running.kill('SIGINT');
    expect(await running.ended).toEqual({ code: null, signal: 'SIGINT' });
  });

  it('treats open flows as unseen when a Zeek was restarted', async () => {
    const { url } = await zeek(async (peer, index) => {
      await peer.subscribe();
      const speaks = new Speaker(peer, new Epoch(`E${index + 1}`));
      speaks.hello();
      if (index === 0) {
        speaks.connect('C1', CUSTOMER, ORDERS);
        peer.socket.end();
      }
    });
    const running = flowtap({ zeeks: [{ name: 'a', url }] });
    expect(await running.out.with({ record: 'source', change: 'restarted' })).toMatchObject({
      epoch: 'E2',
      response: 'blinded',
    });
    expect(await running.out.with({ record: 'verdict', cannot_tell: 'unseen' })).toMatchObject({
      verdict: 'indeterminate',
      action: 'none',
      flow_resp: ORDERS,
    });
    const changes = running.out.all.filter(({ record }) => record === 'source').map(({ change }) => change);
    expect(changes).toEqual(['connected', 'lost', 'restarted']);
    expect(await running.err.with({ change: 'restarted' })).toMatchObject({
      level: 'warn',
      response: 'blinded',
    });
  });

  it('only notes a restart and a skipped number where it is told to', async () => {
    const { url } = await zeek(async (peer, index) => {
      await peer.subscribe();
      const speaks = new Speaker(peer, new Epoch(`E${index + 1}`));
      speaks.hello();
      speaks.connect(`C${index}`, CUSTOMER, ORDERS);
      speaks.skip(3n);
      speaks.connect(`D${index}`, CUSTOMER, DATABASE);
      if (index === 0) peer.socket.end();
    });
    const running = flowtap({
      zeeks: [{ name: 'a', url }],
      on: { restarted: 'note', skipped: 'note' },
    });
    await running.out.with({ record: 'source', change: 'restarted' });
    await running.out.with({ record: 'source', change: 'skipped', epoch: 'E2' });
    await running.out.with({ record: 'block', state: 'effective' });
    const sources = running.out.all.filter(({ record }) => record === 'source');
    expect(new Set(sources.map(({ response }) => response))).toEqual(new Set(['none']));
    expect(running.out.all.filter(({ cannot_tell }) => cannot_tell === 'unseen')).toEqual([]);
  });

  it('treats open flows as unseen when numbers never came, before it takes the next', async () => {
    const { url, speaker } = await greeted(new Epoch('E1'));
    const running = flowtap({ zeeks: [{ name: 'a', url }] });
    const speaks = await speaker;
    speaks.connect('C1', CUSTOMER, ORDERS);
    speaks.skip(7n);
    speaks.connect('C2', '198.51.100.2:40000', ORDERS);
    expect(await running.out.with({ record: 'source', change: 'skipped' })).toMatchObject({
      from: '4',
      to: '10',
      count: 7,
      response: 'blinded',
      epoch: 'E1',
    });
    await running.out.with({ record: 'verdict', flow_orig: '198.51.100.2:40000' });
    const unseen = running.out.all.filter(({ cannot_tell }) => cannot_tell === 'unseen');
    expect(unseen).toMatchObject([{ flow_orig: CUSTOMER }]);
    expect(await running.err.with({ change: 'skipped' })).toMatchObject({
      from: '4',
      to: '10',
      level: 'warn',
    });
  });

  it('says that a Zeek is gone when it stays away, and treats its open flows as unseen', async () => {
    const { url } = await zeek(async (peer, index) => {
      if (index > 0) return;
      await peer.subscribe();
      const speaks = new Speaker(peer, new Epoch('E1'));
      speaks.hello();
      speaks.connect('C1', CUSTOMER, ORDERS);
      peer.socket.end();
    });
    const running = flowtap({ zeeks: [{ name: 'a', url }], on: { gone: { do: 'unseen', after: '300ms' } } });
    expect(await running.out.with({ record: 'source', change: 'gone' })).toMatchObject({
      response: 'blinded',
    });
    await running.out.with({ record: 'verdict', cannot_tell: 'unseen' });
    expect(await running.err.with({ change: 'gone' })).toMatchObject({ level: 'error' });
  });

  it('lets flows pass while a Zeek is gone where it is told to, and says so', async () => {
    const { url } = await zeek(async (peer, index) => {
      if (index > 0) return;
      await peer.subscribe();
      const speaks = new Speaker(peer, new Epoch('E1'));
      speaks.hello();
      speaks.connect('C1', CUSTOMER, ORDERS);
      peer.socket.end();
    });
    const running = flowtap({ zeeks: [{ name: 'a', url }], on: { gone: { do: 'pass', after: '300ms' } } });
    expect(await running.out.with({ record: 'source', change: 'gone' })).toMatchObject({ response: 'none' });
    running.kill('SIGTERM');
    expect(await running.ended).toMatchObject({ code: 0 });
    expect(running.out.all.filter(({ cannot_tell }) => cannot_tell === 'unseen')).toEqual([]);
  });

  it('takes nothing of a Zeek that speaks another schema', async () => {
    const { url } = await zeek(async (peer) => {
      await peer.subscribe();
      const speaks = new Speaker(peer, new Epoch('E1'));
      speaks.hello(99);
      speaks.connect('C1', CUSTOMER, DATABASE);
    });
    const running = flowtap({ zeeks: [{ name: 'a', url }], health: { listen: '127.0.0.1:0' } });
    const refused = await running.out.with({ record: 'source', change: 'refused' });
    expect(refused).toMatchObject({ response: 'none' });
    const { status, body } = await health(running, '/healthz');
    expect(status).toBe(503);
    expect(JSON.parse(body)).toMatchObject({ status: 'failed', zeeks: [{ name: 'a', state: 'refused' }] });
    running.kill('SIGTERM');
    await running.ended;
    expect(running.out.all.filter(({ record }) => record === 'verdict')).toEqual([]);
  });

  it('survives garbage, and says what it was', async () => {
    const { url } = await zeek(async (peer) => {
      await peer.subscribe();
      const speaks = new Speaker(peer, new Epoch('E1'));
      speaks.hello();
      peer.text(Buffer.from('7b2274797065223a00ff0b', 'hex'));
      peer.text('[1,2,3]');
      peer.text('{"type":"data-message","topic":"flowtap/events/","@data-type":"count","data":1}');
      speaks.connect('C1', CUSTOMER, DATABASE);
    });
    const running = flowtap({ zeeks: [{ name: 'a', url }] });
    await running.out.with({ record: 'verdict', verdict: 'drop' });
    expect(await running.out.with({ record: 'source', change: 'malformed' })).toMatchObject({
      response: 'none',
    });
    expect(await running.err.with({ change: 'malformed' })).toMatchObject({ level: 'warn' });
    for (const text of running.err.texts) expect(() => JSON.parse(text)).not.toThrow();
  });

  it('judges two Zeeks as one, by the time of the traffic', async () => {
    const base = wall();
    const [near, far] = [
      await greeted(new Epoch('E1', 'near'), () => base + 900),
      await greeted(new Epoch('E2', 'far'), () => base),
    ];
    const running = flowtap({
      zeeks: [
        { name: 'near', url: near.url },
        { name: 'far', url: far.url },
      ],
      time: { wait: '2s' },
    });
    const [nearer, farther] = [await near.speaker, await far.speaker];
    await running.out.with({ change: 'connected', source: 'near' });
    await running.out.with({ change: 'connected', source: 'far' });
    // What is later arrives first: the customer's request is seen by `far`, what it causes by `near`.
    nearer.connect('N1', '10.2.0.11:50000', DATABASE);
    farther.connect('F1', CUSTOMER, ORDERS);
    farther.heartbeat();
    const later = await running.out.with({ record: 'verdict', seen_at: 'near' });
    const seen = running.out.all.filter(({ record }) => record === 'verdict').map(({ seen_at }) => seen_at);
    expect(seen).toEqual(['far', 'near']);
    expect(later).toMatchObject({ verdict: 'pass', from: 'orders', to: 'orders-db' });
  });

  it('is not held up by a Zeek that has a wrong clock, and says so', async () => {
    const { url, speaker } = await greeted(new Epoch('E1'));
    const wrong = await greeted(new Epoch('E2'), () => wall() - 3_600_000_000);
    const running = flowtap({
      zeeks: [
        { name: 'right', url },
        { name: 'wrong', url: wrong.url },
      ],
    });
    const speaks = await speaker;
    await running.out.with({ change: 'connected', source: 'wrong' });
    expect(await running.out.with({ change: 'clock-wrong' })).toMatchObject({
      source: 'wrong',
      response: 'none',
    });
    speaks.connect('C1', CUSTOMER, ORDERS);
    await running.out.with({ record: 'verdict', seen_at: 'right' });
  });

  it('stops reading when the audit is not written, and says that a Zeek is slow', async ({ skip }) => {
    skip(process.platform === 'win32', 'there are no named pipes');
    const pipe = join(folder, 'audit.pipe');
    execFileSync('mkfifo', [pipe]);
    const { url, speaker } = await greeted(new Epoch('E1'));
    const running = flowtap({
      zeeks: [{ name: 'a', url }],
      audit: { file: pipe },
      limits: { waiting: 64 },
      health: { listen: '127.0.0.1:0' },
    });
    const reader = await open(pipe, 'r');
    const speaks = await speaker;
    for (let i = 0; i < 20_000; i += 1) {
      speaks.connect(`C${i}`, `198.51.100.1:${1024 + i}`, ORDERS);
      speaks.end(`C${i}`);
    }
    expect(await running.err.with({ change: 'slow' })).toMatchObject({ response: 'paused', level: 'warn' });
    expect(JSON.parse((await health(running, '/healthz')).body)).toMatchObject({
      status: 'degraded',
      zeeks: [{ slow: true }],
    });
    // Read again, it catches up, and nothing was lost.
    const chunks: Buffer[] = [];
    const reading = (async () => {
      for await (const chunk of reader.createReadStream()) chunks.push(chunk as Buffer);
    })();
    await running.err.with({ change: 'caught-up' });
    running.kill('SIGTERM');
    expect(await running.ended).toMatchObject({ code: 0 });
    await reading;
    const records = Buffer.concat(chunks).toString().trimEnd().split('\n');
    const passes = records.filter((line) => line.includes('"code":"connection-declared"'));
    expect(passes).toHaveLength(20_000);
    expect(records.some((line) => line.includes('"change":"skipped"'))).toBe(false);
  });

  it('ends with 4 and one line when a queue is full whose posture is fail', async () => {
    const { url, speaker } = await greeted(new Epoch('E1'));
    const running = flowtap({ zeeks: [{ name: 'a', url }], on: { slow: 'fail' }, limits: { waiting: 16 } });
    const speaks = await speaker;
    for (let i = 0; i < 2000; i += 1) speaks.connect(`C${i}`, `198.51.100.1:${1024 + i}`, ORDERS);
    expect(await running.ended).toMatchObject({ code: 4 });
    expect(running.err.texts.at(-1)).toMatch(/^flowtap: a: events came faster than they were read/);
    expect(running.out.all).toContainEqual(
      expect.objectContaining({ record: 'source', change: 'slow', response: 'ended' }),
    );
    expect(running.out.all.at(-1)).toMatchObject({ record: 'end', whole: false });
  });

  it('drops and counts where it is told to, and treats what it dropped as skipped', async () => {
    const { url, speaker } = await greeted(new Epoch('E1'));
    const running = flowtap({
      zeeks: [{ name: 'a', url }],
      on: { slow: { do: 'drop', after: '1ms' } },
      limits: { waiting: 16 },
    });
    const speaks = await speaker;
    for (let i = 0; i < 20_000; i += 1) speaks.connect(`C${i}`, `198.51.100.1:${1024 + i}`, ORDERS);
    const dropped = await running.out.with({ record: 'source', change: 'slow', response: 'dropped' });
    expect(dropped.count).toBeGreaterThan(0);
    speaks.heartbeat();
    expect(await running.out.with({ record: 'source', change: 'skipped' })).toMatchObject({
      response: 'blinded',
    });
  });

  it('goes on in a new file after SIGHUP', async () => {
    const audit = join(folder, 'rotated.jsonl');
    const { url, speaker } = await greeted(new Epoch('E1'));
    const running = flowtap({ zeeks: [{ name: 'a', url }], audit: { file: audit, passes: false } });
    const speaks = await speaker;
    await running.err.with({ change: 'connected' });
    renameSync(audit, `${audit}.1`);
    running.kill('SIGHUP');
    await running.err.with({ message: 'files were opened anew' });
    speaks.connect('C1', CUSTOMER, ORDERS);
    speaks.connect('C2', CUSTOMER, DATABASE);
    running.kill('SIGTERM');
    expect(await running.ended).toMatchObject({ code: 0 });
    expect(readFileSync(audit, 'utf8')).toContain('"verdict":"drop"');
    expect(readFileSync(audit, 'utf8')).not.toContain('"verdict":"pass","');
    expect(readFileSync(`${audit}.1`, 'utf8')).toContain('"record":"start"');
    expect(readFileSync(audit, 'utf8')).toContain('"record":"end"');
    expect(readFileSync(audit, 'utf8')).not.toContain('"record":"start"');
  });

  it('goes on under the new policies after SIGHUP, and cuts and releases what they say otherwise', async () => {
    const file = join(folder, 'replaced.ts');
    writeFileSync(file, POLICY);
    const { url, speaker } = await greeted(new Epoch('E1'));
    const running = flowtap({
      policies: ['replaced.ts'],
      zeeks: [{ name: 'a', url }],
      health: { listen: '127.0.0.1:0' },
    });
    const speaks = await speaker;
    speaks.connect('C1', CUSTOMER, ORDERS);
    speaks.data('C1', true, 0, ORDER);
    speaks.connect('C2', CUSTOMER, DATABASE);
    expect(await running.out.with({ code: 'chain-opened' })).toMatchObject({ chain: 'c1' });
    const drop = await running.out.with({ code: 'connection-not-declared' });
    const block = await running.out.with({ record: 'block', state: 'effective' });
    const start = await running.out.with({ record: 'start' });
    const [{ policy: before } = { policy: '' }] = start.policies as { policy: string }[];

    writeFileSync(file, POLICY.replace('http: 8080', 'http: "none"'));
    running.kill('SIGHUP');
    const refused = await running.err.with({
      message: 'the policies cannot be used; those before them stay',
    });
    expect(refused).toMatchObject({
      level: 'error',
      why: expect.stringMatching(/replaced\.ts:4:\d+: .*TS2322/),
    });

    const other = POLICY.replaceAll("post('/orders')", "post('/purchases')").replace(
      'return chain(order, once(store));',
      'return [chain(order, once(store)), outside(sql.begin().from(customer).to(db))];',
    );
    writeFileSync(file, other.replace('once, sql', 'once, outside, sql'));
    running.kill('SIGHUP');
    const record = await running.out.with({ record: 'policy' });
    expect(record).toMatchObject({
      application: 'shop',
      before,
      flows: 2,
      cut: 1,
      released: 1,
      chains_ended: 1,
    });
    expect(record.changes).toContainEqual({ kind: 'removed', path: 'requests > POST /orders' });
    const fallen = await running.out.with({ code: 'request-not-declared' });
    expect(fallen).toMatchObject({
      verdict: 'drop',
      action: 'block',
      policy: record.after,
      request: 'POST /orders',
    });
    expect(fallen.reasons).toMatchObject([{}, { code: 'policy-replaced' }]);
    expect(fallen.id).not.toBe(drop.id);
    expect(await running.out.with({ record: 'block', id: block.id, state: 'removed' })).toMatchObject({
      why: `released: the policy was replaced (${before} by ${record.after})`,
    });
    expect(
      await running.out.with({ record: 'block', id: fallen.block as string, state: 'effective' }),
    ).toMatchObject({
      flow: fallen.flow,
    });
    expect(await running.out.with({ record: 'chain' })).toMatchObject({
      id: 'c1',
      outcome: 'abandoned',
      policies: [before, record.after],
    });
    const { body } = await health(running, '/healthz');
    expect(JSON.parse(body)).toMatchObject({ policies: [{ application: 'shop', policy: record.after }] });

    running.kill('SIGHUP');
    await running.err.with({ message: 'the policies are as before' });
    running.kill('SIGTERM');
    expect(await running.ended).toMatchObject({ code: 0 });
    expect(running.out.all.filter((line) => line.record === 'policy')).toHaveLength(1);
  });

  it('ends with 4 and one line when the audit cannot be written', async ({ skip }) => {
    skip(!existsSync('/dev/full'), 'this system has no /dev/full');
    const { url } = await greeted(new Epoch('E1'));
    const running = flowtap({ zeeks: [{ name: 'a', url }], audit: { file: '/dev/full' } });
    expect(await running.ended).toMatchObject({ code: 4 });
    expect(running.err.texts.at(-1)).toMatch(/^flowtap: the audit cannot be written: ENOSPC/);
  });

  it('serves health and metrics on loopback', async () => {
    const { url, speaker } = await greeted(new Epoch('E1', 'node-a'));
    const running = flowtap({ zeeks: [{ name: 'a', url }], health: { listen: '127.0.0.1:0' } });
    const speaks = await speaker;
    speaks.connect('C1', CUSTOMER, DATABASE);
    await running.out.with({ record: 'verdict', verdict: 'drop' });
    const { status, body } = await health(running, '/healthz');
    expect(status).toBe(200);
    expect(JSON.parse(body)).toEqual({
      status: 'ok',
      reasons: [],
      policies: [{ application: 'shop', policy: expect.stringMatching(/^[0-9a-f]{16}$/) }],
      zeeks: [
        {
          name: 'a',
          state: 'connected',
          node: 'node-a',
          version: '8.2.2',
          slow: false,
          clock: 'right',
          why: null,
        },
      ],
    });
    const metrics = await health(running, '/metrics');
    expect(metrics.body).toContain('\nflowtap_zeek_up{zeek="a"} 1\n');
    expect(metrics.body).toContain('\nflowtap_verdicts_total{verdict="drop"} 1\n');
    expect(metrics.body).toContain('flowtap_zeek_changes_total{zeek="a",change="connected"} 1\n');
    for (const line of metrics.body.trimEnd().split('\n'))
      expect(line).toMatch(/^(# (HELP|TYPE) flowtap_\w+ .+|flowtap_\w+(\{[^{}]+\})? [\d.e+-]+)$/);
    expect((await health(running, '/')).status).toBe(404);
    expect((await health(running, '/healthz', 'POST')).status).toBe(405);
  });

  it('shows a Zeek behind TLS its own certificate', async ({ skip }) => {
    const missing = whyNoCertificates();
    skip(missing !== null, missing ?? undefined);
    const authority = new Authority('flowtap-test');
    const { cert, key, certFile, keyFile } = authority.sign('zeek');
    const pems = { ca: authority.cert, cert, key };
    const script: Script = async (peer) => {
      await peer.subscribe();
      new Speaker(peer, new Epoch('E1')).hello();
    };
    const mock = await MockZeek.start(script, { ...pems, requestCert: true, rejectUnauthorized: true });
    mocks.push(mock);
    const tls = { ca: authority.certFile, cert: certFile, key: keyFile };
    const running = flowtap({ zeeks: [{ name: 'a', url: mock.url, tls }] });
    await running.out.with({ change: 'connected' });
    const wrong = flowtap({ zeeks: [{ name: 'a', url: mock.url, tls: { ca: 'shop.json' } }] });
    expect(await wrong.ended).toMatchObject({ code: 2 });
    expect(wrong.err.texts.at(-1)).toMatch(/shop\.json: it has no ca in PEM form; name another file$/);
    authority.stop();
  });

  it('is degraded, not failed, while one of two Zeeks is missing', async () => {
    const { url } = await greeted(new Epoch('E1'));
    const running = flowtap({
      zeeks: [
        { name: 'here', url },
        { name: 'missing', url: 'ws://127.0.0.1:1', on: { gone: { do: 'pass', after: '1ms' } } },
      ],
      health: { listen: '127.0.0.1:0' },
    });
    await running.out.with({ change: 'connected', source: 'here' });
    await running.out.with({ change: 'gone', source: 'missing' });
    const { status, body } = await health(running, '/healthz');
    expect(status).toBe(200);
    expect(JSON.parse(body)).toMatchObject({
      status: 'degraded',
      reasons: [expect.stringMatching(/^missing is gone: .*ECONNREFUSED/)],
    });
    expect((await health(running, '/metrics')).body).toContain('flowtap_zeek_up{zeek="missing"} 0\n');
  });

  it('warns of a Zeek whose address anybody on the way could use', async () => {
    const running = flowtap({
      zeeks: [
        { name: 'near', url: 'ws://127.0.0.1:1' },
        { name: 'far', url: 'ws://192.0.2.1:1' },
      ],
    });
    const warning = { message: 'it is reached neither on loopback nor over TLS: see docs/operations.md' };
    expect(await running.err.with(warning)).toMatchObject({ level: 'warn', zeek: 'far' });
    running.kill('SIGTERM');
    expect(await running.ended).toMatchObject({ code: 0 });
    expect(running.err.all.filter(({ message }) => message === warning.message)).toHaveLength(1);
  });

  it('only checks on request', async () => {
    const running = flowtap({ zeeks: [{ name: 'a', url: 'ws://127.0.0.1:1' }] }, '--check');
    expect(await running.ended).toMatchObject({ code: 0 });
    expect(running.out.texts).toEqual([]);
  });

  it.each<[string, object, RegExp]>([
    [
      'a misspelt key',
      { zeeks: [{ name: 'a', ulr: 'x' }] },
      /^flowtap: .*\d\.yaml:1:\d+: there is no key "ulr"/,
    ],
    [
      'a policy that is not there',
      { policies: ['none.ts'], zeeks: [{ name: 'a', url: 'ws://127.0.0.1:1' }] },
      /none\.ts: there is no such file; check the path$/,
    ],
    [
      'a certificate that is not there',
      { zeeks: [{ name: 'a', url: 'wss://127.0.0.1:1', tls: { ca: 'none.pem' } }] },
      /none\.pem: it cannot be read; check path and permissions$/,
    ],
    [
      'an audit in a folder that is not there',
      { zeeks: [{ name: 'a', url: 'ws://127.0.0.1:1' }], audit: { file: 'none/audit.jsonl' } },
      /audit\.jsonl: it cannot be written \(ENOENT\); create its folder/,
    ],
    [
      'an interface without a Zeek',
      { zeeks: [{ name: 'a', interface: 'flowtap0', zeek: '/nowhere/zeek' }] },
      /zeek/i,
    ],
  ])('refuses %s with one line and 2', async (_what, config, line) => {
    const running = flowtap(config);
    const { code } = await running.ended;
    expect(running.err.texts.at(-1)).toMatch(line);
    expect(code).toBe(2);
  });
});

/** Asks the address that the log names. */
async function health(
  running: Running,
  path: string,
  method = 'GET',
): Promise<{ readonly status: number; readonly body: string }> {
  const { port } = await running.err.with({ message: 'health is served' });
  const response = await fetch(`http://127.0.0.1:${String(port)}${path}`, { method });
  return { status: response.status, body: await response.text() };
}
