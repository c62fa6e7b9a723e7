// Replaying capture files. Enters: one or several files; leaves: all events in batches, `source-end`, then the error if any.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { InputError } from '../../src/errors.ts';
import type { Event } from '../../src/events/event.ts';
import type { ParserFactory } from '../../src/sensor/parser.ts';
import { type ReplayOptions, readCapture, replay } from '../../src/sensor/replay.ts';
import type { SensorStatistics } from '../../src/sensor/statistics.ts';
import { Conversation, pcapFile } from '../support/packets.ts';
import { openSensor, summary } from '../support/sensing.ts';

const folder = mkdtempSync(join(tmpdir(), 'replay-'));
afterAll(() => rmSync(folder, { recursive: true }));

const silent: ParserFactory = () => ({ protocol: 'http', data() {}, lost() {}, elided() {}, end() {} });
const parsers = { http: silent, amqp: silent, postgres: silent, mysql: silent };
const TALK = new Conversation().open().send('client', 'GET / HTTP/1.1\r\n\r\n').close().frames;

function file(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

async function all(
  files: readonly string[],
  options: Partial<ReplayOptions> = {},
): Promise<{ events: Event[]; error: unknown }> {
  const events: Event[] = [];
  try {
    for await (const batch of replay(files, { parsers, ...options })) events.push(...batch);
  } catch (error) {
    return { events, error };
  }
  return { events, error: null };
}

describe('a replay', () => {
  it('goes on with a connection in the next capture, and names the capture that each packet is in', async () => {
    const one = file('one.pcap', pcapFile(TALK.slice(0, 4)));
    const two = file('two.pcap', pcapFile(TALK.slice(4)));
    const { events, error } = await all([one, two]);
    expect(error).toBeNull();
    expect(
      events.map((event) => ('at' in event ? [event.at.capture, event.at.packets] : event.kind)),
    ).toEqual([[one, [1]], [one, [2]], [two, [3]], 'source-end']);
  });

  it('gives what was before a cut, ends the source, and only then throws', async () => {
    const whole = pcapFile(TALK);
    const cut = file('cut.pcap', whole.subarray(0, whole.length - 5));
    const { events, error } = await all([cut]);
    expect(summary(events)).toEqual([
      'connection-attempt',
      'connection-established',
      'connection-end fin',
      'source-end',
    ]);
    expect(error).toBeInstanceOf(InputError);
    expect(error).toMatchObject({ code: 'capture-truncated' });
  });

  it('tells its progress and its statistics', async () => {
    const path = file('whole.pcap', pcapFile(TALK));
    const seen: (number | null)[][] = [];
    const statistics: Readonly<SensorStatistics>[] = [];
    await all([path], {
      onProgress: (_, done, total) => seen.push([done, total]),
      onStatistics: (value) => statistics.push(value),
    });
    const size = pcapFile(TALK).length;
    expect(seen.at(-1)).toEqual([size, size]);
    expect(statistics[0]).toMatchObject({ packets: TALK.length, flows: 1 });
  });

  it('feeds a sensor that somebody else made', async () => {
    const { sensor, result } = openSensor({ capture: null });
    await readCapture(file('again.pcap', pcapFile(TALK)), sensor);
    sensor.end();
    expect(result().statistics.packets).toBe(TALK.length);
  });
});
