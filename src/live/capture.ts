// One interface that the embedded sensor reads. Enters: configuration; leaves: events for the merge, reports, counts of what passed.
import type { Log } from '../audit/log.ts';
import type { BackoffLimits } from '../broker/backoff.ts';
import type { Clock } from '../broker/clock.ts';
import type { CaptureConfig } from '../config/captures.ts';
import { InputError } from '../errors.ts';
import type { Event } from '../events/event.ts';
import type { Micros } from '../flow.ts';
import type { Counts, DropRule } from '../flowtap/driver.ts';
import { CaptureFaults } from '../sensor/capture/fault.ts';
import { CaptureStream } from '../sensor/capture/stream.ts';
import { PARSERS } from '../sensor/parsers.ts';
import { createSensor, type Sensor, type SensorOptions } from '../sensor/sensor.ts';
import { Tally } from '../sensor/tally.ts';
import type { ClockState } from './merge.ts';
import { Restarts } from './restarts.ts';
import type { launchTcpdump, Tcpdump, TcpdumpCounts } from './tcpdump.ts';
import type { Watch } from './watch.ts';

/** While an interface is silent, its time is the clock's, less what a packet may take from there to here. */
const LAG_MS = 10;
/** Time passes again after so much of the silence, and between these bounds (milliseconds). */
const SHARE = 1 / 8;
const OFTEN_MS = 4;
const SELDOM_MS = 250;
/** Without a packet or an answer for so long, time does not pass: tcpdump may be there and not run. */
const TRUST_MS = 3000;
/** Between two questions for counts in silence, and when somebody waits for the answer. */
const ASK_MS = 1000;
const ASK_SOON_MS = 20;
/** Not read on for so long is slow: then the kernel's buffer fills, and what has no room there is lost. */
const SLOW_MS = 500;
/** So long somebody waits for all packets up to now. */
const PATIENCE_MS = 2000;

export interface CaptureParts {
  readonly config: CaptureConfig;
  readonly limits: SensorOptions['limits'] & object;
  readonly hints: SensorOptions['hints'] & object;
  readonly watch: Watch;
  readonly log: Log;
  readonly clock: Clock;
  readonly wall: () => Micros;
  readonly random: () => number;
  readonly restart: BackoffLimits;
  readonly launch: typeof launchTcpdump;
  readonly onEvent: (event: Event) => void;
  readonly onTime: (ts: Micros) => void;
  readonly onAbsent: () => void;
  /** Awaited after each piece; null when there is room for what follows from the next. */
  readonly room: () => Promise<void> | null;
}

/** What a capture counted, over all runs of tcpdump. */
export interface CaptureStatistics {
  readonly restarts: number;
  readonly droppedPackets: number;
  readonly sensor: Sensor['statistics'];
}

export class Capture {
  readonly #parts: CaptureParts;
  readonly #sensor: Sensor;
  readonly #tally = new Tally();
  #tcpdump: Tcpdump | null = null;
  readonly #restarts: Restarts;
  #runs = 0;
  /** Packets read of this run, and lost of all before it, of this one, and when that was said last. */
  #read = 0;
  #droppedBefore = 0;
  #dropped = 0;
  #lostAt: Micros = 0;
  /** Moments of the steady clock: of the last piece, of the last piece or answer, of the last question. */
  #pieceAt = 0;
  #heardAt = 0;
  #askedAt = 0;
  /** Increases with each piece. */
  #pieces = 0;
  /** Since when it is not read on; null while it is. */
  #pausedAt: number | null = null;
  #cancelPulse: () => void = () => {};
  /** Who waits until all packets up to now were read. */
  readonly #waiting = new Set<(complete: boolean) => void>();

  constructor(parts: CaptureParts) {
    this.#parts = parts;
    this.#restarts = new Restarts(parts);
    this.#sensor = createSensor({
      source: parts.config.name,
      limits: parts.limits,
      hints: parts.hints,
      parsers: PARSERS,
      onEvent: parts.onEvent,
      onSegment: (segment, length) => this.#tally.take(segment, length),
      onUnread: (ts) => this.#tally.miss(ts),
    });
  }

  get name(): string {
    return this.#parts.config.name;
  }

  get statistics(): CaptureStatistics {
    const droppedPackets = this.#droppedBefore + this.#dropped;
    return { restarts: Math.max(0, this.#runs - 1), droppedPackets, sensor: this.#sensor.statistics };
  }

  /** Every open flow may have gone on unseen. */
  blind(why: string): void {
    this.#sensor.blind(why);
  }

  /** Follows the interface until `stop`. @throws InputError when tcpdump cannot be started at all */
  async run(): Promise<void> {
    await this.#restarts.run(async (first) => {
      const how = await this.#runOnce(first);
      this.#parts.onAbsent();
      return how;
    });
  }

  /** Takes what is there, then ends. */
  async stop(): Promise<void> {
    this.#restarts.stop();
    await this.#tcpdump?.stop();
  }

  /** To be called about once a second. */
  tick(now: number, clock: ClockState): void {
    const { watch } = this.#parts;
    watch.slow(this.#pausedAt !== null && now - this.#pausedAt >= SLOW_MS);
    watch.tick(now, null, clock);
  }

  /**
   * Packets of a flow since a moment, counted when all that were copied by now have been read. Null when some may have been
   * missed, or that cannot be known soon.
   */
  async passed(rule: DropRule, since: Micros): Promise<Counts | null> {
    const run = this.#runs;
    if (!(await this.#complete())) return null;
    if (run !== this.#runs || this.#lostAt > since) return null;
    return this.#tally.since(rule.matches, since);
  }

  #complete(): Promise<boolean> {
    if (this.#tcpdump === null) return Promise.resolve(false);
    return new Promise((resolve) => {
      const settle = (complete: boolean): void => {
        cancel();
        this.#waiting.delete(settle);
        resolve(complete);
      };
      const cancel = this.#parts.clock.after(PATIENCE_MS, () => settle(false));
      this.#waiting.add(settle);
      this.#pulse();
    });
  }

  async #runOnce(first: boolean): Promise<string> {
    const { config, launch, watch, clock } = this.#parts;
    let tcpdump: Tcpdump;
    try {
      tcpdump = await launch({
        name: this.name,
        interface: config.interface,
        program: config.program,
        bufferKiB: Math.ceil(config.buffer / 1024),
        filter: config.filter,
        onCounts: (counts) => this.#counted(counts),
      });
    } catch (error) {
      if (first || !(error instanceof InputError)) throw error;
      return `it cannot be started: ${error.message}`;
    }
    this.#tcpdump = tcpdump;
    if (this.#restarts.stopped) void tcpdump.stop();
    this.#runs += 1;
    this.#read = 0;
    this.#droppedBefore += this.#dropped;
    this.#dropped = 0;
    this.#heardAt = this.#pieceAt = clock.now();
    const run = { node: this.name, version: 'tcpdump', epoch: String(this.#runs), again: this.#runs > 1 };
    watch.began({ ...run, text: `tcpdump listens on ${tcpdump.listens}` });
    this.#pulse();
    const fault = await this.#follow(tcpdump).finally(() => this.#left());
    await tcpdump.stop();
    const { code, signal, error } = await tcpdump.exited;
    if (fault !== null) return fault;
    return `tcpdump ended with ${signal ?? `code ${code}`}${error === '' ? '' : `: ${error}`}`;
  }

  /** Reads until the stream ends; what is wrong with it, or null. */
  async #follow(tcpdump: Tcpdump): Promise<string | null> {
    const { clock, room, watch } = this.#parts;
    const stream = new CaptureStream(new CaptureFaults(this.name));
    for await (const piece of tcpdump.stream) {
      this.#pieces += 1;
      this.#heardAt = this.#pieceAt = clock.now();
      watch.alive(this.#heardAt);
      try {
        this.#take(stream, piece as Uint8Array);
      } catch (error) {
        if (!(error instanceof InputError)) throw error;
        watch.notice({ kind: 'malformed', why: error.message });
        return `its stream is malformed: ${error.message}`;
      }
      this.#pulse();
      const waiting = room();
      if (waiting === null) continue;
      this.#pausedAt = clock.now();
      await waiting;
      this.#pausedAt = null;
    }
    return null;
  }

  #take(stream: CaptureStream, piece: Uint8Array): void {
    let latest: Micros = 0;
    for (const packet of stream.feed(piece)) {
      this.#read += 1;
      this.#sensor.packet(packet);
      latest = packet.ts;
    }
    if (latest > 0) this.#parts.onTime(latest);
  }

  #left(): void {
    this.#cancelPulse();
    this.#tcpdump = null;
    this.#pausedAt = null;
    for (const settle of [...this.#waiting]) settle(false);
  }

  /** Looks again soon whether the interface is silent. */
  #pulse(): void {
    const { clock } = this.#parts;
    this.#cancelPulse();
    if (this.#tcpdump === null) return;
    const silent = clock.now() - this.#pieceAt;
    const next = Math.min(SELDOM_MS, Math.max(OFTEN_MS, silent * SHARE));
    const pieces = this.#pieces;
    this.#cancelPulse = clock.after(this.#waiting.size > 0 ? OFTEN_MS : next, () => {
      // What came while this process was busy is read first: only then nothing is in the pipe.
      setImmediate(() => {
        if (pieces === this.#pieces && this.#pausedAt === null) this.#silence();
        else this.#pulse();
      });
    });
  }

  #silence(): void {
    const { clock, wall, onTime } = this.#parts;
    if (this.#tcpdump === null) return;
    const now = clock.now();
    const wait = this.#waiting.size > 0 ? ASK_SOON_MS : ASK_MS;
    if (now - this.#askedAt >= wait) {
      this.#askedAt = now;
      this.#tcpdump.ask();
    }
    if (now - this.#heardAt < TRUST_MS) {
      const ts = wall() - LAG_MS * 1000;
      this.#sensor.advance(ts);
      onTime(ts);
    }
    this.#pulse();
  }

  #counted({ received, dropped }: TcpdumpCounts): void {
    const { watch, clock, wall } = this.#parts;
    this.#heardAt = clock.now();
    watch.alive(this.#heardAt);
    if (dropped > this.#dropped) {
      watch.notice({ kind: 'dropped-packets', packets: dropped - this.#dropped });
      this.#dropped = dropped;
      this.#lostAt = wall();
    }
    if (this.#read >= received - dropped) for (const settle of [...this.#waiting]) settle(true);
  }
}
