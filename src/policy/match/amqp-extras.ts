// What an AMQP method does beyond its names. Enters: a declaration, a method; leaves: what of it is not declared, or null.
import type { AmqpEvent, AmqpProperties, AmqpTable, AmqpValue } from '../../events/amqp.ts';
import type { AmqpFeature, AmqpRequestDeclaration } from '../document.ts';

/** The four exchange types of AMQP (amqp0-9-1 section 3.1.3); others route in ways of their own. */
const EXCHANGE_TYPES: ReadonlySet<string> = new Set(['direct', 'fanout', 'topic', 'headers']);

/** Why a method is more than its declaration says, for a person; null when it is not. */
export function extraOf(declaration: AmqpRequestDeclaration, event: AmqpEvent): string | null {
  const { method } = event;
  switch (method.name) {
    case 'basic.publish':
      return (
        (method.immediate ? notAllowed(declaration, 'immediate', 'it is immediate') : null) ??
        routingExtra(declaration, event.content?.properties ?? null)
      );
    case 'basic.get':
      return method.noAck ? notAllowed(declaration, 'no-ack', 'it wants no acknowledgement') : null;
    case 'basic.consume':
      return (
        (method.noAck ? notAllowed(declaration, 'no-ack', 'it wants no acknowledgements') : null) ??
        (method.exclusive ? notAllowed(declaration, 'exclusive', 'it consumes exclusively') : null) ??
        argumentsExtra(declaration, method.arguments)
      );
    case 'queue.declare':
      // A passive declaration asks whether the queue is there, and makes nothing (amqp0-9-1.xml).
      if (method.passive) return null;
      return (
        (method.exclusive ? notAllowed(declaration, 'exclusive', 'its queue is exclusive') : null) ??
        (method.autoDelete ? notAllowed(declaration, 'auto-delete', 'its queue deletes itself') : null) ??
        argumentsExtra(declaration, method.arguments)
      );
    case 'exchange.declare':
      if (method.passive) return null;
      return (
        typeExtra(declaration, method.type) ??
        (method.autoDelete ? notAllowed(declaration, 'auto-delete', 'its exchange deletes itself') : null) ??
        (method.internal ? notAllowed(declaration, 'internal', 'its exchange is internal') : null) ??
        argumentsExtra(declaration, method.arguments)
      );
    case 'queue.bind':
      return argumentsExtra(declaration, method.arguments);
    default:
      return null;
  }
}

function notAllowed({ allowing }: AmqpRequestDeclaration, feature: AmqpFeature, what: string): string | null {
  return allowing.includes(feature) ? null : `${what}, and "${feature}" is not allowed`;
}

/** Properties and headers that change whether, when and to whom a broker delivers. */
function routingExtra(declaration: AmqpRequestDeclaration, properties: AmqpProperties | null): string | null {
  if (properties === null) return null;
  const { expiration, priority, replyTo, headers } = properties;
  const reads = (name: string): boolean =>
    declaration.facts.some(({ source }) => source.in === 'property' && source.name === name);
  return (
    (expiration === null || reads('expiration')
      ? null
      : notAllowed(declaration, 'expiration', 'it expires')) ??
    // A message without a priority has priority 0 (RabbitMQ, "Priority Queue Support").
    (priority === null || priority === 0 || reads('priority')
      ? null
      : notAllowed(declaration, 'priority', 'it has a priority')) ??
    (replyTo === null || reads('reply-to')
      ? null
      : notAllowed(declaration, 'reply-to', 'it says where to answer')) ??
    (headers?.has('x-delay') === true ? notAllowed(declaration, 'delay', 'it is to be delayed') : null) ??
    copiesExtra(declaration, headers)
  );
}

/** RabbitMQ's sender-selected distribution: `CC` and `BCC` add routing keys beside the declared one. */
function copiesExtra({ copies }: AmqpRequestDeclaration, headers: AmqpTable | null): string | null {
  for (const name of ['CC', 'BCC']) {
    const value = headers?.get(name);
    if (value === undefined) continue;
    const keys: readonly AmqpValue[] = Array.isArray(value) ? value : [value];
    if (!keys.every((key) => typeof key === 'string' && copies.includes(key)))
      return `its header ${name} routes copies elsewhere`;
  }
  return null;
}

function typeExtra({ exchangeType }: AmqpRequestDeclaration, type: string): string | null {
  const good = exchangeType === null ? EXCHANGE_TYPES.has(type) : type === exchangeType;
  return good ? null : `its exchange is of type ${type.slice(0, 40)}`;
}

/** Arguments choose where dead letters, unroutable and old messages go: they are the declared ones, or it is another queue. */
function argumentsExtra(declaration: AmqpRequestDeclaration, table: AmqpTable): string | null {
  const wanted = new Map(Object.entries(declaration.arguments));
  for (const [name, value] of table) {
    const declared = wanted.get(name);
    if (declared === undefined) return `its argument ${name.slice(0, 60)} is not declared`;
    if (!sameValue(value, declared))
      return `its argument ${name.slice(0, 60)} has another value than declared`;
    wanted.delete(name);
  }
  const [left] = wanted.keys();
  return left === undefined ? null : `it has no argument ${left.slice(0, 60)}`;
}

/** Integers are one kind, whatever their width on the wire. */
function sameValue(value: AmqpValue, declared: string | number | boolean): boolean {
  if (typeof value === 'bigint') return Number.isInteger(declared) && value === BigInt(declared);
  return value === declared;
}
