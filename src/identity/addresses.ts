// From addresses to principals. Enters: IP addresses and prefixes of services; leaves: who has an address.
import { isIPv4, isIPv6 } from 'node:net';

/** Who is at an address. `external` and `unknown` are principals too, never undefined. */
export interface Principal {
  readonly kind: 'service' | 'external' | 'unknown';
  readonly name: string;
}

/** Nobody that the policy names. */
export const UNKNOWN: Principal = { kind: 'unknown', name: 'unknown' };

/** An address block: the first `length` of `bits` bits of `value`. */
export interface Prefix {
  readonly bits: 32 | 128;
  readonly value: bigint;
  readonly length: number;
}

/** Reads `10.1.0.11`, `10.1.0.0/24`, `fd00::/8`; null when it is none of these. IPv4-mapped IPv6 stays IPv6. */
export function parsePrefix(text: string): Prefix | null {
  const [ip = '', given, ...rest] = text.split('/');
  const bits = isIPv4(ip) ? 32 : isIPv6(ip) && !ip.includes('%') ? 128 : null;
  if (bits === null || rest.length > 0) return null;
  const length = given === undefined ? bits : /^\d{1,3}$/.test(given) ? Number(given) : -1;
  if (length < 0 || length > bits) return null;
  const value = bits === 32 ? ipv4Value(ip) : ipv6Value(ip);
  const host = BigInt(bits - length);
  return { bits, value: (value >> host) << host, length };
}

/** True when two blocks share an address. */
export function prefixesOverlap(a: Prefix, b: Prefix): boolean {
  if (a.bits !== b.bits) return false;
  const host = BigInt(a.bits - Math.min(a.length, b.length));
  return a.value >> host === b.value >> host;
}

/** Finds the principal with the longest matching prefix. Answers are remembered, up to a bound. */
export class AddressBook {
  readonly #prefixes: { readonly prefix: Prefix; readonly principal: Principal }[] = [];
  readonly #known = new Map<string, Principal>();
  readonly #otherwise: Principal;

  /** `otherwise` is whoever has all the addresses that nobody else has. */
  constructor(entries: Iterable<readonly [Prefix, Principal]>, otherwise: Principal) {
    this.#otherwise = otherwise;
    for (const [prefix, principal] of entries) this.#prefixes.push({ prefix, principal });
    this.#prefixes.sort((a, b) => b.prefix.length - a.prefix.length);
  }

  /** Who has this address. */
  resolve(ip: string): Principal {
    const known = this.#known.get(ip);
    if (known !== undefined) return known;
    const address = parsePrefix(ip);
    const found =
      address === null ? undefined : this.#prefixes.find(({ prefix }) => prefixesOverlap(prefix, address));
    const principal = found?.principal ?? (address === null ? UNKNOWN : this.#otherwise);
    // Outside addresses are chosen by whoever sends packets: the memory of answers must not grow with them.
    if (this.#known.size >= 65_536) this.#known.clear();
    this.#known.set(ip, principal);
    return principal;
  }
}

function ipv4Value(ip: string): bigint {
  return ip.split('.').reduce((value, part) => (value << 8n) | BigInt(part), 0n);
}

function ipv6Value(ip: string): bigint {
  const dotted = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(ip);
  const tail = dotted?.[2] === undefined ? null : ipv4Value(dotted[2]);
  const text =
    tail === null ? ip : `${dotted?.[1]}${(tail >> 16n).toString(16)}:${(tail & 0xffffn).toString(16)}`;
  const [head = '', rest] = text.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = rest === undefined || rest === '' ? [] : rest.split(':');
  const groups =
    rest === undefined
      ? left
      : [...left, ...Array<string>(8 - left.length - right.length).fill('0'), ...right];
  return groups.reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n);
}
