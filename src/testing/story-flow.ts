// One connection of a story. Enters: drafts of events; leaves: events with their time, flow and place in the stream.
import type { Event, EventDraft, FlowEvent } from '../events/event.ts';
import type { Evidence, Flow, FlowId, Micros, Side } from '../flow.ts';

/** The one clock and the one list that all connections of a story write to. */
export interface Tape {
  readonly events: Event[];
  /** The time of the next event; each call lets a little time pass. */
  tick(): Micros;
}

/** Bytes that each event of a story takes up in its stream. */
const LENGTH = 100;

export class StoryFlow {
  readonly flow: Flow;
  readonly #tape: Tape;
  readonly #offsets: Record<Side, number> = { orig: 0, resp: 0 };
  /** Requests that await their answers. */
  waiting = 0;
  open = true;
  exchange = 0;
  request = 0;
  tag = 0n;
  readonly consumers = new Map<string, string>();

  constructor(tape: Tape, number: number, from: string, to: { readonly ip: string; readonly port: number }) {
    this.#tape = tape;
    this.flow = {
      id: `s${number}` as FlowId,
      orig: { ip: from, port: 32_768 + (number % 28_000) },
      resp: to,
      vlans: [],
      seenAt: 'story',
      midstream: false,
    };
    this.add('orig', { kind: 'connection-attempt' });
    this.add('resp', { kind: 'connection-established' });
  }

  add(side: Side, draft: EventDraft): void {
    const start = this.#offsets[side];
    const ts = this.#tape.tick();
    const length = draft.kind.startsWith('connection-') ? 0 : LENGTH;
    this.#offsets[side] = start + length;
    const at: Evidence = {
      flow: this.flow.id,
      side,
      start,
      end: start + length,
      ts,
      capture: 'story',
      packets: [this.#tape.events.length + 1],
    };
    this.#tape.events.push({ ...draft, ts, flow: this.flow, at } as FlowEvent);
  }

  close(): void {
    if (this.open) this.add('orig', { kind: 'connection-end', how: 'fin' });
    this.open = false;
    this.waiting = 0;
  }
}
