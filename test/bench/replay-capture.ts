// A whole replay, and its two halves, for measurements. Enters: a capture; leaves: counts, events, seconds.
import policy from '../../policies/dvd-rental.ts';
import { createEngine } from '../../src/engine.ts';
import type { Event } from '../../src/events/event.ts';
import { hintsOf } from '../../src/policy/hints.ts';
import { readPackets } from '../../src/sensor/capture/read.ts';
import { PARSERS } from '../../src/sensor/parsers.ts';
import { createSensor } from '../../src/sensor/sensor.ts';

/** Packets to verdicts. @throws Error when the capture is not as honest as it has to be for a measurement */
export async function replayCapture(file: string): Promise<{ packets: number; verdicts: number }> {
  const engine = await createEngine({ policies: [policy], containment: 'forward' });
  const packets = await readEvents(file, (event) => {
    engine.handle(event);
  });
  const { pass, drop, indeterminate } = engine.statistics.verdicts;
  if (drop + indeterminate > 0) throw new Error(`${drop} drops and ${indeterminate} indeterminate verdicts`);
  return { packets, verdicts: pass };
}

/** Packets to events, kept in memory. */
export async function collectEvents(file: string): Promise<readonly Event[]> {
  const events: Event[] = [];
  await readEvents(file, (event) => events.push(event));
  return events;
}

/** Events to verdicts. */
export async function decideAll(events: readonly Event[]): Promise<{ seconds: number; verdicts: number }> {
  const engine = await createEngine({ policies: [policy], containment: 'forward' });
  const started = process.hrtime.bigint();
  for (const event of events) engine.handle(event);
  const seconds = Number(process.hrtime.bigint() - started) / 1e9;
  return { seconds, verdicts: engine.statistics.verdicts.pass };
}

async function readEvents(file: string, onEvent: (event: Event) => void): Promise<number> {
  const sensor = createSensor({ source: file, hints: hintsOf([policy]), parsers: PARSERS, onEvent });
  sensor.capture('bench');
  for await (const batch of readPackets(file)) for (const packet of batch) sensor.packet(packet);
  sensor.end();
  return sensor.statistics.packets;
}
