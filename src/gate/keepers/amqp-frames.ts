// AMQP frames that the gate itself sends. Enters: channel, codes; leaves: bytes (amqp0-9-1 sections 2.3.5 and 4.2).

const ACCESS_REFUSED = 403;
const END = 0xce;

function frame(channel: number, classId: number, methodId: number, args: Buffer): Buffer {
  const bytes = Buffer.alloc(7 + 4 + args.length + 1);
  bytes.writeUInt8(1, 0);
  bytes.writeUInt16BE(channel, 1);
  bytes.writeUInt32BE(4 + args.length, 3);
  bytes.writeUInt16BE(classId, 7);
  bytes.writeUInt16BE(methodId, 9);
  args.copy(bytes, 11);
  bytes.writeUInt8(END, bytes.length - 1);
  return bytes;
}

/** channel.close: because of a method that is refused, or without one (all zero). */
export function channelClose(
  channel: number,
  code: number,
  text: string,
  classId: number,
  methodId: number,
): Buffer {
  const args = Buffer.alloc(2 + 1 + text.length + 4);
  args.writeUInt16BE(code, 0);
  args.writeUInt8(text.length, 2);
  args.write(text, 3, 'latin1');
  args.writeUInt16BE(classId, 3 + text.length);
  args.writeUInt16BE(methodId, 5 + text.length);
  return frame(channel, 20, 40, args);
}

/** channel.close with ACCESS_REFUSED. */
export function refuseChannel(channel: number, classId: number, methodId: number): Buffer {
  return channelClose(channel, ACCESS_REFUSED, 'ACCESS_REFUSED - refused by policy', classId, methodId);
}

export const channelCloseOk = (channel: number): Buffer => frame(channel, 20, 41, Buffer.alloc(0));

/** basic.reject without requeueing: it would only be delivered again. */
export function rejectDelivery(channel: number, tag: bigint): Buffer {
  const args = Buffer.alloc(9);
  args.writeBigUInt64BE(tag, 0);
  return frame(channel, 60, 90, args);
}

/** basic.get-empty, with its reserved short string. */
export const getEmpty = (channel: number): Buffer => frame(channel, 60, 72, Buffer.alloc(1));
