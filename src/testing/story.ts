// Traffic written by hand, without packets. Enters: who asks whom for what; leaves: the events that a sensor would give.
import { InputError } from '../errors.ts';
import type { Event } from '../events/event.ts';
import type { PolicyDocument } from '../policy/document.ts';
import { StoryAddresses } from './story-addresses.ts';
import { StoryFlow } from './story-flow.ts';
import {
  type Bound,
  bodyOf,
  type HttpParts,
  headersOf,
  type MessageParts,
  propertiesOf,
  sqlValue,
} from './story-message.ts';

/** A request that is not answered yet. */
export interface Exchange {
  /** The response. */
  answer(status: number, parts?: HttpParts): void;
  /** The connection ends without one. */
  lose(): void;
}

/** A message that is not settled yet. */
export interface Delivery {
  /** `multiple`: and all before it on its channel. */
  ack(options?: { readonly multiple?: boolean }): void;
  nack(options?: { readonly requeue?: boolean }): void;
}

/** What a statement is answered with: rows (as many as it changed, if nothing else is said), an error by its code, or nothing at all. */
export type SqlAnswer =
  | { readonly rows: readonly Readonly<Record<string, Bound>>[]; readonly affected?: number }
  | { readonly affected: number }
  | { readonly error: string }
  | 'unanswered';

/** Microseconds between two events of a story. */
const STEP = 1000;

/**
 * A story in the words of a policy: its services by their names. An IP address may stand for whoever has it. Connections
 * are made where none is free, as a client's pool would do; every event comes 1 ms after the one before.
 */
export class Story {
  readonly events: Event[] = [];
  readonly #addresses: StoryAddresses;
  readonly #flows = new Map<string, StoryFlow[]>();
  #now = 1_700_000_000_000_000;
  #count = 0;

  constructor(policy: PolicyDocument) {
    this.#addresses = new StoryAddresses(policy);
  }

  /** Lets time pass, in milliseconds. */
  wait(milliseconds: number): this {
    this.#now += Math.round(milliseconds * 1000);
    return this;
  }

  /** An HTTP request, written as `POST /orders`. */
  http(from: string, to: string, request: string, parts: HttpParts = {}): Exchange {
    const [method = '', target, ...rest] = request.split(' ');
    if (target === undefined || rest.length > 0) {
      throw new InputError('usage', null, `"${request}" is no request`, 'write it as "POST /orders"');
    }
    const flow = this.#flow(from, to, this.#addresses.port(to, ['http']).port, 1);
    const exchange = ++flow.exchange;
    flow.waiting++;
    const message = (given: HttpParts) => ({
      version: '1.1',
      headers: headersOf(given),
      trailers: [],
      body: bodyOf(given.body),
      ambiguities: [],
    });
    flow.add('orig', { kind: 'http-request', exchange, method, target, ...message(parts) });
    return {
      answer: (status, given = {}) => {
        flow.waiting--;
        flow.add('resp', { kind: 'http-response', exchange, status, ...message(given) });
      },
      lose: () => flow.close(),
    };
  }

  /** A SQL statement with what is bound to it; answered at once, and with success if nothing else is said. */
  sql(
    from: string,
    to: string,
    text: string,
    parameters: readonly Bound[] = [],
    answer: SqlAnswer = { rows: [] },
  ): void {
    const { protocol, port } = this.#addresses.port(to, ['postgres', 'mysql']);
    const dialect = protocol === 'mysql' ? 'mysql' : 'postgres';
    const flow = this.#flow(from, to, port, 1);
    const request = ++flow.request;
    flow.add('orig', {
      kind: 'sql-statement',
      dialect,
      request,
      via: parameters.length > 0 ? 'bound' : 'text',
      text,
      parameters: parameters.map(sqlValue),
      user: null,
      database: null,
      ambiguities: [],
    });
    if (answer === 'unanswered') return;
    const failed = 'error' in answer;
    const rows = 'rows' in answer ? answer.rows : [];
    const affected = 'affected' in answer ? answer.affected : rows.length;
    flow.add('resp', {
      kind: 'sql-result',
      dialect,
      request,
      outcome: failed ? 'error' : 'ok',
      code: failed ? answer.error : null,
      columns: Object.keys(rows[0] ?? {}).map((name) => ({ name, type: 'text' })),
      rows: rows.map((row) => Object.values(row).map(sqlValue)),
      rowCount: rows.length,
      affected,
      last: true,
    });
  }

  /** A message to a broker. */
  publish(
    from: string,
    broker: string,
    exchange: string,
    routingKey: string,
    parts: MessageParts = {},
  ): void {
    const flow = this.#amqp(from, broker);
    flow.add('orig', {
      kind: 'amqp-method',
      channel: 1,
      method: { name: 'basic.publish', exchange, routingKey, mandatory: false, immediate: false },
      content: { properties: propertiesOf(parts), body: bodyOf(parts.body) },
      user: null,
      vhost: '/',
      ambiguities: [],
    });
  }

  /** A message from a broker to a consumer of a queue. The consumer asks for it (basic.consume) before its first one. */
  deliver(broker: string, to: string, queue: string, parts: MessageParts = {}): Delivery {
    const flow = this.#amqp(to, broker);
    const common = { kind: 'amqp-method', channel: 1, user: null, vhost: '/', ambiguities: [] } as const;
    const consumerTag = flow.consumers.get(queue) ?? `consumer-${flow.consumers.size + 1}`;
    if (!flow.consumers.has(queue)) {
      flow.consumers.set(queue, consumerTag);
      const method = { name: 'basic.consume', queue, consumerTag, noAck: false, exclusive: false } as const;
      flow.add('orig', { ...common, method: { ...method, arguments: new Map() }, content: null });
    }
    const deliveryTag = ++flow.tag;
    const delivered = { name: 'basic.deliver', consumerTag, deliveryTag, redelivered: false } as const;
    flow.add('resp', {
      ...common,
      method: { ...delivered, exchange: '', routingKey: queue },
      content: { properties: propertiesOf(parts), body: bodyOf(parts.body) },
    });
    return {
      ack: ({ multiple = false } = {}) => {
        const method = { name: 'basic.ack', deliveryTag, multiple } as const;
        flow.add('orig', { ...common, method, content: null });
      },
      nack: ({ requeue = true } = {}) => {
        const method = { name: 'basic.nack', deliveryTag, multiple: false, requeue } as const;
        flow.add('orig', { ...common, method, content: null });
      },
    };
  }

  /** A connection alone, to any port. */
  connect(from: string, to: string, port: number): void {
    this.#open(from, to, port);
  }

  /** Ends all connections from one to the other. */
  close(from: string, to: string): void {
    for (const [pair, flows] of this.#flows)
      if (pair.startsWith(`${from}\n${to}\n`)) for (const flow of flows) flow.close();
  }

  #amqp(from: string, broker: string): StoryFlow {
    return this.#flow(from, broker, this.#addresses.port(broker, ['amqp']).port, Number.POSITIVE_INFINITY);
  }

  /** A connection on which fewer than `most` requests wait. */
  #flow(from: string, to: string, port: number, most: number): StoryFlow {
    const flows = this.#flows.get(`${from}\n${to}\n${port}`) ?? [];
    return flows.find(({ open, waiting }) => open && waiting < most) ?? this.#open(from, to, port);
  }

  #open(from: string, to: string, port: number): StoryFlow {
    const ends = [this.#addresses.of(from), { ip: this.#addresses.of(to), port }] as const;
    const tape = {
      events: this.events,
      tick: () => {
        this.#now += STEP;
        return this.#now;
      },
    };
    const flow = new StoryFlow(tape, ++this.#count, ...ends);
    const key = `${from}\n${to}\n${port}`;
    this.#flows.set(key, [...(this.#flows.get(key) ?? []), flow]);
    return flow;
  }
}

/** Begins a story in the words of a policy. */
export function story(policy: PolicyDocument): Story {
  return new Story(policy);
}
