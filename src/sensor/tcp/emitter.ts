// Turns drafts into events of one flow. Enters: spans and drafts; leaves: events with time, evidence and ambiguities.
import type { AmbiguityCode } from '../../events/common.ts';
import type { EventDraft, FlowEvent } from '../../events/event.ts';
import type { Evidence, Flow, Side, Span } from '../../flow.ts';
import type { Segment } from '../segment.ts';
import { countEvent } from '../statistics.ts';
import type { Direction } from './direction.ts';
import type { Surroundings } from './surroundings.ts';

/** Writes the events of one flow. */
export class Emitter {
  readonly flow: Flow;
  readonly #around: Surroundings;
  readonly #directions: Readonly<Record<Side, Direction>>;

  constructor(flow: Flow, around: Surroundings, directions: Readonly<Record<Side, Direction>>) {
    this.flow = flow;
    this.#around = around;
    this.#directions = directions;
  }

  /** An event read from bytes of a stream; it takes over the ambiguities of those bytes. */
  emit(span: Span, draft: EventDraft): void {
    const direction = this.#directions[span.side];
    const { packets } = direction.stream;
    const found = direction.marks.find(span.start, span.end);
    const marked =
      found.length > 0 && 'ambiguities' in draft
        ? { ...draft, ambiguities: [...draft.ambiguities, ...found] }
        : draft;
    this.#send(marked, this.#evidence(span, packets.find(span.start, span.end), packets.capture));
  }

  /** An event of a segment, sent by `side`; null where time or the end of the capture caused it. */
  emitPacket(side: Side, segment: Segment | null, draft: EventDraft): void {
    const at = Math.max(0, this.#directions[side].stream.next);
    const packets = segment === null ? [] : [segment.packet];
    const capture = segment?.capture ?? this.#around.capture;
    this.#send(draft, this.#evidence({ side, start: at, end: at }, packets, capture));
  }

  /** Bytes that can be taken two ways: marks them, and says so with the packets that differ. */
  ambiguity(span: Span, code: AmbiguityCode, detail: string, packets: readonly number[]): void {
    this.#directions[span.side].marks.add(code, detail, span.start, span.end);
    const numbers = [...new Set(packets)].sort((a, b) => a - b);
    this.#send({ kind: 'ambiguity', code, detail }, this.#evidence(span, numbers, this.#around.capture));
  }

  #evidence(span: Span, packets: readonly number[], capture: number): Evidence {
    const name = this.#around.captures[capture] ?? this.#around.captures[this.#around.capture] ?? null;
    return {
      flow: this.flow.id,
      side: span.side,
      start: span.start,
      end: span.end,
      ts: this.#around.now,
      capture: name,
      packets: name === null ? [] : packets,
    };
  }

  #send(draft: EventDraft, at: Evidence): void {
    // Drafts are made for this call alone, so that they may become the event: copying them costs more than reading them.
    const event = Object.assign(draft, { ts: at.ts, flow: this.flow, at }) as FlowEvent;
    countEvent(event, this.#around.statistics);
    this.#around.onEvent(event);
  }
}
