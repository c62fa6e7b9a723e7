// Writes AMQP 0-9-1 frames for tests. Enters: method numbers and fields; leaves: bytes.

/** A protocol header for 0-9-1. */
export const PROTOCOL_HEADER = Buffer.from('AMQP\0\0\x09\x01', 'latin1');

/** A frame with its end octet; `end` to break it. */
export function frame(type: number, channel: number, payload: Buffer, end = 0xce): Buffer {
  const head = Buffer.alloc(7);
  head.writeUInt8(type, 0);
  head.writeUInt16BE(channel, 1);
  head.writeUInt32BE(payload.length, 3);
  return Buffer.concat([head, payload, Buffer.of(end)]);
}

export function method(channel: number, classId: number, methodId: number, ...fields: Buffer[]): Buffer {
  return frame(1, channel, Buffer.concat([short(classId), short(methodId), ...fields]));
}

export function contentHeader(channel: number, size: number, flags = 0, ...fields: Buffer[]): Buffer {
  return frame(
    2,
    channel,
    Buffer.concat([short(60), short(0), longlong(BigInt(size)), short(flags), ...fields]),
  );
}

export function body(channel: number, text: string): Buffer {
  return frame(3, channel, Buffer.from(text, 'latin1'));
}

export const octet = (value: number): Buffer => Buffer.of(value);

export function short(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

export function long(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

export function longlong(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(value);
  return bytes;
}

export function shortString(text: string): Buffer {
  const bytes = Buffer.from(text, 'utf8');
  return Buffer.concat([octet(bytes.length), bytes]);
}

export function longString(bytes: Buffer | string): Buffer {
  const content = typeof bytes === 'string' ? Buffer.from(bytes, 'utf8') : bytes;
  return Buffer.concat([long(content.length), content]);
}

/** A field table of ready-made values: the type's letter and its bytes. */
export function table(...entries: readonly (readonly [key: string, type: string, value: Buffer])[]): Buffer {
  return longString(
    Buffer.concat(entries.flatMap(([key, type, value]) => [shortString(key), Buffer.from(type), value])),
  );
}

/** basic.publish with its content in as many body frames as there are texts. */
export function publish(channel: number, exchange: string, routingKey: string, ...parts: string[]): Buffer {
  return Buffer.concat([
    method(channel, 60, 40, short(0), shortString(exchange), shortString(routingKey), octet(0)),
    contentHeader(channel, parts.join('').length),
    ...parts.map((part) => body(channel, part)),
  ]);
}
