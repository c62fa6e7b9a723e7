// What the engine says to Zeek's scripts. Enters: declared services, limits; leaves: events to publish.
import { createHash } from 'node:crypto';
import type { ZeekEvent } from '../broker/message.ts';
import { count, string, subnet, table, type Value, vector } from '../broker/value/value.ts';
import type { Protocol } from '../events/common.ts';
import type { SensorLimits } from '../sensor/parser.ts';
import { CONTROL_TOPIC } from './report.ts';

type Hints = ReadonlyMap<string, Protocol>;

function control(name: string, ...args: readonly Value[]): ZeekEvent {
  return { topic: CONTROL_TOPIC, name: `FlowTap::${name}`, args };
}

/** Ports and what they speak, as `8080/http`; Zeek knows a service by its port alone. */
function servicesOf(hints: Hints): readonly string[] {
  const services = [...hints].map(
    ([endpoint, protocol]) => `${endpoint.slice(endpoint.lastIndexOf(':') + 1)}/${protocol}`,
  );
  return [...new Set(services)].sort();
}

/** Names a configuration: Zeek says in its hello which one it follows. */
export function identify(hints: Hints, limits: Partial<SensorLimits>, hosts: readonly string[]): string {
  return createHash('sha256')
    .update(JSON.stringify([servicesOf(hints), limits, hosts]))
    .digest('hex')
    .slice(0, 16);
}

/** Which ports speak what, whose connections matter (none named: all), and how much of them. */
export function configure(
  id: string,
  hints: Hints,
  limits: SensorLimits,
  hosts: readonly string[] = [],
): ZeekEvent {
  return control(
    'configure',
    string(id),
    vector(...servicesOf(hints).map((service) => string(service))),
    vector(...hosts.map((host) => subnet(host))),
    table(
      ...(['body', 'statement', 'rows'] as const).map((name) => ({
        key: string(name),
        value: count(limits[name]),
      })),
      { key: string('connections'), value: count(limits.flows) },
    ),
  );
}

/** Packets of a capture may come. */
export function resume(): ZeekEvent {
  return control('resume');
}

/** Reports up to this number were taken. */
export function credit(n: bigint): ZeekEvent {
  return control('credit', count(n));
}

/** The capture was read to its end. */
export function finish(): ZeekEvent {
  return control('finish');
}
