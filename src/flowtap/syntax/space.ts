// The space of packets that a flow syntax matches, exactly. Enters: flow syntaxes; leaves: a packet that both match, or none.
import type { PortName } from '../port.ts';
import { FIELDS, type FieldName, NO_VLAN, ones } from './fields.ts';
import { type FlowSyntax, reverseOf } from './syntax.ts';
import { type Constraint, printValue } from './value.ts';

/**
 * What a switch knows of one packet when it looks it up. Fields that stand for the same bits are one here: the VLAN tag,
 * the TOS byte, and ICMP's type and code, which Open vSwitch keeps where TCP has its ports.
 */
export interface Packet {
  readonly inPort: PortName | null;
  readonly bits: ReadonlyMap<FieldName, bigint>;
}

/** The bit that marks a tag as present (802.1Q's old CFI; ovs-fields(7), "vlan_tci"). */
const TAGGED = 0x1000n;
const ECN = 3n;
/** Bits of `ip_frag`: see value.ts. */
const ANY = 1n;
const LATER = 2n;

/** One cell a group of bits; what follows from other bits is said, so that cubes can be compared cell by cell. */
interface Cube {
  readonly inPort: PortName | null;
  readonly cells: Map<FieldName, Constraint>;
}

/** A packet that both match, or null when there is none. */
function commonPacket(a: FlowSyntax, b: FlowSyntax): Packet | null {
  const [one, other] = [cubeOf(a), cubeOf(b)];
  const cube = one === null || other === null ? null : intersect(one, other);
  return cube === null
    ? null
    : { inPort: cube.inPort, bits: new Map([...cube.cells].map(([cell, { value }]) => [cell, value])) };
}

/**
 * Why two contracts on one port overlap: a packet that both match; or, when all flows of one are the flows of the other
 * seen from their answering end, one of these. Null when they do not overlap: then a packet is at most a request of one
 * and an answer of the other, as between port 80 and port 5672, and the older contract gets that flow.
 */
export function commonFlow(a: FlowSyntax, b: FlowSyntax): Packet | null {
  const direct = commonPacket(a, b);
  if (direct !== null) return direct;
  for (const [one, other] of [[a, b] as const, [b, a] as const]) {
    const turned = reverseOf(other);
    if (turned !== null && (covers(one, turned) || covers(turned, one))) return commonPacket(one, turned);
  }
  return null;
}

/** True when every packet of `inner` is one of `outer`. */
function covers(outer: FlowSyntax, inner: FlowSyntax): boolean {
  const [wide, narrow] = [cubeOf(outer), cubeOf(inner)];
  if (wide === null || narrow === null) return false;
  if (wide.inPort !== null && wide.inPort !== narrow.inPort) return false;
  for (const [cell, { value, mask }] of wide.cells) {
    const known = narrow.cells.get(cell) ?? { value: 0n, mask: 0n };
    if ((known.mask & mask) !== mask || (known.value & mask) !== value) return false;
  }
  return true;
}

/** A packet that it matches; null when no packet can have these fields. */
export function anyPacket(syntax: FlowSyntax): Packet | null {
  return commonPacket(syntax, syntax);
}

function cubeOf(syntax: FlowSyntax): Cube | null {
  const cells = cellsOf(syntax);
  if (cells === null) return null;
  // Who says nothing about the table means the first.
  if (!cells.has('table')) cells.set('table', { value: 0n, mask: ones(8) });
  return close({ inPort: syntax.inPort, cells });
}

/** The fields as the bits that they stand for, which is what a switch is told; null when two contradict each other. */
export function cellsOf({ fields }: FlowSyntax): Map<FieldName, Constraint> | null {
  const cells = new Map<FieldName, Constraint>();
  for (const [name, constraint] of fields) {
    const [cell, placed] = place(name, constraint);
    const merged = both(cells.get(cell), placed);
    if (merged === null) return null;
    cells.set(cell, merged);
  }
  return cells;
}

function intersect(a: Cube, b: Cube): Cube | null {
  if (a.inPort !== null && b.inPort !== null && a.inPort !== b.inPort) return null;
  const cells = new Map(a.cells);
  for (const [cell, constraint] of b.cells) {
    const merged = both(cells.get(cell), constraint);
    if (merged === null) return null;
    cells.set(cell, merged);
  }
  return close({ inPort: a.inPort ?? b.inPort, cells });
}

/** Where a field's bits stand among those of the packet. */
function place(name: FieldName, { value, mask }: Constraint): readonly [FieldName, Constraint] {
  switch (name) {
    case 'dl_vlan':
      return value === NO_VLAN
        ? ['vlan_tci', { value: 0n, mask: 0xffffn }]
        : ['vlan_tci', { value: value | TAGGED, mask: 0x0fffn | TAGGED }];
    case 'dl_vlan_pcp':
      return ['vlan_tci', { value: (value << 13n) | TAGGED, mask: 0xe000n | TAGGED }];
    case 'nw_tos':
      return ['nw_tos', { value, mask: 0xffn ^ ECN }];
    case 'nw_ecn':
      return ['nw_tos', { value, mask: ECN }];
    case 'icmp_type':
      return ['tp_src', { value, mask: ones(8) }];
    case 'icmp_code':
      return ['tp_dst', { value, mask: ones(8) }];
    default:
      return [name, { value, mask }];
  }
}

function both(a: Constraint | undefined, b: Constraint): Constraint | null {
  if (a === undefined) return b;
  if (((a.value ^ b.value) & a.mask & b.mask) !== 0n) return null;
  return { value: a.value | b.value, mask: a.mask | b.mask };
}

/** Adds what no real packet can have otherwise. With that, setting all free bits to 0 gives a real packet. */
function close(cube: Cube): Cube | null {
  const { cells } = cube;
  const imply = (cell: FieldName, implied: Constraint): boolean => {
    const merged = both(cells.get(cell), implied);
    if (merged !== null) cells.set(cell, merged);
    return merged !== null;
  };
  const set = (cell: FieldName): bigint => cells.get(cell)?.value ?? 0n;
  // A VLAN or a priority stands in a tag; no tag, and all of its bits are 0.
  if (set('vlan_tci') !== 0n && !imply('vlan_tci', { value: TAGGED, mask: TAGGED })) return null;
  if (isClear(cells.get('vlan_tci'), TAGGED) && !imply('vlan_tci', { value: 0n, mask: 0xffffn })) return null;
  // A later fragment has no transport header: Open vSwitch takes its ports for 0.
  if ((set('tp_src') | set('tp_dst')) !== 0n && !imply('ip_frag', { value: 0n, mask: LATER })) return null;
  if ((set('ip_frag') & LATER) !== 0n) {
    const zero = { value: 0n, mask: ones(16) };
    if (!imply('ip_frag', { value: ANY, mask: ANY }) || !imply('tp_src', zero) || !imply('tp_dst', zero))
      return null;
  }
  if (isClear(cells.get('ip_frag'), ANY) && !imply('ip_frag', { value: 0n, mask: LATER })) return null;
  return cube;
}

function isClear(constraint: Constraint | undefined, bit: bigint): boolean {
  return constraint !== undefined && (constraint.mask & bit) !== 0n && (constraint.value & bit) === 0n;
}

/** The packet in the notation of flow syntax, for whoever has to see why two overlap. */
export function describePacket({ inPort, bits }: Packet): string {
  const parts = FIELDS.flatMap((field) => {
    const value = bits.get(field.name);
    if (value === undefined || (field.name === 'table' && value === 0n)) return [];
    return [`${field.name}=${printValue(field, { value, mask: ones(field.bits) })}`];
  });
  const all = inPort === null ? parts : [`in_port=${inPort}`, ...parts];
  return all.length === 0 ? 'any packet' : all.join(',');
}
