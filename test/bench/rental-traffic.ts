// Rentals of which each goes on only when asked to, over connections that all share. Enters: nothing; leaves: one event at a time.
import type { AmqpMethod } from '../../src/events/amqp.ts';
import type { Event, EventDraft } from '../../src/events/event.ts';
import type { SqlDialect } from '../../src/events/sql.ts';
import type { Flow, FlowId, Micros, Side } from '../../src/flow.ts';
import {
  type Bound,
  bodyOf,
  type HttpParts,
  headersOf,
  propertiesOf,
  sqlValue,
} from '../../src/testing/story-message.ts';

const ENDS = {
  customer: ['198.51.100.7', '10.1.0.11', 8080],
  users: ['10.1.0.11', '10.1.0.12', 8080],
  dvds: ['10.1.0.11', '10.1.0.13', 8080],
  shipping: ['10.1.0.13', '10.1.0.15', 8080],
  publisher: ['10.1.0.11', '10.1.0.20', 5672],
  consumer: ['10.1.0.13', '10.1.0.20', 5672],
  userDb: ['10.1.0.12', '10.1.0.30', 5432],
  dvdDb: ['10.1.0.13', '10.1.0.31', 3306],
} as const;

type Way = keyof typeof ENDS;

/** Connections of each kind; so many requests wait on each that none is forgotten (65,536 answers are remembered of one). */
const CONNECTIONS = 64;

/** Microseconds between two events: 50,000 a second are about what one engine decides, and no more can come for long. */
const SPACING: Micros = 20;

interface Connection {
  readonly flow: Flow;
  requests: number;
}

/** The connections, and one clock. */
export class RentalTraffic {
  now: Micros = 1_700_000_000_000_000;
  rentals = 0;
  tags = 0n;
  readonly #connections = new Map<Way, readonly Connection[]>();

  constructor() {
    let count = 0;
    for (const way of Object.keys(ENDS) as Way[]) {
      const [from, to, port] = ENDS[way];
      const list = Array.from({ length: way === 'consumer' ? 1 : CONNECTIONS }, () => {
        const id = `f${++count}` as FlowId;
        const flow: Flow = {
          id,
          orig: { ip: from, port: 40_000 + count },
          resp: { ip: to, port },
          vlans: [],
          seenAt: 'bench',
          midstream: false,
        };
        return { flow, requests: 0 };
      });
      this.#connections.set(way, list);
    }
  }

  /** What a consumer says before its first message. */
  greet(): readonly Event[] {
    const method = {
      name: 'basic.consume',
      queue: 'rentals',
      consumerTag: 'ct',
      noAck: false,
      exclusive: false,
      arguments: new Map(),
    } as const;
    return [this.event(this.connection('consumer', 0), 'orig', amqp(method))];
  }

  connection(way: Way, rental: number): Connection {
    const list = this.#connections.get(way) ?? [];
    return list[rental % list.length] as Connection;
  }

  event({ flow }: Connection, side: Side, draft: EventDraft): Event {
    this.now += SPACING;
    const ts = this.now;
    const at = { flow: flow.id, side, start: 0, end: 100, ts, capture: null, packets: [] };
    return { ...draft, ts, flow, at } as Event;
  }
}

/** A DVD rental with all that honest services do for it; every other one has a trace. */
export class OpenRental {
  /** Steps until all is done but what waits in the queue. */
  static readonly WAITING = 13;

  readonly #traffic: RentalTraffic;
  readonly #number: number;
  #step = 0;
  #root = 0;
  /** The request that the next answer answers. */
  #asked = 0;
  #inner = 0;
  #tag = 0n;

  constructor(traffic: RentalTraffic) {
    this.#traffic = traffic;
    this.#number = ++traffic.rentals;
  }

  get ended(): boolean {
    return this.#step > LAST;
  }

  /** The next thing that happens to it. */
  next(): Event {
    const number = this.#number;
    const [user, dvd, contract, amount] = [`user-${number}`, number, `c-${number}`, '3.50'];
    const headers = this.#headers();
    switch (this.#step++) {
      case 0: {
        const parts = { headers: { ...headers, 'x-user': user }, body: { dvd } };
        const { event, request } = this.#ask('customer', 'POST', '/contracts', parts);
        this.#root = request;
        return event;
      }
      case 1:
        return this.#http('dvds', 'GET', `/dvds/${dvd}`, { headers });
      case 2:
        return this.#sql('dvdDb', 'mysql', 'SELECT id, title, price, status FROM dvds WHERE id = ?', [dvd]);
      case 3:
        return this.#rows('dvdDb', 'mysql', { id: dvd, title: 'A film', price: amount, status: 'available' });
      case 4:
        return this.#answer('dvds', this.#asked, 200, { id: dvd, price: amount });
      case 5:
        return this.#http('users', 'POST', `/users/${user}/charge`, { headers, body: { contract, amount } });
      case 6:
        return this.#sql(
          'userDb',
          'postgres',
          'UPDATE users SET balance = balance - $1 WHERE name = $2 AND balance >= $1 RETURNING balance',
          [amount, user],
        );
      case 7:
        return this.#rows('userDb', 'postgres', { balance: '96.50' });
      case 8:
        return this.#sql(
          'userDb',
          'postgres',
          'INSERT INTO charges (contract, name, amount) VALUES ($1, $2, $3)',
          [contract, user, amount],
        );
      case 9:
        return this.#rows('userDb', 'postgres', null);
      case 10:
        return this.#answer('users', this.#asked, 200, { contract });
      case 11:
        return this.#message('publisher', 'orig', {
          name: 'basic.publish',
          exchange: 'rentals',
          routingKey: 'rental.created',
          mandatory: false,
          immediate: false,
        });
      case 12:
        return this.#answer('customer', this.#root, 201, { contract, dvd, amount });
      case 13:
        this.#tag = ++this.#traffic.tags;
        return this.#message('consumer', 'resp', {
          name: 'basic.deliver',
          consumerTag: 'ct',
          deliveryTag: this.#tag,
          redelivered: false,
          exchange: 'rentals',
          routingKey: 'rental.created',
        });
      case 14:
        return this.#http('shipping', 'POST', '/shipments', { headers, body: { contract, user, dvd } });
      case 15:
        return this.#answer('shipping', this.#asked, 201, { shipment: contract });
      case 16:
        return this.#sql('dvdDb', 'mysql', "UPDATE dvds SET status = 'rented', renter = ? WHERE id = ?", [
          user,
          dvd,
        ]);
      case 17:
        return this.#rows('dvdDb', 'mysql', null);
      default: {
        const ack = { name: 'basic.ack', deliveryTag: this.#tag, multiple: false } as const;
        return this.#traffic.event(this.#connection('consumer'), 'orig', amqp(ack));
      }
    }
  }

  #connection(way: Way): Connection {
    return this.#traffic.connection(way, this.#number);
  }

  get #trace(): string | null {
    const digits = this.#number.toString(16).padStart(32, '0');
    return this.#number % 2 === 0 ? `00-${digits}-00f067aa0ba902b7-01` : null;
  }

  #headers(): Readonly<Record<string, string>> {
    const trace = this.#trace;
    return trace === null ? {} : { traceparent: trace };
  }

  #ask(way: Way, method: string, target: string, parts: HttpParts): { event: Event; request: number } {
    const connection = this.#connection(way);
    const request = ++connection.requests;
    const draft = { kind: 'http-request', exchange: request, method, target, ...message(parts) } as const;
    return { event: this.#traffic.event(connection, 'orig', draft), request };
  }

  #http(way: Way, method: string, target: string, parts: HttpParts): Event {
    const { event, request } = this.#ask(way, method, target, parts);
    this.#asked = request;
    return event;
  }

  #answer(way: Way, exchange: number, status: number, body: unknown): Event {
    const draft = { kind: 'http-response', exchange, status, ...message({ body }) } as const;
    return this.#traffic.event(this.#connection(way), 'resp', draft);
  }

  #sql(way: Way, dialect: SqlDialect, text: string, values: readonly Bound[]): Event {
    const connection = this.#connection(way);
    this.#inner = ++connection.requests;
    return this.#traffic.event(connection, 'orig', {
      kind: 'sql-statement',
      dialect,
      request: this.#inner,
      via: 'bound',
      text,
      parameters: values.map(sqlValue),
      user: 'app',
      database: 'rental',
      ambiguities: [],
    });
  }

  #rows(way: Way, dialect: SqlDialect, row: Readonly<Record<string, Bound>> | null): Event {
    return this.#traffic.event(this.#connection(way), 'resp', {
      kind: 'sql-result',
      dialect,
      request: this.#inner,
      outcome: 'ok',
      code: null,
      columns: Object.keys(row ?? {}).map((name) => ({ name, type: 'text' })),
      rows: row === null ? [] : [Object.values(row).map(sqlValue)],
      rowCount: row === null ? 0 : 1,
      affected: 1,
      last: true,
    });
  }

  #message(way: Way, side: Side, method: AmqpMethod): Event {
    const number = this.#number;
    const contract = `c-${number}`;
    const trace = this.#trace;
    const parts = {
      body: { contract, user: `user-${number}`, dvd: number },
      properties: { correlationId: contract, messageId: `m-${number}` },
      ...(trace === null ? {} : { headers: { traceparent: trace } }),
    };
    const content = { properties: propertiesOf(parts), body: bodyOf(parts.body) };
    return this.#traffic.event(this.#connection(way), side, amqp(method, content));
  }
}

/** The acknowledgement. */
const LAST = 18;

function message(parts: HttpParts) {
  const headers = headersOf(parts);
  return { version: '1.1', headers, trailers: [], body: bodyOf(parts.body), ambiguities: [] };
}

function amqp(
  method: AmqpMethod,
  content: Extract<EventDraft, { kind: 'amqp-method' }>['content'] = null,
): EventDraft {
  return { kind: 'amqp-method', channel: 1, method, content, user: 'app', vhost: '/', ambiguities: [] };
}
