// One event that is kept so that it can be judged again, packed. Enters: events; leaves: entries, and events again.
import { Packr } from 'msgpackr';
import type { ChainState } from '../../chain/chain-state.ts';
import type { FlowEvent } from '../../events/event.ts';
import type { Evidence, Flow, Micros } from '../../flow.ts';
import type { Subject, VerdictId } from '../../verdict.ts';
import type { Names } from './names.ts';

/** What was said of an event: `of` tells several verdicts on one event apart. */
export interface Said {
  readonly of: string;
  readonly id: VerdictId;
  readonly denied: boolean;
}

/** A chain that an event began; a tainted one only names the consequences of a denied request. */
export interface Begun {
  readonly serial: number;
  readonly tainted: boolean;
}

export interface Entry {
  /** The order of arrival. */
  readonly sequence: number;
  readonly tail: FlowTail;
  readonly key: string;
  readonly packed: Uint8Array;
  /** Nothing has decided it yet. */
  waiting: boolean;
  /** Open chains whose state it is part of. */
  readonly chains: Set<ChainState>;
  /** Entries that it belongs to: it is kept for as long as one of them is. */
  readonly leaders: Set<Entry>;
  readonly followers: Set<Entry>;
  /** The end of a block that it led to; null without one. */
  until: Micros | null;
  /** Of a chain that has ended, and kept only because what has not may rest on it. */
  past: boolean;
  /** Chains that have ended and that it is part of, kept since it may turn out that a request was theirs. */
  ended: number;
  /** Forgets its name; null when it has none. */
  forget: (() => void) | null;
  /** It says what later events of its flow mean, for as long as the flow lives. */
  context: boolean;
  said: readonly Said[];
  begun: readonly Begun[];
}

/** What is kept of a flow. */
export interface FlowTail {
  /** That of its first event. */
  readonly sequence: number;
  readonly flow: Flow;
  readonly ts: Micros;
  readonly at: Evidence;
  live: boolean;
  until: Micros | null;
  said: readonly Said[];
  readonly entries: Set<Entry>;
  readonly names: Names;
}

/** Bytes that an entry takes besides what is packed. */
export const ENTRY_BYTES = 700;
/** Bytes that a flow takes without entries. */
export const TAIL_BYTES = 900;

// Maps stay maps, and integers of 64 bits stay what they are.
const packr = new Packr({ moreTypes: true, structuredClone: true, largeBigIntToString: true });

/** An event without its flow, which the tail has. */
export function pack({ flow: _, ...event }: FlowEvent): Uint8Array {
  return new Uint8Array(packr.pack(event));
}

/** The event again, with this flow. */
export function unpack({ packed, tail }: Entry): FlowEvent {
  return { ...(packr.unpack(packed) as Omit<FlowEvent, 'flow'>), flow: tail.flow } as FlowEvent;
}

/** Names an event within a run. */
export function keyOf({ flow, side, start, end, ts }: Evidence): string {
  return `${flow}|${side}${start}-${end}@${ts}`;
}

/** Names a verdict among those on one event. */
export function aspectOf(what: Subject['what'], step: string | null): string {
  return what === 'obligation' ? `obligation ${step ?? ''}` : what;
}

/** False for an entry that nothing needs any more. Entries that only need each other are needed by nothing. */
export function isHeld(entry: Entry): boolean {
  if (isNeeded(entry)) return true;
  if (entry.leaders.size === 0) return false;
  const reached = new Set([entry]);
  // A set gives what is added while it is walked, too.
  for (const { leaders } of reached) {
    for (const leader of leaders) {
      if (isNeeded(leader)) return true;
      reached.add(leader);
    }
  }
  return false;
}

function isNeeded({ waiting, chains, ended, until, context, tail }: Entry): boolean {
  return waiting || chains.size > 0 || ended > 0 || until !== null || (context && tail.live);
}
