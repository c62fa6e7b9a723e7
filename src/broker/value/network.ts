// Addresses, subnets and ports as Zeek writes them. Enters: text; leaves: whether it is one, or the parts.
import { isIP } from 'node:net';
import type { PortProtocol } from './value.ts';

/** An IPv4 or IPv6 address without a zone (Zeek knows none). */
export function isAddress(text: string): boolean {
  return text.length <= 45 && !text.includes('%') && isIP(text) !== 0;
}

/** `address/length`; Zeek itself would turn a wrong length into ::/0, so it is checked here. */
export function isSubnet(text: string): boolean {
  const slash = text.indexOf('/');
  if (slash < 0 || !isAddress(text.slice(0, slash))) return false;
  const length = text.slice(slash + 1);
  if (!/^(?:0|[1-9]\d{0,2})$/.test(length)) return false;
  return Number(length) <= (text.includes(':') ? 128 : 32);
}

/** `80/tcp`, `0/?`; null for what is no port. */
export function parsePort(text: string): { number: number; protocol: PortProtocol } | null {
  const slash = text.indexOf('/');
  const digits = text.slice(0, slash);
  if (slash < 0 || !/^\d{1,5}$/.test(digits)) return null;
  const number = Number(digits);
  const protocol = PROTOCOLS.get(text.slice(slash + 1));
  return protocol === undefined || number > 65_535 ? null : { number, protocol };
}

/** As Zeek reads it. */
export function formatPort(number: number, protocol: PortProtocol): string {
  return `${number}/${protocol === 'unknown' ? '?' : protocol}`;
}

const PROTOCOLS: ReadonlyMap<string, PortProtocol> = new Map([
  ['tcp', 'tcp'],
  ['udp', 'udp'],
  ['icmp', 'icmp'],
  ['?', 'unknown'],
]);
