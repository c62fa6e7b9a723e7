// AMQP messages of the corpus. Enters: methods with their arguments as data; leaves: frames.
import * as amqp from '../amqp-bytes.ts';

/** A value of a field table: texts are `S`, numbers `I`, objects tables, lists arrays; `["t", hex]` any other type. */
export type FieldValue =
  | string
  | number
  | boolean
  | { readonly type: string; readonly hex: string }
  | { readonly table: Readonly<Record<string, FieldValue>> }
  | readonly FieldValue[];

type Fields = Readonly<Record<string, FieldValue>>;

export interface AmqpMessage {
  readonly method?: string;
  readonly channel?: number;
  /** The method's arguments; those that are not there are empty, zero or false. */
  readonly args?: Readonly<Record<string, string | number | boolean | Fields>>;
  /** By their names in the protocol; `headers` is a table, or a list of pairs where a key stands twice. */
  readonly properties?: Readonly<
    Record<string, string | number | Fields | readonly (readonly [string, FieldValue])[]>
  >;
  readonly content?: string;
  /** Its body frames, when there are several. */
  readonly parts?: readonly string[];
  /** The body size that the content header says, when it is not the true one. */
  readonly size?: number;
}

type Kind = 'short' | 'long' | 'longlong' | 'shortstr' | 'longstr' | 'bits' | 'table';

/** Class, method and arguments, as in amqp0-9-1.xml. */
const METHODS: Readonly<Record<string, readonly [number, number, ...(readonly [Kind, ...string[]])[]]>> = {
  'connection.open': [10, 40, ['shortstr', 'vhost'], ['shortstr', 'r1'], ['bits', 'r2']],
  'channel.open': [20, 10, ['shortstr', 'r1']],
  'channel.close': [20, 40, ['short', 'code'], ['shortstr', 'text'], ['short', 'class'], ['short', 'method']],
  'exchange.declare': [
    40,
    10,
    ['short', 'r1'],
    ['shortstr', 'exchange'],
    ['shortstr', 'type'],
    ['bits', 'passive', 'durable', 'autoDelete', 'internal', 'noWait'],
    ['table', 'arguments'],
  ],
  'exchange.delete': [40, 20, ['short', 'r1'], ['shortstr', 'exchange'], ['bits', 'ifUnused', 'noWait']],
  'exchange.bind': [
    40,
    30,
    ['short', 'r1'],
    ['shortstr', 'destination'],
    ['shortstr', 'source'],
    ['shortstr', 'routingKey'],
    ['bits', 'noWait'],
    ['table', 'arguments'],
  ],
  'exchange.unbind': [
    40,
    40,
    ['short', 'r1'],
    ['shortstr', 'destination'],
    ['shortstr', 'source'],
    ['shortstr', 'routingKey'],
    ['bits', 'noWait'],
    ['table', 'arguments'],
  ],
  'queue.declare': [
    50,
    10,
    ['short', 'r1'],
    ['shortstr', 'queue'],
    ['bits', 'passive', 'durable', 'exclusive', 'autoDelete', 'noWait'],
    ['table', 'arguments'],
  ],
  'queue.declare-ok': [50, 11, ['shortstr', 'queue'], ['long', 'messages'], ['long', 'consumers']],
  'queue.bind': [
    50,
    20,
    ['short', 'r1'],
    ['shortstr', 'queue'],
    ['shortstr', 'exchange'],
    ['shortstr', 'routingKey'],
    ['bits', 'noWait'],
    ['table', 'arguments'],
  ],
  'queue.unbind': [
    50,
    50,
    ['short', 'r1'],
    ['shortstr', 'queue'],
    ['shortstr', 'exchange'],
    ['shortstr', 'routingKey'],
    ['table', 'arguments'],
  ],
  'queue.purge': [50, 30, ['short', 'r1'], ['shortstr', 'queue'], ['bits', 'noWait']],
  'queue.delete': [50, 40, ['short', 'r1'], ['shortstr', 'queue'], ['bits', 'ifUnused', 'ifEmpty', 'noWait']],
  'basic.qos': [60, 10, ['long', 'size'], ['short', 'count'], ['bits', 'global']],
  'basic.consume': [
    60,
    20,
    ['short', 'r1'],
    ['shortstr', 'queue'],
    ['shortstr', 'consumerTag'],
    ['bits', 'noLocal', 'noAck', 'exclusive', 'noWait'],
    ['table', 'arguments'],
  ],
  'basic.consume-ok': [60, 21, ['shortstr', 'consumerTag']],
  'basic.publish': [
    60,
    40,
    ['short', 'r1'],
    ['shortstr', 'exchange'],
    ['shortstr', 'routingKey'],
    ['bits', 'mandatory', 'immediate'],
  ],
  'basic.return': [
    60,
    50,
    ['short', 'code'],
    ['shortstr', 'text'],
    ['shortstr', 'exchange'],
    ['shortstr', 'routingKey'],
  ],
  'basic.deliver': [
    60,
    60,
    ['shortstr', 'consumerTag'],
    ['longlong', 'deliveryTag'],
    ['bits', 'redelivered'],
    ['shortstr', 'exchange'],
    ['shortstr', 'routingKey'],
  ],
  'basic.get': [60, 70, ['short', 'r1'], ['shortstr', 'queue'], ['bits', 'noAck']],
  'basic.get-ok': [
    60,
    71,
    ['longlong', 'deliveryTag'],
    ['bits', 'redelivered'],
    ['shortstr', 'exchange'],
    ['shortstr', 'routingKey'],
    ['long', 'messages'],
  ],
  'basic.ack': [60, 80, ['longlong', 'deliveryTag'], ['bits', 'multiple']],
  'basic.reject': [60, 90, ['longlong', 'deliveryTag'], ['bits', 'requeue']],
  'basic.recover': [60, 110, ['bits', 'requeue']],
  'basic.nack': [60, 120, ['longlong', 'deliveryTag'], ['bits', 'multiple', 'requeue']],
  'confirm.select': [85, 10, ['bits', 'noWait']],
  'tx.select': [90, 10],
  'tx.commit': [90, 20],
  'tx.rollback': [90, 30],
};

/** Properties from the highest flag down (amqp0-9-1 section 4.2.6.1). */
const PROPERTIES: readonly (readonly [string, 'shortstr' | 'table' | 'octet' | 'longlong'])[] = [
  ['content-type', 'shortstr'],
  ['content-encoding', 'shortstr'],
  ['headers', 'table'],
  ['delivery-mode', 'octet'],
  ['priority', 'octet'],
  ['correlation-id', 'shortstr'],
  ['reply-to', 'shortstr'],
  ['expiration', 'shortstr'],
  ['message-id', 'shortstr'],
  ['timestamp', 'longlong'],
  ['type', 'shortstr'],
  ['user-id', 'shortstr'],
  ['app-id', 'shortstr'],
  ['cluster-id', 'shortstr'],
];

/** The frames of one method and its content; null for a message of another protocol. */
export function amqpBytes(message: AmqpMessage): Buffer | null {
  if (message.method === undefined) return null;
  const known = METHODS[message.method];
  if (known === undefined) throw new Error(`${message.method} has no layout here`);
  const [classId, methodId, ...layout] = known;
  const channel = message.channel ?? 1;
  const args = message.args ?? {};
  const fields = layout.map(([kind, ...names]) => argument(kind, names, args));
  const frames = [amqp.method(channel, classId, methodId, ...fields)];
  if (message.content !== undefined || message.parts !== undefined) {
    const parts = (message.parts ?? [message.content ?? '']).map((part) => Buffer.from(part, 'latin1'));
    const size = message.size ?? Buffer.concat(parts).length;
    frames.push(header(channel, size, message.properties ?? {}));
    // Empty content has a header and no body frame.
    frames.push(...parts.filter(({ length }) => length > 0).map((part) => amqp.frame(3, channel, part)));
  }
  return Buffer.concat(frames);
}

function argument(kind: Kind, names: readonly string[], args: NonNullable<AmqpMessage['args']>): Buffer {
  const value = args[names[0] ?? ''];
  switch (kind) {
    case 'bits':
      return amqp.octet(names.reduce((bits, name, at) => bits | (args[name] === true ? 1 << at : 0), 0));
    case 'short':
      return amqp.short(Number(value ?? 0));
    case 'long':
      return amqp.long(Number(value ?? 0));
    case 'longlong':
      return amqp.longlong(BigInt(Number(value ?? 0)));
    case 'shortstr':
      return shortOf(String(value ?? ''));
    case 'longstr':
      return amqp.longString(String(value ?? ''));
    case 'table':
      return tableOf(Object.entries((value ?? {}) as Fields));
  }
}

function header(channel: number, size: number, properties: NonNullable<AmqpMessage['properties']>): Buffer {
  let flags = 0;
  const fields: Buffer[] = [];
  for (const [at, [name, kind]] of PROPERTIES.entries()) {
    const value = properties[name];
    if (value === undefined) continue;
    flags |= 1 << (15 - at);
    if (kind === 'shortstr') fields.push(shortOf(String(value)));
    else if (kind === 'octet') fields.push(amqp.octet(Number(value)));
    else if (kind === 'longlong') fields.push(amqp.longlong(BigInt(Number(value))));
    else fields.push(tableOf(Array.isArray(value) ? value : Object.entries(value as Fields)));
  }
  return amqp.contentHeader(channel, size, flags, ...fields);
}

/** Each character a byte. */
function shortOf(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1');
  return Buffer.concat([amqp.octet(bytes.length), bytes]);
}

function tableOf(entries: readonly (readonly [string, FieldValue])[]): Buffer {
  return amqp.longString(Buffer.concat(entries.flatMap(([key, value]) => [shortOf(key), fieldOf(value)])));
}

function fieldOf(value: FieldValue): Buffer {
  if (typeof value === 'string')
    return Buffer.concat([Buffer.from('S'), amqp.longString(Buffer.from(value, 'latin1'))]);
  if (typeof value === 'number') return Buffer.concat([Buffer.from('I'), amqp.long(value)]);
  if (typeof value === 'boolean') return Buffer.concat([Buffer.from('t'), amqp.octet(value ? 1 : 0)]);
  if ('type' in value) return Buffer.concat([Buffer.from(value.type), Buffer.from(value.hex, 'hex')]);
  if ('table' in value) return Buffer.concat([Buffer.from('F'), tableOf(Object.entries(value.table))]);
  return Buffer.concat([Buffer.from('A'), amqp.longString(Buffer.concat(value.map(fieldOf)))]);
}
