// Replays capture files through a sensor. Enters: paths; leaves: batches of events in the order of the packets.
import { InputError } from '../errors.ts';
import type { Event } from '../events/event.ts';
import { type OnProgress, readPackets } from './capture/read.ts';
import { createSensor, type Sensor, type SensorOptions } from './sensor.ts';
import type { SensorStatistics } from './statistics.ts';

/**
 * Gives all packets of a capture to a sensor; flows may go on in the next capture. Throws InputError; with
 * `capture-truncated` the packets before the cut were given.
 */
export async function readCapture(file: string, sensor: Sensor, onProgress?: OnProgress): Promise<void> {
  sensor.capture(file);
  for await (const batch of readPackets(file, onProgress)) {
    for (const packet of batch) sensor.packet(packet);
  }
}

export interface ReplayOptions extends Omit<SensorOptions, 'onEvent' | 'source'> {
  /** Told the file, and the bytes of it read so far and in all (null for a pipe). */
  readonly onProgress?: (file: string, done: number, total: number | null) => void;
  /** Told once, before the first packet: the object goes on counting, so that it is right also when reading stops early. */
  readonly onStatistics?: (statistics: Readonly<SensorStatistics>) => void;
}

/**
 * Yields the events of captures, read one after another as one source, in batches; the last is `source-end`. Throws
 * InputError; a capture that is cut or malformed midway still gives the events before that place, and `source-end`.
 */
export async function* replay(
  files: readonly string[],
  options: ReplayOptions,
): AsyncGenerator<readonly Event[], void, void> {
  let events: Event[] = [];
  const sensor = createSensor({
    ...options,
    source: files.join(', '),
    onEvent: (event) => events.push(event),
  });
  options.onStatistics?.(sensor.statistics);
  const take = (): readonly Event[] => {
    const taken = events;
    events = [];
    return taken;
  };
  let failure: InputError | null = null;
  for (const file of files) {
    sensor.capture(file);
    try {
      const progress = (done: number, total: number | null): void => options.onProgress?.(file, done, total);
      for await (const batch of readPackets(file, progress)) {
        for (const packet of batch) sensor.packet(packet);
        if (events.length > 0) yield take();
      }
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      failure = error;
      break;
    }
  }
  sensor.end();
  yield take();
  if (failure !== null) throw failure;
}
