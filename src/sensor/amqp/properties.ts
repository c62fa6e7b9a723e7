// The properties of class basic. Enters: a content header frame's payload; leaves: body size and properties.
import type { AmqpProperties } from '../../events/amqp.ts';
import { FieldReader, MalformedFrame } from './fields.ts';

export interface ContentHeader {
  readonly bodySize: bigint;
  readonly properties: AmqpProperties;
  readonly doubt: string | null;
}

const BASIC = 60;

/** Reads a content header (amqp0-9-1 section 4.2.6.1). Property flags go from the highest bit down. Throws MalformedFrame. */
export function readContentHeader(payload: Buffer): ContentHeader {
  const fields = new FieldReader(payload);
  const classId = fields.short();
  fields.short();
  const bodySize = fields.longlong();
  const flags = fields.short();
  if (classId !== BASIC || (flags & 1) === 1)
    throw new MalformedFrame('a content header of an unknown class');
  const when = <T>(bit: number, read: () => T): T | null => ((flags & (1 << bit)) === 0 ? null : read());
  const text = (bit: number): string | null => when(bit, () => fields.shortString());
  const properties: AmqpProperties = {
    contentType: text(15),
    contentEncoding: text(14),
    headers: when(13, () => fields.table()),
    deliveryMode: when(12, () => fields.octet()),
    priority: when(11, () => fields.octet()),
    correlationId: text(10),
    replyTo: text(9),
    expiration: text(8),
    messageId: text(7),
    timestamp: when(6, () => fields.longlong()),
    type: text(5),
    userId: text(4),
    appId: text(3),
    clusterId: text(2),
  };
  return { bodySize, properties, doubt: fields.doubt };
}
