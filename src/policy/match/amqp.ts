// Which declared AMQP request a method is. Enters: declarations between two services, a method; leaves: a match.
import type { AmqpContent, AmqpEvent, AmqpMethod, AmqpProperties, AmqpValue } from '../../events/amqp.ts';
import type { AmqpRequestDeclaration } from '../document.ts';
import type { FactSource, PropertyName } from '../fact.ts';
import { type JsonReading, readJson } from '../json-value.ts';
import { extraOf } from './amqp-extras.ts';
import { bodyProblem, jsonProblem, readType } from './body.ts';
import { findInJson, type JsonPlace } from './json.ts';
import { type Found, type Match, type Normalisers, readFacts } from './match.ts';

/** What a method asks for, in the terms of declarations; null for methods that need none. */
export function actionOf(method: AmqpMethod, queue: string | null): AmqpRequestDeclaration['action'] | null {
  switch (method.name) {
    case 'basic.publish':
      return { kind: 'publish', exchange: method.exchange, routingKey: method.routingKey };
    case 'basic.deliver':
    case 'basic.get-ok':
      return { kind: 'deliver', queue: queue ?? '' };
    case 'basic.get':
      return { kind: 'get', queue: method.queue };
    case 'basic.consume':
      return { kind: 'consume', queue: method.queue };
    case 'queue.declare':
      return { kind: 'declare-queue', queue: method.queue };
    case 'exchange.declare':
      return { kind: 'declare-exchange', exchange: method.exchange };
    case 'queue.bind':
      return {
        kind: 'bind-queue',
        queue: method.queue,
        exchange: method.exchange,
        routingKey: method.routingKey,
      };
    case 'queue.purge':
      return { kind: 'purge-queue', queue: method.queue };
    case 'queue.delete':
      return { kind: 'delete-queue', queue: method.queue };
    case 'exchange.delete':
      return { kind: 'delete-exchange', exchange: method.exchange };
    case 'tx.select':
    case 'tx.commit':
    case 'tx.rollback':
      return { kind: 'transaction' };
    default:
      return null;
  }
}

/** Matches a method against what its sender may do. `queue` is the one that a delivery comes from. */
export function matchAmqp(
  declarations: readonly AmqpRequestDeclaration[],
  normalisers: Normalisers,
  event: AmqpEvent,
  queue: string | null,
): Match {
  const action = actionOf(event.method, queue);
  if (action === null) return { kind: 'undeclared', why: `${event.method.name} cannot be declared` };
  let why = `no declared ${action.kind} has these names`;
  for (const declaration of declarations) {
    if (!sameAction(declaration.action, action)) continue;
    const extra = extraOf(declaration, event);
    if (extra !== null) {
      why = extra;
      continue;
    }
    let json: JsonReading | null = null;
    return readFacts(declaration.id, declaration.facts, normalisers, event.at, (source, all) => {
      json ??= source.in === 'body' && event.content !== null ? readJson(event.content.body.bytes) : null;
      return find(event, source, all, json);
    });
  }
  return { kind: 'undeclared', why };
}

function sameAction(a: AmqpRequestDeclaration['action'], b: AmqpRequestDeclaration['action']): boolean {
  if (a.kind !== b.kind) return false;
  const left: Readonly<Record<string, string>> = a;
  const right: Readonly<Record<string, string>> = b;
  return Object.keys(left).every((key) => left[key] === right[key]);
}

function find(event: AmqpEvent, source: FactSource, all: boolean, json: JsonReading | null): Found {
  const content = event.content;
  if (source.in === 'routing-key') {
    return 'routingKey' in event.method
      ? { kind: 'value', value: event.method.routingKey }
      : { kind: 'absent' };
  }
  if (source.in === 'exchange') {
    return 'exchange' in event.method ? { kind: 'value', value: event.method.exchange } : { kind: 'absent' };
  }
  if (content === null) return { kind: 'absent' };
  switch (source.in) {
    case 'body':
      return inBody(content, source, all, json);
    case 'property':
      return text(propertyOf(content.properties, source.name));
    case 'header':
      return text(content.properties.headers?.get(source.name) ?? null);
    default:
      return { kind: 'absent' };
  }
}

function inBody(content: AmqpContent, place: JsonPlace, all: boolean, json: JsonReading | null): Found {
  const problem = bodyProblem(content.body);
  if (problem !== null) return problem;
  const { contentEncoding, contentType } = content.properties;
  if (contentEncoding !== null && contentEncoding !== 'utf-8') {
    return { kind: 'body-unseen', why: 'the message has a content encoding' };
  }
  // A message may leave its type out; one that says it must say what its consumers will take it for.
  const type = contentType === null ? null : readType([contentType]);
  const wrong = type === null ? null : jsonProblem(type);
  if (wrong !== null) return { kind: 'unreadable', why: wrong };
  if (json === null || json.kind === 'unreadable') {
    return {
      kind: 'unreadable',
      why: `the message is not clean JSON${json === null ? '' : `: ${json.why}`}`,
    };
  }
  return findInJson(json.value, place, all);
}

/** A property by its name in the protocol's documentation. */
export function propertyOf(properties: AmqpProperties, name: PropertyName): string | number | bigint | null {
  switch (name) {
    case 'message-id':
      return properties.messageId;
    case 'correlation-id':
      return properties.correlationId;
    case 'reply-to':
      return properties.replyTo;
    case 'type':
      return properties.type;
    case 'user-id':
      return properties.userId;
    case 'app-id':
      return properties.appId;
    case 'content-type':
      return properties.contentType;
    case 'content-encoding':
      return properties.contentEncoding;
    case 'delivery-mode':
      return properties.deliveryMode;
    case 'priority':
      return properties.priority;
    case 'expiration':
      return properties.expiration;
    case 'timestamp':
      return properties.timestamp;
    case 'cluster-id':
      return properties.clusterId;
  }
}

function text(value: AmqpValue): Found {
  if (value === null) return { kind: 'absent' };
  if (typeof value === 'object') return { kind: 'unreadable', why: 'it is no single value' };
  return { kind: 'value', value: String(value) };
}
