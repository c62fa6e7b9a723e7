// AMQP events as observations. Enters: methods of one connection in order; leaves: what they mean to the policy.
import type { AmqpEvent } from '../../events/amqp.ts';
import type { CompiledPolicy } from '../compile.ts';
import { keysOf } from '../keys.ts';
import { actionOf, matchAmqp } from '../match/amqp.ts';
import { type Ends, type Observation, type ObservedSubject, printable } from './observation.ts';

/** Most deliveries, and most consumers, remembered for one connection. */
const MOST = 65_536;

interface Consumer {
  readonly queue: string;
  readonly noAck: boolean;
}

/** What earlier methods of a connection mean for later ones: which queue a delivery is from, what an ack acknowledges. */
export class AmqpSession {
  readonly consumers = new Map<string, Consumer>();
  /** Consumers whose tag the broker chooses, by channel. */
  readonly awaitingTag = new Map<number, Consumer[]>();
  readonly gets = new Map<number, Consumer>();
  /** The queue that an empty name stands for, by channel. */
  readonly lastQueue = new Map<number, string>();
  /** Unacknowledged delivery tags, ascending, by channel. */
  readonly deliveries = new Map<number, Set<bigint>>();
}

/** Reads an AMQP event and remembers what later ones refer to. */
export function observeAmqp(
  policy: CompiledPolicy,
  ends: Ends,
  session: AmqpSession,
  event: AmqpEvent,
): Observation | null {
  const fromServer = event.at.side === 'resp';
  const { method } = event;
  const subject: ObservedSubject = {
    what: 'request',
    protocol: 'amqp',
    request: describe(event, session),
    from: fromServer ? ends.server : ends.client,
    to: fromServer ? ends.client : ends.server,
  };
  const base = { subject, ts: event.ts, evidence: event.at };
  const [ambiguity] = event.ambiguities;
  if (ambiguity !== undefined) {
    const text = `readers can take this method differently: ${printable(ambiguity.detail)} (${ambiguity.code})`;
    return { kind: 'offence', code: 'ambiguous-bytes', decidedBy: 'request', text, ...base };
  }
  switch (method.name) {
    case 'basic.ack':
      return fromServer ? null : settle(session, event, base, true, method.multiple, 'ack');
    case 'basic.nack':
      return fromServer ? null : settle(session, event, base, false, method.multiple, 'nack');
    case 'basic.reject':
      return settle(session, event, base, false, false, 'reject');
    case 'channel.close':
    case 'channel.close-ok': {
      const open = [...(session.deliveries.get(event.channel) ?? [])].map((tag) =>
        awaiting(event.channel, tag),
      );
      session.deliveries.delete(event.channel);
      return { kind: 'loss', of: open, ...base };
    }
    default:
      break;
  }
  const queue = queueOf(session, event);
  remember(session, event, queue?.queue ?? null);
  if (actionOf(method, queue?.queue ?? null) === null && !UNDECLARABLE.has(method.name)) return null;
  const delivered = method.name === 'basic.deliver' || method.name === 'basic.get-ok';
  if (delivered !== fromServer && actionOf(method, null) !== null) {
    const text = `${method.name} comes from the wrong side`;
    return { kind: 'offence', code: 'request-not-declared', decidedBy: 'request', text, ...base };
  }
  if (delivered && queue === null && event.flow.midstream) {
    return {
      kind: 'blindness',
      cause: 'midstream',
      text: 'the consumer was declared before we began to look',
      ...base,
    };
  }
  const acknowledged = delivered && queue?.noAck !== true;
  return {
    kind: 'request',
    match: matchAmqp(
      policy.amqp(subject.from, subject.to),
      policy.normalisers,
      named(event, queue),
      queue?.queue ?? null,
    ),
    keys: keysOf(policy.document.keys, event),
    awaits: acknowledged ? awaiting(event.channel, method.deliveryTag) : null,
    source: (fromServer ? event.flow.resp : event.flow.orig).ip,
    unanswered: delivered && !acknowledged,
    ...base,
  };
}

/** Methods that no declaration allows and that are not the protocol's housekeeping. */
const UNDECLARABLE: ReadonlySet<string> = new Set(['exchange.bind', 'exchange.unbind', 'queue.unbind']);

function awaiting(channel: number, tag: bigint): string {
  return `amqp ${channel} ${tag}`;
}

/** Consumer and binding methods may leave the queue's name empty and mean the last one declared (amqp0-9-1.xml). */
function named(event: AmqpEvent, queue: Consumer | null): AmqpEvent {
  const { method } = event;
  if (queue === null || !('queue' in method) || method.queue !== '' || method.name === 'queue.declare')
    return event;
  return { ...event, method: { ...method, queue: queue.queue } };
}

function queueOf(session: AmqpSession, event: AmqpEvent): Consumer | null {
  const { method, channel } = event;
  switch (method.name) {
    case 'basic.deliver':
      return session.consumers.get(`${channel} ${method.consumerTag}`) ?? null;
    case 'basic.get-ok':
      return session.gets.get(channel) ?? null;
    case 'basic.consume':
    case 'basic.get':
      return {
        queue: method.queue === '' ? (session.lastQueue.get(channel) ?? '') : method.queue,
        noAck: method.noAck,
      };
    case 'queue.bind':
    case 'queue.purge':
    case 'queue.delete':
      return {
        queue: method.queue === '' ? (session.lastQueue.get(channel) ?? '') : method.queue,
        noAck: false,
      };
    default:
      return null;
  }
}

function remember(session: AmqpSession, event: AmqpEvent, queue: string | null): void {
  const { method, channel } = event;
  switch (method.name) {
    case 'queue.declare-ok':
      session.lastQueue.set(channel, method.queue);
      return;
    case 'basic.consume': {
      const consumer = { queue: queue ?? '', noAck: method.noAck };
      if (session.consumers.size >= MOST) session.consumers.clear();
      if (method.consumerTag !== '') session.consumers.set(`${channel} ${method.consumerTag}`, consumer);
      else
        session.awaitingTag.set(channel, [
          ...(session.awaitingTag.get(channel) ?? []).slice(-MOST),
          consumer,
        ]);
      return;
    }
    case 'basic.consume-ok': {
      const key = `${channel} ${method.consumerTag}`;
      if (session.consumers.has(key)) return;
      const consumer = session.awaitingTag.get(channel)?.shift();
      if (consumer !== undefined) session.consumers.set(key, consumer);
      return;
    }
    case 'basic.get':
      session.gets.set(channel, { queue: queue ?? '', noAck: method.noAck });
      return;
    case 'basic.deliver':
    case 'basic.get-ok': {
      const tags = session.deliveries.get(channel) ?? new Set<bigint>();
      session.deliveries.set(channel, tags);
      if (tags.size >= MOST) tags.clear();
      tags.add(method.deliveryTag);
      return;
    }
    default:
      return;
  }
}

type Base = Pick<Observation, 'subject' | 'ts' | 'evidence'>;

function settle(
  session: AmqpSession,
  event: AmqpEvent,
  base: Base,
  ok: boolean,
  multiple: boolean,
  text: string,
): Observation | null {
  const { method, channel } = event;
  if (!('deliveryTag' in method)) return null;
  const tags = session.deliveries.get(channel) ?? new Set<bigint>();
  const { deliveryTag: last } = method;
  // Up to a tag that was never delivered: a broker refuses the whole of it (amqp0-9-1.xml, basic.ack).
  const known = tags.has(last) || (multiple && (last === 0n || event.flow.midstream));
  // A consumer may have thousands of deliveries that it has not settled yet, and settles most of them one by one.
  const settled = !known
    ? []
    : multiple
      ? [...tags].filter((tag) => tag === last || last === 0n || tag < last)
      : [last];
  for (const tag of settled) tags.delete(tag);
  if (settled.length === 0) {
    if (event.flow.midstream) return null;
    return {
      kind: 'offence',
      code: 'no-open-chain',
      decidedBy: 'request',
      text: `it settles a delivery that was never made`,
      ...base,
    };
  }
  return { kind: 'answer', of: settled.map((tag) => awaiting(channel, tag)), ok, text, read: null, ...base };
}

/** One line for a person. */
function describe(event: AmqpEvent, session: AmqpSession): string {
  const { method } = event;
  const queue = queueOf(session, event)?.queue ?? '';
  switch (method.name) {
    case 'basic.publish':
      return printable(`basic.publish ${method.exchange}/${method.routingKey}`);
    case 'exchange.declare':
    case 'exchange.delete':
      return printable(`${method.name} ${method.exchange}`);
    case 'queue.declare':
      return printable(`${method.name} ${method.queue}`);
    case 'queue.bind':
      return printable(`${method.name} ${queue} to ${method.exchange}/${method.routingKey}`);
    default:
      return printable(`${method.name} ${queue}`.trim());
  }
}
