// The words for AMQP 0-9-1 methods. Enters: names of exchanges and queues; leaves: declarations.
import type { AmqpFeature, AmqpRequestDeclaration } from '../document.ts';
import { callSite } from './context.ts';
import { declare, type NeedsFrom, type Request } from './request.ts';

/** An AMQP method under declaration. What is not said is not allowed. */
export interface AmqpWords {
  /** What changes whether, when or to whom the broker delivers, such as `expiration`, `reply-to` or `no-ack`. */
  allowing(...features: AmqpFeature[]): Request & AmqpWords;
}

export interface PublishWords extends AmqpWords {
  /** Routing keys to which its headers CC and BCC may send copies. */
  copying(...routingKeys: string[]): Request & PublishWords;
}

export interface DeclareWords extends AmqpWords {
  /** All arguments: no more, no fewer, with these values. */
  arguments(values: AmqpRequestDeclaration['arguments']): Request & DeclareWords;
}

export interface ExchangeWords extends DeclareWords {
  /** The exchange's type, such as `topic`; without it, any of direct, fanout, topic and headers. */
  ofType(type: string): Request & ExchangeWords;
}

interface Fields {
  readonly action: AmqpRequestDeclaration['action'];
  readonly allowing: AmqpFeature[];
  readonly copies: string[];
  arguments: AmqpRequestDeclaration['arguments'];
  exchangeType: string | null;
}

type AllWords = ExchangeWords & PublishWords;

/** One implementation for all words; each method's type offers those that mean something for it. */
function method<W extends object = object>(
  label: string,
  action: AmqpRequestDeclaration['action'],
): NeedsFrom<Request & W> {
  const fields: Fields = { action, allowing: [], copies: [], arguments: {}, exchangeType: null };
  return declare<Fields, AllWords>(
    {
      label,
      place: callSite(),
      implied: [],
      fields,
      build: (base, built) => ({ ...base, protocol: 'amqp', ...built }),
    },
    words,
  ) as unknown as NeedsFrom<Request & W>;
}

function words(fields: Fields, self: () => Request & AllWords): AllWords {
  return {
    allowing(...features) {
      fields.allowing.push(...features);
      return self();
    },
    copying(...routingKeys) {
      fields.copies.push(...routingKeys);
      return self();
    },
    arguments(values) {
      fields.arguments = { ...fields.arguments, ...values };
      return self();
    },
    ofType(type) {
      fields.exchangeType = type;
      return self();
    },
  };
}

/**
 * AMQP methods. `deliver` is from the broker to the consumer and covers basic.get; its answer is the acknowledgement.
 * Handshake, channels, basic.qos and confirms need no declaration.
 */
export const amqp = {
  publish: (exchange: string, routingKey: string) =>
    method<PublishWords>(`publish ${exchange}/${routingKey}`, { kind: 'publish', exchange, routingKey }),
  deliver: (queue: string) => method(`deliver ${queue}`, { kind: 'deliver', queue }),
  get: (queue: string) => method<AmqpWords>(`get ${queue}`, { kind: 'get', queue }),
  consume: (queue: string) => method<DeclareWords>(`consume ${queue}`, { kind: 'consume', queue }),
  declareQueue: (queue: string) =>
    method<DeclareWords>(`declare queue ${queue}`, { kind: 'declare-queue', queue }),
  declareExchange: (exchange: string) =>
    method<ExchangeWords>(`declare exchange ${exchange}`, { kind: 'declare-exchange', exchange }),
  bindQueue: (queue: string, exchange: string, routingKey: string) =>
    method<DeclareWords>(`bind queue ${queue} to ${exchange}/${routingKey}`, {
      kind: 'bind-queue',
      queue,
      exchange,
      routingKey,
    }),
  purgeQueue: (queue: string) => method(`purge queue ${queue}`, { kind: 'purge-queue', queue }),
  deleteQueue: (queue: string) => method(`delete queue ${queue}`, { kind: 'delete-queue', queue }),
  deleteExchange: (exchange: string) =>
    method(`delete exchange ${exchange}`, { kind: 'delete-exchange', exchange }),
  /** tx.select, tx.commit and tx.rollback. */
  transaction: () => method('transaction', { kind: 'transaction' }),
} as const;
