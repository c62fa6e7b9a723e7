// The client against a real Zeek. Enters: everything.zeek and a capture; leaves: values exact in both directions, no event lost.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { BrokerClient } from '../../src/broker/client.ts';
import type { StreamItem } from '../../src/broker/item.ts';
import type { ClientOptions } from '../../src/broker/options.ts';
import {
  address,
  boolean,
  count,
  enumeration,
  integer,
  none,
  port,
  real,
  set,
  string,
  subnet,
  table,
  timespan,
  timestamp,
  type Value,
  vector,
} from '../../src/broker/value/value.ts';
import { findZeek, freePort, ZeekProcess } from '../support/zeek-process.ts';

const SCRIPT = fileURLToPath(new URL('everything.zeek', import.meta.url));
const CAPTURE = new URL('../../pcaps/attack-bills-twice.pcap.gz', import.meta.url);
const zeek = findZeek();

const open: { stop(): Promise<unknown> }[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.stop();
});

async function start(
  number: number,
  env: Record<string, string> = {},
  args: string[] = [],
): Promise<ZeekProcess> {
  const one = new ZeekProcess(zeek ?? '', [...args, SCRIPT], { BROKER_TEST_PORT: String(number), ...env });
  open.push(one);
  return one;
}

function client(number: number, options: Partial<ClientOptions> = {}): BrokerClient {
  const reconnect = { minMs: 20, maxMs: 200, ...options.reconnect };
  const made = new BrokerClient({
    url: `ws://127.0.0.1:${number}`,
    topics: ['from/'],
    ...options,
    reconnect,
  });
  open.push({ stop: () => made.close() });
  return made;
}

async function until(
  stream: AsyncGenerator<StreamItem>,
  enough: (item: StreamItem) => boolean,
): Promise<StreamItem[]> {
  const items: StreamItem[] = [];
  for (;;) {
    const { value, done } = await stream.next();
    if (done === true || value === undefined) return items;
    items.push(value);
    if (enough(value)) return items;
  }
}

const stream = (of: BrokerClient) => of[Symbol.asyncIterator]();
const is = (name: string) => (item: StreamItem) =>
  item.kind === 'event' && item.name === `BrokerTest::${name}`;
const kind = (name: StreamItem['kind']) => (item: StreamItem) => item.kind === name;
const argsOf = (items: readonly StreamItem[], name: string): (readonly Value[])[] =>
  items.flatMap((item) => (item.kind === 'event' && item.name === `BrokerTest::${name}` ? [item.args] : []));

const send = (of: BrokerClient, name: string, ...args: Value[]): boolean =>
  of.publish({ topic: 'to/', name: `BrokerTest::${name}`, args });

// Skipped where neither ZEEK_BIN, PATH nor /opt/zeek has a zeek.
describe.skipIf(zeek === null)(zeek === null ? 'a real Zeek (skipped: no zeek found)' : 'a real Zeek', () => {
  test('every byte, number and type arrives exactly as Zeek has it', async () => {
    const number = await freePort();
    await start(number);
    const one = client(number);
    const reading = stream(one);
    await until(reading, kind('connected'));
    send(one, 'go');
    const items = await until(reading, is('number'));
    expect(items.filter((item) => item.kind !== 'event')).toEqual([]);
    const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    expect(argsOf(items, 'bytes')).toEqual([
      ...[...all].map((byte) => [string(Uint8Array.of(0x61, byte, 0x62))]),
      [string(all)],
    ]);
    expect(argsOf(items, 'reals')).toEqual([
      [real(Number.NaN), real(Number.POSITIVE_INFINITY), real(Number.NEGATIVE_INFINITY), real(0)],
    ]);
    expect(argsOf(items, 'scalars')).toEqual([
      [
        boolean(true),
        count(2n ** 64n - 1n),
        integer(-(2n ** 63n) + 1n),
        real(-1.5),
        timestamp(1_404_901_004_125_000_000n),
        timespan(1_500_000_000n),
        string('é'),
        enumeration('tcp'),
        address('2001:db8::1'),
        subnet('192.0.2.0/24'),
        port(80, 'udp'),
      ],
      [
        boolean(false),
        count(0),
        integer(0),
        real(0),
        timestamp(0n),
        timespan(0n),
        string(''),
        enumeration('unknown_transport'),
        address('0.0.0.0'),
        subnet('::/0'),
        port(0, 'unknown'),
      ],
    ]);
    expect(argsOf(items, 'composites')).toEqual([
      [
        vector(count(1), count(2)),
        set(vector(address('127.0.0.1'), port(80, 'tcp'))),
        table({ key: string('k'), value: timespan(-5000n) }),
        vector(string('n'), none),
      ],
    ]);
  });

  test('what is sent comes back as it was: all types, all bytes, the edges of 64 bits', async () => {
    const number = await freePort();
    await start(number);
    const one = client(number);
    const reading = stream(one);
    await until(reading, kind('connected'));
    const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const scalars = (c: bigint, i: bigint, d: number, s: Value): Value[] => [
      boolean(true),
      count(c),
      integer(i),
      real(d),
      timestamp(1_404_901_004_123_000_000n),
      timespan(-289_999_999n),
      s,
      enumeration('udp'),
      address('192.0.2.1'),
      subnet('2001:db8::/32'),
      port(0, 'unknown'),
    ];
    const sent = [
      scalars(2n ** 64n - 1n, 2n ** 63n - 1n, 1, string(all)),
      scalars(2n ** 53n + 1n, -(2n ** 63n), -0.25, string('"\\/\b\u0000\u000b\u001f\u007f😀\u2028')),
    ];
    for (const args of sent) send(one, 'scalars', ...args);
    const composites = [vector(), set(), table(), vector(string('n'), count(7))];
    send(one, 'composites', ...composites);
    send(one, 'reals', real(Number.NaN), real(1e300), real(-1), real(1));
    const items = await until(reading, is('reals'));
    expect(items.filter((item) => item.kind !== 'event')).toEqual([]);
    expect(argsOf(items, 'scalars')).toEqual(sent);
    expect(argsOf(items, 'composites')).toEqual([composites]);
    expect(argsOf(items, 'reals')[0]).toMatchObject([{ value: Number.NaN }, {}, { value: -1 }, { value: 1 }]);
  });

  test('an event that Zeek does not know is an error item, and the connection goes on', async () => {
    const number = await freePort();
    await start(number);
    const one = client(number);
    const reading = stream(one);
    await until(reading, kind('connected'));
    send(one, 'no_such_event');
    send(one, 'go', count(1));
    send(one, 'bytes', string('after'));
    const items = await until(reading, is('bytes'));
    expect(items).toMatchObject([
      { kind: 'error', code: 'deserialization_failed', context: 'failed to create Zeek event' },
      { kind: 'error', code: 'deserialization_failed', context: 'failed to create Zeek event' },
      { kind: 'event', args: [string('after')] },
    ]);
  });

  test('without a backend there is no ack, and the reason names what to load', async () => {
    const number = await freePort();
    await start(number, { BROKER_TEST_BACKEND: 'none' });
    const reading = stream(client(number, { ackTimeoutMs: 300 }));
    const items = await until(
      reading,
      (item) => item.kind === 'reconnecting' && item.loss.code === 'broker-no-ack',
    );
    expect(items.at(-1)).toMatchObject({
      loss: { message: expect.stringContaining('frameworks/cluster/backend/broker') },
    });
  });

  test('three thousand events under credit and a clean close: Zeek had all of them', async () => {
    const number = await freePort();
    await start(number);
    const watcher = stream(client(number));
    await until(watcher, kind('connected'));
    const one = client(number, { topics: [] });
    await until(stream(one), kind('connected'));
    for (let index = 0; index < 3000; index += 1) if (!send(one, 'number', count(index))) await one.drained();
    expect(await one.close()).toBe(true);
    expect(argsOf(await until(watcher, is('total')), 'total')).toEqual([[count(3000)]]);
  });

  test('a reader that stops for a while loses nothing that Zeek still holds', async () => {
    const number = await freePort();
    await start(number);
    const one = client(number, { inbox: { frames: 100 } });
    const reading = stream(one);
    await until(reading, kind('connected'));
    send(one, 'flood', count(20_000));
    const first = await until(reading, is('number'));
    const rest = await until(
      reading,
      (item) => item.kind === 'event' && item.args[0]?.kind === 'count' && item.args[0].value === 19_999n,
    );
    expect(argsOf([...first, ...rest], 'number')).toEqual(
      Array.from({ length: 20_000 }, (_, index) => [count(index)]),
    );
    expect(one.statistics().pauses).toBeGreaterThan(0);
  });

  test('Zeek killed and started again: loss, gap, and subscribed again without a person', async () => {
    const number = await freePort();
    const zeekOne = await start(number);
    const one = client(number);
    const reading = stream(one);
    await until(reading, kind('connected'));
    zeekOne.kill();
    await zeekOne.exited;
    const items = await until(reading, kind('lost'));
    await start(number);
    items.push(...(await until(reading, kind('connected'))));
    expect(items.map((item) => item.kind).filter((name) => name !== 'reconnecting')).toEqual([
      'lost',
      'gap',
      'connected',
    ]);
    send(one, 'bytes', string('again'));
    expect(argsOf(await until(reading, is('bytes')), 'bytes')).toEqual([[string('again')]]);
  });

  test('a capture is held until the client is there, and every connection of it arrives', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'capture-'));
    open.push({ stop: async () => rmSync(folder, { recursive: true }) });
    const capture = join(folder, 'capture.pcap');
    writeFileSync(capture, gunzipSync(readFileSync(CAPTURE)));
    const number = await freePort();
    const process = await start(number, { BROKER_TEST_SUSPEND: 'yes' }, ['-C', '-r', capture]);
    const one = client(number, { reconnect: { afterLoss: false } });
    const reading = stream(one);
    const items = await until(reading, is('file_done'));
    const seen = argsOf(items, 'seen');
    expect(seen.length).toBeGreaterThan(0);
    expect(seen).toEqual(seen.map((_, index) => [count(index + 1)]));
    expect(argsOf(items, 'file_done')).toEqual([[count(seen.length)]]);
    send(one, 'finish');
    const end = await until(reading, () => false);
    expect(end).toMatchObject([{ kind: 'lost', loss: { closeCode: 1001 } }, { kind: 'closed' }]);
    expect(await process.exited).toBe(0);
  });
});
