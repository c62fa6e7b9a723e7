// The connections of one Zeek. Enters: its reports, by its names of connections; leaves: events of each, bounded in number.
import type { Protocol } from '../events/common.ts';
import type { FlowEvent } from '../events/event.ts';
import type { FlowId, Micros, Side } from '../flow.ts';
import { guessSender } from '../sensor/detect/content.ts';
import { DEFAULT_LIMITS, type SensorLimits, type StreamEnd } from '../sensor/parser.ts';
import { PARSERS } from '../sensor/parsers.ts';
import { selectParser } from '../sensor/select.ts';
import type { SensorStatistics } from '../sensor/statistics.ts';
import { type Surroundings, ZeekFlow } from './flow.ts';
import type { Body } from './report.ts';

export interface FlowsOptions {
  /** Names the source in flows. */
  readonly name: string;
  readonly hints: ReadonlyMap<string, Protocol>;
  readonly limits: Partial<SensorLimits>;
  readonly statistics: SensorStatistics;
  readonly onEvent: (event: FlowEvent) => void;
}

type New = Extract<Body, { readonly kind: 'new' }>;

/** The first bytes of a connection, and who sent them as Zeek tells it. */
interface First {
  readonly side: Side;
  readonly bytes: Uint8Array;
}

interface Waiting {
  readonly began: Micros;
  readonly body: New;
}

const NO_BYTES: First = { side: 'orig', bytes: new Uint8Array(0) };

export class Flows {
  readonly #options: FlowsOptions;
  readonly #around: Surroundings;
  /** By Zeek's names, in the order in which they began. */
  readonly #flows = new Map<string, ZeekFlow>();
  /** Connections that began unseen, and of which the first bytes may tell who opened them. */
  readonly #unsure = new Map<string, Waiting>();
  /** Connections that Zeek has not told of again since it was away; null when it was not. */
  #unconfirmed: Set<string> | null = null;
  #created = 0;

  constructor(options: FlowsOptions) {
    this.#options = options;
    this.#around = {
      limits: { ...DEFAULT_LIMITS, ...options.limits },
      selector: selectParser(options.hints, PARSERS),
      statistics: options.statistics,
      onEvent: options.onEvent,
      now: 0,
    };
  }

  /** Other services are declared from now on. */
  want(hints: ReadonlyMap<string, Protocol>): void {
    this.#around.selector = selectParser(hints, PARSERS);
  }

  get limits(): SensorLimits {
    return this.#around.limits;
  }

  /** The latest time that was reported, in microseconds. */
  get now(): Micros {
    return this.#around.now;
  }

  /** Lets time pass; it never goes back. */
  advance(ts: Micros): void {
    if (ts > this.#around.now) this.#around.now = ts;
  }

  /** Takes a report of a connection. False for one whose beginning was not reported. */
  tell(uid: string, body: Body): boolean {
    if (body.kind === 'new') {
      this.#open(uid, body, null);
      return true;
    }
    const waiting = this.#unsure.get(uid);
    if (waiting !== undefined)
      this.#beginLate(uid, waiting, body.kind === 'data' ? { side: body.side, bytes: body.raw } : NO_BYTES);
    const flow = this.#flows.get(uid);
    if (flow === undefined) return false;
    switch (body.kind) {
      case 'established':
        flow.established();
        break;
      case 'flipped':
        flow.flip();
        break;
      case 'data':
        flow.data(body);
        break;
      case 'lost':
        flow.lost(body.side, body.start, body.length);
        break;
      case 'side-end':
        flow.sideEnd(body.side);
        break;
      case 'ambiguity':
        flow.ambiguity(body.code, body.detail);
        break;
      case 'end':
        flow.end(body.how);
        this.#forget(uid);
        break;
      default:
    }
    return true;
  }

  /** Reports of every open connection may be missing. What is missing of its streams shows by itself. */
  blind(why: string): void {
    for (const flow of this.#flows.values()) flow.unseen(why);
  }

  /** Zeek is away: it will tell of its connections again. */
  doubt(): void {
    this.#unconfirmed = new Set([...this.#flows.keys(), ...this.#unsure.keys()]);
  }

  /** Zeek has told of all its connections: others have ended. */
  confirmed(): void {
    for (const uid of this.#unconfirmed ?? []) {
      this.#flows.get(uid)?.end('timeout');
      this.#forget(uid);
      this.#unsure.delete(uid);
    }
    this.#unconfirmed = null;
  }

  /** Ends all connections. */
  end(how: StreamEnd): void {
    this.#unconfirmed = null;
    for (const [uid, waiting] of [...this.#unsure]) this.#beginLate(uid, waiting, NO_BYTES);
    for (const flow of this.#flows.values()) flow.end(how);
    this.#flows.clear();
    this.#options.statistics.openFlows = 0;
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
    const { name, statistics } = this.#options;
    this.#created += 1;
    const [orig, resp] = turned ? [body.resp, body.orig] : [body.orig, body.resp];
    const flow = new ZeekFlow(
      {
        id: `${name}/${this.#created}` as FlowId,
        orig,
        resp,
        // VLAN 0 is a priority tag, and no VLAN (IEEE 802.1Q section 9.6).
        vlans: body.vlans.filter((tag) => tag !== 0),
        seenAt: name,
        midstream: body.first === 'other',
      },
      turned,
      this.#around,
    );
    this.#flows.set(uid, flow);
    statistics.flows += 1;
    statistics.openFlows += 1;
    flow.begin();
  }

  /** Begins a connection that waited for its first bytes, at the time at which it began. */
  #beginLate(uid: string, { began, body }: Waiting, first: First): void {
    this.#unsure.delete(uid);
    const { now } = this.#around;
    this.#around.now = began;
    this.#open(uid, body, first);
    this.#around.now = now;
  }

  /**
   * Whether Zeek's originator is our responder: it did not see the connection begin. The same rules as the embedded
   * sensor's (`sensor/tcp/orientation.ts`). Null while only bytes may tell: `first` are the first that came, or that none will.
   */
  #isTurned({ orig, resp, first: packet }: New, first: First | null): boolean | null {
    if (packet !== 'other') return packet === 'syn-ack';
    const atOrig = this.#around.selector.expectation(orig);
    const atResp = this.#around.selector.expectation(resp);
    const declared = atOrig?.declared === true;
    if (declared !== (atResp?.declared === true)) return declared;
    if (first === null) return null;
    const said = guessSender(first.bytes);
    if (said !== null) return said !== first.side;
    if ((atOrig === null) !== (atResp === null)) return atOrig !== null;
    return orig.port < resp.port;
  }

  #evict(): void {
    const [oldest] = this.#unsure;
    if (oldest !== undefined) this.#beginLate(...oldest, NO_BYTES);
    const first = this.#flows.entries().next();
    if (first.done === true) return;
    const [uid, flow] = first.value;
    flow.end('evicted');
    this.#forget(uid);
  }

  #forget(uid: string): void {
    if (this.#flows.delete(uid)) this.#options.statistics.openFlows -= 1;
  }
}
