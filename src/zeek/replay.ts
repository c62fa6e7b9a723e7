// Replays captures through Zeek. Enters: paths; leaves: batches of events, as the embedded sensor's replay gives them.
import { createReadStream, createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { BrokerClient } from '../broker/client.ts';
import { BrokerError } from '../broker/failure.ts';
import { InputError } from '../errors.ts';
import type { Protocol } from '../events/common.ts';
import type { Event } from '../events/event.ts';
import type { SensorLimits } from '../sensor/parser.ts';
import type { SensorStatistics } from '../sensor/statistics.ts';
import { launchZeek } from './launch.ts';
import { EVENT_TOPIC } from './report.ts';
import { type ZeekNotice, ZeekSource, type ZeekStatistics } from './source.ts';

export interface ZeekReplayOptions {
  readonly hints: ReadonlyMap<string, Protocol>;
  readonly limits?: Partial<SensorLimits>;
  readonly zeek?: string;
  readonly onNotice?: (notice: ZeekNotice) => void;
  /** Told what Zeek writes. */
  readonly onLog?: (line: string) => void;
  /** Told once for each capture, before its first packet; the objects go on counting. */
  readonly onStatistics?: (statistics: Readonly<SensorStatistics>, zeek: Readonly<ZeekStatistics>) => void;
}

/**
 * Yields the events of captures, each read by a Zeek of its own, one after another: no flow goes on in the next. The last
 * event is `source-end`.
 * @throws InputError when Zeek is missing or ends before the capture does
 */
export async function* replayZeek(
  files: readonly string[],
  options: ZeekReplayOptions,
): AsyncGenerator<readonly Event[], void, void> {
  for (const [i, file] of files.entries()) {
    const last = i === files.length - 1;
    for await (const events of replayOne(file, options))
      yield last ? events : events.filter(({ kind }) => kind !== 'source-end');
  }
}

async function* replayOne(
  file: string,
  options: ZeekReplayOptions,
): AsyncGenerator<readonly Event[], void, void> {
  let events: Event[] = [];
  const source = new ZeekSource({
    name: file,
    hints: options.hints,
    ...(options.limits === undefined ? {} : { limits: options.limits }),
    onEvent: (event) => events.push(event),
    onNotice: (notice) => options.onNotice?.(notice),
  });
  options.onStatistics?.(source.statistics, source.zeek);
  const plain = await unpacked(file);
  const zeek = await launchZeek({
    ...(options.zeek === undefined ? {} : { zeek: options.zeek }),
    node: 'replay',
    capture: plain.path,
    onLog: (line) => options.onLog?.(line),
  });
  const client = new BrokerClient({
    url: zeek.url,
    topics: [EVENT_TOPIC],
    applicationName: 'flowtap-replay',
    maxMessageBytes: 64 << 20,
    reconnect: { minMs: 20, maxMs: 200, attempts: 600, afterLoss: false },
  });
  // A Zeek that cannot start would leave the client trying.
  const early = zeek.exited.then(() => client.close());
  try {
    for await (const item of client) {
      for (const answer of source.take(item)) client.publish(answer);
      if (events.length >= BATCH || source.ended) {
        yield events;
        events = [];
      }
    }
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error;
  } finally {
    if (!source.ended) await zeek.stop();
    await early;
    plain.remove();
  }
  const whole = source.ended;
  source.end();
  yield events;
  if (whole) return;
  const { code, signal, errors } = await zeek.exited;
  const how = signal === null ? `with ${code}` : `by ${signal}`;
  throw new InputError(
    'capture-unreadable',
    { file },
    `Zeek ended ${how} before the capture did${errors === '' ? '' : `: ${errors.split('\n').at(-1)}`}`,
    'look at the capture with the embedded sensor (--sensor embedded)',
  );
}

const BATCH = 1000;

/** Zeek reads no compressed captures. */
async function unpacked(file: string): Promise<{ readonly path: string; remove(): void }> {
  const head = createReadStream(file, { end: 1 });
  const [first] = (await head.toArray()) as readonly Buffer[];
  // The magic number of gzip (RFC 1952 section 2.3.1), as for the embedded sensor: names may say anything.
  if (first?.[0] !== 0x1f || first[1] !== 0x8b) return { path: file, remove: () => {} };
  const folder = mkdtempSync(join(tmpdir(), 'flowtap-capture-'));
  const path = join(folder, basename(file, '.gz'));
  try {
    await pipeline(createReadStream(file), createGunzip(), createWriteStream(path));
  } catch (cause) {
    rmSync(folder, { recursive: true, force: true });
    throw new InputError(
      'capture-malformed',
      { file },
      'it is not whole, or no gzip',
      'copy the capture again',
      { cause },
    );
  }
  return { path, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
