// Values of single fields. Enters: text of one value; leaves: value and mask, and the same as ovs-ofctl prints it.
import { isIPv4, isIPv6 } from 'node:net';
import { assertNever } from '../../errors.ts';
import { type Field, NO_VLAN, ones, PROTOCOL } from './fields.ts';

/** The bits that are set in `mask` must be those of `value`; `value` has no other bits. */
export interface Constraint {
  readonly value: bigint;
  readonly mask: bigint;
}

/** Bits of `ip_frag`: a fragment, and one that is not the first (OVS: FLOW_NW_FRAG_ANY, FLOW_NW_FRAG_LATER). */
const ANY = 1n;
const LATER = 2n;
const FRAGMENTS: Readonly<Record<string, Constraint>> = {
  no: { value: 0n, mask: ANY | LATER },
  yes: { value: ANY, mask: ANY },
  first: { value: ANY, mask: ANY | LATER },
  later: { value: ANY | LATER, mask: ANY | LATER },
  not_later: { value: 0n, mask: LATER },
};

/** What is wrong with a value, as the end of a sentence that begins with the field; or the value. */
export type Parsed = Constraint | string;

/** Reads `value` or `value/mask` in the notation of the field. */
export function parseValue(field: Field, text: string): Parsed {
  const full = ones(field.bits);
  if (text === '*' || text.toLowerCase() === 'any') return { value: 0n, mask: 0n };
  if (field.notation === 'fragment')
    return FRAGMENTS[text] ?? `must be one of ${Object.keys(FRAGMENTS).join(', ')}, not "${text}"`;
  const [head = '', tail, ...more] = text.split('/');
  if (more.length > 0) return `has more than one mask in "${text}"`;
  const value = parsePlain(field, head);
  if (value === null) return `cannot be "${head}"; it wants ${describe(field)}`;
  if (value > full) return `cannot be ${head}: it has ${field.bits} bits`;
  const wrong = forbidden(field, value);
  if (wrong !== null) return wrong;
  if (tail === undefined) return { value, mask: full };
  if (!field.maskable) return 'cannot have a mask';
  const mask = parseMask(field, tail);
  if (mask === null || mask > full) return `cannot have the mask "${tail}"`;
  return { value: value & mask, mask };
}

/** The notation of ovs-ofctl(8); `parseValue` reads it back. */
export function printValue(field: Field, { value, mask }: Constraint): string {
  if (field.notation === 'fragment') {
    const found = Object.entries(FRAGMENTS).find(([, known]) => known.value === value && known.mask === mask);
    return found?.[0] ?? 'no';
  }
  const exact = mask === ones(field.bits);
  if (exact) return printPlain(field, value);
  const length = isAddress(field) ? prefixLength(mask, field.bits) : null;
  if (length !== null) return `${printPlain(field, value)}/${length}`;
  return field.notation === 'port'
    ? `0x${value.toString(16)}/0x${mask.toString(16)}`
    : `${printPlain(field, value)}/${printPlain(field, mask)}`;
}

function isAddress({ notation }: Field): boolean {
  return notation === 'ipv4' || notation === 'ipv6';
}

function forbidden({ name }: Field, value: bigint): string | null {
  if (name === 'nw_tos' && (value & 3n) !== 0n)
    return `cannot be ${value}: its two low bits are nw_ecn, and must be 0`;
  if (name === 'dl_vlan' && value > 4095n && value !== NO_VLAN)
    return `cannot be ${value}: VLANs go to 4095, 0xffff means none`;
  if (name === 'table' && value === 255n) return 'cannot be 255: that stands for all tables';
  return null;
}

function describe({ notation, bits }: Field): string {
  switch (notation) {
    case 'mac':
      return 'a MAC address such as 02:00:00:00:00:01';
    case 'ipv4':
      return 'an IPv4 address, with /LENGTH or /MASK for several';
    case 'ipv6':
      return 'an IPv6 address, with /LENGTH for several';
    case 'protocol':
      return `a number, or one of ${Object.keys(PROTOCOL).join(', ')}`;
    default:
      return `a number of ${bits} bits, decimal or with 0x`;
  }
}

function parsePlain({ notation }: Field, text: string): bigint | null {
  switch (notation) {
    case 'decimal':
    case 'hex':
    case 'port':
      return parseNumber(text);
    case 'protocol':
      return (PROTOCOL as Readonly<Record<string, bigint>>)[text.toLowerCase()] ?? parseNumber(text);
    case 'mac':
      return parseMac(text);
    case 'ipv4':
      return parseIPv4(text);
    case 'ipv6':
      return parseIPv6(text);
    case 'fragment':
      return null;
    default:
      return assertNever(notation);
  }
}

function parseMask(field: Field, text: string): bigint | null {
  if (isAddress(field) && /^\d{1,3}$/.test(text)) {
    const length = Number(text);
    return length > field.bits ? null : ones(field.bits) ^ ones(field.bits - length);
  }
  return parsePlain(field, text);
}

function printPlain({ notation, bits }: Field, value: bigint): string {
  switch (notation) {
    case 'decimal':
    case 'port':
    case 'protocol':
    case 'fragment':
      return value.toString();
    case 'hex':
      return bits === 16 ? `0x${value.toString(16).padStart(4, '0')}` : `0x${value.toString(16)}`;
    case 'mac':
      return formatMac(value);
    case 'ipv4':
      return formatIPv4(value);
    case 'ipv6':
      return formatIPv6(value);
    default:
      return assertNever(notation);
  }
}

function parseNumber(text: string): bigint | null {
  return /^(?:\d{1,20}|0[xX][\da-fA-F]{1,16})$/.test(text) ? BigInt(text) : null;
}

/** 48 bits from `02:00:00:00:00:01`, or null. */
export function parseMac(text: string): bigint | null {
  return /^[\da-fA-F]{2}(?::[\da-fA-F]{2}){5}$/.test(text) ? BigInt(`0x${text.replaceAll(':', '')}`) : null;
}

/** `02:00:00:00:00:01`. */
function formatMac(value: bigint): string {
  return (value.toString(16).padStart(12, '0').match(/../g) ?? []).join(':');
}

/** 32 bits from dotted decimal, or null. */
export function parseIPv4(text: string): bigint | null {
  return isIPv4(text) ? text.split('.').reduce((sum, part) => (sum << 8n) | BigInt(part), 0n) : null;
}

function formatIPv4(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => ((value >> shift) & 0xffn).toString()).join('.');
}

/** 128 bits from RFC 4291 text without a zone, or null. */
export function parseIPv6(text: string): bigint | null {
  if (!isIPv6(text) || text.includes('%')) return null;
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(text);
  const embedded = dotted === null ? null : parseIPv4(dotted[2] ?? '');
  const whole =
    embedded === null
      ? text
      : `${dotted?.[1]}${(embedded >> 16n).toString(16)}:${(embedded & 0xffffn).toString(16)}`;
  const [head = '', tail] = whole.split('::');
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'));
  const before = groups(head);
  const after = tail === undefined ? [] : groups(tail);
  const filled = [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after];
  return filled.reduce((sum, group) => (sum << 16n) | BigInt(`0x${group}`), 0n);
}

/** RFC 5952: lower case, the longest run of zero groups shortened, the first of equal ones. */
function formatIPv6(value: bigint): string {
  const groups = Array.from({ length: 8 }, (_, i) => (value >> BigInt(112 - 16 * i)) & 0xffffn);
  let start = -1;
  let length = 1;
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0n) end++;
    if (end - i > length) [start, length] = [i, end - i];
  }
  const print = (part: readonly bigint[]): string => part.map((group) => group.toString(16)).join(':');
  return start < 0
    ? print(groups)
    : `${print(groups.slice(0, start))}::${print(groups.slice(start + length))}`;
}

/** The length of a mask that is a prefix, or null. */
function prefixLength(mask: bigint, bits: number): number | null {
  const free = ones(bits) ^ mask;
  return (free & (free + 1n)) === 0n ? bits - (free === 0n ? 0 : free.toString(2).length) : null;
}
