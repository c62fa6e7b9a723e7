// Writes a story of requests as events, without packets. Enters: who asks whom for what; leaves: events in order.

import type { AmqpContent, AmqpMethod, AmqpProperties } from '../../src/events/amqp.ts';
import type { Ambiguity, Body, Header } from '../../src/events/common.ts';
import type { Event, EventDraft, FlowEvent } from '../../src/events/event.ts';
import type { LostCause } from '../../src/events/lost.ts';
import type { SqlDialect, SqlValue } from '../../src/events/sql.ts';
import type { Endpoint, Evidence, Flow, FlowId, Side } from '../../src/flow.ts';
import { propertiesOf } from '../../src/testing/story-message.ts';

/** Collects events with a clock of its own: each event is `step` microseconds after the one before. */
export class Story {
  readonly events: Event[] = [];
  now = 1_700_000_000_000_000;
  #flows = 0;
  #ports = 40_000;
  #packets = 0;
  /** Microseconds between two events. */
  step: number;

  constructor(step = 100) {
    this.step = step;
  }

  /** Lets time pass. */
  wait(microseconds: number): this {
    this.now += microseconds;
    return this;
  }

  /** Opens a connection from an address to `ip:port`. */
  connect(from: string, to: string): Connection {
    const [ip = '', port = ''] = to.split(':');
    const flow: Flow = {
      id: `f${++this.#flows}` as FlowId,
      orig: { ip: from, port: ++this.#ports },
      resp: { ip, port: Number(port) },
      vlans: [],
      seenAt: 'story',
      midstream: false,
    };
    const connection = new Connection(this, flow);
    connection.add('orig', { kind: 'connection-attempt' });
    return connection;
  }

  end(): Event[] {
    this.now += 1_000_000;
    this.events.push({ kind: 'source-end', ts: this.now, source: 'story' });
    return this.events;
  }

  /** Stamps and adds one event. */
  add(flow: Flow, side: Side, offset: number, draft: EventDraft): FlowEvent {
    this.now += this.step;
    const at: Evidence = {
      flow: flow.id,
      side,
      start: offset,
      end: offset + 10,
      ts: this.now,
      capture: 'story',
      packets: [++this.#packets],
    };
    const event = { ...draft, ts: this.now, flow, at } as FlowEvent;
    this.events.push(event);
    return event;
  }
}

export interface HttpParts {
  readonly headers?: Readonly<Record<string, string>>;
  /** An object is sent as JSON, a text as it is. */
  readonly body?: unknown;
  readonly ambiguities?: readonly Ambiguity[];
}

/** One connection of a story. */
export class Connection {
  readonly flow: Flow;
  readonly #story: Story;
  #exchange = 0;
  #request = 0;
  #tag = 0n;
  #offsets: Record<Side, number> = { orig: 0, resp: 0 };

  constructor(story: Story, flow: Flow) {
    this.#story = story;
    this.flow = flow;
  }

  get client(): Endpoint {
    return this.flow.orig;
  }

  add(side: Side, draft: EventDraft): FlowEvent {
    const offset = this.#offsets[side];
    this.#offsets[side] += 10;
    return this.#story.add(this.flow, side, offset, draft);
  }

  /** Sends an HTTP request; the result answers it. */
  http(method: string, target: string, parts: HttpParts = {}): (status: number, parts?: HttpParts) => void {
    const exchange = ++this.#exchange;
    const { headers, body } = message(parts);
    const ambiguities = parts.ambiguities ?? [];
    this.add('orig', {
      kind: 'http-request',
      exchange,
      method,
      target,
      version: '1.1',
      headers,
      trailers: [],
      body,
      ambiguities,
    });
    return (status, answer = {}) => {
      const sent = message(answer);
      this.add('resp', {
        kind: 'http-response',
        exchange,
        status,
        version: '1.1',
        headers: sent.headers,
        trailers: [],
        body: sent.body,
        ambiguities: answer.ambiguities ?? [],
      });
    };
  }

  /** Sends a statement with bound values; the result answers it. */
  sql(
    dialect: SqlDialect,
    text: string,
    parameters: readonly (string | number | null)[] = [],
  ): (rows?: readonly Readonly<Record<string, string | number>>[] | 'error') => void {
    const request = ++this.#request;
    this.add('orig', {
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
    return (rows = []) => {
      const failed = rows === 'error';
      const table = failed ? [] : rows;
      this.add('resp', {
        kind: 'sql-result',
        dialect,
        request,
        outcome: failed ? 'error' : 'ok',
        code: failed ? '42000' : null,
        columns: Object.keys(table[0] ?? {}).map((name) => ({ name, type: 'text' })),
        rows: table.map((row) => Object.values(row).map(sqlValue)),
        rowCount: table.length,
        affected: table.length,
        last: true,
      });
    };
  }

  /** Sends a protocol command of SQL that is no statement. */
  command(dialect: SqlDialect, command: string, argument: string | null = null): void {
    this.add('orig', {
      kind: 'sql-command',
      dialect,
      request: ++this.#request,
      command,
      argument,
      user: null,
      database: null,
    });
  }

  /** Sends an AMQP method on channel 1. */
  amqp(side: Side, method: AmqpMethod, body?: unknown, properties: Partial<AmqpProperties> = {}): void {
    const content: AmqpContent | null =
      body === undefined
        ? null
        : { properties: { ...NO_PROPERTIES, ...properties }, body: message({ body }).body };
    this.add(side, {
      kind: 'amqp-method',
      channel: 1,
      method,
      content,
      user: 'app',
      vhost: '/',
      ambiguities: [],
    });
  }

  /** Delivers a message to a consumer; gives its delivery tag. */
  deliver(
    exchange: string,
    routingKey: string,
    consumerTag: string,
    body: unknown,
    properties: Partial<AmqpProperties> = {},
  ): bigint {
    const deliveryTag = ++this.#tag;
    this.amqp(
      'resp',
      { name: 'basic.deliver', consumerTag, deliveryTag, redelivered: false, exchange, routingKey },
      body,
      properties,
    );
    return deliveryTag;
  }

  lost(cause: LostCause, side: Side = 'orig'): void {
    this.add(side, {
      kind: 'analysis-lost',
      cause,
      protocol: null,
      detail: 'as the story has it',
      lasting: true,
    });
  }

  close(how: 'fin' | 'rst' = 'fin'): void {
    this.add('orig', { kind: 'connection-end', how });
  }
}

const NO_PROPERTIES: AmqpProperties = propertiesOf({ body: {} });

function message(parts: HttpParts): { headers: Header[]; body: Body } {
  const headers = Object.entries(parts.headers ?? {}).map(([name, value]) => ({ name, value }));
  const text =
    parts.body === undefined ? '' : typeof parts.body === 'string' ? parts.body : JSON.stringify(parts.body);
  const typed = headers.some(({ name }) => name.toLowerCase() === 'content-type');
  if (parts.body !== undefined && !typed) headers.push({ name: 'content-type', value: 'application/json' });
  const bytes = new TextEncoder().encode(text);
  return { headers, body: { state: 'complete', bytes, length: bytes.length } };
}

function sqlValue(value: string | number | null): SqlValue {
  if (value === null) return { type: 'null' };
  return typeof value === 'number' ? { type: 'number', text: String(value) } : { type: 'text', text: value };
}
