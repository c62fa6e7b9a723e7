// The words for AMQP 0-9-1 methods. Enters: names of exchanges and queues; leaves: declarations.
import type { AmqpRequestDeclaration } from '../document.ts';
import { callSite } from './context.ts';
import { declare, type NeedsFrom, type Request } from './request.ts';

function method(label: string, action: AmqpRequestDeclaration['action']): NeedsFrom<Request> {
  return declare(
    {
      label,
      place: callSite(),
      implied: [],
      fields: { action },
      build: (base, fields) => ({ ...base, protocol: 'amqp', ...fields }),
    },
    () => ({}),
  );
}

/**
 * AMQP methods. `deliver` is from the broker to the consumer and covers basic.get; its answer is the acknowledgement.
 * Handshake, channels, basic.qos, confirms and transactions need no declaration.
 */
export const amqp = {
  publish: (exchange: string, routingKey: string) =>
    method(`publish ${exchange}/${routingKey}`, { kind: 'publish', exchange, routingKey }),
  deliver: (queue: string) => method(`deliver ${queue}`, { kind: 'deliver', queue }),
  get: (queue: string) => method(`get ${queue}`, { kind: 'get', queue }),
  consume: (queue: string) => method(`consume ${queue}`, { kind: 'consume', queue }),
  declareQueue: (queue: string) => method(`declare queue ${queue}`, { kind: 'declare-queue', queue }),
  declareExchange: (exchange: string) =>
    method(`declare exchange ${exchange}`, { kind: 'declare-exchange', exchange }),
  bindQueue: (queue: string, exchange: string, routingKey: string) =>
    method(`bind queue ${queue} to ${exchange}/${routingKey}`, {
      kind: 'bind-queue',
      queue,
      exchange,
      routingKey,
    }),
  purgeQueue: (queue: string) => method(`purge queue ${queue}`, { kind: 'purge-queue', queue }),
  deleteQueue: (queue: string) => method(`delete queue ${queue}`, { kind: 'delete-queue', queue }),
  deleteExchange: (exchange: string) =>
    method(`delete exchange ${exchange}`, { kind: 'delete-exchange', exchange }),
} as const;
