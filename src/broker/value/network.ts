// Addresses, subnets and ports as Zeek writes them. Enters: text; leaves: whether it is one, or the parts.
import type { PortProtocol } from './value.ts';

/** An IPv4 or IPv6 address without a zone (Zeek knows none). */
export function isAddress(text: string): boolean {
  if (text.length > 45) return false;
  return isIpv4(text) || isIpv6(text);
}

/** Groups of hexadecimal digits, at most one `::`, and an IPv4 address in place of the last two (RFC 4291 section 2.2). */
function isIpv6(text: string): boolean {
  let groups = 0;
  let digits = 0;
  let shortened = false;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (isHexadecimal(code)) {
      digits += 1;
      if (digits === 1) groups += 1;
      if (digits > 4) return false;
    } else if (code === 0x3a && text.charCodeAt(at + 1) === 0x3a) {
      if (shortened) return false;
      shortened = true;
      digits = 0;
      at += 1;
    } else if (code === 0x3a) {
      if (digits === 0 || at + 1 === text.length) return false;
      digits = 0;
    } else {
      // What stood since the last colon is the start of the IPv4 address.
      if (code !== 0x2e || !isIpv4(text.slice(at - digits))) return false;
      groups += 1;
      break;
    }
  }
  return shortened ? groups < 8 : groups === 8;
}

function isHexadecimal(code: number): boolean {
  const lower = code | 0x20;
  return (code >= 0x30 && code <= 0x39) || (lower >= 0x61 && lower <= 0x66);
}

/** Dotted decimal; most addresses are. */
function isIpv4(text: string): boolean {
  let dots = 0;
  let value = -1;
  for (let at = 0; at < text.length; at += 1) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit >= 0 && digit <= 9) {
      if (value === 0) return false;
      value = value < 0 ? digit : value * 10 + digit;
      if (value > 255) return false;
    } else if (digit === -2 && value >= 0 && dots < 3) {
      dots += 1;
      value = -1;
    } else return false;
  }
  return dots === 3 && value >= 0;
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
  let number = 0;
  let at = 0;
  for (; at < 5; at += 1) {
    const digit = text.charCodeAt(at) - 0x30;
    if (!(digit >= 0 && digit <= 9)) break;
    number = number * 10 + digit;
  }
  if (at === 0 || number > 65_535 || text[at] !== '/') return null;
  const protocol = PROTOCOLS.get(text.slice(at + 1));
  return protocol === undefined ? null : { number, protocol };
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
