// Made-up pcapng files for tests. Enters: block contents; leaves: blocks and whole files in either byte order.
import { concat, type Frame } from './packets.ts';

/** One block of any type, padded, with both lengths. */
export function block(type: number, body: Uint8Array, little = true): Uint8Array {
  const padded = Math.ceil(body.length / 4) * 4;
  const view = new DataView(new ArrayBuffer(12 + padded));
  view.setUint32(0, type, little);
  view.setUint32(4, 12 + padded, little);
  new Uint8Array(view.buffer).set(body, 8);
  view.setUint32(8 + padded, 12 + padded, little);
  return new Uint8Array(view.buffer);
}

/** A section header block. */
export function sectionHeader(little = true): Uint8Array {
  const body = new DataView(new ArrayBuffer(16));
  body.setUint32(0, 0x1a2b3c4d, little);
  body.setUint16(4, 1, little);
  body.setBigInt64(8, -1n, little);
  return block(0x0a0d0d0a, new Uint8Array(body.buffer), little);
}

/** An interface description; `tsresol` is the raw option byte, `tsoffset` in seconds. */
export function interfaceBlock(
  options: {
    readonly linkType?: number;
    readonly snaplen?: number;
    readonly tsresol?: number;
    readonly tsoffset?: bigint;
    readonly little?: boolean;
  } = {},
): Uint8Array {
  const little = options.little ?? true;
  const head = new DataView(new ArrayBuffer(8));
  head.setUint16(0, options.linkType ?? 1, little);
  head.setUint32(4, options.snaplen ?? 0, little);
  const parts = [new Uint8Array(head.buffer)];
  if (options.tsresol !== undefined) {
    const option = new DataView(new ArrayBuffer(8));
    option.setUint16(0, 9, little);
    option.setUint16(2, 1, little);
    option.setUint8(4, options.tsresol);
    parts.push(new Uint8Array(option.buffer));
  }
  if (options.tsoffset !== undefined) {
    const option = new DataView(new ArrayBuffer(12));
    option.setUint16(0, 14, little);
    option.setUint16(2, 8, little);
    option.setBigInt64(4, options.tsoffset, little);
    parts.push(new Uint8Array(option.buffer));
  }
  if (parts.length > 1) parts.push(new Uint8Array(4));
  return block(1, concat(...parts), little);
}

/** An enhanced packet block; `units` is the timestamp in the interface's own resolution. */
export function enhancedPacket(
  bytes: Uint8Array,
  options: {
    readonly units: bigint;
    readonly interface?: number;
    readonly original?: number;
    readonly little?: boolean;
  },
): Uint8Array {
  const little = options.little ?? true;
  const head = new DataView(new ArrayBuffer(20));
  head.setUint32(0, options.interface ?? 0, little);
  head.setUint32(4, Number(options.units >> 32n), little);
  head.setUint32(8, Number(options.units & 0xffffffffn), little);
  head.setUint32(12, bytes.length, little);
  head.setUint32(16, options.original ?? bytes.length, little);
  return block(6, concat(new Uint8Array(head.buffer), bytes), little);
}

/** A plain pcapng file: one section, one interface with microseconds, all frames as enhanced packets. */
export function pcapngFile(
  frames: readonly Frame[],
  options: { readonly little?: boolean } = {},
): Uint8Array {
  const little = options.little ?? true;
  return concat(
    sectionHeader(little),
    interfaceBlock({ linkType: frames[0]?.linkType ?? 1, little }),
    ...frames.map((frame) =>
      enhancedPacket(frame.bytes, { units: BigInt(frame.ts), original: frame.original, little }),
    ),
  );
}
