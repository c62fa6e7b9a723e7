// One value of an event changed, so that it is still an event that a sensor could make. Enters: an event, numbers; leaves: another.
import type { FlowEvent } from '../../../src/events/event.ts';

/** Fields whose values are of a closed list, and what says where in the traffic something was. */
const FIXED: ReadonlySet<string> = new Set([
  'kind',
  'state',
  'type',
  'code',
  'how',
  'cause',
  'protocol',
  'dialect',
  'outcome',
  'via',
  'flow',
  'at',
  'ts',
  'lasting',
]);

const TEXTS = [
  '',
  'alice',
  'bob',
  '7',
  '-1',
  '1e999',
  'x'.repeat(5000),
  '__proto__',
  'constructor',
  '\0',
  '/../a',
  '%2e',
  "' OR 1=1 --",
  'é',
  '\ud800',
  'SELECT 1; DROP TABLE dvds',
  'rollback',
  'begin',
  'rentals',
];
const NUMBERS = [0, 1, 2, 200, 404, 65_535, 2 ** 31, Number.MAX_SAFE_INTEGER];
const BIGINTS = [0n, 1n, 2n, 2n ** 63n, 2n ** 64n - 1n];
const BODIES = [
  '',
  '{}',
  '{"user":"bob","dvd":7}',
  '{"user":"alice","user":"bob"}',
  '[['.repeat(3000),
  '\xff',
  '{"amount":1e999,"contract":null}',
];

/** @param which the value, counted over all that can be changed; @param what the new one */
export function changeEvent(event: FlowEvent, which: number, what: number, more: number): FlowEvent {
  const changed = structuredClone(event);
  const places: (() => void)[] = [];
  collect(changed, what + more, places);
  places[(which << 2) % Math.max(places.length, 1)]?.();
  places[more % Math.max(places.length, 1)]?.();
  return { ...changed, flow: event.flow, at: event.at };
}

function collect(value: unknown, what: number, places: (() => void)[]): void {
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return;
  if (Array.isArray(value)) {
    places.push(
      () => value.push(...value.slice(0, 1)),
      () => value.splice(what % Math.max(value.length, 1), 1),
    );
    for (const each of value) collect(each, what, places);
    return;
  }
  const object = value as Record<string, unknown>;
  for (const [key, each] of Object.entries(object)) {
    // The name of an AMQP method is of a closed list, that of a header or a statement is not.
    if (FIXED.has(key) || (key === 'name' && typeof each === 'string' && /^[a-z]+\.[a-z-]+$/.test(each)))
      continue;
    const other = replacement(each, what);
    if (other !== undefined) places.push(() => Object.assign(object, { [key]: other }));
    else collect(each, what, places);
  }
}

/** Another value of the same type; undefined for what has parts of its own. */
function replacement(value: unknown, what: number): unknown {
  switch (typeof value) {
    case 'string':
      return TEXTS[what % TEXTS.length];
    case 'number':
      return NUMBERS[what % NUMBERS.length];
    case 'bigint':
      return BIGINTS[what % BIGINTS.length];
    case 'boolean':
      return !value;
    default:
      return ArrayBuffer.isView(value)
        ? new Uint8Array(Buffer.from(BODIES[what % BODIES.length] ?? '', 'latin1'))
        : undefined;
  }
}
