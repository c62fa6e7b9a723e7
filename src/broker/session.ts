// One connection's conversation with Zeek, without I/O. Enters: frames, pongs and time; leaves: what to do about them.
import type { BrokerErrorCode } from './failure.ts';
import { type Frame, readMessage, writeSubscription } from './message.ts';

/** `acked`: Zeek took the subscription, and what waited is being sent. `open`: nothing waits. */
export type SessionState = 'subscribing' | 'acked' | 'open' | 'closing';

/** What a received frame means for the connection. */
export type Received =
  /** Belongs into the stream. */
  | { readonly kind: 'content' }
  | { readonly kind: 'acked'; readonly endpoint: string; readonly version: string }
  /** The connection is of no use any more. */
  | { readonly kind: 'failed'; readonly code: BrokerErrorCode; readonly message: string };

const NO_BACKEND =
  'Zeek took the connection but did not acknowledge the subscription; load frameworks/cluster/backend/broker in Zeek: with its default backend (none) it never does';

/** What `ping` carries, so that the pong can be told from those of others. */
const PREFIX = 'events:';

/**
 * States and credit. Zeek confirms no event, but its thread for a client answers pings in turn with the events before
 * them: a pong says that all of these are in Zeek's queue. So no more than `window` events are under way at once, and
 * that queue (32 events for all clients) cannot block the thread for long.
 */
export class Session {
  #state: SessionState = 'subscribing';
  readonly #window: number;
  readonly #ackBy: number;
  #sent = 0;
  #pinged = 0;
  #confirmed = 0;

  /** @param now in milliseconds; @param ackTimeoutMs the time that Zeek has for the ack */
  constructor(options: { readonly window: number; readonly ackTimeoutMs: number }, now: number) {
    this.#window = options.window;
    this.#ackBy = now + options.ackTimeoutMs;
  }

  get state(): SessionState {
    return this.#state;
  }

  /** Events that were sent and that Zeek did not confirm. */
  get unconfirmed(): number {
    return this.#sent - this.#confirmed;
  }

  /** The first frame on the wire. @throws BrokerError `broker-unsendable` */
  subscription(topics: readonly string[]): Frame {
    return writeSubscription(topics);
  }

  /** Before the ack, nothing but an ack or an error can come; after it, everything belongs to the stream. */
  received(frame: Uint8Array): Received {
    if (this.#state !== 'subscribing') return { kind: 'content' };
    const message = readMessage(frame);
    if (message.kind === 'ack') {
      this.#state = 'acked';
      return { kind: 'acked', endpoint: message.endpoint, version: message.version };
    }
    if (message.kind === 'error')
      return {
        kind: 'failed',
        code: 'broker-refused',
        message: `Zeek refused: ${message.code}: ${message.context}`,
      };
    return { kind: 'failed', code: 'broker-protocol', message: `Zeek sent ${message.kind} before the ack` };
  }

  /** Null, or why the connection has to be given up at time `now`. */
  overdue(now: number): Received | null {
    if (this.#state !== 'subscribing' || now < this.#ackBy) return null;
    return { kind: 'failed', code: 'broker-no-ack', message: NO_BACKEND };
  }

  /** How many events may be sent now. */
  get credit(): number {
    return this.#state === 'subscribing' ? 0 : this.#window - this.unconfirmed;
  }

  /** Counts an event that is being sent; `last`: no other one waits. Gives the payload of the ping to send after it. */
  sent(last: boolean): string | null {
    this.#sent += 1;
    if (this.#state === 'acked' && last) this.#state = 'open';
    if (!last && (this.#sent - this.#pinged) * 2 < this.#window) return null;
    this.#pinged = this.#sent;
    return `${PREFIX}${this.#sent}`;
  }

  /** Nothing waited when the ack came. */
  drained(): void {
    if (this.#state === 'acked') this.#state = 'open';
  }

  /** Takes a pong; those that do not count what was sent are ignored. */
  pong(payload: string): void {
    if (!payload.startsWith(PREFIX) || !/^\d{1,15}$/.test(payload.slice(PREFIX.length))) return;
    const confirmed = Number(payload.slice(PREFIX.length));
    if (confirmed <= this.#pinged && confirmed > this.#confirmed) this.#confirmed = confirmed;
  }

  /** No event will be sent any more. */
  close(): void {
    this.#state = 'closing';
  }
}
