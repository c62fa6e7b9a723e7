// The client against a real Zeek. Enters: everything.zeek and a capture; leaves: values exact in both directions, no event lost.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect } from 'vitest';
import { readPlainEvent } from '../../src/broker/message.ts';
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
import { argsOf, is, kind, kinds, stream, until } from '../support/stream-items.ts';
import { rawEvent, send, zeekTest } from '../support/zeek-lab.ts';

const CAPTURE = new URL('../../pcaps/attack-bills-twice.pcap.gz', import.meta.url);
const script = 'everything.zeek';

describe('a real Zeek', () => {
  zeekTest('every byte, number and type arrives exactly as Zeek has it', async (lab) => {
    const { client: one, items: reading } = await lab.connected(await lab.zeek({ script }));
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

  zeekTest('what is sent comes back as it was: all types, all bytes, the edges of 64 bits', async (lab) => {
    const { client: one, items: reading } = await lab.connected(await lab.zeek({ script }));
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

  zeekTest('an event that Zeek does not know is an error item, and the connection goes on', async (lab) => {
    const { client: one, items: reading } = await lab.connected(await lab.zeek({ script }));
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

  zeekTest(
    'all events that Zeek writes are in the form of the quick reader, with and without metadata',
    async (lab) => {
      for (const timed of ['T', 'F']) {
        const args = [`EventMetadata::add_network_timestamp=${timed}`];
        const zeek = await lab.zeek({ script, args });
        await lab.connected(zeek);
        const raw = await lab.rawSubscribed(zeek, ['from/']);
        raw.send(rawEvent('go', '[]'));
        let last = false;
        for (let events = 1; !last; events += 1) {
          const payload = (await raw.next())?.payload ?? Buffer.alloc(0);
          const event = readPlainEvent(payload);
          expect(event, payload.toString('latin1')).not.toBeNull();
          if (event?.kind !== 'event') throw new Error('no event');
          expect(event.metadata).toHaveLength(timed === 'T' ? 1 : 0);
          last = event.name === 'BrokerTest::number';
          if (last) expect(events).toBe(262);
        }
      }
    },
  );

  zeekTest('without a backend there is no ack, and the reason names what to load', async (lab) => {
    const zeek = await lab.zeek({ backend: 'none' });
    const reading = stream(lab.client(zeek, { ackTimeoutMs: 300 }));
    const items = await until(
      reading,
      (item) => item.kind === 'reconnecting' && item.loss.code === 'broker-no-ack',
    );
    expect(items.at(-1)).toMatchObject({
      loss: { message: expect.stringContaining('frameworks/cluster/backend/broker') },
    });
  });

  zeekTest('three thousand events under credit and a clean close: Zeek had all of them', async (lab) => {
    const zeek = await lab.zeek({ script });
    const watcher = await lab.connected(zeek);
    const { client } = await lab.connected(zeek, { topics: [] });
    for (let index = 0; index < 3000; index += 1)
      if (!send(client, 'number', count(index))) await client.drained();
    expect(await client.close()).toBe(true);
    expect(argsOf(await until(watcher.items, is('total')), 'total')).toEqual([[count(3000)]]);
  });

  zeekTest('a reader that stops for a while loses nothing that Zeek still holds', async (lab) => {
    const { client, items } = await lab.connected(await lab.zeek({ script }), { inbox: { frames: 100 } });
    send(client, 'flood', count(20_000));
    const first = await until(items, is('number'));
    const rest = await until(
      items,
      (item) => item.kind === 'event' && item.args[0]?.kind === 'count' && item.args[0].value === 19_999n,
    );
    expect(argsOf([...first, ...rest], 'number')).toEqual(
      Array.from({ length: 20_000 }, (_, index) => [count(index)]),
    );
    expect(client.statistics().pauses).toBeGreaterThan(0);
  });

  zeekTest('Zeek killed and started again: loss, gap, and subscribed again without a person', async (lab) => {
    const zeek = await lab.zeek({ script });
    const { client, items } = await lab.connected(zeek);
    zeek.process.kill();
    await zeek.process.exited;
    const seen = await until(items, kind('lost'));
    await lab.zeek({ script, port: zeek.port });
    seen.push(...(await until(items, kind('connected'))));
    expect(kinds(seen)).toEqual(['lost', 'gap', 'connected']);
    send(client, 'bytes', string('again'));
    expect(argsOf(await until(items, is('bytes')), 'bytes')).toEqual([[string('again')]]);
  });

  zeekTest('a capture is held until the client is there, and every connection of it arrives', async (lab) => {
    const folder = mkdtempSync(join(tmpdir(), 'capture-'));
    lab.defer(() => rmSync(folder, { recursive: true }));
    const capture = join(folder, 'capture.pcap');
    writeFileSync(capture, gunzipSync(readFileSync(CAPTURE)));
    const zeek = await lab.zeek({ script, set: { SUSPEND: 'yes' }, args: ['-C', '-r', capture] });
    const client = lab.client(zeek, { reconnect: { afterLoss: false } });
    const reading = stream(client);
    const items = await until(reading, is('file_done'));
    const seen = argsOf(items, 'seen');
    expect(seen.length).toBeGreaterThan(0);
    expect(seen).toEqual(seen.map((_, index) => [count(index + 1)]));
    expect(argsOf(items, 'file_done')).toEqual([[count(seen.length)]]);
    send(client, 'finish');
    const end = await until(reading, () => false);
    expect(end).toMatchObject([{ kind: 'lost', loss: { closeCode: 1001 } }, { kind: 'closed' }]);
    expect(await zeek.process.exited).toBe(0);
  });
});
