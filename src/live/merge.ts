// One order of time for the events of several Zeeks. Enters: events and heartbeats of each, as they arrive; leaves: the same, merged.
import type { Event } from '../events/event.ts';
import type { Micros } from '../flow.ts';

export interface MergeOptions {
  /** Milliseconds that an event waits, at most, for earlier ones of other Zeeks. */
  readonly waitMs: number;
  /** Milliseconds that a Zeek's time may be ahead of this machine's clock; what is further ahead is taken as just now. */
  readonly aheadMs: number;
  /** Nobody waits for a Zeek that is silent for longer, or whose time is further behind. */
  readonly lateMs: number;
  /** Events that wait at once, of all together; above it the earliest go before their time. */
  readonly most: number;
  /** The next event, or only the time up to which nothing more is to come. */
  readonly onNext: (ts: Micros, event: Event | null) => void;
}

/** How a Zeek's time compares with this machine's clock. */
export type ClockState = 'right' | 'ahead' | 'behind';

interface Waiting {
  readonly ts: Micros;
  readonly event: Event | null;
  /** Milliseconds of this machine's steady clock. */
  readonly arrived: number;
}

/** The events of one Zeek. */
export class Lane {
  readonly #queue: Waiting[] = [];
  #head = 0;
  /** The latest time that it has said. */
  frontier: Micros = 0;
  /** When it said something last; null while it is not connected. */
  heard: number | null = null;
  clock: ClockState = 'right';

  get first(): Waiting | undefined {
    return this.#queue[this.#head];
  }

  get length(): number {
    return this.#queue.length - this.#head;
  }

  push(item: Waiting): void {
    this.#queue.push(item);
  }

  shift(): void {
    this.#head += 1;
    if (this.#head === this.#queue.length || this.#head > 4096) {
      this.#queue.splice(0, this.#head);
      this.#head = 0;
    }
  }
}

/**
 * Merges by the events' own time. The machine's clock bounds only how long one Zeek can hold up or mislead the others: an
 * event waits until every Zeek that is there has said a later time, but not longer than `waitMs`.
 */
export class Merge {
  readonly #options: MergeOptions;
  readonly #lanes: Lane[] = [];
  #waiting = 0;
  /** Events that went before their time, because too many waited. */
  early = 0;
  /** Events whose time was ahead of this machine's clock, and replaced by it. */
  restamped = 0;

  constructor(options: MergeOptions) {
    this.#options = options;
  }

  /** Events that wait now. */
  get waiting(): number {
    return this.#waiting;
  }

  /** A further Zeek. */
  add(): Lane {
    const lane = new Lane();
    this.#lanes.push(lane);
    return lane;
  }

  /** That Zeek is out of reach: nobody waits for it until it says something again. */
  absent(lane: Lane, now: number): void {
    lane.heard = null;
    this.flow(now);
  }

  /**
   * A Zeek has said its time, with an event or a heartbeat.
   * @param now of this machine's steady clock, in milliseconds
   * @param wall of its calendar clock
   */
  heard(lane: Lane, said: Micros, now: number, wall: Micros): void {
    const behind = wall - said > this.#options.lateMs * 1000;
    lane.clock = this.#isAhead(said, wall) ? 'ahead' : behind ? 'behind' : 'right';
    lane.heard = now;
    const ts = lane.clock === 'ahead' ? wall : said;
    // A time that is known already is worth no place in the queue.
    if (ts > lane.frontier) this.#push(lane, ts, null, now);
    this.flow(now);
  }

  /** An event of a Zeek, or of its source about a Zeek that is out of reach. */
  offer(lane: Lane, event: Event, now: number, wall: Micros): void {
    const ahead = this.#isAhead(event.ts, wall);
    if (ahead) this.restamped += 1;
    this.#push(lane, ahead ? wall : event.ts, ahead ? { ...event, ts: wall } : event, now);
    this.flow(now);
    while (this.#waiting > this.#options.most) {
      this.early += 1;
      this.#release(this.#earliest());
    }
  }

  /** Releases what may go by now. */
  flow(now: number): void {
    for (;;) {
      const lane = this.#earliest();
      if (lane?.first === undefined) return;
      if (!this.#complete(lane, lane.first.ts, now) && !this.#overdue(now)) return;
      this.#release(lane);
    }
  }

  /** Milliseconds until something is overdue; null when nothing waits. */
  next(now: number): number | null {
    let least: number | null = null;
    for (const { first } of this.#lanes) {
      if (first === undefined) continue;
      const left = Math.max(0, first.arrived + this.#options.waitMs - now);
      least = least === null ? left : Math.min(least, left);
    }
    return least;
  }

  /** Releases everything: there is nothing to wait for any more. */
  finish(): void {
    while (this.#waiting > 0) this.#release(this.#earliest());
  }

  #isAhead(said: Micros, wall: Micros): boolean {
    return said - wall > this.#options.aheadMs * 1000;
  }

  #push(lane: Lane, ts: Micros, event: Event | null, now: number): void {
    lane.frontier = Math.max(lane.frontier, ts);
    lane.push({ ts, event, arrived: now });
    this.#waiting += 1;
  }

  #release(lane: Lane | null): void {
    const item = lane?.first;
    if (lane === null || item === undefined) return;
    lane.shift();
    this.#waiting -= 1;
    this.#options.onNext(item.ts, item.event);
  }

  #earliest(): Lane | null {
    let earliest: Lane | null = null;
    for (const lane of this.#lanes) {
      if (lane.first !== undefined && (earliest?.first === undefined || lane.first.ts < earliest.first.ts))
        earliest = lane;
    }
    return earliest;
  }

  /** True when no other Zeek that is in time can still say something earlier. */
  #complete(of: Lane, ts: Micros, now: number): boolean {
    return this.#lanes.every((lane) => {
      if (lane === of || lane.first !== undefined || lane.frontier >= ts) return true;
      return lane.heard === null || now - lane.heard > this.#options.lateMs || lane.clock === 'behind';
    });
  }

  #overdue(now: number): boolean {
    return this.#lanes.some(
      ({ first }) => first !== undefined && now - first.arrived >= this.#options.waitMs,
    );
  }
}
