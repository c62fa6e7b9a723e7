// What is known of one MySQL connection. Enters: nothing; leaves: the types of prepared statements and waiting commands.
import type { Ambiguity } from '../../events/common.ts';
import type { Span } from '../../flow.ts';
import type { ByteStore } from '../sql/byte-store.ts';
import type { AnswerKind } from './commands.ts';
import type { LoginRequest } from './handshake.ts';
import type { Column } from './replies.ts';
import type { TextEffects } from './text-effects.ts';

/** What a client said of a parameter when it last bound it. */
export interface ParameterType {
  readonly type: number;
  readonly unsigned: boolean;
}

export interface PreparedStatement {
  /** Null when it could not be read. */
  readonly text: string | null;
  readonly ambiguities: readonly Ambiguity[];
  readonly effects: TextEffects;
  /** The bytes of its COM_STMT_PREPARE. */
  readonly span: Span;
  /** The number that the server gave it; null before. */
  id: number | null;
  /** How many values it wants, as the server said; null before. */
  parameters: number | null;
  columns: readonly Column[];
  types: readonly ParameterType[] | null;
  /** Values that came ahead by COM_STMT_SEND_LONG_DATA; null for one that is longer than what is kept. */
  readonly long: Map<number, ByteStore | null>;
  /** The request that executed it last: what is fetched from its cursor belongs to that one. */
  request: number | null;
}

/** A command that the server has not answered to the end. */
export interface Pending {
  readonly command: number;
  readonly answer: AnswerKind;
  /** The requests that the answer is of: several for a bulk execution, none for a prepare. */
  readonly requests: readonly number[];
  /** The sequence number that its answer begins with. */
  readonly next: number;
  /** Rows come in the binary protocol. */
  readonly binary: boolean;
  readonly effects: TextEffects;
  /** It may change the character set to or from one that is not UTF-8. */
  readonly doubt: boolean;
  readonly statement: PreparedStatement | null;
  readonly login: LoginRequest | null;
}
