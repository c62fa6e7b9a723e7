// What the client's stream consists of. Enters: nothing; leaves: types. Order in the stream is order of happening.
import type { BrokerErrorCode } from './failure.ts';
import type { Message } from './message.ts';

/** Why a connection ended, or an attempt failed. */
export interface Loss {
  readonly code: BrokerErrorCode;
  readonly message: string;
  /** The WebSocket close code; null when there was none. 1011 is Zeek's "Ping timeout", 1001 its end. */
  readonly closeCode: number | null;
}

/** The state of the connection, as part of the stream. */
export type StateItem =
  /** Subscribed and acknowledged. `endpoint` is the id that Zeek's script sees; another one may be another Zeek. */
  | {
      readonly kind: 'connected';
      readonly endpoint: string;
      readonly version: string;
      readonly again: boolean;
    }
  /** The connection is gone; `unconfirmed` of our own events may not have reached Zeek. */
  | { readonly kind: 'lost'; readonly loss: Loss; readonly unconfirmed: number }
  /** The next attempt (from 1) starts in `inMs`, because of `loss`. */
  | { readonly kind: 'reconnecting'; readonly attempt: number; readonly inMs: number; readonly loss: Loss }
  /**
   * Events are missing exactly here: published while there was no connection (how many, nobody knows: null), or
   * `dropped` by this client because its queue was full.
   */
  | { readonly kind: 'gap'; readonly reason: 'reconnected' | 'overflow'; readonly dropped: number | null }
  /** The last item. `clean`: Zeek confirmed all that was published, and its close frame came after all that it sent. */
  | { readonly kind: 'closed'; readonly clean: boolean; readonly unconfirmed: number };

/** One item of the stream. */
export type StreamItem = Exclude<Message, { readonly kind: 'ack' }> | StateItem;
