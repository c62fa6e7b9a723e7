// A client that stays with Zeek. Enters: options, events to publish; leaves: one stream of events, errors, states and gaps.
// Longer than others because each of its reactions (socket, timer, reader, publisher) reads and changes the same state.
import { setImmediate as turn } from 'node:timers/promises';
import { backoff } from './backoff.ts';
import { Connection } from './connection.ts';
import { BrokerError } from './failure.ts';
import { Inbox } from './inbox.ts';
import type { Loss, StateItem, StreamItem } from './item.ts';
import { type Message, MessageReader, writeEvent, type ZeekEvent } from './message.ts';
import { type ClientOptions, type Settings, settingsOf } from './options.ts';
import { Outbox } from './outbox.ts';
import { Session } from './session.ts';
import { Counters, type Statistics } from './statistics.ts';

/** What is decoded before the event loop gets its turn, so that pings are answered: a few milliseconds of work. */
const SLICE_BYTES = 262_144;
/** The same for what the reader does between two items. */
const SLICE_MS = 5;
/** Bytes that may wait for the kernel before events wait for them. */
const PENDING_BYTES = 1_048_576;

/**
 * Connects at once, and again whenever it has to. Read it with `for await`; there is one stream and one reader, and
 * leaving the loop closes the client. It is bounded everywhere, and what is lost shows in the stream as `gap`, `lost`,
 * `malformed` or `closed`.
 */
export class BrokerClient {
  readonly #settings: Settings;
  readonly #inbox: Inbox;
  readonly #outbox: Outbox;
  readonly #counters = new Counters();
  #connection: Connection | null = null;
  #session: Session | null = null;
  /** The reason that this side has for ending the connection. */
  #loss: Loss | null = null;
  #ackedAt: number | null = null;
  /** Attempts since the last ack, for the limit; and since the last connection that lasted, for the wait. */
  #failures = 0;
  #attempt = 0;
  #paused = false;
  #waitsForReader = false;
  #closing = false;
  #ended = false;
  #error: BrokerError | null = null;
  #read = false;
  #left = false;
  readonly #timers = new Map<string, () => void>();
  #wake: (() => void) | null = null;
  #onDrained: (() => void)[] = [];
  readonly #closed: Promise<boolean>;
  #resolveClosed: (clean: boolean) => void = () => {};

  /** @throws BrokerError `broker-usage` or `broker-unsendable` for options that cannot work */
  constructor(options: ClientOptions) {
    this.#settings = settingsOf(options);
    this.#inbox = new Inbox(this.#settings.inbox);
    this.#outbox = new Outbox(this.#settings.outbox);
    this.#closed = new Promise((resolve) => {
      this.#resolveClosed = resolve;
    });
    this.#connect();
  }

  /**
   * Queues an event for Zeek. False: the outbox is more than half full, so wait for `drained` (outside of the loop that
   * reads). It is sent in order, at most once, when there is a connection and credit.
   * @throws BrokerError `broker-unsendable`, `broker-outbox-full`, `broker-closed`
   */
  publish(event: ZeekEvent): boolean {
    if (this.#closing || this.#ended) throw new BrokerError('broker-closed', 'the client is closed');
    this.#outbox.add(writeEvent(event, this.#settings.maxPublishBytes));
    this.#pump();
    return this.#outbox.low;
  }

  /** Resolves when the outbox is at most half full, or the client ended. */
  drained(): Promise<void> {
    if (this.#outbox.low || this.#ended) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onDrained.push(resolve);
    });
  }

  /**
   * Sends what waits, has Zeek confirm it, then closes with 1000 and takes everything that Zeek sent before its answer;
   * the stream ends after that. True when all of this happened within `closeTimeoutMs`.
   */
  close(): Promise<boolean> {
    if (this.#closing || this.#ended) return this.#closed;
    this.#closing = true;
    if (this.#outbox.length === 0 && this.#ackedAt === null) this.#finish(true);
    else {
      this.#after('close', this.#settings.closeTimeoutMs, () => this.#finish(false));
      this.#closeIfDone();
    }
    return this.#closed;
  }

  /** Counters since the start, and what waits now. */
  statistics(): Statistics {
    return this.#counters.statistics({
      state: this.#ended ? 'closed' : (this.#session?.state ?? 'connecting'),
      paused: this.#paused,
      queuedFrames: this.#inbox.length,
      queuedBytes: this.#inbox.bytes,
      unsent: this.#outbox.length,
      unconfirmed: this.#session?.unconfirmed ?? 0,
    });
  }

  /**
   * The stream. It ends after `closed`, or throws BrokerError `broker-unreachable` or `broker-overflow` in its place.
   * @throws BrokerError `broker-usage` for a second reader
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<StreamItem, void, undefined> {
    if (this.#read) throw new BrokerError('broker-usage', 'the stream has a reader already');
    this.#read = true;
    const { clock } = this.#settings;
    let since = clock.now();
    let budget = SLICE_BYTES;
    try {
      for (;;) {
        const entry = this.#inbox.shift();
        if (entry === undefined) {
          if (this.#ended) break;
          await new Promise<void>((resolve) => {
            this.#wake = resolve;
          });
          continue;
        }
        this.#flow();
        if (budget <= 0 || clock.now() - since > SLICE_MS) {
          await turn();
          since = clock.now();
          budget = SLICE_BYTES;
        }
        if ('kind' in entry) {
          yield entry;
          continue;
        }
        budget -= entry.length;
        const reader = new MessageReader(entry);
        let message = reader.run(SLICE_BYTES);
        while (message === null) {
          await turn();
          message = reader.run(SLICE_BYTES);
        }
        yield this.#item(message, entry);
      }
      if (this.#error !== null) throw this.#error;
    } finally {
      // Who leaves the loop wants nothing of the rest, which must not hold up the close either.
      this.#left = true;
      if (this.#paused) this.#unpause();
      await this.close();
    }
  }

  /** Only the first message of a connection may be an ack. */
  #item(message: Message, frame: Uint8Array): StreamItem {
    const item: StreamItem =
      message.kind === 'ack'
        ? {
            kind: 'malformed',
            problem: 'a second ack',
            offset: 0,
            size: frame.length,
            start: new Uint8Array(frame.subarray(0, 256)),
          }
        : message;
    this.#counters.read(item.kind);
    return item;
  }

  #connect(): void {
    const { clock } = this.#settings;
    this.#counters.attempts += 1;
    this.#loss = null;
    const connection = new Connection(this.#settings, {
      opened: () => {
        const session = new Session(this.#settings, clock.now());
        this.#session = session;
        connection.send(session.subscription(this.#settings.topics), () => {});
        this.#awaitAck(session, this.#settings.ackTimeoutMs);
      },
      frame: (bytes) => this.#received(bytes),
      pong: (payload) => {
        this.#session?.pong(payload);
        this.#pump();
      },
      ended: (loss) => this.#lost(connection, this.#loss ?? loss),
    });
    this.#connection = connection;
  }

  #awaitAck(session: Session, ms: number): void {
    this.#after('ack', ms, () => {
      const overdue = session.overdue(this.#settings.clock.now());
      if (overdue?.kind === 'failed') this.#giveUp(overdue.code, overdue.message);
      // Timers count from the start of a turn of the event loop, hence a little early for a clock that does not.
      else this.#awaitAck(session, 1);
    });
  }

  #received(bytes: Uint8Array): void {
    if (this.#session === null || this.#ended) return;
    this.#counters.bytesReceived += bytes.length;
    this.#counters.framesReceived += 1;
    const received = this.#session.received(bytes);
    switch (received.kind) {
      case 'content':
        if (this.#left) break;
        if (!this.#inbox.frame(bytes)) this.#counters.dropped += 1;
        else this.#limit();
        break;
      case 'acked':
        this.#acked(received.endpoint, received.version);
        break;
      case 'failed':
        this.#giveUp(received.code, received.message);
    }
    this.#wakeReader();
  }

  #acked(endpoint: string, version: string): void {
    this.#cancel('ack');
    const again = this.#counters.connections > 0;
    this.#counters.connections += 1;
    this.#failures = 0;
    this.#ackedAt = this.#settings.clock.now();
    if (again) this.#state({ kind: 'gap', reason: 'reconnected', dropped: null });
    this.#state({ kind: 'connected', endpoint, version, again });
    this.#watch(this.#connection?.bytesRead ?? 0, this.#ackedAt);
    this.#pump();
  }

  /** A peer that is gone without a word: nothing arrives, not even the answer to a ping. */
  #watch(bytesRead: number, since: number): void {
    const { silenceMs, clock } = this.#settings;
    this.#after('silence', silenceMs / 2, () => {
      const connection = this.#connection;
      if (connection === null) return;
      const alive = this.#paused || connection.bytesRead !== bytesRead;
      if (!alive && clock.now() - since >= silenceMs)
        return this.#giveUp('broker-silent', `nothing arrived for ${silenceMs} ms`);
      connection.ping('alive');
      return this.#watch(connection.bytesRead, alive ? clock.now() : since);
    });
  }

  /** The inbox is full: what the options say. */
  #limit(): void {
    if (!this.#inbox.full || this.#paused) return;
    const { overflow } = this.#settings;
    this.#counters.pauses += 1;
    if (overflow.kind === 'fail') {
      this.#error = new BrokerError('broker-overflow', 'events came faster than they were read');
      this.#finish(false);
      return;
    }
    this.#paused = true;
    this.#connection?.pause();
    if (overflow.kind === 'drop')
      this.#after('overflow', overflow.afterMs, () => {
        this.#inbox.drop();
        this.#unpause();
      });
  }

  /** The reader took something. */
  #flow(): void {
    if (!this.#inbox.low) return;
    if (this.#paused) this.#unpause();
    if (this.#waitsForReader) {
      this.#waitsForReader = false;
      this.#connect();
    }
  }

  #unpause(): void {
    this.#paused = false;
    this.#cancel('overflow');
    this.#connection?.resume();
  }

  #pump(): void {
    const connection = this.#connection;
    const session = this.#session;
    if (connection === null || session === null) return;
    while (session.credit > 0 && connection.pending < PENDING_BYTES) {
      const frame = this.#outbox.next();
      if (frame === null) break;
      this.#counters.published += 1;
      connection.send(frame, () => this.#pump());
      const ping = session.sent(this.#outbox.length === 0);
      if (ping !== null) connection.ping(ping);
    }
    if (this.#outbox.length === 0) session.drained();
    if (this.#outbox.low) for (const resolve of this.#onDrained.splice(0)) resolve();
    this.#closeIfDone();
  }

  #closeIfDone(): void {
    const session = this.#session;
    if (!this.#closing || session === null || session.state === 'closing' || this.#ackedAt === null) return;
    if (this.#outbox.length > 0 || session.unconfirmed > 0) return;
    session.close();
    this.#connection?.close();
  }

  #giveUp(code: Loss['code'], message: string): void {
    this.#loss = { code, message, closeCode: null };
    this.#connection?.terminate();
  }

  #lost(connection: Connection, loss: Loss): void {
    // What an earlier connection still says is of no interest, nor is the end that this side made.
    if (this.#connection !== connection || this.#ended) return;
    const { reconnect, clock } = this.#settings;
    const session = this.#session;
    const ackedAt = this.#ackedAt;
    for (const name of ['ack', 'silence', 'overflow']) this.#cancel(name);
    this.#connection = null;
    this.#session = null;
    this.#ackedAt = null;
    this.#paused = false;
    const unconfirmed = session?.unconfirmed ?? 0;
    this.#counters.unconfirmed += unconfirmed;
    if (this.#closing && ackedAt !== null) {
      this.#finish(session?.state === 'closing' && loss.closeCode === 1000);
      return;
    }
    if (ackedAt !== null) {
      this.#state({ kind: 'lost', loss, unconfirmed });
      if (clock.now() - ackedAt >= reconnect.maxMs) this.#attempt = 0;
      if (!reconnect.afterLoss) {
        this.#finish(false);
        return;
      }
    }
    this.#failures += 1;
    if (ackedAt === null && this.#failures >= reconnect.attempts) {
      this.#error = new BrokerError(
        'broker-unreachable',
        `Zeek cannot be reached: ${loss.message} (${loss.code})`,
      );
      this.#finish(false);
      return;
    }
    this.#attempt += 1;
    const inMs = backoff(reconnect, this.#attempt, this.#settings.random);
    this.#state({ kind: 'reconnecting', attempt: this.#failures, inMs, loss });
    this.#after('retry', inMs, () => {
      // Without a reader a new connection would only fill what is full.
      if (this.#inbox.full) this.#waitsForReader = true;
      else this.#connect();
    });
  }

  #finish(clean: boolean): void {
    if (this.#ended) return;
    for (const name of [...this.#timers.keys()]) this.#cancel(name);
    const unconfirmed = (this.#session?.unconfirmed ?? 0) + this.#outbox.length;
    if (this.#error === null) this.#state({ kind: 'closed', clean, unconfirmed });
    this.#ended = true;
    this.#connection?.terminate();
    this.#connection = null;
    for (const resolve of this.#onDrained.splice(0)) resolve();
    this.#wakeReader();
    this.#resolveClosed(clean);
  }

  #state(item: StateItem): void {
    this.#inbox.state(item);
    this.#wakeReader();
  }

  #wakeReader(): void {
    this.#wake?.();
    this.#wake = null;
  }

  #after(name: string, ms: number, run: () => void): void {
    this.#cancel(name);
    const cancel = this.#settings.clock.after(ms, () => {
      this.#timers.delete(name);
      run();
    });
    this.#timers.set(name, cancel);
  }

  #cancel(name: string): void {
    this.#timers.get(name)?.();
    this.#timers.delete(name);
  }
}
