// Made-up traffic for tests. Enters: hosts, flags and payloads; leaves: frames, scripted TCP conversations and capture files.

/** One end of a made-up connection; `ip` may be IPv4 or IPv6. */
export interface Host {
  readonly ip: string;
  readonly port: number;
}

/** A frame as a capture would hold it. `ts` in microseconds; `original` is the length before the snap length cut it. */
export interface Frame {
  readonly ts: number;
  readonly linkType: number;
  readonly bytes: Uint8Array;
  readonly original: number;
}

/** What goes into one TCP header. `flags` are letters of `FSRPAU`. */
export interface SegmentFields {
  readonly seq: number;
  readonly ack?: number;
  readonly flags: string;
  readonly window?: number;
  readonly urgent?: number;
  readonly options?: Uint8Array;
  readonly payload?: Uint8Array;
}

export const CLIENT: Host = { ip: '10.1.0.11', port: 40000 };
export const SERVER: Host = { ip: '10.1.0.12', port: 8080 };
export const ETHERNET = 1;

/** Text to bytes, one byte a character (Latin-1). */
export function bytesOf(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'latin1'));
}

/** Joins byte strings. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** The bytes of an address in text form. */
export function addressBytes(ip: string): Uint8Array {
  if (!ip.includes(':')) return Uint8Array.from(ip.split('.').map(Number));
  const [head = '', tail] = ip.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const fill = tail === undefined ? [] : Array<string>(8 - left.length - right.length).fill('0');
  return Uint8Array.from(
    [...left, ...fill, ...right].flatMap((group) => {
      const value = Number.parseInt(group, 16);
      return [value >> 8, value & 0xff];
    }),
  );
}

/** A TCP segment; its checksum is left zero, as the sensor does not verify it. */
export function tcp(src: Host, dst: Host, fields: SegmentFields): Uint8Array {
  const options = fields.options ?? new Uint8Array(0);
  const header = new Uint8Array(20 + Math.ceil(options.length / 4) * 4);
  const view = new DataView(header.buffer);
  view.setUint16(0, src.port);
  view.setUint16(2, dst.port);
  view.setUint32(4, fields.seq >>> 0);
  view.setUint32(8, (fields.ack ?? 0) >>> 0);
  header[12] = (header.length / 4) << 4;
  header[13] = [...fields.flags].reduce((bits, flag) => bits | (1 << 'FSRPAU'.indexOf(flag)), 0);
  view.setUint16(14, fields.window ?? 65535);
  view.setUint16(18, fields.urgent ?? 0);
  header.set(options, 20);
  return concat(header, fields.payload ?? new Uint8Array(0));
}

export interface Ipv4Fields {
  readonly protocol?: number;
  readonly id?: number;
  /** In bytes; a multiple of 8. */
  readonly fragmentOffset?: number;
  readonly moreFragments?: boolean;
  readonly options?: Uint8Array;
  /** Written into the header instead of the true length. */
  readonly totalLength?: number;
}

/** An IPv4 packet around `payload`, with a right header checksum. */
export function ipv4(src: string, dst: string, payload: Uint8Array, fields: Ipv4Fields = {}): Uint8Array {
  const options = fields.options ?? new Uint8Array(0);
  const header = new Uint8Array(20 + Math.ceil(options.length / 4) * 4);
  const view = new DataView(header.buffer);
  header[0] = 0x40 | (header.length / 4);
  view.setUint16(2, fields.totalLength ?? header.length + payload.length);
  view.setUint16(4, fields.id ?? 0);
  view.setUint16(6, (fields.moreFragments === true ? 0x2000 : 0) | ((fields.fragmentOffset ?? 0) >> 3));
  header[8] = 64;
  header[9] = fields.protocol ?? 6;
  header.set(addressBytes(src), 12);
  header.set(addressBytes(dst), 16);
  header.set(options, 20);
  let sum = 0;
  for (let at = 0; at < header.length; at += 2) sum += view.getUint16(at);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >>> 16);
  view.setUint16(10, ~sum & 0xffff);
  return concat(header, payload);
}

/** An IPv6 extension header: its number and its bytes after the next-header byte. */
export interface Extension {
  readonly type: number;
  readonly rest: Uint8Array;
}

/** An IPv6 packet around `payload`, with extension headers in front of it. */
export function ipv6(
  src: string,
  dst: string,
  payload: Uint8Array,
  extensions: readonly Extension[] = [],
  protocol = 6,
): Uint8Array {
  const chain = extensions.map((extension, index) =>
    concat(Uint8Array.of(extensions[index + 1]?.type ?? protocol), extension.rest),
  );
  const body = concat(...chain, payload);
  const header = new Uint8Array(40);
  header[0] = 0x60;
  new DataView(header.buffer).setUint16(4, body.length);
  header[6] = extensions[0]?.type ?? protocol;
  header[7] = 64;
  header.set(addressBytes(src), 8);
  header.set(addressBytes(dst), 24);
  return concat(header, body);
}

/** An IP packet of either version, as the hosts' addresses say. */
export function ip(src: Host, dst: Host, payload: Uint8Array): Uint8Array {
  return src.ip.includes(':') ? ipv6(src.ip, dst.ip, payload) : ipv4(src.ip, dst.ip, payload);
}

/** An Ethernet frame; `vlans` from the outermost inwards, all but the innermost tag as 802.1ad. */
export function ethernet(payload: Uint8Array, vlans: readonly number[] = [], etherType?: number): Uint8Array {
  const tags = vlans.map((vlan, index) =>
    Uint8Array.of(...(index < vlans.length - 1 ? [0x88, 0xa8] : [0x81, 0x00]), vlan >> 8, vlan & 0xff),
  );
  const type = etherType ?? ((payload[0] ?? 0) >> 4 === 6 ? 0x86dd : 0x0800);
  return concat(
    Uint8Array.of(2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1),
    ...tags,
    Uint8Array.of(type >> 8, type & 0xff),
    payload,
  );
}

/** A whole Ethernet frame with one TCP segment. */
export function tcpFrame(
  src: Host,
  dst: Host,
  fields: SegmentFields,
  at: { readonly ts?: number; readonly vlans?: readonly number[] } = {},
): Frame {
  const bytes = ethernet(ip(src, dst, tcp(src, dst, fields)), at.vlans ?? []);
  return { ts: at.ts ?? 1_000_000, linkType: ETHERNET, bytes, original: bytes.length };
}

export interface ConversationOptions {
  readonly client?: Host;
  readonly server?: Host;
  readonly vlans?: readonly number[];
  /** Initial sequence numbers. */
  readonly clientIsn?: number;
  readonly serverIsn?: number;
  /** Bytes a segment at most. */
  readonly mss?: number;
  /** Time of the first packet and between packets, microseconds. */
  readonly start?: number;
  readonly step?: number;
}

/** A TCP connection that is scripted call by call; `frames` has what was on the wire. */
export class Conversation {
  readonly frames: Frame[] = [];
  readonly #options: ConversationOptions;
  readonly #hosts: Readonly<Record<'client' | 'server', Host>>;
  #seq: Record<'client' | 'server', number>;
  #ts: number;

  constructor(options: ConversationOptions = {}) {
    this.#options = options;
    this.#hosts = { client: options.client ?? CLIENT, server: options.server ?? SERVER };
    this.#seq = { client: options.clientIsn ?? 1000, server: options.serverIsn ?? 5000 };
    this.#ts = options.start ?? 1_700_000_000_000_000;
  }

  /** The three packets of the handshake. */
  open(): this {
    this.raw('client', { flags: 'S' }).advance('client', 1);
    this.raw('server', { flags: 'SA' }).advance('server', 1);
    return this.raw('client', { flags: 'A' });
  }

  /** Sends data in segments of the MSS, then the peer's acknowledgement. */
  send(from: 'client' | 'server', data: Uint8Array | string): this {
    const bytes = typeof data === 'string' ? bytesOf(data) : data;
    const mss = this.#options.mss ?? 1448;
    for (let at = 0; at < bytes.length; at += mss) {
      const payload = bytes.subarray(at, at + mss);
      this.raw(from, { flags: 'PA', payload }).advance(from, payload.length);
    }
    return this.raw(from === 'client' ? 'server' : 'client', { flags: 'A' });
  }

  /** Both sides say FIN, `first` before the other. */
  close(first: 'client' | 'server' = 'client'): this {
    const second = first === 'client' ? 'server' : 'client';
    this.raw(first, { flags: 'FA' }).advance(first, 1);
    this.raw(second, { flags: 'FA' }).advance(second, 1);
    return this.raw(first, { flags: 'A' });
  }

  /** One segment with the current numbers, each of which `fields` may override. */
  raw(from: 'client' | 'server', fields: Partial<SegmentFields>): this {
    const peer = from === 'client' ? 'server' : 'client';
    const flags = fields.flags ?? 'A';
    const full = { seq: this.#seq[from], ...(flags.includes('A') ? { ack: this.#seq[peer] } : {}) };
    const vlans = this.#options.vlans ?? [];
    this.frames.push(
      tcpFrame(this.#hosts[from], this.#hosts[peer], { ...full, ...fields, flags }, { ts: this.#ts, vlans }),
    );
    this.#ts += this.#options.step ?? 1000;
    return this;
  }

  /** Moves a side's sequence number, as if bytes were sent that the capture did not see. */
  advance(side: 'client' | 'server', by: number): this {
    this.#seq[side] = (this.#seq[side] + by) >>> 0;
    return this;
  }

  /** Lets time pass, in microseconds. */
  wait(micros: number): this {
    this.#ts += micros;
    return this;
  }

  seq(side: 'client' | 'server'): number {
    return this.#seq[side];
  }
}

/** The frame with only its first `length` bytes captured. */
export function snap(frame: Frame, length: number): Frame {
  return { ...frame, bytes: frame.bytes.subarray(0, length) };
}

/** A pcap file (all frames of one link type). */
export function pcapFile(
  frames: readonly Frame[],
  options: {
    readonly littleEndian?: boolean;
    readonly nanoseconds?: boolean;
    readonly linkType?: number;
  } = {},
): Uint8Array {
  const little = options.littleEndian ?? true;
  const header = new DataView(new ArrayBuffer(24));
  header.setUint32(0, options.nanoseconds === true ? 0xa1b23c4d : 0xa1b2c3d4, little);
  header.setUint16(4, 2, little);
  header.setUint16(6, 4, little);
  header.setUint32(16, 262144, little);
  header.setUint32(20, options.linkType ?? frames[0]?.linkType ?? ETHERNET, little);
  const records = frames.flatMap((frame) => {
    const record = new DataView(new ArrayBuffer(16));
    record.setUint32(0, Math.floor(frame.ts / 1_000_000), little);
    record.setUint32(4, (frame.ts % 1_000_000) * (options.nanoseconds === true ? 1000 : 1), little);
    record.setUint32(8, frame.bytes.length, little);
    record.setUint32(12, frame.original, little);
    return [new Uint8Array(record.buffer), frame.bytes];
  });
  return concat(new Uint8Array(header.buffer), ...records);
}
