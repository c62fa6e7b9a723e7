// What is known of one PostgreSQL connection. Enters: nothing; leaves: the types of statements, portals and waiting answers.
import type { Ambiguity } from '../../events/common.ts';
import type { SqlValue } from '../../events/sql.ts';
import type { ColumnDescription } from './backend.ts';
import type { TextEffects } from './text-effects.ts';

/** A prepared statement, named or (name empty) unnamed. */
export interface Statement {
  readonly name: string;
  /** Null when it could not be read. */
  readonly text: string | null;
  /** Parameter types as the client gave them; 0 or missing is for the server to choose. */
  readonly oids: readonly number[];
  readonly effects: TextEffects;
  readonly ambiguities: readonly Ambiguity[];
  /** Stream offset of its Parse. */
  readonly start: number;
  /** Number of the batch (the messages up to a Sync) that its Parse stands in. */
  readonly batch: number;
  /** Parameter types as the server said. */
  described: readonly number[] | null;
  columns: readonly ColumnDescription[] | null;
  /** The server said that it was prepared. */
  confirmed: boolean;
  /** A Bind has taken its Parse into its own span. */
  claimed: boolean;
}

/** A statement with its values bound. */
export interface Portal {
  readonly name: string;
  readonly statement: Statement | null;
  readonly resultFormats: Uint8Array;
  readonly start: number;
  readonly batch: number;
  /** Dropped once the statement's event is out. */
  values: readonly SqlValue[];
  ambiguities: readonly Ambiguity[];
  columns: readonly ColumnDescription[] | null;
  /** The request that its first Execute was; later ones continue it. */
  request: number | null;
}

/** A client message that the server will answer, in the order of sending. */
export type Pending =
  | {
      readonly kind: 'query';
      readonly request: number;
      readonly epoch: number;
      readonly effects: TextEffects;
    }
  | { readonly kind: 'function'; readonly request: number; readonly epoch: number }
  /** `statement` and `portal` are null where the message could not be read. */
  | { readonly kind: 'parse'; readonly statement: Statement | null }
  | { readonly kind: 'bind'; readonly portal: Portal | null }
  | { readonly kind: 'describe-statement'; readonly statement: Statement | null }
  | { readonly kind: 'describe-portal'; readonly portal: Portal | null }
  | { readonly kind: 'execute'; readonly request: number; readonly portal: Portal | null }
  | { readonly kind: 'close' }
  /** `request` is the last one executed since the Sync before, null for none. */
  | { readonly kind: 'sync'; readonly epoch: number; readonly request: number | null }
  /** The client ended its COPY data here; nothing answers it by itself. */
  | { readonly kind: 'copy-end' };
