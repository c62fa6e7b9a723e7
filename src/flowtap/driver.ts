// The contract between what shall be blocked and a data plane that does it. Enters: nothing; leaves: types.
import type { Micros } from '../flow.ts';
import type { FlowMatch } from './match.ts';

/** Names a block within one run. */
export type BlockId = string & { readonly __brand: 'BlockId' };

/**
 * Marks a rule in the data plane as ours: the upper half names who made it (one run of one engine), the lower half
 * the block. After a restart a driver removes what bears an older `run` of its owner, and touches nothing else.
 */
export interface Cookie {
  /** 32 bits. */
  readonly run: number;
  /** 32 bits. */
  readonly block: number;
}

/** A rule that drops both directions of one flow. */
export interface DropRule {
  readonly block: BlockId;
  readonly cookie: Cookie;
  /** The capture, interface or node that saw the flow: a driver finds the bridge from it. */
  readonly where: string;
  readonly matches: readonly [FlowMatch, FlowMatch];
  /** When it expires. A driver that cannot expire rules leaves it to us. */
  readonly until: Micros;
}

/** One change of a bundle. `set` of a known block replaces its rule. */
export type Change =
  | { readonly kind: 'set'; readonly rule: DropRule }
  | { readonly kind: 'remove'; readonly block: BlockId; readonly cookie: Cookie };

/**
 * Whether a driver takes a bundle on. It is about intent only: what came of it is a report. A bundle that is not
 * accepted changes nothing.
 */
export type Acceptance =
  | { readonly kind: 'accepted' }
  /** This data plane cannot express it. */
  | { readonly kind: 'unsupported'; readonly why: string }
  /** It could, but not now: not connected, a queue is full. */
  | { readonly kind: 'unavailable'; readonly why: string };

/** Packets, and their bytes from the link layer on. */
export interface Counts {
  readonly packets: number;
  readonly bytes: number;
}

/** What passed and what was dropped of the flow, counted by the data plane. */
export interface Receipt {
  /** After the verdict fell and before the rule took effect; null when nobody counted. */
  readonly passed: Counts | null;
  readonly dropped: Counts;
}

/**
 * What became of an accepted change. The levels rise `installed` (the data plane holds the rule), `effective` (no cache
 * passes the flow any more), `confirmed` (a packet of the flow was seen to be dropped, or the flow stayed silent until
 * the rule went).
 */
export type Report =
  | { readonly kind: 'installed'; readonly block: BlockId; readonly at: Micros }
  /** An equal rule was there that is not ours: it is not ours to expire either. */
  | { readonly kind: 'exists'; readonly block: BlockId; readonly at: Micros }
  | { readonly kind: 'effective'; readonly block: BlockId; readonly at: Micros }
  /** What passed has been counted: also of a flow that is silent by then, and will never be confirmed. */
  | { readonly kind: 'counted'; readonly block: BlockId; readonly at: Micros; readonly receipt: Receipt }
  | { readonly kind: 'confirmed'; readonly block: BlockId; readonly at: Micros; readonly receipt: Receipt }
  | { readonly kind: 'failed'; readonly block: BlockId; readonly at: Micros; readonly why: string }
  | {
      readonly kind: 'removed';
      readonly block: BlockId;
      readonly at: Micros;
      readonly receipt: Receipt | null;
    };

/** A data plane. It never throws for what it cannot do. */
export interface Driver {
  readonly name: string;
  /** True when rules leave the data plane by themselves at `until`. */
  readonly expires: boolean;
  /** Where reports go; called once, before the first bundle. They may come during `apply` or much later. */
  listen(report: (report: Report) => void): void;
  /** Takes a bundle on, all of it or nothing. `at` is the moment of the cause. */
  apply(bundle: readonly Change[], at: Micros): Acceptance;
  /**
   * The blocks that the data plane holds for this run now; reconciliation compares them with what is desired. Null when
   * nobody can tell: the data plane is away.
   */
  held(): Promise<readonly BlockId[] | null>;
}
