// The pieces that written-out messages are made of. Enters: what an author writes; leaves: bodies, headers, values, properties.
import type { AmqpProperties, AmqpValue } from '../events/amqp.ts';
import type { Body, Header } from '../events/common.ts';
import type { SqlValue } from '../events/sql.ts';

/** What an HTTP message carries. */
export interface HttpParts {
  /** A header that has several values is sent as often. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** A text is sent as it is; anything else as JSON, with its content type. */
  readonly body?: unknown;
}

/** What an AMQP message carries. */
export interface MessageParts {
  /** A text is sent as it is; anything else as JSON, with its content type. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, AmqpValue>>;
  readonly properties?: Readonly<Partial<Omit<AmqpProperties, 'headers'>>>;
}

/** What may be bound to a statement, or stand in a row. A number keeps the digits that JavaScript prints. */
export type Bound = string | number | boolean | null;

export function bodyOf(body: unknown): Body {
  const text = body === undefined ? '' : typeof body === 'string' ? body : JSON.stringify(body);
  const bytes = new TextEncoder().encode(text);
  return { state: 'complete', bytes, length: bytes.length };
}

export function headersOf({ headers = {}, body }: HttpParts): readonly Header[] {
  const list = Object.entries(headers).flatMap(([name, values]) =>
    (typeof values === 'string' ? [values] : values).map((value) => ({ name, value })),
  );
  const typed = list.some(({ name }) => name.toLowerCase() === 'content-type');
  if (body === undefined || typeof body === 'string' || typed) return list;
  return [...list, { name: 'content-type', value: 'application/json' }];
}

export function propertiesOf({ headers, body, properties = {} }: MessageParts): AmqpProperties {
  return {
    contentType: body === undefined || typeof body === 'string' ? null : 'application/json',
    contentEncoding: null,
    headers: headers === undefined ? null : new Map(Object.entries(headers)),
    deliveryMode: null,
    priority: null,
    correlationId: null,
    replyTo: null,
    expiration: null,
    messageId: null,
    timestamp: null,
    type: null,
    userId: null,
    appId: null,
    clusterId: null,
    ...properties,
  };
}

export function sqlValue(value: Bound): SqlValue {
  switch (typeof value) {
    case 'string':
      return { type: 'text', text: value };
    case 'number':
      return { type: 'number', text: String(value) };
    case 'boolean':
      return { type: 'boolean', text: String(value) };
    default:
      return { type: 'null' };
  }
}
