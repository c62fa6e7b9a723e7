// The values in AMQP messages. Enters: a method with its content; leaves: fields.
import type { AmqpContent, AmqpEvent, AmqpProperties } from '../../events/amqp.ts';
import { bodyOfText, type Field, jsonFields, textOf } from './field.ts';

type TextProperty = {
  [K in keyof AmqpProperties]: AmqpProperties[K] extends string | null ? K : never;
}[keyof AmqpProperties];

/** By the names of the protocol's documentation. How the body is encoded is no value. */
const PROPERTIES: Readonly<Record<string, TextProperty>> = {
  'correlation-id': 'correlationId',
  'reply-to': 'replyTo',
  'message-id': 'messageId',
  'user-id': 'userId',
  'app-id': 'appId',
  type: 'type',
  expiration: 'expiration',
};

/** Values in the properties, the headers and the body of a message. */
export function amqpFields(event: AmqpEvent): readonly Field[] {
  const { content } = event;
  if (content === null) return [];
  const write = (changed: Partial<AmqpContent>): AmqpEvent => ({
    ...event,
    content: { ...content, ...changed },
  });
  const { properties } = content;
  const fields: Field[] = [];
  for (const [name, key] of Object.entries(PROPERTIES)) {
    const value = properties[key];
    if (value !== null)
      fields.push({
        name: `property ${name}`,
        value,
        write: (changed) => write({ properties: { ...properties, [key]: changed } }),
      });
  }
  for (const [name, value] of properties.headers ?? []) {
    if (typeof value !== 'string') continue;
    fields.push({
      name: `header ${name}`,
      value,
      write: (changed) => {
        const headers = new Map([...(properties.headers ?? []), [name, changed] as const]);
        return write({ properties: { ...properties, headers } });
      },
    });
  }
  const text = textOf(content.body);
  if (text === null || text === '') return fields;
  const body = (changed: string): AmqpEvent => write({ body: bodyOfText(changed) });
  const scalars = jsonFields(text);
  if (scalars.length === 0) return [...fields, { name: 'body', value: text, write: body }];
  return [
    ...fields,
    ...scalars.map((scalar) => ({
      name: `body ${scalar.pointer}`,
      value: scalar.value,
      write: (value: string) => body(scalar.write(value)),
    })),
  ];
}
