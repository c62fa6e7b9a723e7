// What a connection asks of its sockets. Enters: nothing; leaves: types.
import type { Side } from '../flow.ts';

/** The two sockets of a connection. `side` is always whose bytes these are: what `orig` says goes to the server. */
export interface Way {
  /** The two may talk: the server shall be reached. */
  connect(): void;
  write(side: Side, bytes: Uint8Array): void;
  /** That side says no more. */
  end(side: Side): void;
  /** Both ends get a reset. */
  reset(): void;
  /** Last bytes for the client; the server gets a reset. */
  close(bytes: Uint8Array): void;
  /** Whether anything more is to be read of that side. */
  pause(side: Side, on: boolean): void;
}

/** `answer`: in the words of its protocol, and the connection goes on where it can. `reset`: both ends were cut off. */
export type RefusalHow = 'answer' | 'reset';
