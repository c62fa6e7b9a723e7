// One Zeek: its process if it is ours, its stream, its source. Enters: configuration; leaves: events for the merge, reports.
import { Limiter, type Log, short } from '../audit/log.ts';
import type { BackoffLimits } from '../broker/backoff.ts';
import { BrokerClient } from '../broker/client.ts';
import type { Clock } from '../broker/clock.ts';
import type { TlsOptions } from '../broker/connection.ts';
import { BrokerError } from '../broker/failure.ts';
import type { StreamItem } from '../broker/item.ts';
import type { ZeekEvent } from '../broker/message.ts';
import type { ClientOptions } from '../broker/options.ts';
import type { Statistics } from '../broker/statistics.ts';
import type { ServiceConfig, ZeekConfig } from '../config/config.ts';
import { FlowTapError, InputError } from '../errors.ts';
import type { Micros } from '../flow.ts';
import type { launchZeek, ZeekLaunch } from '../zeek/launch.ts';
import type { ZeekSource } from '../zeek/source.ts';
import type { ClockState } from './merge.ts';
import { momentOf } from './moment.ts';
import { Restarts } from './restarts.ts';
import type { Watch } from './watch.ts';

export interface ZeekParts {
  readonly config: ZeekConfig;
  readonly inbox: ServiceConfig['inbox'];
  readonly tls: TlsOptions | null;
  readonly source: ZeekSource;
  readonly watch: Watch;
  readonly log: Log;
  readonly clock: Clock;
  readonly random: () => number;
  /** The wait before a Zeek that ended is started again; one that ran for longer than the maximum begins anew. */
  readonly restart: BackoffLimits;
  readonly launch: typeof launchZeek;
  /** It said what time it is, with an event or a heartbeat; the event comes before by the way of its source. */
  readonly onTime: (ts: Micros) => void;
  /** It says nothing for now. */
  readonly onAbsent: () => void;
  /** Awaited after each item; null when there is room for what follows from the next. */
  readonly room: () => Promise<void> | null;
}

/** What the broker client is told for a Zeek. */
export function clientOptions(
  { config, inbox, tls, clock, random }: Pick<ZeekParts, 'config' | 'inbox' | 'tls' | 'clock' | 'random'>,
  url: string,
): ClientOptions {
  return {
    url,
    topics: ['flowtap/events/'],
    applicationName: 'flowtap',
    inbox,
    overflow: config.on.slow,
    clock,
    random,
    ...(tls === null ? {} : { tls }),
  };
}

export class Zeek {
  readonly #parts: ZeekParts;
  /** What Zeek writes may be of an attacker's making, in number too. */
  readonly #lines = new Limiter(20, 10_000);
  #client: BrokerClient | null = null;
  readonly #restarts: Restarts;
  /** Events for Zeek that could not be sent. */
  unsent = 0;

  constructor(parts: ZeekParts) {
    this.#parts = parts;
    this.#restarts = new Restarts(parts);
  }

  get name(): string {
    return this.#parts.config.name;
  }

  /** Of the connection; null while there is none. */
  get load(): Statistics | null {
    return this.#client?.statistics() ?? null;
  }

  /**
   * Follows this Zeek until `stop`.
   * @throws FlowTapError `service-failed` when its queue is full and the configuration says to end then
   * @throws InputError when it cannot be started at all
   */
  async run(): Promise<void> {
    const { at } = this.#parts.config;
    if (at.kind === 'url') await this.#read(at.url);
    else await this.#restarts.run((first) => this.#runOnce(at, first));
  }

  /** Takes what is there, then ends. */
  async stop(): Promise<void> {
    this.#restarts.stop();
    await this.#client?.close();
  }

  /** The policies declare other services from now on. */
  want(wanted: Parameters<ZeekSource['want']>[0]): void {
    const events = this.#parts.source.want(wanted);
    // Without a connection, Zeek is told in answer to its next hello.
    if (this.#client !== null) for (const event of events) this.#publish(event, this.#client);
  }

  /** To be called about once a second. */
  tick(now: number, clock: ClockState): void {
    this.#parts.watch.tick(now, this.load, clock);
  }

  async #read(url: string): Promise<void> {
    const { room } = this.#parts;
    const client = new BrokerClient(clientOptions(this.#parts, url));
    this.#client = client;
    if (this.#restarts.stopped) void client.close();
    try {
      for await (const item of client) {
        this.#take(item, client);
        const waiting = room();
        if (waiting !== null) await waiting;
      }
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      this.#parts.watch.overflowed();
      throw new FlowTapError('service-failed', `${this.name}: ${error.message} (${error.code})`, {
        cause: error,
      });
    } finally {
      this.#client = null;
      this.#parts.onAbsent();
    }
  }

  #take(item: StreamItem, client: BrokerClient): void {
    const { watch, source, clock, log, onTime, onAbsent } = this.#parts;
    watch.item(item, clock.now());
    if (item.kind === 'lost') onAbsent();
    if (item.kind === 'reconnecting')
      log.debug(
        { zeek: this.name, attempt: item.attempt, in_ms: item.inMs, why: item.loss.message },
        'connecting',
      );
    for (const event of source.take(item)) this.#publish(event, client);
    const moment = momentOf(item);
    // What is refused is not taken, its time neither.
    if (moment !== null && watch.view.state === 'connected') onTime(moment);
  }

  /** What Zeek does not get it does not follow, and says so in its next hello. */
  #publish(event: ZeekEvent, client: BrokerClient): void {
    try {
      client.publish(event);
    } catch (error) {
      if (!(error instanceof BrokerError)) throw error;
      this.unsent += 1;
      this.#parts.log.warn({ zeek: this.name, event: event.name, code: error.code }, 'not sent to Zeek');
    }
  }

  /** One run of a Zeek; says how it ended. A first start that fails is for whoever wrote the configuration. */
  async #runOnce(at: Extract<ZeekConfig['at'], { kind: 'interface' }>, first: boolean): Promise<string> {
    let launch: ZeekLaunch;
    try {
      launch = await this.#launch(at);
    } catch (error) {
      if (first || !(error instanceof InputError)) throw error;
      return `it cannot be started: ${error.message}`;
    }
    const exited = launch.exited.then((how) => {
      void this.#client?.close();
      return how;
    });
    try {
      await this.#read(launch.url);
    } finally {
      await launch.stop();
    }
    const { code, signal, errors } = await exited;
    const last = errors.trim().split('\n').at(-1) ?? '';
    return `Zeek ended with ${signal ?? `code ${code}`}${last === '' ? '' : `: ${last}`}`;
  }

  #launch({
    interface: device,
    program,
    port,
    scripts,
  }: Extract<ZeekConfig['at'], { kind: 'interface' }>): Promise<ZeekLaunch> {
    const { log, launch, clock } = this.#parts;
    return launch({
      node: this.name,
      interface: device,
      ...(program === null ? {} : { zeek: program }),
      ...(port === null ? {} : { port }),
      extra: scripts,
      onLog: (line) => {
        const before = this.#lines.take('line', clock.now());
        if (before !== null) log.info({ zeek: this.name, line: short(line), kept_back: before }, 'Zeek says');
      },
    });
  }
}
