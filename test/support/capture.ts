// The events of a capture by the embedded sensor. Enters: a capture, perhaps a policy; leaves: events in order.
import type { Protocol } from '../../src/events/common.ts';
import type { Event } from '../../src/events/event.ts';
import type { PolicyDocument } from '../../src/policy/document.ts';
import { hintsOf } from '../../src/policy/hints.ts';
import { readPackets } from '../../src/sensor/capture/read.ts';
import { PARSERS } from '../../src/sensor/parsers.ts';
import { createSensor } from '../../src/sensor/sensor.ts';

/** Reads a whole capture with the ports that a policy declares; only for captures that fit into memory as events. */
export async function eventsOf(file: string, policy: PolicyDocument): Promise<Event[]> {
  return eventsOfCapture(file, hintsOf([policy]));
}

/** Reads a whole capture of which nothing is declared. */
export async function eventsOfCapture(
  file: string,
  hints: ReadonlyMap<string, Protocol> = new Map(),
): Promise<Event[]> {
  const events: Event[] = [];
  const sensor = createSensor({
    source: file,
    hints,
    parsers: PARSERS,
    onEvent: (event) => events.push(event),
  });
  sensor.capture(file.split('/').at(-1) ?? file);
  for await (const batch of readPackets(file)) for (const packet of batch) sensor.packet(packet);
  sensor.end();
  return events;
}
