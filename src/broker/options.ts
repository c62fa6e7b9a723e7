// What the client is told. Enters: options with gaps; leaves: checked settings with every default in one place.
import type { BackoffLimits } from './backoff.ts';
import { type Clock, systemClock } from './clock.ts';
import { checkTls, type TlsOptions } from './connection.ts';
import { BrokerError } from './failure.ts';
import type { InboxLimits } from './inbox.ts';
import { writeSubscription } from './message.ts';
import type { OutboxLimits } from './outbox.ts';

/** What happens when events come faster than they are read and the inbox is full. */
export type Overflow =
  /** Stop reading the socket. Nothing is dropped here, but Zeek disconnects a stalled client after about 5 s. */
  | { readonly kind: 'pause' }
  /** Stop reading for so long, then read on and drop the newest, with a gap where they are missing. */
  | { readonly kind: 'drop'; readonly afterMs: number }
  /** The stream ends with `broker-overflow` after what was received. */
  | { readonly kind: 'fail' };

export interface ReconnectOptions extends BackoffLimits {
  /** How many attempts in a row may fail before the stream ends with `broker-unreachable`. */
  readonly attempts: number;
  /** False: retry only until the first connection; its loss ends the stream. For replays. */
  readonly afterLoss: boolean;
}

export interface ClientOptions {
  /** `ws://127.0.0.1:27759` or `wss://..`; the path is Zeek's. */
  readonly url: string;
  /** Topic prefixes; end them with a separator. None: the client only publishes. */
  readonly topics: readonly string[];
  /** Shown in Zeek's cluster.log and metrics: letters, digits and `/_.=:*@-`. */
  readonly applicationName?: string;
  readonly tls?: TlsOptions;
  readonly connectTimeoutMs?: number;
  readonly ackTimeoutMs?: number;
  /** A connection on which nothing at all arrives for so long is given up. */
  readonly silenceMs?: number;
  /** How long `close` waits for confirmation and for Zeek's close frame. */
  readonly closeTimeoutMs?: number;
  /** Larger messages end the connection; Zeek itself has no limit. */
  readonly maxMessageBytes?: number;
  readonly maxPublishBytes?: number;
  readonly inbox?: Partial<InboxLimits>;
  readonly outbox?: Partial<OutboxLimits>;
  /** Events under way to Zeek; its queue holds 32 for all of its clients together. */
  readonly window?: number;
  readonly overflow?: Overflow;
  readonly reconnect?: Partial<ReconnectOptions>;
  readonly clock?: Clock;
  /** From 0 to less than 1. */
  readonly random?: () => number;
}

export interface Settings {
  readonly url: URL;
  readonly topics: readonly string[];
  readonly applicationName: string | null;
  readonly tls: TlsOptions | null;
  readonly connectTimeoutMs: number;
  readonly ackTimeoutMs: number;
  readonly silenceMs: number;
  readonly closeTimeoutMs: number;
  readonly maxMessageBytes: number;
  readonly maxPublishBytes: number;
  readonly inbox: InboxLimits;
  readonly outbox: OutboxLimits;
  readonly window: number;
  readonly overflow: Overflow;
  readonly reconnect: ReconnectOptions;
  readonly clock: Clock;
  readonly random: () => number;
}

const MIB = 1_048_576;

/** Fills in the defaults. @throws BrokerError `broker-usage`, or `broker-unsendable` for a topic */
export function settingsOf(options: ClientOptions): Settings {
  writeSubscription(options.topics);
  if (options.tls !== undefined) checkTls(options.tls);
  const applicationName = options.applicationName ?? null;
  if (applicationName !== null && !/^[A-Za-z0-9/_.=:*@-]{1,256}$/.test(applicationName))
    throw new BrokerError(
      'broker-usage',
      'Zeek takes application names of letters, digits and /_.=:*@- only',
    );
  return {
    url: endpoint(options.url, options.tls !== undefined),
    topics: [...options.topics],
    applicationName,
    tls: options.tls ?? null,
    connectTimeoutMs: positive(options.connectTimeoutMs ?? 5000),
    ackTimeoutMs: positive(options.ackTimeoutMs ?? 5000),
    silenceMs: positive(options.silenceMs ?? 20_000),
    closeTimeoutMs: positive(options.closeTimeoutMs ?? 5000),
    maxMessageBytes: positive(options.maxMessageBytes ?? 16 * MIB),
    maxPublishBytes: positive(options.maxPublishBytes ?? MIB),
    inbox: {
      frames: positive(options.inbox?.frames ?? 65_536),
      bytes: positive(options.inbox?.bytes ?? 64 * MIB),
    },
    outbox: {
      frames: positive(options.outbox?.frames ?? 1024),
      bytes: positive(options.outbox?.bytes ?? 8 * MIB),
    },
    window: positive(options.window ?? 32),
    overflow: options.overflow ?? { kind: 'pause' },
    reconnect: {
      minMs: 100,
      maxMs: 10_000,
      attempts: Number.POSITIVE_INFINITY,
      afterLoss: true,
      ...options.reconnect,
    },
    clock: options.clock ?? systemClock,
    random: options.random ?? Math.random,
  };
}

/** Zeek compares the path exactly, and refuses another one only after the upgrade. */
function endpoint(text: string, tls: boolean): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  const plain = url?.protocol === 'ws:' && !tls;
  if (url === null || !(plain || url.protocol === 'wss:'))
    throw new BrokerError(
      'broker-usage',
      'the address has to be ws://host:port, or wss://host:port with TLS',
    );
  if (url.pathname !== '/' && url.pathname !== '/v1/messages/json')
    throw new BrokerError('broker-usage', 'the path has to be /v1/messages/json, or none');
  url.pathname = '/v1/messages/json';
  url.search = '';
  url.hash = '';
  return url;
}

function positive(value: number): number {
  if (!(value > 0)) throw new BrokerError('broker-usage', 'limits and times have to be above zero');
  return value;
}
