// The values that Zeek and its clients exchange. Enters: nothing; leaves: types, and constructors that check what they take.
import { unsendable } from '../failure.ts';
import { isAddress, isSubnet } from './network.ts';

/** Transport protocols that a Zeek port can have; Zeek writes `unknown` as `?`. */
export type PortProtocol = 'tcp' | 'udp' | 'icmp' | 'unknown';

/** One entry of a table; compound keys are vectors. */
export interface TableEntry {
  readonly key: Value;
  readonly value: Value;
}

/**
 * A value of Zeek's JSON data model v1 (`@data-type`). Counts and integers are exact; times are nanoseconds. A Zeek
 * string is `string` when its bytes are UTF-8 and `bytes` when they are not: each content has exactly one of the two.
 * Records arrive as vectors in declaration order, unset fields as `none`.
 */
export type Value =
  | { readonly kind: 'none' }
  | { readonly kind: 'boolean'; readonly value: boolean }
  | { readonly kind: 'count'; readonly value: bigint }
  | { readonly kind: 'integer'; readonly value: bigint }
  | { readonly kind: 'real'; readonly value: number }
  | { readonly kind: 'timespan'; readonly nanoseconds: bigint }
  | { readonly kind: 'timestamp'; readonly nanoseconds: bigint }
  | { readonly kind: 'string'; readonly text: string }
  | { readonly kind: 'bytes'; readonly bytes: Uint8Array }
  | { readonly kind: 'enum'; readonly name: string }
  | { readonly kind: 'address'; readonly address: string }
  | { readonly kind: 'subnet'; readonly subnet: string }
  | { readonly kind: 'port'; readonly number: number; readonly protocol: PortProtocol }
  | { readonly kind: 'vector'; readonly items: readonly Value[] }
  | { readonly kind: 'set'; readonly items: readonly Value[] }
  | { readonly kind: 'table'; readonly entries: readonly TableEntry[] };

/** Largest `count`. */
export const MAX_COUNT = 2n ** 64n - 1n;
/** Range of `integer`, and of nanoseconds in times. */
export const MAX_INTEGER = 2n ** 63n - 1n;
/** @see MAX_INTEGER */
export const MIN_INTEGER = -(2n ** 63n);

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** An unset optional field. */
export const none: Value = { kind: 'none' };

/** @throws BrokerError `broker-unsendable` outside of 0 .. 2^64-1, or for a number that is no safe integer */
export function count(value: bigint | number): Value {
  return { kind: 'count', value: whole(value, 0n, MAX_COUNT) };
}

/** @throws BrokerError `broker-unsendable` outside of -2^63 .. 2^63-1, or for a number that is no safe integer */
export function integer(value: bigint | number): Value {
  return { kind: 'integer', value: whole(value, MIN_INTEGER, MAX_INTEGER) };
}

/** `bool`. */
export function boolean(value: boolean): Value {
  return { kind: 'boolean', value };
}

/** `double`. */
export function real(value: number): Value {
  return { kind: 'real', value };
}

/** `interval`, in nanoseconds. @throws BrokerError `broker-unsendable` outside of 64 bits */
export function timespan(nanoseconds: bigint): Value {
  return { kind: 'timespan', nanoseconds: whole(nanoseconds, MIN_INTEGER, MAX_INTEGER) };
}

/** `time`, in nanoseconds since 1970 UTC. @throws BrokerError `broker-unsendable` outside of 64 bits */
export function timestamp(nanoseconds: bigint): Value {
  return { kind: 'timestamp', nanoseconds: whole(nanoseconds, MIN_INTEGER, MAX_INTEGER) };
}

/**
 * `string`, from text or from any bytes; bytes that are UTF-8 become text.
 * @throws BrokerError `broker-unsendable` for text with a lone surrogate, which has no bytes
 */
export function string(content: string | Uint8Array): Value {
  if (typeof content !== 'string') return stringOfBytes(content);
  if (!isWellFormed(content)) throw unsendable('text with a lone surrogate has no UTF-8 form');
  return { kind: 'string', text: content };
}

/** `enum`, by its full name. @throws BrokerError `broker-unsendable` for what is no Zeek identifier */
export function enumeration(name: string): Value {
  if (!isIdentifier(name)) throw unsendable('an enum value needs the name of a Zeek identifier');
  return { kind: 'enum', name };
}

/** `addr`. @throws BrokerError `broker-unsendable` for what is no IPv4 or IPv6 address */
export function address(text: string): Value {
  if (!isAddress(text)) throw unsendable('not an IP address');
  return { kind: 'address', address: text };
}

/** `subnet`, as address/length. @throws BrokerError `broker-unsendable` for what is none */
export function subnet(text: string): Value {
  if (!isSubnet(text)) throw unsendable('not a subnet');
  return { kind: 'subnet', subnet: text };
}

/** `port`. @throws BrokerError `broker-unsendable` outside of 0 .. 65535 (Zeek would wrap it round) */
export function port(number: number, protocol: PortProtocol): Value {
  if (!Number.isInteger(number) || number < 0 || number > 65_535) throw unsendable('not a port number');
  return { kind: 'port', number, protocol };
}

/** `vector`, or a record as all of its fields in declaration order. */
export function vector(...items: readonly Value[]): Value {
  return { kind: 'vector', items };
}

/** `set`; compound indices are vectors. Zeek merges duplicates. */
export function set(...items: readonly Value[]): Value {
  return { kind: 'set', items };
}

/** `table`; compound indices are vectors. */
export function table(...entries: readonly TableEntry[]): Value {
  return { kind: 'table', entries };
}

/** The one value of these bytes: `string` when they are UTF-8, else `bytes` (a copy). */
function stringOfBytes(bytes: Uint8Array): Value {
  try {
    return { kind: 'string', text: UTF8.decode(bytes) };
  } catch {
    return { kind: 'bytes', bytes: new Uint8Array(bytes) };
  }
}

/** True unless a surrogate stands alone. */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

/** A Zeek identifier with optional module: `Notice::LOG`. */
export function isIdentifier(name: string): boolean {
  return name.length <= 1024 && /^[A-Za-z_]\w*(?:::[A-Za-z_]\w*)*$/.test(name);
}

function whole(value: bigint | number, least: bigint, most: bigint): bigint {
  if (typeof value === 'number' && !Number.isSafeInteger(value)) throw unsendable('not a safe integer');
  const exact = BigInt(value);
  if (exact < least || exact > most) throw unsendable('the number is out of range');
  return exact;
}
