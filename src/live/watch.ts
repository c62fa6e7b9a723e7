// What one Zeek does, and what is done because of it. Enters: items, notices, the passing of time; leaves: reports, and blindness. No I/O.
import type { SourceChange, SourceEntry, SourceResponse } from '../audit/source-record.ts';
import type { StreamItem } from '../broker/item.ts';
import type { Postures } from '../config/postures.ts';
import { assertNever } from '../errors.ts';
import type { ZeekNotice } from '../zeek/source.ts';
import type { ClockState } from './merge.ts';

/** What is said about a change; who reports it adds the times. */
export type Report = Omit<SourceEntry, 'at' | 'traffic' | 'source'>;

export type ZeekState =
  /** Not heard of yet. */
  | 'connecting'
  | 'connected'
  /** The connection broke off; it may come back in time. */
  | 'lost'
  /** Nothing was heard for as long as the configuration allows. */
  | 'gone'
  /** It is there, but what it says cannot be used. */
  | 'refused';

/** How the queue of a Zeek is; of the broker client's statistics. */
export interface Load {
  readonly paused: boolean;
  readonly pauses: number;
  readonly queuedFrames: number;
}

/** A run of what is watched. */
export interface Beginning {
  readonly node: string;
  readonly version: string;
  readonly epoch: string;
  readonly again: boolean;
  /** For a person. */
  readonly text: string;
}

export interface WatchOptions {
  readonly on: Postures;
  /** Every open flow of this Zeek is unseen from now on. */
  readonly blind: (cause: string) => void;
  readonly onReport: (report: Report) => void;
}

/** What is told of a Zeek to whoever asks. */
export interface WatchView {
  readonly state: ZeekState;
  readonly node: string | null;
  readonly version: string | null;
  readonly epoch: string | null;
  readonly slow: boolean;
  readonly clock: ClockState;
  /** Why it is not as it should be; empty when it is. */
  readonly why: string;
  /** How often each change happened. */
  readonly changes: ReadonlyMap<SourceChange, number>;
}

/** Follows one Zeek. Times are milliseconds of this machine's steady clock. */
export class Watch {
  readonly #options: WatchOptions;
  readonly #changes = new Map<SourceChange, number>();
  #state: ZeekState = 'connecting';
  #node: string | null = null;
  #version: string | null = null;
  #epoch: string | null = null;
  /** It said hello on this connection. */
  #greeted = false;
  #heard: number;
  #why = 'it was not reached yet';
  #slow = false;
  #pauses = 0;
  #clock: ClockState = 'right';

  constructor(options: WatchOptions, now: number) {
    this.#options = options;
    this.#heard = now;
  }

  get view(): WatchView {
    return {
      state: this.#state,
      node: this.#node,
      version: this.#version,
      epoch: this.#epoch,
      slow: this.#slow,
      clock: this.#clock,
      why: this.#why,
      changes: this.#changes,
    };
  }

  /** An item of the stream, before the source takes it. */
  item(item: StreamItem, now: number): void {
    switch (item.kind) {
      case 'event':
        this.alive(now);
        return;
      case 'lost':
        this.#lose(item.loss.message);
        return;
      case 'reconnecting':
        if (this.#state !== 'connected') this.#why = item.loss.message;
        return;
      case 'gap':
        if (item.reason === 'overflow' && item.dropped !== null) this.#dropped(item.dropped);
        return;
      case 'error':
        this.#report('refused', 'none', `it refused an event of ours: ${item.code}, ${item.context}`);
        return;
      case 'connected':
      case 'malformed':
      case 'data':
      case 'closed':
        // The source says what is wrong with these, if anything.
        return;
      default:
        assertNever(item);
    }
  }

  /** It gave a sign of life. */
  alive(now: number): void {
    this.#heard = now;
    if (this.#state === 'gone' && this.#greeted) this.#connect('it is heard again');
  }

  /** It is not read on, since what it says is not judged or written as fast; or it is again. */
  slow(is: boolean): void {
    if (is && !this.#slow) this.#report('slow', 'paused', 'its packets come faster than they are judged');
    if (!is && this.#slow) this.#report('caught-up', 'none', 'its packets are judged as they come again');
    this.#slow = is;
  }

  /** A notice of the source. It comes before the event by which the source noticed, so that blindness precedes it too. */
  notice(notice: ZeekNotice): void {
    const { on } = this.#options;
    switch (notice.kind) {
      case 'hello':
        this.began({ ...notice, text: `Zeek ${notice.version} as ${notice.node}` });
        return;
      case 'skipped': {
        const { from, to } = notice;
        const text = `events ${from} to ${to} never came`;
        const numbers = { from, to, count: Number(to - from) + 1 };
        this.#report('skipped', this.#blind(on.skipped === 'unseen', text), text, numbers);
        return;
      }
      case 'lost':
        this.#lose(notice.why);
        return;
      case 'malformed':
        this.#report('malformed', 'none', `it said what cannot be read: ${notice.why}`);
        return;
      case 'refused':
        this.#state = 'refused';
        this.#greeted = true;
        this.#why = notice.why;
        this.#report('refused', 'none', notice.why);
        return;
      case 'dropped-packets':
        this.#report(
          'packets-dropped',
          'none',
          `it lost ${notice.packets} packets before it could read them`,
          { count: notice.packets },
        );
        return;
      case 'unfollowed': {
        const text = `${notice.connections} connections were more than it follows`;
        this.#report('unfollowed', 'none', text, { count: notice.connections });
        return;
      }
      default:
        assertNever(notice);
    }
  }

  /** The process that was started has ended; it is started again in `inMs`. */
  exited(how: string, inMs: number): void {
    this.#report('exited', 'restarting', `${how}; it is started again in ${inMs} ms`);
    this.#lose(how);
  }

  /** Its queue was full, and the configuration says to end then. */
  overflowed(): void {
    this.#slow = true;
    this.#report('slow', 'ended', 'its events come faster than they are judged');
  }

  /** To be called about once a second. */
  tick(now: number, load: Load | null, clock: ClockState): void {
    if (load !== null) this.#load(load);
    if (clock !== this.#clock) this.#turn(clock);
    // Whoever does not read cannot say that nothing is said.
    if (this.#slow || (load?.queuedFrames ?? 0) > 0) this.#heard = now;
    const { gone } = this.#options.on;
    if (this.#state === 'gone' || now - this.#heard < gone.afterMs) return;
    const silent = this.#state === 'connected' || this.#state === 'refused';
    if (silent) this.#why = 'it is connected, but says nothing';
    this.#state = 'gone';
    const text = `nothing was heard for ${gone.afterMs} ms: ${this.#why}`;
    this.#report('gone', this.#blind(gone.does === 'unseen', text), text);
  }

  /** It began; `again` when it had ended: what passed in between was not seen. */
  began({ node, version, epoch, again, text }: Beginning): void {
    this.#node = node;
    this.#version = version;
    this.#epoch = epoch;
    this.#greeted = true;
    if (again) {
      this.#state = 'connected';
      this.#why = '';
      const cause = 'it was restarted';
      const response = this.#blind(this.#options.on.restarted === 'unseen', cause);
      this.#report('restarted', response, `${cause}: ${text}`);
    } else if (this.#state !== 'connected') this.#connect(text);
  }

  #connect(text: string): void {
    this.#state = 'connected';
    this.#why = '';
    this.#report('connected', 'none', text);
  }

  #lose(why: string): void {
    this.#greeted = false;
    this.#why = why;
    if (this.#state !== 'connected' && this.#state !== 'refused') return;
    this.#state = 'lost';
    this.#report('lost', 'none', why);
  }

  #load({ paused, pauses, queuedFrames }: Load): void {
    if (pauses > this.#pauses || paused) {
      if (!this.#slow)
        this.#report('slow', 'paused', `its events come faster than they are judged: ${queuedFrames} wait`);
      this.#slow = true;
    } else if (this.#slow) {
      this.#slow = false;
      this.#report('caught-up', 'none', 'its events are judged as they come again');
    }
    this.#pauses = pauses;
  }

  #dropped(count: number): void {
    this.#slow = true;
    this.#report(
      'slow',
      'dropped',
      `${count} events were dropped, since they came faster than they are judged`,
      {
        count,
      },
    );
  }

  #turn(clock: ClockState): void {
    this.#clock = clock;
    if (clock === 'right') this.#report('clock-right', 'none', "its time agrees with this machine's clock");
    else this.#report('clock-wrong', 'none', `its time is ${clock} of this machine's clock`);
  }

  #blind(wanted: boolean, cause: string): SourceResponse {
    if (!wanted) return 'none';
    this.#options.blind(cause);
    return 'blinded';
  }

  #report(
    change: SourceChange,
    response: SourceResponse,
    text: string,
    numbers: Partial<Pick<Report, 'from' | 'to' | 'count'>> = {},
  ): void {
    this.#changes.set(change, (this.#changes.get(change) ?? 0) + 1);
    this.#options.onReport({
      change,
      response,
      text,
      epoch: this.#epoch,
      from: null,
      to: null,
      count: null,
      ...numbers,
    });
  }
}
