// What the driver has to say beyond the reports on blocks. Enters: nothing; leaves: types.
import type { ContractId } from '../contract.ts';

/** For the journal: nothing happens to the switch in silence. */
export type Notice =
  | { readonly kind: 'up' }
  | { readonly kind: 'down'; readonly why: string }
  /** The database has no such bridge. */
  | { readonly kind: 'no-bridge' }
  /** The switch holds what it shall. */
  | {
      readonly kind: 'synced';
      /** Flows that were there already, that were set, and of ours that were removed since nobody wants them. */
      readonly present: number;
      readonly set: number;
      readonly removed: number;
      /** Flows of others in our tables, which stay. */
      readonly strangers: number;
    }
  /** Somebody else changed flows in our tables, or ours in table 0. What is ours is set again. */
  | {
      readonly kind: 'edited';
      readonly how: 'added' | 'removed' | 'modified';
      readonly table: number;
      readonly cookie: bigint;
      readonly ours: boolean;
    }
  /** Edits are not told by this switch, or were not for a while: they show when flows are listed. */
  | { readonly kind: 'unwatched' }
  | { readonly kind: 'contract'; readonly contract: ContractId; readonly state: ContractState };

/** How far a contract is. */
export type ContractState =
  | { readonly kind: 'installed' }
  /** For a port, or its address. */
  | { readonly kind: 'waiting'; readonly why: string }
  | { readonly kind: 'failed'; readonly why: string };
