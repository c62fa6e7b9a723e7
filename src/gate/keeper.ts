// What the gate has to know of a protocol. Enters: nothing; leaves: types.
import type { EventDraft } from '../events/event.ts';
import type { Side, Span } from '../flow.ts';
import type { HttpHead } from '../sensor/parser.ts';
import type { Verdict } from '../verdict.ts';
import type { Group, Unit } from './hold.ts';

/** What a keeper may do with its connection. */
export interface Hands {
  /** A unit begins behind all others of its side. */
  add(side: Side, unit: Unit): void;
  /** The group of the unit that has the last byte before `end`; null when it is gone. */
  groupAt(side: Side, end: number): Group | null;
  /** Bytes as if that side had sent them: they are read, judged and passed on. Only between two of its messages. */
  inject(side: Side, bytes: Uint8Array): void;
  /** Bytes in that side's direction, which nobody reads but its receiver. */
  insert(side: Side, bytes: Uint8Array): void;
  /** The last bytes for the client: the server is let go, and nothing more is read. */
  close(bytes: Uint8Array): void;
}

/**
 * `drop`: the unit is forgotten; what answers it was sent. `wait`: not yet, ask again. `reset`: no answer would be right.
 */
export type Refusal = 'drop' | 'wait' | 'reset';

/** Follows the messages of one connection: what belongs together, and how one of them is refused. */
export interface Keeper {
  /** Bytes of a side, before their parser gets them. */
  read(side: Side, offset: number, bytes: Buffer): void;
  /** HTTP only, from the parser. */
  head?(head: HttpHead, streams: boolean): void;
  ended?(side: Side, end: number): void;
  /** The group that an event was read from; null when it is of the connection as a whole. */
  groupOf(side: Side, span: Span, draft: EventDraft): Group | null;
  /** False for an event of bytes that will be dropped whatever it says. */
  admits(group: Group | null): boolean;
  /** An event was decided: `verdict` is null when nothing was said of it. */
  judged(draft: EventDraft, group: Group | null, verdict: Verdict | null): void;
  /** The first unit of a side is denied, and all before it are gone. Called for each unit of a denied group. */
  refuse(side: Side, unit: Unit): Refusal;
  /** A whole unit is about to be passed on: what goes instead of it, or null for itself. */
  instead(side: Side, unit: Unit, bytes: () => Buffer): Uint8Array | null;
  /** A unit was passed on or dropped. */
  gone(side: Side, unit: Unit): void;
}
