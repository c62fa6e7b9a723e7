// What an event means to a policy: a request, an answer, or something that is none of these. Leaves: types.

import type { LostCause } from '../../events/lost.ts';
import type { Evidence, Micros } from '../../flow.ts';
import type { DropCode, PolicyKind, Subject } from '../../verdict.ts';
import type { Match } from '../match/match.ts';

/** Who speaks to whom on a flow: names of principals. */
export interface Ends {
  /** Who opened the connection. */
  readonly client: string;
  readonly server: string;
}

/** Names a request within its flow, for its answer. */
export type AnswerName = number | string;

export type ObservedSubject = Omit<Subject, 'flow'>;

interface Base {
  readonly subject: ObservedSubject;
  readonly ts: Micros;
  readonly evidence: Evidence;
}

export interface ObservedRequest extends Base {
  readonly kind: 'request';
  readonly match: Match;
  readonly keys: ReadonlyMap<string, string>;
  /** Names it within its flow, for its answer; null when none will come. */
  readonly awaits: AnswerName | null;
  /** The address that it came from. */
  readonly source: string;
  /** True when nobody will answer it, and its receiver goes on all the same. */
  readonly unanswered: boolean;
  /** For SQL: what it does to the transaction that it stands in. */
  readonly control?: 'begin' | 'commit' | 'rollback' | 'rollback-to' | undefined;
}

export interface ObservedAnswer extends Base {
  readonly kind: 'answer';
  /** The requests of this flow that it answers. */
  readonly of: readonly AnswerName[];
  readonly ok: boolean;
  /** For a person: `201`, `ack`, `error 42501`. */
  readonly text: string;
  /** Reads the facts that the answered request takes from its response. */
  readonly read: ((request: string) => Match | null) | null;
}

/** Requests of this flow that will never be answered now. */
export interface ObservedLoss extends Base {
  readonly kind: 'loss';
  readonly of: readonly AnswerName[];
}

export interface ObservedOffence extends Base {
  readonly kind: 'offence';
  readonly code: DropCode;
  readonly decidedBy: PolicyKind;
  readonly text: string;
}

export interface ObservedBlindness extends Base {
  readonly kind: 'blindness';
  readonly cause: Exclude<LostCause, 'other-protocol'> | 'body';
  readonly text: string;
}

export type Observation =
  | ObservedRequest
  | ObservedAnswer
  | ObservedLoss
  | ObservedOffence
  | ObservedBlindness;

/** Cuts a text from the wire to one short printable line. */
export function printable(text: string, longest = 160): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these bytes are what is looked for
  const clean = text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, '?');
  return clean.length > longest ? `${clean.slice(0, longest - 3)}...` : clean;
}
