// Matches on the wire: OXM and Open vSwitch's NXM. Enters: cells of flow syntax; leaves: an ofp_match, and the reverse.
import { ETHER, type FieldName, ones, PROTOCOL, REGISTERS } from '../../syntax/fields.ts';
import type { Constraint } from '../../syntax/value.ts';
import { type ByteReader, ByteWriter, MalformedBytes, narrowPort, widePort } from './bytes.ts';

/** What a switch compares: a port by its number, and the cells of `cellsOf`, without `table`. */
export interface WireMatch {
  readonly inPort: number | null;
  readonly cells: ReadonlyMap<FieldName, Constraint>;
}

/** OpenFlow 1.4 (section 7.2.3.7) and meta-flow.h of Open vSwitch: class << 7 | field. */
const BASIC = 0x8000 << 7;
const NXM_OF = 0x0000 << 7;
const NXM_NX = 0x0001 << 7;
const IN_PORT = BASIC;

interface Oxm {
  readonly code: number;
  readonly bytes: number;
  readonly cell: FieldName;
  /** Where the value stands within the cell. */
  readonly shift: bigint;
  /** The bits of the cell that it can hold. */
  readonly bits: bigint;
  /** All of them, or it is not this one that stands for the cell. */
  readonly when: readonly (readonly [FieldName, readonly bigint[]])[];
}

type When = Oxm['when'];

function oxm(code: number, bytes: number, cell: FieldName, bits: number, when: When = [], shift = 0): Oxm {
  return { code, bytes, cell, shift: BigInt(shift), bits: ones(bits) << BigInt(shift), when };
}

const type = (...values: bigint[]): When => [['dl_type', values]];
const V4 = type(ETHER.ip);
const IP = type(ETHER.ip, ETHER.ipv6);
const V6 = type(ETHER.ipv6);
const ARP = type(ETHER.arp, ETHER.rarp);
const protocol = (value: bigint): When => [...IP, ['nw_proto', [value]]];
const ICMP: When = [...V4, ['nw_proto', [PROTOCOL.icmp]]];
const ICMP6: When = [...V6, ['nw_proto', [PROTOCOL.icmp6]]];

/** In an order in which prerequisites come first, as OpenFlow demands. */
const TABLE: readonly Oxm[] = [
  oxm(BASIC | 2, 8, 'metadata', 64),
  ...Array.from({ length: REGISTERS }, (_, n) => oxm(NXM_NX | n, 4, `reg${n}` as FieldName, 32)),
  oxm(BASIC | 38, 8, 'tun_id', 64),
  oxm(NXM_NX | 31, 4, 'tun_src', 32),
  oxm(NXM_NX | 32, 4, 'tun_dst', 32),
  oxm(BASIC | 3, 6, 'dl_dst', 48),
  oxm(BASIC | 4, 6, 'dl_src', 48),
  oxm(NXM_OF | 4, 2, 'vlan_tci', 16),
  oxm(BASIC | 5, 2, 'dl_type', 16),
  oxm(BASIC | 21, 2, 'nw_proto', 8, ARP),
  oxm(BASIC | 10, 1, 'nw_proto', 8, IP),
  oxm(BASIC | 8, 1, 'nw_tos', 6, IP, 2),
  oxm(BASIC | 9, 1, 'nw_tos', 2, IP),
  oxm(NXM_NX | 29, 1, 'nw_ttl', 8, IP),
  oxm(NXM_NX | 26, 1, 'ip_frag', 2, IP),
  oxm(BASIC | 11, 4, 'nw_src', 32, V4),
  oxm(BASIC | 12, 4, 'nw_dst', 32, V4),
  oxm(BASIC | 22, 4, 'nw_src', 32, ARP),
  oxm(BASIC | 23, 4, 'nw_dst', 32, ARP),
  oxm(BASIC | 24, 6, 'arp_sha', 48, ARP),
  oxm(BASIC | 25, 6, 'arp_tha', 48, ARP),
  oxm(BASIC | 26, 16, 'ipv6_src', 128, V6),
  oxm(BASIC | 27, 16, 'ipv6_dst', 128, V6),
  oxm(BASIC | 28, 4, 'ipv6_label', 20, V6),
  ...([PROTOCOL.tcp, PROTOCOL.udp, PROTOCOL.sctp] as const).flatMap((value, index) => [
    oxm(BASIC | (13 + 2 * index), 2, 'tp_src', 16, protocol(value)),
    oxm(BASIC | (14 + 2 * index), 2, 'tp_dst', 16, protocol(value)),
  ]),
  oxm(BASIC | 19, 1, 'tp_src', 8, ICMP),
  oxm(BASIC | 20, 1, 'tp_dst', 8, ICMP),
  oxm(BASIC | 29, 1, 'tp_src', 8, ICMP6),
  oxm(BASIC | 30, 1, 'tp_dst', 8, ICMP6),
  oxm(BASIC | 31, 16, 'nd_target', 128, ICMP6),
  oxm(BASIC | 32, 6, 'nd_sll', 48, ICMP6),
  oxm(BASIC | 33, 6, 'nd_tll', 48, ICMP6),
];

/** What a switch may say instead of `vlan_tci`; never written. */
const ALIASES: readonly Oxm[] = [oxm(BASIC | 6, 2, 'vlan_tci', 13), oxm(BASIC | 7, 1, 'vlan_tci', 3, [], 13)];

const BY_CODE = new Map([...TABLE, ...ALIASES].map((entry) => [entry.code, entry]));

/**
 * No tag: then all of its bits are 0. Open vSwitch answers with these (VLAN id and presence) when it was told all 16, and
 * a flow that is deleted by its match needs the same words.
 */
const UNTAGGED: Constraint = { value: 0n, mask: 0x1fffn };
const TAGGED = 0x1000n;

function isUntagged(cell: FieldName, { value, mask }: Constraint): boolean {
  return cell === 'vlan_tci' && (mask & TAGGED) !== 0n && (value & TAGGED) === 0n;
}

/** Appends an ofp_match with its padding (OpenFlow 1.4, section 7.2.3.1). @throws RangeError for what has no code */
export function writeMatch(writer: ByteWriter, match: WireMatch): void {
  const start = writer.length;
  writer.u16(1).u16(0);
  if (match.inPort !== null) writer.u32((IN_PORT << 9) | 4).u32(widePort(match.inPort));
  const written = new Map<FieldName, bigint>();
  for (const { code, bytes, cell, shift, bits, when } of TABLE) {
    const given = match.cells.get(cell);
    if (given === undefined || (given.mask & bits) === 0n) continue;
    const constraint = isUntagged(cell, given) ? UNTAGGED : given;
    if (!when.every(([name, values]) => values.includes(match.cells.get(name)?.value ?? -1n))) continue;
    const mask = (constraint.mask & bits) >> shift;
    const value = (constraint.value & bits) >> shift;
    const exact = mask === bits >> shift;
    writer.u32(((code << 9) | (exact ? 0 : 0x100) | (exact ? bytes : 2 * bytes)) >>> 0).big(value, bytes);
    if (!exact) writer.big(mask, bytes);
    written.set(cell, (written.get(cell) ?? 0n) | bits);
  }
  for (const [cell, { mask }] of match.cells) {
    // Nothing but what stands in the table has a code, and only where its prerequisites are met.
    if ((mask & (written.get(cell) ?? 0n)) !== mask)
      throw new RangeError(`${cell} cannot stand in such a match`);
  }
  writer.patch16(start + 2, writer.length - start).pad(8, start);
}

/** Reads what `writeMatch` writes, and what a switch answers; null for fields that this code does not know. */
export function readMatch(reader: ByteReader): WireMatch | null {
  const kind = reader.u16();
  const length = reader.u16();
  if (kind !== 1) throw new MalformedBytes(`match of type ${kind}`);
  const fields = reader.inner(length - 4);
  reader.skip((8 - (length % 8)) % 8);
  let inPort: number | null = null;
  let known = true;
  const cells = new Map<FieldName, Constraint>();
  while (fields.left > 0) {
    const header = fields.u32();
    const payload = fields.inner(header & 0xff);
    const hasMask = (header & 0x100) !== 0;
    const code = header >>> 9;
    if (code === IN_PORT && payload.left === 4) {
      inPort = narrowPort(payload.u32());
      continue;
    }
    const entry = BY_CODE.get(code);
    if (entry === undefined) {
      known = false;
      continue;
    }
    if (payload.left !== (hasMask ? 2 : 1) * entry.bytes) throw new MalformedBytes(`length of field ${code}`);
    const value = payload.big(entry.bytes) << entry.shift;
    const mask = hasMask ? payload.big(entry.bytes) << entry.shift : entry.bits;
    const before = cells.get(entry.cell) ?? { value: 0n, mask: 0n };
    cells.set(entry.cell, { value: before.value | (value & mask), mask: before.mask | mask });
  }
  return known ? { inPort, cells } : null;
}

/** Matches do not change, and are asked for again and again. */
const KEYS = new WeakMap<WireMatch, string>();

/** Equal for two matches that say the same, also when a switch answers in other words than it was told. */
export function matchKey(match: WireMatch): string {
  let key = KEYS.get(match);
  if (key === undefined) {
    key = writeKey(match);
    KEYS.set(match, key);
  }
  return key;
}

function writeKey({ inPort, cells }: WireMatch): string {
  const parts: string[] = [];
  for (const [cell, { value, mask }] of cells) {
    if (mask === 0n) continue;
    const said = isUntagged(cell, { value, mask }) ? UNTAGGED : { value, mask };
    parts.push(`${cell}=${said.value}/${said.mask}`);
  }
  return `${inPort ?? ''};${parts.sort().join()}`;
}

/** Whether a match has a form on the wire. */
export function isWritable(match: WireMatch): boolean {
  try {
    writeMatch(new ByteWriter(), match);
    return true;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
