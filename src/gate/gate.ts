// All connections in the path, and what the engine decides of them. Enters: connections, verdicts; leaves: events, reports, counts. No I/O.
import type { Protocol } from '../events/common.ts';
import type { Event, FlowEvent } from '../events/event.ts';
import type { HttpRequest } from '../events/http.ts';
import {
  type Endpoint,
  type Evidence,
  type Flow,
  type FlowId,
  formatEndpoint,
  type Micros,
} from '../flow.ts';
import { DEFAULT_LIMITS, type SensorLimits } from '../sensor/parser.ts';
import { type Hints, type ParserFactories, selectParser } from '../sensor/select.ts';
import type { Verdict } from '../verdict.ts';
import { Connection } from './connection.ts';
import { Account } from './hold.ts';
import type { Hands, Keeper } from './keeper.ts';
import { AmqpKeeper } from './keepers/amqp.ts';
import { HttpKeeper } from './keepers/http.ts';
import { MysqlKeeper } from './keepers/mysql.ts';
import { PostgresKeeper } from './keepers/postgres.ts';
import { UnreadKeeper } from './keepers/unread.ts';
import type { RefusalHow, Way } from './way.ts';

/** What is asked of the engine beside events. */
export interface Oracle {
  waits(evidence: Evidence): boolean;
  streams(request: Pick<HttpRequest, 'flow' | 'method' | 'target'>): boolean;
}

export interface GateBounds {
  /** Bytes that one side of a connection may hold; of a longer message it is told that it cannot be judged. */
  readonly connection: number;
  /** Bytes held in all connections; whoever brings more is cut off. */
  readonly total: number;
  readonly connections: number;
  /** Milliseconds that something is held for its verdict. */
  readonly holdMs: number;
  /** What is done with what was held for that long. */
  readonly late: 'reset' | 'pass';
}

const DEFAULT_BOUNDS: GateBounds = {
  connection: 6 * 1024 ** 2,
  total: 256 * 1024 ** 2,
  connections: 16_384,
  holdMs: 2000,
  late: 'reset',
};

export type GateReport =
  | { readonly kind: 'refused'; readonly flow: Flow; readonly verdict: Verdict; readonly how: RefusalHow }
  /** Something was held for too long. */
  | { readonly kind: 'late'; readonly flow: Flow; readonly then: 'reset' | 'pass' }
  /** A bound was reached, and this connection was cut off. */
  | { readonly kind: 'full'; readonly flow: Flow; readonly of: 'bytes' | 'connections' };

export interface GateOptions {
  /** Where its flows were seen. */
  readonly name: string;
  readonly hints: Hints;
  readonly parsers: ParserFactories;
  readonly limits?: Partial<SensorLimits>;
  readonly bounds?: Partial<GateBounds>;
  readonly oracle: Oracle;
  /** True for a verdict on a request whose answer can be denied. */
  readonly isJudged: (verdict: Verdict) => boolean;
  /** Microseconds since 1970. */
  readonly wall: () => Micros;
  /** Milliseconds of a steady clock. */
  readonly clock: () => number;
  /** A word of letters, digits and `_` that nobody can guess, new for each connection; at most 64 characters. */
  readonly word: () => string;
  /** Takes an event; `heed` is to be called when the engine has handled it, and for all that it says. */
  readonly onEvent: (event: FlowEvent) => void;
  readonly onReport: (report: GateReport) => void;
}

export interface GateStatistics {
  readonly connections: number;
  readonly open: number;
  readonly heldBytes: number;
  readonly mostHeldBytes: number;
  /** What waits for its verdict now. */
  readonly held: number;
  /** What was held and is decided, and for how long in all (milliseconds). */
  readonly decided: number;
  readonly heldMs: number;
  readonly refused: ReadonlyMap<string, number>;
  readonly late: number;
  readonly full: number;
}

interface Pending {
  readonly connection: Connection;
  readonly since: number;
  readonly attempt: boolean;
  /** The engine has it. */
  taken: boolean;
  verdict: Verdict | null;
  denied: boolean;
}

export class Gate {
  readonly #options: GateOptions;
  readonly #bounds: GateBounds;
  readonly #limits: SensorLimits;
  readonly #account = new Account();
  readonly #selector: ReturnType<typeof selectParser>;
  readonly #connections = new Map<FlowId, Connection>();
  /** In the order in which they were asked. */
  readonly #pending = new Map<Evidence, Pending>();
  readonly #refused = new Map<string, number>();
  #count = 0;
  #now: Micros = 0;
  #decided = 0;
  #heldMs = 0;
  #late = 0;
  #full = 0;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#bounds = { ...DEFAULT_BOUNDS, ...options.bounds };
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#selector = selectParser(options.hints, options.parsers);
  }

  /** A client has connected; `way.connect` is called when it may talk to the server. Null when there are too many. */
  open(orig: Endpoint, resp: Endpoint, way: Way): Connection | null {
    const id = `${this.#options.name}/${++this.#count}` as FlowId;
    const flow: Flow = { id, orig, resp, vlans: [], seenAt: this.#options.name, midstream: false };
    if (this.#connections.size >= this.#bounds.connections) {
      this.#tooMuch(flow, 'connections');
      way.reset();
      return null;
    }
    const { oracle } = this.#options;
    const protocol = this.#protocolOf(resp);
    const connection: Connection = new Connection({
      flow,
      selector: this.#selector,
      limits: this.#limits,
      most: this.#bounds.connection,
      account: this.#account,
      now: () => this.#tick(),
      way,
      keeper: (hands) => this.#keeper(protocol, hands),
      submit: (event) => this.#submit(event, connection),
      streams: (request) => oracle.streams(request),
      onRefused: (verdict, how) => this.#tellRefused(flow, verdict, how),
      onOver: () => this.#connections.delete(id),
    });
    this.#connections.set(id, connection);
    connection.begin();
    return connection;
  }

  /** To be called after the bytes of a connection were taken. */
  bound(connection: Connection): void {
    if (this.#account.bytes <= this.#bounds.total || connection.over) return;
    this.#tooMuch(connection.flow, 'bytes');
    connection.abort();
  }

  /** The engine has handled an event (null: time has passed, or another source spoke), and said this. */
  heed(event: Event | null, verdicts: readonly Verdict[]): void {
    const touched = new Set<Evidence>();
    for (const verdict of verdicts) {
      const [at] = verdict.evidence;
      const pending = at === undefined ? undefined : this.#pending.get(at);
      if (pending === undefined || at === undefined) this.#belated(verdict);
      else {
        touched.add(at);
        note(pending, verdict);
      }
    }
    if (event !== null && event.kind !== 'source-end') {
      const pending = this.#pending.get(event.at);
      if (pending !== undefined) pending.taken = true;
      touched.add(event.at);
    }
    for (const at of touched) this.#decide(at);
  }

  /** To be called from time to time: what was held for too long is held no more. */
  tick(): void {
    const now = this.#options.clock();
    for (const [at, { since, connection, attempt }] of this.#pending) {
      if (now - since < this.#bounds.holdMs) return;
      this.#pending.delete(at);
      if (connection.over) continue;
      this.#late += 1;
      const then = attempt ? 'reset' : this.#bounds.late;
      this.#options.onReport({ kind: 'late', flow: connection.flow, then });
      if (then === 'reset') connection.abort();
      else connection.decided(at, null, false);
    }
  }

  /** Cuts all connections off. */
  close(): void {
    for (const connection of [...this.#connections.values()]) connection.abort();
  }

  get statistics(): GateStatistics {
    return {
      connections: this.#count,
      open: this.#connections.size,
      heldBytes: this.#account.bytes,
      mostHeldBytes: this.#account.most,
      held: this.#pending.size,
      decided: this.#decided,
      heldMs: this.#heldMs,
      refused: this.#refused,
      late: this.#late,
      full: this.#full,
    };
  }

  #submit(event: FlowEvent, connection: Connection): void {
    // An end is asked nobody: it has happened.
    if (event.kind !== 'connection-end') {
      this.#pending.set(event.at, {
        connection,
        since: this.#options.clock(),
        attempt: event.kind === 'connection-attempt',
        taken: false,
        verdict: null,
        denied: false,
      });
    }
    this.#options.onEvent(event);
  }

  #decide(at: Evidence): void {
    const pending = this.#pending.get(at);
    if (pending === undefined || !pending.taken || this.#options.oracle.waits(at)) return;
    this.#pending.delete(at);
    this.#decided += 1;
    this.#heldMs += this.#options.clock() - pending.since;
    pending.connection.decided(at, pending.verdict, pending.denied);
  }

  /** About bytes that were decided before, or about what never came. */
  #belated(verdict: Verdict): void {
    if (isDenial(verdict)) this.#connections.get(verdict.subject.flow.id)?.cut(verdict);
  }

  #tellRefused(flow: Flow, verdict: Verdict, how: RefusalHow): void {
    const name = `${verdict.subject.protocol} ${how}`;
    this.#refused.set(name, (this.#refused.get(name) ?? 0) + 1);
    this.#options.onReport({ kind: 'refused', flow, verdict, how });
  }

  #tooMuch(flow: Flow, of: 'bytes' | 'connections'): void {
    this.#full += 1;
    this.#options.onReport({ kind: 'full', flow, of });
  }

  /** Never goes back. */
  #tick(): Micros {
    this.#now = Math.max(this.#now, this.#options.wall());
    return this.#now;
  }

  #protocolOf(server: Endpoint): Protocol | null {
    const { hints } = this.#options;
    return hints.get(formatEndpoint(server)) ?? hints.get(`*:${server.port}`) ?? null;
  }

  #keeper(protocol: Protocol | null, hands: Hands): Keeper {
    const { word, isJudged } = this.#options;
    switch (protocol) {
      case 'http':
        return new HttpKeeper(hands, isJudged);
      case 'amqp':
        return new AmqpKeeper(hands);
      case 'postgres':
        return new PostgresKeeper(hands, word(), isJudged);
      case 'mysql':
        return new MysqlKeeper(hands, word(), isJudged);
      case null:
        return new UnreadKeeper();
    }
  }
}

function isDenial({ action }: Verdict): boolean {
  return action === 'block' || action === 'refuse';
}

/** Of several applications that judge one event, the one that denies it counts, and the one that cuts counts more. */
function note(pending: Pending, verdict: Verdict): void {
  const denied = isDenial(verdict);
  if (pending.verdict === null || (denied && (!pending.denied || verdict.action === 'block')))
    pending.verdict = verdict;
  pending.denied ||= denied;
}
