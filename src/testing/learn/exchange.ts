// Requests with their answers, as a stranger to the application sees them. Enters: events; leaves: exchanges in order of time.
import { assertNever } from '../../errors.ts';
import type { AmqpEvent } from '../../events/amqp.ts';
import type { Protocol } from '../../events/common.ts';
import type { Event, FlowEvent } from '../../events/event.ts';
import type { HttpRequest, HttpResponse } from '../../events/http.ts';
import type { SqlResult, SqlStatementRequest } from '../../events/sql.ts';
import type { Micros } from '../../flow.ts';
import { DEFAULT_KEYS } from '../../policy/defaults.ts';
import { keysOf } from '../../policy/keys.ts';
import { actionOf } from '../../policy/match/amqp.ts';
import { Queues } from './queues.ts';

export type Action = NonNullable<ReturnType<typeof actionOf>>;

/** What was asked. */
export type Asked =
  | { readonly kind: 'http'; readonly request: HttpRequest }
  | { readonly kind: 'sql'; readonly statement: SqlStatementRequest }
  | { readonly kind: 'amqp'; readonly event: AmqpEvent; readonly action: Action };

export interface Exchange {
  readonly asked: Asked;
  /** Addresses: of who asks, and of who is asked. A broker asks its consumers. */
  readonly from: string;
  readonly to: string;
  readonly ts: Micros;
  /** The trace and request ids that it carries. */
  readonly keys: ReadonlyMap<string, string>;
  /** Of an acknowledgement, the delivery is answered; a message to a broker never is. */
  answer: HttpResponse | SqlResult | 'settled' | null;
  ended: Micros | null;
  /** Null while it is not answered, or when its connection ended first. */
  ok: boolean | null;
}

/** Where a service answers, and by which protocol it is spoken to there. */
export interface Port {
  readonly ip: string;
  readonly port: number;
  readonly protocol: Protocol;
}

export interface Traffic {
  readonly exchanges: readonly Exchange[];
  readonly ports: readonly Port[];
  /** Names of databases, by address and port. */
  readonly databases: ReadonlyMap<string, string>;
}

/** Reads the events of one source. */
export function exchangesOf(events: readonly Event[]): Traffic {
  const reader = new ExchangeReader();
  for (const event of events) if (event.kind !== 'source-end') reader.read(event);
  return { exchanges: reader.exchanges, ports: [...reader.ports.values()], databases: reader.databases };
}

class ExchangeReader {
  readonly exchanges: Exchange[] = [];
  readonly ports = new Map<string, Port>();
  readonly databases = new Map<string, string>();
  readonly #open = new Map<string, Exchange>();
  readonly #queues = new Queues();

  read(event: FlowEvent): void {
    const { flow } = event;
    switch (event.kind) {
      case 'http-request':
        this.#serves(event, 'http');
        this.#ask(event, { kind: 'http', request: event }, `${event.exchange}`, keysOf(DEFAULT_KEYS, event));
        return;
      case 'http-response':
        this.#answer(event, `${event.exchange}`, event, event.status < 400);
        return;
      case 'sql-session':
        if (event.database !== null) this.databases.set(`${flow.resp.ip} ${flow.resp.port}`, event.database);
        return;
      case 'sql-statement':
        this.#serves(event, event.dialect);
        this.#ask(event, { kind: 'sql', statement: event }, `${event.request}`, new Map());
        return;
      case 'sql-result':
        if (event.last || event.outcome === 'error')
          this.#answer(event, `${event.request}`, event, event.outcome === 'ok');
        return;
      case 'amqp-method':
        this.#serves(event, 'amqp');
        this.#readAmqp(event);
        return;
      case 'connection-end':
        this.#lose(event);
        return;
      case 'connection-attempt':
      case 'connection-established':
      case 'sql-login-failed':
      case 'sql-prepare':
      case 'sql-command':
      case 'analysis-lost':
      case 'ambiguity':
        return;
      default:
        assertNever(event);
    }
  }

  #serves({ flow }: FlowEvent, protocol: Protocol): void {
    const { ip, port } = flow.resp;
    this.ports.set(`${ip} ${port}`, { ip, port, protocol });
  }

  #readAmqp(event: AmqpEvent): void {
    const { method, channel } = event;
    const settled = this.#queues.settled(event);
    for (const tag of settled ?? [])
      this.#answer(event, `${channel} ${tag}`, 'settled', method.name === 'basic.ack');
    if (settled !== null) return;
    const named = this.#queues.follow(event);
    const action = actionOf(named.event.method, named.queue);
    if (action === null) return;
    const tag = 'deliveryTag' in method ? `${channel} ${method.deliveryTag}` : null;
    this.#ask(event, { kind: 'amqp', event: named.event, action }, tag, keysOf(DEFAULT_KEYS, event));
  }

  #ask(event: FlowEvent, asked: Asked, name: string | null, keys: ReadonlyMap<string, string>): void {
    const client = event.flow.orig.ip;
    const server = event.flow.resp.ip;
    const asks = event.at.side === 'orig';
    const exchange: Exchange = {
      asked,
      from: asks ? client : server,
      to: asks ? server : client,
      ts: event.ts,
      keys,
      answer: null,
      ended: null,
      ok: null,
    };
    this.exchanges.push(exchange);
    if (name !== null) this.#open.set(`${event.flow.id} ${name}`, exchange);
  }

  #answer({ flow, ts }: FlowEvent, name: string, answer: NonNullable<Exchange['answer']>, ok: boolean): void {
    const exchange = this.#open.get(`${flow.id} ${name}`);
    if (exchange === undefined) return;
    this.#open.delete(`${flow.id} ${name}`);
    exchange.answer = answer;
    exchange.ended = ts;
    exchange.ok = ok;
  }

  #lose({ flow, ts }: FlowEvent): void {
    for (const [name, exchange] of this.#open) {
      if (!name.startsWith(`${flow.id} `)) continue;
      exchange.ended = ts;
      this.#open.delete(name);
    }
  }
}
