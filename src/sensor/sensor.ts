// The embedded sensor: packets to events, without I/O and without a clock. Enters: captured packets; leaves: events, statistics.
import type { Event } from '../events/event.ts';
import type { Micros } from '../flow.ts';
import type { CapturedPacket } from './capture/packet.ts';
import { Fragments } from './link/fragments.ts';
import { findIp } from './link/frame.ts';
import { readIp } from './link/ip.ts';
import { DEFAULT_LIMITS, type SensorLimits } from './parser.ts';
import { Segment } from './segment.ts';
import { type Hints, type ParserFactories, selectParser } from './select.ts';
import { emptyStatistics, type SensorStatistics } from './statistics.ts';
import { Budget } from './tcp/budget.ts';
import type { Direction } from './tcp/direction.ts';
import { HOLE_TIME, type TcpFlow } from './tcp/flow.ts';
import { readTcpHeader } from './tcp/header.ts';
import { RecentMemory } from './tcp/recent.ts';
import type { Surroundings } from './tcp/surroundings.ts';
import { FlowTable } from './tcp/table.ts';

/** Bytes that wait for earlier ones, in all flows together, on top of the limit of each. */
const MOST_WAITING = 1 << 28;
/** Bytes kept to compare retransmissions with, in all flows together; without them conflicts are not seen, but counted. */
const MOST_RECENT = 1 << 28;

/** What is not read, and is certainly no TCP. */
const OTHERS: ReadonlySet<string> = new Set(['not-ip', 'udp', 'icmp', 'ip-protocol']);

export interface SensorOptions {
  /** Names the source in flows and in `source-end`: an interface, or the captures as a whole. */
  readonly source: string;
  readonly limits?: Partial<SensorLimits>;
  /** What the policy's services speak, by `ip:port` or `*:port`. */
  readonly hints?: Hints;
  readonly parsers: ParserFactories;
  /** Told of each TCP segment, with the length of its frame on the wire, and of each packet that might have been one. */
  readonly onSegment?: (segment: Segment, length: number) => void;
  readonly onUnread?: (ts: Micros) => void;
  /** Called for each event, in the order in which they complete. Must not call the sensor. */
  readonly onEvent: (event: Event) => void;
}

export interface Sensor {
  /** The packets from now on are of this capture (evidence names it), or of no capture that is kept (null). */
  capture(name: string | null): void;
  /** Takes the next packet; its bytes are copied where they must be kept. */
  packet(packet: CapturedPacket): void;
  /** Lets time pass while there are no packets: flows that are idle for too long end, and holes are given up. */
  advance(now: Micros): void;
  /** Says of every open flow that packets of it may be missing. What is missing of its streams shows there as a gap. */
  blind(why: string): void;
  /** Ends all flows and says `source-end`. Nothing may follow. */
  end(): void;
  readonly statistics: Readonly<SensorStatistics>;
}

/** Makes a sensor. Time is that of the packets: the same packets give the same events at any speed. */
export function createSensor(options: SensorOptions): Sensor {
  return new TcpSensor(options);
}

class TcpSensor implements Sensor {
  readonly statistics = emptyStatistics();
  readonly #around: Surroundings;
  readonly #table: FlowTable;
  readonly #fragments = new Fragments();
  readonly #segment = new Segment();
  readonly #cursor = { at: 0, vlan: 0 };
  readonly #source: string;
  readonly #onSegment: SensorOptions['onSegment'];
  readonly #onUnread: SensorOptions['onUnread'];
  /** Directions with an acknowledged hole, each once, in the order in which their grace ends. */
  #holes: { flow: TcpFlow; direction: Direction; due: number }[] = [];

  constructor(options: SensorOptions) {
    const limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#source = options.source;
    this.#onSegment = options.onSegment;
    this.#onUnread = options.onUnread;
    this.#around = {
      limits,
      selector: selectParser(options.hints ?? new Map(), options.parsers),
      statistics: this.statistics,
      waiting: new Budget(MOST_WAITING),
      recent: new RecentMemory(MOST_RECENT),
      onEvent: options.onEvent,
      now: 0,
      packet: 0,
      capture: -1,
      captures: [],
      seenAt: options.source,
      watchHole: (flow, direction) => {
        if (direction.watched) return;
        direction.watched = true;
        this.#holes.push({ flow, direction, due: direction.holeSince + HOLE_TIME });
      },
    };
    this.#table = new FlowTable(this.#around);
  }

  capture(name: string | null): void {
    const { captures } = this.#around;
    if (name === null) {
      this.#around.capture = -1;
      this.#around.seenAt = this.#source;
      return;
    }
    captures.push(name);
    this.#around.capture = captures.length - 1;
    this.#around.seenAt = name;
  }

  packet(packet: CapturedPacket): void {
    const { statistics } = this;
    statistics.packets += 1;
    statistics.bytes += packet.bytes.length;
    statistics.wireBytes += packet.original;
    this.#around.now = packet.ts;
    this.#around.packet = packet.number;
    this.#table.expire(packet.ts);
    if (this.#holes.length > 0) this.#checkHoles(packet.ts);
    const segment = this.#segment;
    segment.ts = packet.ts;
    segment.packet = packet.number;
    segment.capture = this.#around.capture;
    const reason = this.#decode(packet, segment);
    if (reason === null) {
      this.#onSegment?.(segment, packet.original);
      this.#table.receive(segment);
    } else {
      if (reason === 'waiting') statistics.fragments += 1;
      else statistics.ignored[reason] += 1;
      if (!OTHERS.has(reason)) this.#onUnread?.(packet.ts);
    }
    statistics.ignored['fragment-incomplete'] = this.#fragments.lost;
  }

  advance(now: Micros): void {
    if (now <= this.#around.now) return;
    this.#around.now = now;
    this.#table.expire(now);
    if (this.#holes.length > 0) this.#checkHoles(now);
  }

  blind(why: string): void {
    this.#table.blind(why);
  }

  end(): void {
    this.#table.end();
    this.#fragments.end();
    this.statistics.ignored['fragment-incomplete'] = this.#fragments.lost;
    this.#holes = [];
    this.#around.onEvent({ kind: 'source-end', ts: this.#around.now, source: this.#source });
  }

  #decode(packet: CapturedPacket, segment: Segment): ReturnType<typeof readIp> {
    const cursor = this.#cursor;
    const link = findIp(packet, cursor);
    if (link !== null) return link;
    segment.vlan = cursor.vlan;
    const network = readIp(packet.bytes, cursor.at, packet.original, segment, this.#fragments);
    return network ?? readTcpHeader(segment);
  }

  #checkHoles(now: number): void {
    let due = 0;
    for (let hole = this.#holes[due]; hole !== undefined && hole.due <= now; hole = this.#holes[due]) {
      due += 1;
      hole.direction.watched = false;
      hole.flow.checkHole(hole.direction);
      if (hole.direction.holeUpTo >= 0) this.#around.watchHole(hole.flow, hole.direction);
    }
    if (due > 0) this.#holes.splice(0, due);
    // Where time stands still, flows that ended must not pile up here.
    else if (this.#holes.length > 4 * this.#around.limits.flows) {
      this.#holes = this.#holes.filter(({ flow }) => flow.phase !== 'ended');
    }
  }
}
