// What one Zeek says, as events. Enters: items of the broker's stream; leaves: events, notices, and answers to Zeek. No I/O.
import type { StreamItem } from '../broker/item.ts';
import type { ZeekEvent } from '../broker/message.ts';
import type { Protocol } from '../events/common.ts';
import type { Event } from '../events/event.ts';
import type { Micros } from '../flow.ts';
import type { SensorLimits, StreamEnd } from '../sensor/parser.ts';
import { emptyStatistics, type SensorStatistics } from '../sensor/statistics.ts';
import { ArgumentError } from './arguments.ts';
import { configure, credit, finish, identify, resume } from './control.ts';
import { Flows } from './flows.ts';
import { type Body, type Report, readReport, SCHEMA } from './report.ts';
import { Sequence } from './sequence.ts';

/** What somebody who runs a Zeek wants to know of it. */
export type ZeekNotice =
  /** `again`: another run of Zeek than before. */
  | {
      readonly kind: 'hello';
      readonly node: string;
      readonly version: string;
      readonly epoch: string;
      readonly schema: number;
      readonly again: boolean;
    }
  /** Reports that never came, by their numbers, inclusive. */
  | { readonly kind: 'skipped'; readonly from: bigint; readonly to: bigint }
  /** The connection to Zeek is gone. */
  | { readonly kind: 'lost'; readonly why: string }
  /** A report that cannot be read. */
  | { readonly kind: 'malformed'; readonly why: string }
  /** Zeek does not follow our configuration, or speaks another version of the events. */
  | { readonly kind: 'refused'; readonly why: string }
  /** Zeek itself lost packets, so many since it last said so. */
  | { readonly kind: 'dropped-packets'; readonly packets: number }
  /** Connections that were too many for Zeek's limit, so many since it last said so: nothing is known of them. */
  | { readonly kind: 'unfollowed'; readonly connections: number };

/** Counts of what came from Zeek, besides those of the streams. */
export interface ZeekStatistics {
  /** Reports, and those of them that were one too many or cannot be read. */
  reports: number;
  late: number;
  malformed: number;
  /** Numbers that never came. */
  skipped: number;
  /** Reports of connections whose beginning was not reported. */
  strangers: number;
  restarts: number;
}

export interface ZeekSourceOptions {
  /** Names the source in flows and in `source-end`. */
  readonly name: string;
  /** What the policy's services speak, by `ip:port` or `*:port`. */
  readonly hints: ReadonlyMap<string, Protocol>;
  readonly limits?: Partial<SensorLimits>;
  /** Subnets whose connections matter; none for all. */
  readonly hosts?: readonly string[];
  readonly onEvent: (event: Event) => void;
  readonly onNotice: (notice: ZeekNotice) => void;
}

/** What the policies ask of a Zeek. */
interface Wanted {
  readonly hints: ReadonlyMap<string, Protocol>;
  readonly hosts: readonly string[];
}

/** Reports between two confirmations of a replay. */
const CREDIT_EVERY = 1000n;
const NOTHING: readonly ZeekEvent[] = [];

export class ZeekSource {
  readonly statistics: SensorStatistics = emptyStatistics();
  readonly zeek: ZeekStatistics = {
    reports: 0,
    late: 0,
    malformed: 0,
    skipped: 0,
    strangers: 0,
    restarts: 0,
  };
  readonly #options: ZeekSourceOptions;
  readonly #flows: Flows;
  readonly #sequence = new Sequence();
  #wanted: Wanted;
  #configuration: string;
  #epoch = '';
  /** Whether our configuration was sent on this connection, and was followed. */
  #asked: 'no' | 'sent' | 'followed' = 'no';
  /** It speaks another version of the events: nothing that it says is taken. */
  #refused = false;
  #replay = false;
  #credited = 0n;
  #dropped = 0;
  #unfollowed = 0;
  #ended = false;

  constructor(options: ZeekSourceOptions) {
    const { name, hints, limits = {}, hosts = [], onEvent } = options;
    this.#options = options;
    this.#wanted = { hints, hosts };
    this.#configuration = identify(hints, limits, hosts);
    this.#flows = new Flows({ name, hints, limits, statistics: this.statistics, onEvent });
  }

  /** All packets of the capture were processed, and all flows have ended. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The time of the last report, in microseconds. */
  get now(): Micros {
    return this.#flows.now;
  }

  /** Takes the next item; gives what has to be published to Zeek in answer. */
  take(item: StreamItem): readonly ZeekEvent[] {
    switch (item.kind) {
      case 'event':
        return this.#event(item.name, item.args);
      case 'lost':
        this.#flows.doubt();
        this.#asked = 'no';
        this.#options.onNotice({ kind: 'lost', why: item.loss.message });
        return NOTHING;
      case 'malformed':
        this.#malformed(item.problem);
        return NOTHING;
      case 'error':
        this.#options.onNotice({ kind: 'refused', why: `${item.code}: ${item.context}` });
        return NOTHING;
      default:
        // What is missing shows in the numbers; `connected` is followed by Zeek's hello.
        return NOTHING;
    }
  }

  /** Other services are declared, whose connections matter from now on; gives what has to be published to Zeek. */
  want(wanted: Wanted): readonly ZeekEvent[] {
    const configuration = identify(wanted.hints, this.#options.limits ?? {}, wanted.hosts);
    this.#wanted = wanted;
    this.#flows.want(wanted.hints);
    if (configuration === this.#configuration) return NOTHING;
    this.#configuration = configuration;
    // Before its hello, Zeek is told in answer to that.
    if (this.#asked === 'no' || this.#refused) return NOTHING;
    this.#asked = 'sent';
    return [configure(configuration, wanted.hints, this.#flows.limits, wanted.hosts)];
  }

  /** Says of every open flow that reports of it may be missing. What is missing of its streams shows by itself. */
  blind(why: string): void {
    this.#flows.blind(why);
  }

  /** Nothing more will come of this Zeek: ends all flows, and says `source-end`. */
  end(how: StreamEnd = 'capture-end'): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#flows.end(how);
    this.#options.onEvent({ kind: 'source-end', ts: this.now, source: this.#options.name });
  }

  #event(name: string, args: Parameters<typeof readReport>[1]): readonly ZeekEvent[] {
    let report: Report | null = null;
    try {
      report = readReport(name, args);
    } catch (error) {
      if (!(error instanceof ArgumentError)) throw error;
      this.#malformed(`${name}: ${error.message}`);
      return NOTHING;
    }
    if (report === null || this.#ended) return NOTHING;
    this.zeek.reports += 1;
    if (!this.#follow(report)) return NOTHING;
    const { head, body } = report;
    if (body.kind === 'unreadable') {
      this.#malformed(`${name}: ${body.why}`);
      return NOTHING;
    }
    if (this.#refused) return NOTHING;
    this.#flows.advance(head.ts);
    return this.#answer(body, head.uid) ?? this.#credit();
  }

  /** False for a report that is one too many. */
  #follow({ head, body }: Report): boolean {
    const step = this.#sequence.take(head);
    switch (step.kind) {
      case 'next':
        break;
      case 'first':
        this.#epoch = head.epoch;
        break;
      case 'restarted':
        this.#epoch = head.epoch;
        this.zeek.restarts += 1;
        if (body.kind === 'hello') this.#hello(body, true);
        // After it was said, so that whoever is told can say of the open flows that something of them was not seen.
        this.#credited = 0n;
        this.#dropped = 0;
        this.#unfollowed = 0;
        this.#asked = 'no';
        this.#flows.end('timeout');
        return true;
      case 'skipped':
        this.zeek.skipped += Number(step.to - step.from + 1n);
        this.#options.onNotice({ kind: 'skipped', from: step.from, to: step.to });
        break;
      case 'late':
        this.zeek.late += 1;
        return false;
    }
    if (body.kind === 'hello') this.#hello(body, false);
    return true;
  }

  #hello(body: Extract<Body, { kind: 'hello' }>, again: boolean): void {
    const { schema, node, version, problem, replay } = body;
    this.#replay = replay;
    this.#options.onNotice({
      kind: 'hello',
      node,
      version,
      epoch: this.#epoch,
      schema: Number(schema),
      again,
    });
    this.#refused = schema !== SCHEMA;
    if (this.#refused)
      this.#options.onNotice({
        kind: 'refused',
        why: `its scripts speak version ${schema} of the events, not ${SCHEMA}; use the zeek-scripts of this release`,
      });
    else if (problem !== '') this.#options.onNotice({ kind: 'refused', why: problem });
  }

  /** What is to be said to Zeek now; null when nothing in particular. */
  #answer(body: Body, uid: string): readonly ZeekEvent[] | null {
    switch (body.kind) {
      case 'hello':
        return this.#configure(body.configuration);
      case 'heartbeat':
        // After Zeek was away, it tells of its connections again, and then its heart beats.
        this.#flows.confirmed();
        this.#losses(body);
        return null;
      case 'capture-end':
        this.end();
        return [finish()];
      default:
        if (!this.#flows.tell(uid, body)) this.zeek.strangers += 1;
        return null;
    }
  }

  /** Says once what matters; of two engines that want different things of one Zeek, neither may go on and on about it. */
  #configure(followed: string): readonly ZeekEvent[] {
    if (followed === this.#configuration) {
      this.#asked = 'followed';
      return this.#replay ? [resume()] : NOTHING;
    }
    if (this.#asked === 'sent') return NOTHING;
    if (this.#asked === 'followed') {
      const why = 'another engine has configured this Zeek otherwise: give each engine a Zeek of its own';
      this.#options.onNotice({ kind: 'refused', why });
      return NOTHING;
    }
    this.#asked = 'sent';
    const { hints, hosts } = this.#wanted;
    return [configure(this.#configuration, hints, this.#flows.limits, hosts)];
  }

  #losses({ dropped, unfollowed }: Extract<Body, { kind: 'heartbeat' }>): void {
    const packets = dropped - this.#dropped;
    if (packets > 0) this.#options.onNotice({ kind: 'dropped-packets', packets });
    this.#dropped = dropped;
    const connections = unfollowed - this.#unfollowed;
    if (connections > 0) this.#options.onNotice({ kind: 'unfollowed', connections });
    this.#unfollowed = unfollowed;
  }

  #credit(): readonly ZeekEvent[] {
    if (!this.#replay || this.#sequence.last < this.#credited + CREDIT_EVERY) return NOTHING;
    this.#credited = this.#sequence.last;
    return [credit(this.#credited)];
  }

  #malformed(why: string): void {
    this.zeek.malformed += 1;
    this.#options.onNotice({ kind: 'malformed', why });
  }
}
