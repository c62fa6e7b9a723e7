// Events in a form in which two sensors can be compared. Enters: events; leaves: lines, by flow.
import type { Event, FlowEvent } from '../../src/events/event.ts';
import { formatEndpoint } from '../../src/flow.ts';

/**
 * What both sensors must agree on, a line an event, by flow; flows between the same endpoints are told apart by their order.
 * Left out: names of flows, packet numbers, and sentences for people. Within a flow each side's events keep their order; how
 * the two sides interleave depends on when each sensor is sure that bytes are missing.
 */
export function normalise(events: readonly Event[]): ReadonlyMap<string, readonly string[]> {
  const names = new Map<string, string>();
  const seen = new Map<string, number>();
  const lines = new Map<string, string[]>();
  for (const event of events) {
    if (event.kind === 'source-end') continue;
    const { flow } = event;
    let name = names.get(flow.id);
    if (name === undefined) {
      const ends = `${formatEndpoint(flow.orig)} ${formatEndpoint(flow.resp)} ${flow.vlans.join('.')}`;
      const times = (seen.get(ends) ?? 0) + 1;
      seen.set(ends, times);
      name = `${ends} #${times}`;
      names.set(flow.id, name);
      lines.set(name, []);
    }
    if (!saysNothing(event)) lines.get(name)?.push(lineOf(event));
  }
  return lines;
}

/** Midstream, a connection is established when both sides were seen; Zeek does not tell of sides that say nothing. */
function saysNothing(event: FlowEvent): boolean {
  return event.kind === 'connection-established' && event.flow.midstream;
}

function lineOf(event: FlowEvent): string {
  const { flow, at, ts, ...rest } = event;
  const shown = JSON.stringify(rest, (key, value: unknown) => {
    if (key === 'detail') return undefined;
    if (typeof value === 'bigint') return `${value}n`;
    if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1');
    if (value instanceof Map) return [...value];
    if (isBuffer(value)) return Buffer.from(value.data).toString('latin1');
    return value;
  });
  // How many bytes were there when it was clear that none will be read depends on how they came.
  const placeless =
    event.kind.startsWith('connection') ||
    // Zeek does not say where bytes differ, only that they do.
    event.kind === 'ambiguity' ||
    (event.kind === 'analysis-lost' && event.lasting);
  const where = placeless ? '' : `${at.side} ${at.start}-${at.end} `;
  return `${flow.midstream ? 'midstream ' : ''}${where}${ts} ${shown}`;
}

function isBuffer(value: unknown): value is { readonly data: readonly number[] } {
  return typeof value === 'object' && value !== null && (value as { type?: unknown }).type === 'Buffer';
}

/** The first lines of each flow in which two streams differ; none when they are equal. */
export function differences(
  one: ReadonlyMap<string, readonly string[]>,
  two: ReadonlyMap<string, readonly string[]>,
): readonly string[] {
  const found: string[] = [];
  for (const name of new Set([...one.keys(), ...two.keys()])) {
    const [a, b] = [one.get(name) ?? [], two.get(name) ?? []];
    const at = a.findIndex((line, i) => line !== b[i]);
    const from = at < 0 ? (a.length === b.length ? -1 : a.length) : at;
    if (from >= 0) found.push(`${name}\n  - ${a[from] ?? '(nothing)'}\n  + ${b[from] ?? '(nothing)'}`);
  }
  return found;
}
