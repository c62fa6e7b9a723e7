// The methods of AMQP 0-9-1 by class and number. Enters: a method frame's payload; leaves: a typed method, or null.
import type { AmqpMethod } from '../../events/amqp.ts';
import { FieldReader, textOf } from './fields.ts';

type Read = (fields: FieldReader) => AmqpMethod;
/** Names of the methods whose arguments mean nothing to a policy. */
type NamedAlone<M = AmqpMethod> = M extends { readonly name: infer N }
  ? keyof M extends 'name'
    ? N
    : never
  : never;

const alone =
  (name: NamedAlone & string): Read =>
  () =>
    ({ name }) as AmqpMethod;

/** Tickets and other reserved fields are read and forgotten. */
const skipShort = (fields: FieldReader): void => {
  fields.short();
};

/** amqp0-9-1.xml, with RabbitMQ's exchange.bind, basic.nack, confirm and connection.blocked. */
const METHODS: ReadonlyMap<string, Read> = new Map<string, Read>([
  ['10.10', alone('connection.start')],
  ['10.11', startOk],
  ['10.20', alone('connection.secure')],
  ['10.21', alone('connection.secure-ok')],
  ['10.30', alone('connection.tune')],
  ['10.31', alone('connection.tune-ok')],
  ['10.40', (f) => ({ name: 'connection.open', vhost: f.shortString() })],
  ['10.41', alone('connection.open-ok')],
  ['10.50', (f) => ({ name: 'connection.close', code: f.short(), text: f.shortString() })],
  ['10.51', alone('connection.close-ok')],
  ['10.60', alone('connection.blocked')],
  ['10.61', alone('connection.unblocked')],
  ['10.70', () => ({ name: 'connection.update-secret' })],
  ['10.71', alone('connection.update-secret-ok')],
  ['20.10', alone('channel.open')],
  ['20.11', alone('channel.open-ok')],
  ['20.20', (f) => ({ name: 'channel.flow', active: f.bit() })],
  ['20.21', alone('channel.flow-ok')],
  ['20.40', (f) => ({ name: 'channel.close', code: f.short(), text: f.shortString() })],
  ['20.41', alone('channel.close-ok')],
  ['40.10', exchangeDeclare],
  ['40.11', alone('exchange.declare-ok')],
  ['40.20', exchangeDelete],
  ['40.21', alone('exchange.delete-ok')],
  ['40.30', (f) => exchangeBind('exchange.bind', f)],
  ['40.31', alone('exchange.bind-ok')],
  ['40.40', (f) => exchangeBind('exchange.unbind', f)],
  ['40.51', alone('exchange.unbind-ok')],
  ['50.10', queueDeclare],
  [
    '50.11',
    (f) => ({ name: 'queue.declare-ok', queue: f.shortString(), messages: f.long(), consumers: f.long() }),
  ],
  ['50.20', (f) => queueBind('queue.bind', f)],
  ['50.21', alone('queue.bind-ok')],
  ['50.30', queuePurge],
  ['50.31', alone('queue.purge-ok')],
  ['50.40', queueDelete],
  ['50.41', alone('queue.delete-ok')],
  ['50.50', (f) => queueBind('queue.unbind', f)],
  ['50.51', alone('queue.unbind-ok')],
  ['60.10', basicQos],
  ['60.11', alone('basic.qos-ok')],
  ['60.20', basicConsume],
  ['60.21', (f) => ({ name: 'basic.consume-ok', consumerTag: f.shortString() })],
  ['60.30', (f) => ({ name: 'basic.cancel', consumerTag: f.shortString() })],
  ['60.31', alone('basic.cancel-ok')],
  ['60.40', basicPublish],
  ['60.50', basicReturn],
  ['60.60', basicDeliver],
  ['60.70', basicGet],
  ['60.71', basicGetOk],
  ['60.72', alone('basic.get-empty')],
  ['60.80', (f) => ({ name: 'basic.ack', deliveryTag: f.longlong(), multiple: f.bit() })],
  ['60.90', (f) => ({ name: 'basic.reject', deliveryTag: f.longlong(), requeue: f.bit() })],
  ['60.100', (f) => ({ name: 'basic.recover-async', requeue: f.bit() })],
  ['60.110', (f) => ({ name: 'basic.recover', requeue: f.bit() })],
  ['60.111', alone('basic.recover-ok')],
  ['60.120', (f) => ({ name: 'basic.nack', deliveryTag: f.longlong(), multiple: f.bit(), requeue: f.bit() })],
  ['85.10', () => ({ name: 'confirm.select' })],
  ['85.11', alone('confirm.select-ok')],
  ['90.10', alone('tx.select')],
  ['90.11', alone('tx.select-ok')],
  ['90.20', alone('tx.commit')],
  ['90.21', alone('tx.commit-ok')],
  ['90.30', alone('tx.rollback')],
  ['90.31', alone('tx.rollback-ok')],
]);

/** Methods that content frames follow. */
const WITH_CONTENT: ReadonlySet<string> = new Set([
  'basic.publish',
  'basic.return',
  'basic.deliver',
  'basic.get-ok',
]);

export function hasContent(method: AmqpMethod): boolean {
  return WITH_CONTENT.has(method.name);
}

/** Reads a method; null when its class and number are not known. Throws MalformedFrame. */
export function readMethod(
  payload: Buffer,
): { readonly method: AmqpMethod; readonly doubt: string | null } | null {
  const fields = new FieldReader(payload);
  const read = METHODS.get(`${fields.short()}.${fields.short()}`);
  if (read === undefined) return null;
  const method = read(fields);
  return { method, doubt: fields.doubt };
}

/** The user's name and never the password (RFC 4616; AMQPLAIN is a table of RabbitMQ's). */
function startOk(fields: FieldReader): AmqpMethod {
  fields.table();
  const mechanism = fields.shortString();
  const response = fields.longString();
  return { name: 'connection.start-ok', mechanism, user: userOf(mechanism, response) };
}

function userOf(mechanism: string, response: Buffer): string | null {
  if (mechanism === 'PLAIN') {
    const [, user] = response.toString('latin1').split('\0');
    return user === undefined ? null : textOf(Buffer.from(user, 'latin1'));
  }
  if (mechanism !== 'AMQPLAIN') return null;
  const framed = Buffer.alloc(4 + response.length);
  framed.writeUInt32BE(response.length);
  response.copy(framed, 4);
  const login = new FieldReader(framed).table().get('LOGIN');
  return typeof login === 'string' ? login : null;
}

function exchangeDeclare(f: FieldReader): AmqpMethod {
  skipShort(f);
  const exchange = f.shortString();
  const type = f.shortString();
  const [passive, durable, autoDelete, internal] = [f.bit(), f.bit(), f.bit(), f.bit()];
  f.bit();
  return {
    name: 'exchange.declare',
    exchange,
    type,
    passive,
    durable,
    autoDelete,
    internal,
    arguments: f.table(),
  };
}

function exchangeBind(name: 'exchange.bind' | 'exchange.unbind', f: FieldReader): AmqpMethod {
  skipShort(f);
  const [destination, source, routingKey] = [f.shortString(), f.shortString(), f.shortString()];
  f.bit();
  return { name, destination, source, routingKey, arguments: f.table() };
}

function queueDeclare(f: FieldReader): AmqpMethod {
  skipShort(f);
  const queue = f.shortString();
  const [passive, durable, exclusive, autoDelete] = [f.bit(), f.bit(), f.bit(), f.bit()];
  f.bit();
  return { name: 'queue.declare', queue, passive, durable, exclusive, autoDelete, arguments: f.table() };
}

function queueBind(name: 'queue.bind' | 'queue.unbind', f: FieldReader): AmqpMethod {
  skipShort(f);
  const [queue, exchange, routingKey] = [f.shortString(), f.shortString(), f.shortString()];
  // queue.unbind has no no-wait bit.
  if (name === 'queue.bind') f.bit();
  return { name, queue, exchange, routingKey, arguments: f.table() };
}

function exchangeDelete(f: FieldReader): AmqpMethod {
  skipShort(f);
  return { name: 'exchange.delete', exchange: f.shortString(), ifUnused: f.bit() };
}

function queuePurge(f: FieldReader): AmqpMethod {
  skipShort(f);
  return { name: 'queue.purge', queue: f.shortString() };
}

function queueDelete(f: FieldReader): AmqpMethod {
  skipShort(f);
  return { name: 'queue.delete', queue: f.shortString(), ifUnused: f.bit(), ifEmpty: f.bit() };
}

function basicGet(f: FieldReader): AmqpMethod {
  skipShort(f);
  return { name: 'basic.get', queue: f.shortString(), noAck: f.bit() };
}

function basicQos(f: FieldReader): AmqpMethod {
  f.long();
  return { name: 'basic.qos', prefetchCount: f.short(), global: f.bit() };
}

function basicConsume(f: FieldReader): AmqpMethod {
  skipShort(f);
  const [queue, consumerTag] = [f.shortString(), f.shortString()];
  f.bit();
  const [noAck, exclusive] = [f.bit(), f.bit()];
  f.bit();
  return { name: 'basic.consume', queue, consumerTag, noAck, exclusive, arguments: f.table() };
}

function basicPublish(f: FieldReader): AmqpMethod {
  skipShort(f);
  const [exchange, routingKey] = [f.shortString(), f.shortString()];
  return { name: 'basic.publish', exchange, routingKey, mandatory: f.bit(), immediate: f.bit() };
}

function basicReturn(f: FieldReader): AmqpMethod {
  return {
    name: 'basic.return',
    code: f.short(),
    text: f.shortString(),
    exchange: f.shortString(),
    routingKey: f.shortString(),
  };
}

function basicDeliver(f: FieldReader): AmqpMethod {
  return {
    name: 'basic.deliver',
    consumerTag: f.shortString(),
    deliveryTag: f.longlong(),
    redelivered: f.bit(),
    exchange: f.shortString(),
    routingKey: f.shortString(),
  };
}

function basicGetOk(f: FieldReader): AmqpMethod {
  return {
    name: 'basic.get-ok',
    deliveryTag: f.longlong(),
    redelivered: f.bit(),
    exchange: f.shortString(),
    routingKey: f.shortString(),
    messages: f.long(),
  };
}
