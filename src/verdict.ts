// What the engine decides and why. Enters: nothing; leaves: types.
import type { LostCause } from './events/lost.ts';
import type { Evidence, Flow, Micros } from './flow.ts';

/** Names a verdict within one run: the same input gives the same names. */
export type VerdictId = string & { readonly __brand: 'VerdictId' };

/** Names a chain within one run. */
export type ChainId = string & { readonly __brand: 'ChainId' };

/** `indeterminate` is for what cannot be told; the posture of its cause then decides what is done. */
export type VerdictKind = 'pass' | 'drop' | 'indeterminate';

/** The paper's three kinds of policy (section V-A). */
export type PolicyKind = 'connection' | 'request' | 'integrity';

/** Why something passes. */
export type PassCode =
  /** A declared request needs this connection. */
  | 'connection-declared'
  /** A user request that begins a chain. */
  | 'chain-opened'
  /** An open chain expects it. */
  | 'explained'
  /** Declared as allowed outside any chain. */
  | 'outside-chain'
  /** The protocol's own housekeeping on a declared connection (AMQP handshake, SQL log-in). */
  | 'housekeeping';

/** Why something is dropped. */
export type DropCode =
  /** Nothing in the policy lets this service talk to that one. */
  | 'connection-not-declared'
  /** Bytes of another protocol on a declared port. */
  | 'other-protocol'
  /** These two may talk, but not with such a request. */
  | 'request-not-declared'
  /** The statement cannot be read, so nothing explains it. */
  | 'sql-unparsable'
  /** Two readers could take its bytes differently. */
  | 'ambiguous-bytes'
  /** Declared, but no open user request needs it. */
  | 'no-open-chain'
  /** Its key (trace, request or correlation id) names no chain that is open. */
  | 'key-names-no-chain'
  /** The chain had it already, as often as it may. */
  | 'already-done'
  /** Something else must come before it. */
  | 'out-of-order'
  /** A job began again before its time. */
  | 'too-soon'
  /** It says another user, item, amount, ... than its chain. */
  | 'fact-differs'
  /** A value that the policy asks for is not there, or cannot be read. */
  | 'fact-missing'
  /** Its values, with those of its chain, are not as the policy requires: more than the limit, not the sum. */
  | 'relation-fails'
  /** What had to happen did not, and its time is up. */
  | 'overdue'
  /** A response says otherwise than its chain. */
  | 'response-differs';

/** Why it cannot be told. */
export type IndeterminateCode =
  | {
      readonly code: 'cannot-read';
      readonly cause: Exclude<LostCause, 'other-protocol'> | 'body' | 'unremembered';
    }
  /** An honest reaction to a request that was denied but had already arrived. */
  | { readonly code: 'consequence'; readonly of: VerdictId };

/** A fact that two requests disagree on. `source` says where the value stood, for example `path :user`. */
export interface FactDifference {
  readonly fact: string;
  readonly expected: string;
  readonly expectedFrom: string;
  readonly seen: string | null;
  readonly seenAt: string;
}

/** A relation between facts that does not hold. */
export interface UnmetRelation {
  /** In the words of the policy: `amount at most limit`. */
  readonly relation: string;
  readonly fact: string;
  readonly seen: string;
  readonly seenAt: string;
  /** A value with which it would hold; null when there is no one value to name. */
  readonly expected: string | null;
}

/** One reason. `text` is a whole sentence for a person; the rest is for programs. */
export interface Reason {
  /** `policy-replaced` beside another: the policy before this one did not deny it. */
  readonly code: PassCode | DropCode | IndeterminateCode['code'] | 'policy-replaced';
  readonly text: string;
}

/** A chain as a verdict refers to it. */
export interface ChainReference {
  readonly id: ChainId;
  /** The user request that began it, for example `POST /contracts of customer 198.51.100.7`. */
  readonly root: string;
  readonly opened: Micros;
  /** The facts that it had settled by then. */
  readonly facts: Readonly<Record<string, string>>;
}

/** The chain that came closest to explaining a dropped request, and what differed. */
export interface NearestChain extends ChainReference {
  readonly differences: readonly FactDifference[];
}

/** What a verdict is about. */
export interface Subject {
  readonly what: 'connection' | 'request' | 'response' | 'obligation' | 'bytes';
  readonly protocol: 'tcp' | 'http' | 'amqp' | 'postgres' | 'mysql';
  /** One line without bodies, credentials or literals: `POST /users/bob/charge`, `update users`, `queue.purge rentals`. */
  readonly request: string;
  /** Names of services, or of an external principal, or `unknown`. */
  readonly from: string;
  readonly to: string;
  readonly flow: Flow;
}

export interface Verdict {
  readonly id: VerdictId;
  readonly kind: VerdictKind;
  readonly ts: Micros;
  readonly application: string;
  /** Hash of the policy document that decided. */
  readonly policy: string;
  readonly subject: Subject;
  /** Which of the three kinds of policy decided. */
  readonly decidedBy: PolicyKind;
  /** The deciding reason first. */
  readonly reasons: readonly [Reason, ...Reason[]];
  readonly cannotTell: IndeterminateCode | null;
  /** The declared request that it matched. */
  readonly step: string | null;
  /** The chain that explains it. */
  readonly chain: ChainReference | null;
  readonly nearest: NearestChain | null;
  /** The relation that does not hold, with its nearest chain or within the request itself; absent when all do. */
  readonly unmet?: UnmetRelation;
  /** How many chains could have explained it; above 1 the choice was ambiguous. */
  readonly candidates: number;
  /**
   * What is done: `block` cuts the flow; `refuse` answers this request alone, where it is held, and the connection goes on;
   * `observe` would have, in enforce mode or under another posture; `none`.
   */
  readonly action: 'none' | 'observe' | 'refuse' | 'block';
  /** Why it is only observed: what audits, that its rule only reports, that its flow has ended; null when it is not. */
  readonly restraint: 'application' | 'service' | 'request' | 'report' | 'ended' | null;
  /** `prevented` only when the request was held until its verdict; a copy shows it when it has already arrived. */
  readonly effect: 'none' | 'detected' | 'prevented';
  /** The bytes that the verdict rests on: first the request's own, then those of the facts that differ. */
  readonly evidence: readonly Evidence[];
}

/** How a chain ended. */
export interface ChainRecord {
  readonly id: ChainId;
  readonly application: string;
  /** Hashes of the policies that it was judged by, the last one last. */
  readonly policies: readonly [string, ...string[]];
  readonly root: string;
  readonly opened: Micros;
  readonly ended: Micros;
  /** `complete`: all that was expected came. `incomplete`: something did not. `failed`: its user request was answered with a failure. `abandoned`: the source ended, or memory did. */
  readonly outcome: 'complete' | 'incomplete' | 'failed' | 'abandoned';
  readonly missing: readonly string[];
  readonly requests: number;
  readonly facts: Readonly<Record<string, string>>;
}

/** An instruction to cut a flow, on behalf of a verdict. */
export interface BlockInstruction {
  readonly flow: Flow;
  readonly verdict: VerdictId;
  /** The deciding reason's text. */
  readonly cause: string;
  /** Who asked: the application's name. */
  readonly owner: string;
  readonly from: Micros;
  /** Microseconds until it expires by itself. */
  readonly lifetime: number;
}

/** All that the engine says. */
export type EngineOutput =
  | { readonly kind: 'verdict'; readonly verdict: Verdict }
  | { readonly kind: 'chain'; readonly record: ChainRecord }
  | { readonly kind: 'block'; readonly block: BlockInstruction };

/** A chain drawn as a tree, for a person: what was expected, what came. */
export interface ChainView extends ChainReference {
  readonly keys: readonly string[];
  readonly origins: Readonly<Record<string, FactOrigin>>;
  readonly tree: StepView;
}

/** Where a fact was first read. */
export interface FactOrigin {
  readonly value: string;
  /** For example `POST /contracts: header x-user`. */
  readonly source: string;
  readonly evidence: Evidence;
}

export interface StepView {
  readonly step: string;
  /** For example `exactly once`, `at most once`, `within 5s`. */
  readonly expected: string;
  readonly state: 'waiting' | 'open' | 'answered' | 'failed' | 'overdue' | 'denied';
  readonly seen: readonly {
    readonly request: string;
    readonly ts: Micros;
    readonly evidence: Evidence;
    readonly answered: string | null;
    /** The facts that only this request and what it causes speak of: its step may come any number of times. */
    readonly origins: Readonly<Record<string, FactOrigin>>;
  }[];
  readonly children: readonly StepView[];
}
