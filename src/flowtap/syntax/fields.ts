// The fields of the paper's Flow_Syntax (Figure 2). Enters: nothing; leaves: one row a field: width, notation, what it needs.

/** Registers that Open vSwitch has (ovs-fields(7), "Register Fields"). */
export const REGISTERS = 16;

type RegisterNumber = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 12 | 13 | 14 | 15;

/** All fields of Figure 2 with a numeric value; `in_port` is a name and stands apart. */
export type FieldName =
  | 'table'
  | 'dl_src'
  | 'dl_dst'
  | 'dl_type'
  | 'dl_vlan'
  | 'dl_vlan_pcp'
  | 'vlan_tci'
  | 'nw_src'
  | 'nw_dst'
  | 'ipv6_src'
  | 'ipv6_dst'
  | 'ipv6_label'
  | 'nw_proto'
  | 'nw_tos'
  | 'nw_ecn'
  | 'nw_ttl'
  | 'ip_frag'
  | 'tp_src'
  | 'tp_dst'
  | 'icmp_type'
  | 'icmp_code'
  | 'arp_sha'
  | 'arp_tha'
  | 'nd_target'
  | 'nd_sll'
  | 'nd_tll'
  | 'tun_id'
  | 'tun_src'
  | 'tun_dst'
  | 'metadata'
  | `reg${RegisterNumber}`;

export type Notation =
  | 'decimal'
  | 'hex'
  /** Decimal when exact, hexadecimal with a mask. */
  | 'port'
  | 'mac'
  | 'ipv4'
  | 'ipv6'
  | 'protocol'
  | 'fragment';

/** A field that has to be there, with one of these values. */
export interface Need {
  readonly field: FieldName;
  readonly oneOf: readonly bigint[];
}

export interface Field {
  readonly name: FieldName;
  readonly bits: number;
  readonly notation: Notation;
  readonly maskable: boolean;
  /** All of them, ovs-fields(7) "Prerequisites"; each may depend on the one before it. */
  readonly needs: readonly Need[];
  /** The field that holds this value in the other direction of the same flow. */
  readonly reverse: FieldName;
  /** True for what says how a packet came, not what it is: a packet of the other direction has no such value. */
  readonly pins: boolean;
}

export const ETHER = { ip: 0x0800n, arp: 0x0806n, rarp: 0x8035n, ipv6: 0x86ddn } as const;
export const PROTOCOL = { icmp: 1n, tcp: 6n, udp: 17n, icmp6: 58n, sctp: 132n } as const;

const type = (...oneOf: bigint[]): Need => ({ field: 'dl_type', oneOf });
const protocol = (...oneOf: bigint[]): Need => ({ field: 'nw_proto', oneOf });
const IP = type(ETHER.ip, ETHER.ipv6);
const IPV6 = type(ETHER.ipv6);
const ARP = type(ETHER.arp, ETHER.rarp);
const IPV4_OR_ARP = type(ETHER.ip, ETHER.arp, ETHER.rarp);
const PORTS = [IP, protocol(PROTOCOL.tcp, PROTOCOL.udp, PROTOCOL.sctp)];
const ICMP = [IP, protocol(PROTOCOL.icmp, PROTOCOL.icmp6)];
/** RFC 4861: neighbour solicitation 135, advertisement 136, code 0. */
const nd = (...types: bigint[]): readonly Need[] => [
  IPV6,
  protocol(PROTOCOL.icmp6),
  { field: 'icmp_type', oneOf: types },
  { field: 'icmp_code', oneOf: [0n] },
];

type Traits = Partial<Pick<Field, 'maskable' | 'needs' | 'reverse' | 'pins'>>;

function field(name: FieldName, bits: number, notation: Notation, traits: Traits = {}): Field {
  return { name, bits, notation, maskable: false, needs: [], reverse: name, pins: false, ...traits };
}

const registers = Array.from({ length: REGISTERS }, (_, number) =>
  field(`reg${number as RegisterNumber}`, 32, 'hex', { maskable: true, pins: true }),
);

/** In the order in which they are printed: what is needed stands before what needs it. */
export const FIELDS: readonly Field[] = [
  field('table', 8, 'decimal', { pins: true }),
  field('dl_src', 48, 'mac', { maskable: true, reverse: 'dl_dst' }),
  field('dl_dst', 48, 'mac', { maskable: true, reverse: 'dl_src' }),
  field('dl_vlan', 16, 'decimal'),
  field('dl_vlan_pcp', 3, 'decimal'),
  field('vlan_tci', 16, 'hex', { maskable: true }),
  field('dl_type', 16, 'hex'),
  field('nw_src', 32, 'ipv4', { maskable: true, needs: [IPV4_OR_ARP], reverse: 'nw_dst' }),
  field('nw_dst', 32, 'ipv4', { maskable: true, needs: [IPV4_OR_ARP], reverse: 'nw_src' }),
  field('ipv6_src', 128, 'ipv6', { maskable: true, needs: [IPV6], reverse: 'ipv6_dst' }),
  field('ipv6_dst', 128, 'ipv6', { maskable: true, needs: [IPV6], reverse: 'ipv6_src' }),
  field('ipv6_label', 20, 'hex', { maskable: true, needs: [IPV6] }),
  field('nw_proto', 8, 'protocol', { needs: [type(...Object.values(ETHER))] }),
  field('nw_tos', 8, 'decimal', { needs: [IP] }),
  field('nw_ecn', 2, 'decimal', { needs: [IP] }),
  field('nw_ttl', 8, 'decimal', { needs: [IP] }),
  field('ip_frag', 2, 'fragment', { needs: [IP] }),
  field('tp_src', 16, 'port', { maskable: true, needs: PORTS, reverse: 'tp_dst' }),
  field('tp_dst', 16, 'port', { maskable: true, needs: PORTS, reverse: 'tp_src' }),
  field('icmp_type', 8, 'decimal', { needs: ICMP }),
  field('icmp_code', 8, 'decimal', { needs: ICMP }),
  field('arp_sha', 48, 'mac', { maskable: true, needs: [ARP], reverse: 'arp_tha' }),
  field('arp_tha', 48, 'mac', { maskable: true, needs: [ARP], reverse: 'arp_sha' }),
  field('nd_target', 128, 'ipv6', { maskable: true, needs: nd(135n, 136n) }),
  field('nd_sll', 48, 'mac', { maskable: true, needs: nd(135n) }),
  field('nd_tll', 48, 'mac', { maskable: true, needs: nd(136n) }),
  field('tun_id', 64, 'hex', { maskable: true, pins: true }),
  field('tun_src', 32, 'ipv4', { maskable: true, pins: true }),
  field('tun_dst', 32, 'ipv4', { maskable: true, pins: true }),
  field('metadata', 64, 'hex', { maskable: true, pins: true }),
  ...registers,
];

const BY_NAME: ReadonlyMap<string, Field> = new Map(FIELDS.map((each) => [each.name, each]));

/** The field of this name, or null when Figure 2 has none. */
export function findField(name: string): Field | null {
  return BY_NAME.get(name) ?? null;
}

/** The field of a name that is known to exist. */
export function fieldOf(name: FieldName): Field {
  const found = BY_NAME.get(name);
  if (found === undefined) throw new RangeError(`no field ${name}`);
  return found;
}

/** All bits of a field of this width. */
export function ones(bits: number): bigint {
  return (1n << BigInt(bits)) - 1n;
}

/** Keywords that stand for a `dl_type`, or for that and a `nw_proto` (ovs-fields(7)). */
export const KEYWORDS: Readonly<Record<string, readonly [bigint, bigint | null]>> = {
  ip: [ETHER.ip, null],
  ipv6: [ETHER.ipv6, null],
  arp: [ETHER.arp, null],
  rarp: [ETHER.rarp, null],
  icmp: [ETHER.ip, PROTOCOL.icmp],
  icmp6: [ETHER.ipv6, PROTOCOL.icmp6],
  tcp: [ETHER.ip, PROTOCOL.tcp],
  tcp6: [ETHER.ipv6, PROTOCOL.tcp],
  udp: [ETHER.ip, PROTOCOL.udp],
  udp6: [ETHER.ipv6, PROTOCOL.udp],
  sctp: [ETHER.ip, PROTOCOL.sctp],
  sctp6: [ETHER.ipv6, PROTOCOL.sctp],
};

/** `dl_vlan=0xffff` means a frame without a tag (ovs-fields(7), "VLAN Fields"). */
export const NO_VLAN = 0xffffn;
