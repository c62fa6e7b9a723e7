// What one Zeek says, as events. Enters: items of the broker's stream; leaves: events, notices, and answers to Zeek. No I/O.
import type { StreamItem } from '../broker/item.ts';
import type { ZeekEvent } from '../broker/message.ts';
import type { Protocol } from '../events/common.ts';
import type { Event } from '../events/event.ts';
import type { FlowId, Micros, Side } from '../flow.ts';
import { guessSender } from '../sensor/detect/content.ts';
import type { StreamEnd } from '../sensor/parser.ts';
import { DEFAULT_LIMITS, type SensorLimits } from '../sensor/parser.ts';
import { PARSERS } from '../sensor/parsers.ts';
import { type Selector, selectParser } from '../sensor/select.ts';
import { emptyStatistics, type SensorStatistics } from '../sensor/statistics.ts';
import { ArgumentError } from './arguments.ts';
import { configure, credit, finish, identify, resume } from './control.ts';
import { type Surroundings, ZeekFlow } from './flow.ts';
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
  | { readonly kind: 'dropped-packets'; readonly packets: number };

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
  readonly onEvent: (event: Event) => void;
  readonly onNotice: (notice: ZeekNotice) => void;
}

/** Reports between two confirmations of a replay. */
const CREDIT_EVERY = 1000n;
const NOTHING: readonly ZeekEvent[] = [];

type New = Extract<Body, { readonly kind: 'new' }>;
/** The first bytes of a connection, and who sent them as Zeek tells it. */
interface First {
  readonly side: Side;
  readonly bytes: Uint8Array;
}
const NO_BYTES: First = { side: 'orig', bytes: new Uint8Array(0) };

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
  readonly #selector: Selector;
  readonly #around: Surroundings;
  readonly #sequence = new Sequence();
  readonly #configuration: string;
  /** By Zeek's names; the least recently heard of first. */
  readonly #flows = new Map<string, ZeekFlow>();
  /** Connections that began unseen, and of which the first bytes may tell who opened them. */
  readonly #unsure = new Map<string, { readonly began: Micros; readonly body: New }>();
  /** Connections that Zeek has not told of again since it was away; null when it was not. */
  #unconfirmed: Set<string> | null = null;
  #created = 0;
  #epoch = '';
  #replay = false;
  #credited = 0n;
  #dropped = 0;
  #ended = false;

  constructor(options: ZeekSourceOptions) {
    this.#options = options;
    this.#selector = selectParser(options.hints, PARSERS);
    this.#configuration = identify(options.hints, options.limits ?? {});
    this.#around = {
      limits: { ...DEFAULT_LIMITS, ...options.limits },
      selector: this.#selector,
      statistics: this.statistics,
      onEvent: options.onEvent,
      now: 0,
    };
  }

  /** All packets of the capture were processed, and all flows have ended. */
  get ended(): boolean {
    return this.#ended;
  }

  /** The run of Zeek that is followed; empty before its first word. */
  get epoch(): string {
    return this.#epoch;
  }

  /** The time of the last report, in microseconds. */
  get now(): number {
    return this.#around.now;
  }

  /** Takes the next item; gives what has to be published to Zeek in answer. */
  take(item: StreamItem): readonly ZeekEvent[] {
    switch (item.kind) {
      case 'event':
        return this.#event(item.name, item.args);
      case 'lost':
        this.#unconfirmed = new Set(this.#flows.keys());
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

  /** Says of every open flow that reports of it may be missing. What is missing of its streams shows by itself. */
  blind(why: string): void {
    for (const flow of this.#flows.values()) flow.unseen(why);
  }

  /** Nothing more will come of this Zeek: ends all flows, and says `source-end`. */
  end(how: StreamEnd = 'capture-end'): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#endAll(how);
    this.#options.onEvent({ kind: 'source-end', ts: this.#around.now, source: this.#options.name });
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
    if (head.ts > this.#around.now) this.#around.now = head.ts;
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
        this.#restart();
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
    if (schema !== SCHEMA)
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
        if (body.schema !== SCHEMA) return NOTHING;
        if (body.configuration !== this.#configuration)
          return [configure(this.#configuration, this.#options.hints, this.#around.limits)];
        return this.#replay ? [resume()] : NOTHING;
      case 'heartbeat':
        this.#heartbeat(body);
        return null;
      case 'capture-end':
        this.end();
        return [finish()];
      case 'new':
        this.#open(uid, body, null);
        return null;
      default: {
        this.#settle(uid, body);
        const flow = this.#flows.get(uid);
        if (flow === undefined) this.zeek.strangers += 1;
        else this.#tell(flow, body, uid);
        return null;
      }
    }
  }

  /** Begins a connection that waited for its first bytes, once there are some or it ends. */
  #settle(uid: string, body: Body): void {
    const began = this.#unsure.get(uid);
    if (began === undefined) return;
    this.#beginLate(uid, began, body.kind === 'data' ? { side: body.side, bytes: body.raw } : NO_BYTES);
  }

  #beginLate(
    uid: string,
    { began, body }: { readonly began: Micros; readonly body: New },
    first: First,
  ): void {
    this.#unsure.delete(uid);
    const { now } = this.#around;
    this.#around.now = began;
    this.#open(uid, body, first);
    this.#around.now = now;
  }

  #tell(flow: ZeekFlow, body: Body, uid: string): void {
    switch (body.kind) {
      case 'established':
        flow.established();
        return;
      case 'flipped':
        flow.flip();
        return;
      case 'data':
        flow.data(body);
        return;
      case 'lost':
        flow.lost(body.side, body.start, body.length);
        return;
      case 'side-end':
        flow.sideEnd(body.side);
        return;
      case 'ambiguity':
        flow.ambiguity(body.code, body.detail);
        return;
      case 'end':
        flow.end(body.how);
        this.#forget(uid);
        return;
      default:
    }
  }

  #open(uid: string, body: New, first: First | null): void {
    this.#unconfirmed?.delete(uid);
    if (this.#flows.has(uid)) return;
    if (this.#flows.size + this.#unsure.size >= this.#around.limits.flows) this.#evict();
    const turned = this.#isTurned(body, first);
    if (turned === null) {
      this.#unsure.set(uid, { began: this.#around.now, body });
      return;
    }
    this.#created += 1;
    const id = `${this.#options.name}/${this.#created}` as FlowId;
    const [orig, resp] = turned ? [body.resp, body.orig] : [body.orig, body.resp];
    const midstream = body.first === 'other';
    // VLAN 0 is a priority tag, and no VLAN (IEEE 802.1Q section 9.6).
    const vlans = body.vlans.filter((tag) => tag !== 0);
    const flow = new ZeekFlow(
      { id, orig, resp, vlans, seenAt: this.#options.name, midstream },
      turned,
      this.#around,
    );
    this.#flows.set(uid, flow);
    this.statistics.flows += 1;
    this.statistics.openFlows += 1;
    flow.begin();
  }

  /**
   * Whether Zeek's originator is our responder: it did not see the connection begin. The same rules as the embedded
   * sensor's (`sensor/tcp/orientation.ts`). Null while only bytes may tell: `first` are the first that came, or that none will.
   */
  #isTurned({ orig, resp, first: packet }: New, first: First | null): boolean | null {
    if (packet !== 'other') return packet === 'syn-ack';
    const atOrig = this.#selector.expectation(orig);
    const atResp = this.#selector.expectation(resp);
    const declared = atOrig?.declared === true;
    if (declared !== (atResp?.declared === true)) return declared;
    if (first === null) return null;
    const said = guessSender(first.bytes);
    if (said !== null) return said !== first.side;
    if ((atOrig === null) !== (atResp === null)) return atOrig !== null;
    return orig.port < resp.port;
  }

  /** After Zeek was away, it tells of its connections again, and then its heart beats: others are gone. */
  #heartbeat({ dropped }: Extract<Body, { kind: 'heartbeat' }>): void {
    for (const uid of this.#unconfirmed ?? []) {
      this.#flows.get(uid)?.end('timeout');
      this.#forget(uid);
    }
    this.#unconfirmed = null;
    if (dropped > this.#dropped)
      this.#options.onNotice({ kind: 'dropped-packets', packets: dropped - this.#dropped });
    this.#dropped = dropped;
  }

  /** Another Zeek, or the same one anew: what the old one would have told of its connections nobody will. */
  #restart(): void {
    this.#unconfirmed = null;
    this.#credited = 0n;
    this.#dropped = 0;
    this.#endAll('timeout');
  }

  #endAll(how: StreamEnd): void {
    for (const [uid, began] of [...this.#unsure]) this.#beginLate(uid, began, NO_BYTES);
    for (const flow of this.#flows.values()) flow.end(how);
    this.#flows.clear();
    this.statistics.openFlows = 0;
  }

  #evict(): void {
    const oldest = this.#flows.entries().next();
    if (oldest.done === true) return;
    const [uid, flow] = oldest.value;
    flow.end('evicted');
    this.#forget(uid);
  }

  #forget(uid: string): void {
    if (this.#flows.delete(uid)) this.statistics.openFlows -= 1;
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
