// The part of OpenFlow 1.4 that the driver speaks, as one union. Enters: nothing; leaves: types and their numbers.
import type { FlowAction } from './actions.ts';
import type { WireMatch } from './match.ts';

/** The wire version of OpenFlow 1.4. */
export const VERSION = 5;

export interface FlowMod {
  readonly command: 'add' | 'delete-strict' | 'delete';
  readonly table: number;
  readonly priority: number;
  readonly cookie: bigint;
  /** Which bits of the cookie have to agree; for `delete`. */
  readonly cookieMask: bigint;
  /** Seconds until the switch removes it; 0 is never. */
  readonly hardTimeout: number;
  /** The switch says when it is gone. */
  readonly notify: boolean;
  readonly match: WireMatch;
  readonly actions: readonly FlowAction[];
}

/** A flow that is in the switch. */
export interface FlowEntry {
  readonly table: number;
  readonly priority: number;
  readonly cookie: bigint;
  readonly hardTimeout: number;
  readonly seconds: number;
  readonly packets: bigint;
  readonly bytes: bigint;
  /** Null when it has fields that we do not know: then it is not ours. */
  readonly match: WireMatch | null;
  readonly actions: readonly FlowAction[] | null;
}

export type RemovalReason = 'idle' | 'hard' | 'delete' | 'other';

/** What another one did to a flow that is watched. `abbreviated` stands for what we did. */
export type FlowUpdate =
  | { readonly kind: 'abbreviated'; readonly xid: number }
  | {
      readonly kind: 'initial' | 'added' | 'removed' | 'modified';
      readonly table: number;
      readonly priority: number;
      readonly cookie: bigint;
      readonly reason: RemovalReason;
    }
  /** The switch stopped to tell, or does so again: what happened meanwhile is not known. */
  | { readonly kind: 'paused' }
  | { readonly kind: 'resumed' };

export type BundleStep =
  | 'open'
  | 'opened'
  | 'close'
  | 'closed'
  | 'commit'
  | 'committed'
  | 'discard'
  | 'discarded';

/** A message without its transaction id. */
export type Body =
  | { readonly kind: 'hello'; readonly versions: readonly number[] }
  | { readonly kind: 'error'; readonly type: number; readonly code: number; readonly data: Buffer }
  | { readonly kind: 'echo-request' | 'echo-reply'; readonly data: Buffer }
  | { readonly kind: 'features-request' }
  | { readonly kind: 'features-reply'; readonly datapath: bigint; readonly tables: number }
  | { readonly kind: 'barrier-request' | 'barrier-reply' }
  | { readonly kind: 'flow-mod'; readonly mod: FlowMod }
  | {
      readonly kind: 'flow-removed';
      readonly flow: Omit<FlowEntry, 'actions'>;
      readonly reason: RemovalReason;
    }
  | { readonly kind: 'port-status'; readonly reason: 'add' | 'delete' | 'modify'; readonly port: SwitchPort }
  /** Only flow-removed and port-status; packets would flood us. */
  | { readonly kind: 'set-async' }
  | { readonly kind: 'bundle'; readonly bundle: number; readonly step: BundleStep }
  | { readonly kind: 'bundle-add'; readonly bundle: number; readonly mod: FlowMod }
  | {
      readonly kind: 'flows-request';
      readonly table: number;
      readonly cookie: bigint;
      readonly cookieMask: bigint;
    }
  | { readonly kind: 'flows-reply'; readonly flows: readonly FlowEntry[]; readonly more: boolean }
  | { readonly kind: 'watch-request'; readonly monitor: number; readonly table: number }
  | { readonly kind: 'updates'; readonly updates: readonly FlowUpdate[]; readonly more: boolean }
  /** One that we have no use for. */
  | { readonly kind: 'other'; readonly type: number };

export interface SwitchPort {
  readonly number: number;
  readonly name: string;
}

export type OpenFlowMessage = Body & { readonly xid: number };

/** Message types (OpenFlow 1.4, section 7.1.1). */
export const TYPE = {
  hello: 0,
  error: 1,
  echoRequest: 2,
  echoReply: 3,
  featuresRequest: 5,
  featuresReply: 6,
  flowRemoved: 11,
  portStatus: 12,
  flowMod: 14,
  multipartRequest: 18,
  multipartReply: 19,
  barrierRequest: 20,
  barrierReply: 21,
  setAsync: 28,
  bundle: 33,
  bundleAdd: 34,
} as const;

export const MULTIPART = { flow: 1, flowMonitor: 16 } as const;

/** In the order of their numbers. */
export const BUNDLE_STEPS: readonly BundleStep[] = [
  'open',
  'opened',
  'close',
  'closed',
  'commit',
  'committed',
  'discard',
  'discarded',
];
export const COMMANDS = { add: 0, delete: 3, 'delete-strict': 4 } as const;
export const REASONS: readonly RemovalReason[] = ['idle', 'hard', 'delete'];
export const PORT_REASONS = ['add', 'delete', 'modify'] as const;
