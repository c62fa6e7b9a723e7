// Events in another order, with times that fit. Enters: events with changes; leaves: a new list of events.
import type { Event, FlowEvent } from '../../events/event.ts';
import type { FlowId, Micros } from '../../flow.ts';

/** One event of a new list. */
interface Entry {
  readonly event: Event;
  /** Where it stood; null for one that is new. */
  readonly index: number | null;
  /** Microseconds after the event before it; null for what they were, or a little between events that were not neighbours. */
  readonly after: Micros | null;
}

/** Between events that were not neighbours: less than any clock or window could tell. */
const LITTLE: Micros = 10;

/** A list of events under change. Every change gives a new one. */
export class Timeline {
  readonly #entries: readonly Entry[];

  private constructor(entries: readonly Entry[]) {
    this.#entries = entries;
  }

  static of(events: readonly Event[]): Timeline {
    return new Timeline(events.map((event, index) => ({ event, index, after: null })));
  }

  /** Puts other events in the place of one. */
  replace(index: number, ...events: readonly Event[]): Timeline {
    return new Timeline(
      this.#entries.flatMap((entry) =>
        entry.index !== index
          ? [entry]
          : events.map((event, i) => ({ event, index: i === 0 ? index : null, after: null })),
      ),
    );
  }

  without(indexes: readonly number[]): Timeline {
    return new Timeline(this.#entries.filter(({ index }) => index === null || !indexes.includes(index)));
  }

  /**
   * Moves events, in their order, before another one, with `gap` microseconds between the last of them and it; null for
   * hardly any.
   */
  moveBefore(indexes: readonly number[], target: number, gap: Micros | null): Timeline {
    const moved = this.#taken(indexes, LITTLE);
    return new Timeline(
      this.without(indexes).#entries.flatMap((entry) =>
        entry.index === target ? [...moved, gap === null ? entry : { ...entry, after: gap }] : [entry],
      ),
    );
  }

  /** Moves events behind another one, with `gap` microseconds before them. */
  moveBehind(indexes: readonly number[], target: number, gap: Micros): Timeline {
    const moved = this.#taken(indexes, gap);
    return new Timeline(
      this.without(indexes).#entries.flatMap((entry) =>
        entry.index === target ? [entry, ...moved] : [entry],
      ),
    );
  }

  /** Puts new events behind one that stays. */
  insertBehind(events: readonly Event[], target: number): Timeline {
    const added = events.map((event) => ({ event, index: null, after: null }));
    return new Timeline(
      this.#entries.flatMap((entry) => (entry.index === target ? [entry, ...added] : [entry])),
    );
  }

  /** Lets these events follow each other at once. */
  hurry(indexes: readonly number[]): Timeline {
    return new Timeline(
      this.#entries.map((entry) =>
        entry.index !== null && indexes.includes(entry.index) && entry.after === null
          ? { ...entry, after: LITTLE }
          : entry,
      ),
    );
  }

  /** The events with new times: neighbours keep their distance. */
  events(): readonly Event[] {
    const events: Event[] = [];
    let before: { readonly entry: Entry; readonly ts: Micros } | null = null;
    for (const entry of this.#entries) {
      const ts: Micros = before === null ? entry.event.ts : before.ts + distance(before.entry, entry);
      events.push(retimed(entry.event, ts));
      before = { entry, ts };
    }
    return events;
  }

  #taken(indexes: readonly number[], gap: Micros): readonly Entry[] {
    return this.#entries
      .filter(({ index }) => index !== null && indexes.includes(index))
      .map((entry, i) => (i === 0 ? { ...entry, after: gap } : entry));
  }
}

function distance(before: Entry, entry: Entry): Micros {
  if (entry.after !== null) return entry.after;
  const neighbours = before.index !== null && entry.index === before.index + 1;
  return neighbours ? Math.max(0, entry.event.ts - before.event.ts) : LITTLE;
}

function retimed(event: Event, ts: Micros): Event {
  return event.kind === 'source-end' ? { ...event, ts } : { ...event, ts, at: { ...event.at, ts } };
}

/** Bytes and counts that no honest stream of a capture reaches. */
const FAR = 2 ** 40;

/** The same events once more, as a client would send them again: at another place of the stream, under other numbers. */
export function again(events: readonly Event[]): readonly Event[] {
  return events.map((event) => {
    if (event.kind === 'source-end') return event;
    const copy: FlowEvent = {
      ...event,
      at: { ...event.at, start: event.at.start + FAR, end: event.at.end + FAR },
    };
    switch (copy.kind) {
      case 'http-request':
        return { ...copy, exchange: copy.exchange + FAR };
      case 'http-response':
        return { ...copy, exchange: copy.exchange === null ? null : copy.exchange + FAR };
      case 'sql-statement':
      case 'sql-command':
        return { ...copy, request: copy.request + FAR };
      case 'sql-result':
        return { ...copy, request: copy.request === null ? null : copy.request + FAR };
      case 'amqp-method': {
        const { method } = copy;
        return 'deliveryTag' in method
          ? { ...copy, method: { ...method, deliveryTag: method.deliveryTag + BigInt(FAR) } }
          : copy;
      }
      default:
        return copy;
    }
  });
}

/** The same events on a connection that somebody else opens; its first packet comes first. */
export function fromElsewhere(
  event: FlowEvent,
  ip: string,
  others: readonly FlowEvent[],
): readonly FlowEvent[][] {
  const flow = { ...event.flow, id: `${event.flow.id}/${ip}` as FlowId, orig: { ...event.flow.orig, ip } };
  const move = (each: FlowEvent): FlowEvent => ({ ...each, flow, at: { ...each.at, flow: flow.id } });
  const at = { ...event.at, flow: flow.id, side: 'orig', start: 0, end: 0 } as const;
  const attempt: FlowEvent = { kind: 'connection-attempt', ts: event.ts, flow, at };
  return [[attempt, move(event)], ...others.map((other) => [move(other)])];
}
