// AMQP 0-9-1 methods with their content as events (amqp0-9-1.xml, RabbitMQ's extensions). Enters: nothing; leaves: types.
import type { Ambiguity, Body, Common } from './common.ts';

/** A value of a field table; 64-bit integers keep their digits. Byte strings are Latin-1. */
export type AmqpValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly AmqpValue[]
  | ReadonlyMap<string, AmqpValue>;

export type AmqpTable = ReadonlyMap<string, AmqpValue>;

/** Delivery tags are 64 bit. */
export type DeliveryTag = bigint;

/** The 14 properties of class basic; absent ones are null. Text is UTF-8, kept as Latin-1 where it is not valid. */
export interface AmqpProperties {
  readonly contentType: string | null;
  readonly contentEncoding: string | null;
  readonly headers: AmqpTable | null;
  readonly deliveryMode: number | null;
  readonly priority: number | null;
  readonly correlationId: string | null;
  readonly replyTo: string | null;
  readonly expiration: string | null;
  readonly messageId: string | null;
  readonly timestamp: bigint | null;
  readonly type: string | null;
  readonly userId: string | null;
  readonly appId: string | null;
  readonly clusterId: string | null;
}

export interface AmqpContent {
  readonly properties: AmqpProperties;
  readonly body: Body;
}

/** Methods that carry meaning for a policy have their arguments; the handshake's are named alone. */
export type AmqpMethod =
  | { readonly name: 'connection.start-ok'; readonly mechanism: string; readonly user: string | null }
  | { readonly name: 'connection.open'; readonly vhost: string }
  | { readonly name: 'connection.close'; readonly code: number; readonly text: string }
  | { readonly name: 'channel.close'; readonly code: number; readonly text: string }
  | { readonly name: 'channel.flow'; readonly active: boolean }
  | {
      readonly name: 'exchange.declare';
      readonly exchange: string;
      readonly type: string;
      readonly passive: boolean;
      readonly durable: boolean;
      readonly autoDelete: boolean;
      readonly internal: boolean;
      readonly arguments: AmqpTable;
    }
  | { readonly name: 'exchange.delete'; readonly exchange: string; readonly ifUnused: boolean }
  | {
      readonly name: 'exchange.bind' | 'exchange.unbind';
      readonly destination: string;
      readonly source: string;
      readonly routingKey: string;
      readonly arguments: AmqpTable;
    }
  | {
      readonly name: 'queue.declare';
      readonly queue: string;
      readonly passive: boolean;
      readonly durable: boolean;
      readonly exclusive: boolean;
      readonly autoDelete: boolean;
      readonly arguments: AmqpTable;
    }
  | {
      readonly name: 'queue.declare-ok';
      readonly queue: string;
      readonly messages: number;
      readonly consumers: number;
    }
  | {
      readonly name: 'queue.bind' | 'queue.unbind';
      readonly queue: string;
      readonly exchange: string;
      readonly routingKey: string;
      readonly arguments: AmqpTable;
    }
  | { readonly name: 'queue.purge'; readonly queue: string }
  | {
      readonly name: 'queue.delete';
      readonly queue: string;
      readonly ifUnused: boolean;
      readonly ifEmpty: boolean;
    }
  | { readonly name: 'basic.qos'; readonly prefetchCount: number; readonly global: boolean }
  | {
      readonly name: 'basic.consume';
      readonly queue: string;
      readonly consumerTag: string;
      readonly noAck: boolean;
      readonly exclusive: boolean;
      readonly arguments: AmqpTable;
    }
  | { readonly name: 'basic.consume-ok'; readonly consumerTag: string }
  | { readonly name: 'basic.cancel'; readonly consumerTag: string }
  | {
      readonly name: 'basic.publish';
      readonly exchange: string;
      readonly routingKey: string;
      readonly mandatory: boolean;
      readonly immediate: boolean;
    }
  | {
      readonly name: 'basic.return';
      readonly code: number;
      readonly text: string;
      readonly exchange: string;
      readonly routingKey: string;
    }
  | {
      readonly name: 'basic.deliver';
      readonly consumerTag: string;
      readonly deliveryTag: DeliveryTag;
      readonly redelivered: boolean;
      readonly exchange: string;
      readonly routingKey: string;
    }
  | { readonly name: 'basic.get'; readonly queue: string; readonly noAck: boolean }
  | {
      readonly name: 'basic.get-ok';
      readonly deliveryTag: DeliveryTag;
      readonly redelivered: boolean;
      readonly exchange: string;
      readonly routingKey: string;
      readonly messages: number;
    }
  | { readonly name: 'basic.ack'; readonly deliveryTag: DeliveryTag; readonly multiple: boolean }
  | {
      readonly name: 'basic.nack';
      readonly deliveryTag: DeliveryTag;
      readonly multiple: boolean;
      readonly requeue: boolean;
    }
  | { readonly name: 'basic.reject'; readonly deliveryTag: DeliveryTag; readonly requeue: boolean }
  | { readonly name: 'basic.recover' | 'basic.recover-async'; readonly requeue: boolean }
  | { readonly name: 'confirm.select' }
  | { readonly name: 'connection.update-secret' }
  | {
      readonly name:
        | 'connection.start'
        | 'connection.secure'
        | 'connection.secure-ok'
        | 'connection.tune'
        | 'connection.tune-ok'
        | 'connection.open-ok'
        | 'connection.close-ok'
        | 'connection.blocked'
        | 'connection.unblocked'
        | 'connection.update-secret-ok'
        | 'channel.open'
        | 'channel.open-ok'
        | 'channel.flow-ok'
        | 'channel.close-ok'
        | 'exchange.declare-ok'
        | 'exchange.delete-ok'
        | 'exchange.bind-ok'
        | 'exchange.unbind-ok'
        | 'queue.bind-ok'
        | 'queue.unbind-ok'
        | 'queue.purge-ok'
        | 'queue.delete-ok'
        | 'basic.qos-ok'
        | 'basic.cancel-ok'
        | 'basic.get-empty'
        | 'basic.recover-ok'
        | 'confirm.select-ok'
        | 'tx.select'
        | 'tx.select-ok'
        | 'tx.commit'
        | 'tx.commit-ok'
        | 'tx.rollback'
        | 'tx.rollback-ok';
    };

/** One method, complete with its content when it has one. `at.side` says who sent it. */
export interface AmqpEvent extends Common {
  readonly kind: 'amqp-method';
  readonly channel: number;
  readonly method: AmqpMethod;
  readonly content: AmqpContent | null;
  /** Of the connection, as far as seen. */
  readonly user: string | null;
  readonly vhost: string | null;
  readonly ambiguities: readonly Ambiguity[];
}
