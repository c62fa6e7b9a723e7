// Connections that services keep and share. Enters: who sends what to whom; leaves: events, each with its sender's name in its evidence.
import type { AmqpMethod } from '../../src/events/amqp.ts';
import type { EventDraft, FlowEvent } from '../../src/events/event.ts';
import type { SqlDialect } from '../../src/events/sql.ts';
import type { Evidence, Flow, FlowId, Side } from '../../src/flow.ts';
import {
  type Bound,
  bodyOf,
  type HttpParts,
  headersOf,
  type MessageParts,
  propertiesOf,
  sqlValue,
} from '../../src/testing/story-message.ts';
import { type Doing, type Simulation, Task } from './simulation.ts';

/** On whose behalf something is sent. Its name stands in the evidence of each event: that is how a verdict is told from another. */
export interface Sender {
  readonly name: string;
}

/** What belongs to no rental: health checks, pools. */
export const HOUSE: Sender = { name: 'house' };

export type Rows = readonly Readonly<Record<string, Bound>>[];

/** Bytes that each event takes up in its stream. */
const LENGTH = 100;

/** One TCP connection. */
export class Wire {
  readonly flow: Flow;
  readonly #simulation: Simulation;
  readonly #offsets: Record<Side, number> = { orig: 0, resp: 0 };
  open = true;
  #exchange = 0;
  #request = 0;

  constructor(
    simulation: Simulation,
    number: number,
    from: string,
    to: string,
    port: number,
    sender: Sender,
  ) {
    this.#simulation = simulation;
    this.flow = {
      id: `f${number}` as FlowId,
      orig: { ip: from, port: 32_768 + (number % 28_000) },
      resp: { ip: to, port },
      vlans: [],
      seenAt: 'soak',
      midstream: false,
    };
    this.send(sender, 'orig', { kind: 'connection-attempt' });
    this.send(sender, 'resp', { kind: 'connection-established' });
  }

  send(sender: Sender, side: Side, draft: EventDraft): void {
    const start = this.#offsets[side];
    const end = start + (draft.kind.startsWith('connection-') ? 0 : LENGTH);
    this.#offsets[side] = end;
    const ts = this.#simulation.now;
    const at: Evidence = { flow: this.flow.id, side, start, end, ts, capture: sender.name, packets: [] };
    this.#simulation.emit({ ...draft, ts, flow: this.flow, at } as FlowEvent);
  }

  /** Sends a request; gives its number. */
  ask(sender: Sender, method: string, target: string, parts: HttpParts): number {
    const exchange = ++this.#exchange;
    this.send(sender, 'orig', { kind: 'http-request', exchange, method, target, ...message(parts) });
    return exchange;
  }

  answer(sender: Sender, exchange: number, status: number, parts: HttpParts): void {
    this.send(sender, 'resp', { kind: 'http-response', exchange, status, ...message(parts) });
  }

  /** Sends a statement; gives its number. */
  query(sender: Sender, dialect: SqlDialect, text: string, values: readonly Bound[]): number {
    const request = ++this.#request;
    this.send(sender, 'orig', {
      kind: 'sql-statement',
      dialect,
      request,
      via: values.length > 0 ? 'bound' : 'text',
      text,
      parameters: values.map(sqlValue),
      user: 'app',
      database: 'rental',
      ambiguities: [],
    });
    return request;
  }

  /** Rows, or the code of an error. */
  result(sender: Sender, dialect: SqlDialect, request: number, rows: Rows | string, affected: number): void {
    const failed = typeof rows === 'string';
    const table = failed ? [] : rows;
    this.send(sender, 'resp', {
      kind: 'sql-result',
      dialect,
      request,
      outcome: failed ? 'error' : 'ok',
      code: failed ? rows : null,
      columns: Object.keys(table[0] ?? {}).map((name) => ({ name, type: 'text' })),
      rows: table.map((row) => Object.values(row).map(sqlValue)),
      rowCount: table.length,
      affected: failed ? null : affected,
      last: true,
    });
  }

  amqp(sender: Sender, side: Side, channel: number, method: AmqpMethod, parts?: MessageParts): void {
    const content =
      parts === undefined ? null : { properties: propertiesOf(parts), body: bodyOf(parts.body) };
    this.send(sender, side, {
      kind: 'amqp-method',
      channel,
      method,
      content,
      user: 'app',
      vhost: '/',
      ambiguities: [],
    });
  }

  close(sender: Sender, how: 'fin' | 'rst' = 'fin'): void {
    if (this.open) this.send(sender, 'orig', { kind: 'connection-end', how });
    this.open = false;
  }
}

function message(parts: HttpParts) {
  return {
    version: '1.1',
    headers: headersOf({ ...parts, headers: { host: 'service', ...parts.headers } }),
    trailers: [],
    body: bodyOf(parts.body),
    ambiguities: [],
  };
}

/** Who connects, and the number of the next connection. */
export class Network {
  readonly simulation: Simulation;
  #count = 0;

  constructor(simulation: Simulation) {
    this.simulation = simulation;
  }

  connect(from: string, to: string, port: number, sender: Sender = HOUSE): Wire {
    return new Wire(this.simulation, ++this.#count, from, to, port, sender);
  }
}

/** Connections from one service to another, each used by one request at a time, any request on any of them. */
export class Pool {
  readonly #network: Network;
  readonly #from: string;
  readonly #to: string;
  readonly #port: number;
  readonly #most: number;
  readonly #greet: ((wire: Wire) => Doing) | null;
  readonly #idle: Wire[] = [];
  readonly #queue: Task[] = [];
  #size = 0;

  /** `greet` is what the client says first on each new connection. */
  constructor(
    network: Network,
    from: string,
    to: string,
    port: number,
    most: number,
    greet: ((wire: Wire) => Doing) | null = null,
  ) {
    this.#network = network;
    this.#from = from;
    this.#to = to;
    this.#port = port;
    this.#most = most;
    this.#greet = greet;
  }

  /** A connection of one's own for a while: any idle one, a new one while there may be more, else the next that is given back. */
  *take(): Doing<Wire> {
    while (this.#idle.length === 0 && this.#size >= this.#most) {
      const turn = new Task();
      this.#queue.push(turn);
      yield turn;
    }
    const { simulation } = this.#network;
    const [idle] = this.#idle.splice(simulation.below(this.#idle.length), 1);
    if (idle !== undefined) return idle;
    this.#size++;
    const wire = this.#network.connect(this.#from, this.#to, this.#port);
    yield simulation.latency(200, 200);
    if (this.#greet !== null) yield* this.#greet(wire);
    return wire;
  }

  /** Gives it back; now and then a client closes one that it does not need. */
  give(wire: Wire): void {
    const { simulation } = this.#network;
    if (wire.open && simulation.chance(0.002)) wire.close(HOUSE);
    if (wire.open) this.#idle.push(wire);
    else this.#size--;
    const next = this.#queue.shift();
    if (next !== undefined) simulation.finish(next);
  }
}
