// One connection as Zeek tells of it. Enters: its reports; leaves: events, read by the parsers of the embedded sensor.
import type { Ambiguity, AmbiguityCode, Protocol } from '../events/common.ts';
import type { EventDraft, FlowEvent } from '../events/event.ts';
import { type Flow, type Micros, otherSide, type Side, type Span } from '../flow.ts';
import { evictionOf, gapOf, unseenOf } from '../sensor/losses.ts';
import type { SensorLimits, StreamEnd } from '../sensor/parser.ts';
import type { Selector } from '../sensor/select.ts';
import { countEvent, type SensorStatistics } from '../sensor/statistics.ts';
import type { UndecidedReader } from '../sensor/undecided.ts';
import { Claims } from './claims.ts';
import type { Body } from './report.ts';

/** What all connections of a source share. */
export interface Surroundings {
  readonly limits: SensorLimits;
  /** Of connections that begin from now on. */
  selector: Selector;
  readonly statistics: SensorStatistics;
  readonly onEvent: (event: FlowEvent) => void;
  /** The time of the report in work. */
  now: Micros;
}

const NO_PACKETS: readonly number[] = [];

/** Follows one connection. Its streams are put together by where each report says that its bytes stand. */
export class ZeekFlow {
  readonly flow: Flow;
  readonly #around: Surroundings;
  /** Zeek's originator is our responder: it saw the connection begin in its middle, and guessed otherwise. */
  #turned: boolean;
  readonly #claims = new Claims();
  /** Up to where each side was read; null before its first byte of a connection that began unseen. */
  readonly #position: Record<Side, number | null>;
  readonly #ended: Record<Side, boolean> = { orig: false, resp: false };
  /** TCP's own doubts, for the next message of either side that ends. */
  #doubts: Ambiguity[] = [];
  #reader: UndecidedReader | null = null;
  #done = false;
  #established = false;
  readonly #heard: Record<Side, boolean> = { orig: false, resp: false };

  constructor(flow: Flow, turned: boolean, around: Surroundings) {
    this.flow = flow;
    this.#turned = turned;
    this.#around = around;
    const start = flow.midstream ? null : 0;
    this.#position = { orig: start, resp: start };
  }

  /** What is being parsed, or null. */
  get protocol(): Protocol | null {
    return this.#reader?.protocol ?? null;
  }

  begin(): void {
    this.#emitHere('orig', { kind: 'connection-attempt' });
  }

  /** Zeek has found out who opened the connection: its sides have changed their names. */
  flip(): void {
    this.#turned = !this.#turned;
  }

  established(): void {
    if (this.#established) return;
    this.#established = true;
    this.#emitHere('resp', { kind: 'connection-established' });
  }

  /** Bytes of a side, the first of which are there. Those that came before are passed over. */
  data({ side: told, start, raw, length, reading, about }: Extract<Body, { kind: 'data' }>): void {
    const side = this.#sideOf(told);
    const position = this.#position[side] ?? start;
    // Also of no bytes: what was read of a message whose beginning has come already.
    this.#claims.add(side, start, reading, about);
    if (start + length <= position) return;
    if (start > position) this.#gap(side, position, start);
    const known = Math.max(0, position - start);
    const bytes = raw.subarray(known);
    const from = start + known;
    const end = start + length;
    this.#position[side] = end;
    this.#seen(side);
    const reader = this.#open();
    this.#around.statistics.readBytes += bytes.length;
    if (bytes.length > 0) reader.data(side, from, bytes);
    const rest = from + bytes.length;
    if (rest < end) reader.elided(side, rest, end - rest);
  }

  /** Midstream, a connection is established once both sides were seen. */
  #seen(side: Side): void {
    if (!this.flow.midstream || this.#established) return;
    this.#heard[side] = true;
    if (this.#heard.orig && this.#heard.resp) this.established();
  }

  /** Bytes that will never come. */
  lost(told: Side, start: number, length: number): void {
    const side = this.#sideOf(told);
    const position = this.#position[side] ?? start;
    // What a grammar held back of a message that it could not finish is lost with them.
    if (start + length > position) this.#gap(side, position, start + length);
  }

  /** A side's FIN. */
  sideEnd(told: Side): void {
    this.#endSide(this.#sideOf(told), 'fin');
  }

  ambiguity(code: AmbiguityCode, detail: string): void {
    this.#doubts.push({ code, detail });
    this.#emitHere('orig', { kind: 'ambiguity', code, detail });
  }

  /** Reports of it were lost on their way: something may have been said and answered that nobody judged. */
  unseen(detail: string): void {
    this.#emitHere('orig', unseenOf(detail, this.protocol));
  }

  /** Nothing more will come. */
  end(how: StreamEnd): void {
    if (this.#done) return;
    this.#endSide('orig', how);
    this.#endSide('resp', how);
    if (how === 'evicted') {
      this.#emitHere('orig', evictionOf(this.protocol));
    }
    this.#emitHere('orig', { kind: 'connection-end', how });
    this.#done = true;
  }

  #sideOf(told: Side): Side {
    return this.#turned ? otherSide(told) : told;
  }

  #open(): UndecidedReader {
    if (this.#reader !== null) return this.#reader;
    const { limits, selector } = this.#around;
    const context = {
      flow: this.flow,
      limits,
      emit: (span: Span, draft: EventDraft) => this.#emitRead(span, draft),
    };
    this.#reader = selector.open(context, () => {});
    for (const side of ['orig', 'resp'] as const) if (this.#ended[side]) this.#reader.end(side, 'fin');
    return this.#reader;
  }

  #gap(side: Side, start: number, end: number): void {
    this.#position[side] = end;
    this.#around.statistics.lostBytes += end - start;
    this.#emit({ side, start, end }, gapOf(end - start, this.protocol));
    this.#open().lost(side, start, end - start);
  }

  #endSide(side: Side, how: StreamEnd): void {
    if (this.#ended[side]) return;
    this.#ended[side] = true;
    this.#reader?.end(side, how);
  }

  /** An event that a parser read. Where Zeek's grammar read the same bytes otherwise, it is not sure what they are. */
  #emitRead(span: Span, draft: EventDraft): void {
    const detail = this.#claims.disagreement(span, draft);
    if (detail !== null) this.#doubts.push({ code: 'readers-disagree', detail });
    if (this.#doubts.length === 0 || !('ambiguities' in draft)) {
      this.#emit(span, draft);
      return;
    }
    const ambiguities = [...draft.ambiguities, ...this.#doubts];
    this.#doubts = [];
    this.#emit(span, { ...draft, ambiguities });
  }

  #emitHere(side: Side, draft: EventDraft): void {
    const at = this.#position[side] ?? 0;
    this.#emit({ side, start: at, end: at }, draft);
  }

  #emit(span: Span, draft: EventDraft): void {
    const { now: ts, statistics, onEvent } = this.#around;
    const at = {
      side: span.side,
      start: span.start,
      end: span.end,
      flow: this.flow.id,
      ts,
      capture: null,
      packets: NO_PACKETS,
    };
    // Drafts are made for this call alone, so that they may become the event: copying them is what reading costs most.
    const event = Object.assign(draft, { ts, flow: this.flow, at }) as FlowEvent;
    countEvent(event, statistics);
    onEvent(event);
  }
}
