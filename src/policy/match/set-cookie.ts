// Reads what a response sets a cookie to (RFC 6265). Enters: values of Set-Cookie headers; leaves: the cookie's value, or why it is unclear.
import type { Found } from './match.ts';

/** RFC 6265 section 4.1.1: cookie-octets, in quotes or not. A client sends the quotes back as they are. */
const VALUE = /^(?:[!#-+\--:<-[\]-~]*|"[!#-+\--:<-[\]-~]*")$/;

/**
 * The value under which a client will send the cookie back. A header that clients read differently, or a second one for
 * the same cookie (of another path or domain, perhaps), makes it unclear; one that takes the cookie back sets nothing.
 */
export function findSetCookie(headers: readonly string[], name: string): Found {
  let found: Found = { kind: 'absent' };
  for (const header of headers) {
    const [pair = '', ...attributes] = header.split(';');
    const equals = pair.indexOf('=');
    // Some clients take such a pair for a value without a name, others for a name without a value.
    if (equals < 0) return { kind: 'unreadable', why: 'a Set-Cookie header has no "="' };
    if (pair.slice(0, equals).trim() !== name) continue;
    if (found.kind !== 'absent') return { kind: 'unreadable', why: 'it is set more than once' };
    const value = pair.slice(equals + 1).trim();
    if (!VALUE.test(value)) return { kind: 'unreadable', why: 'its value has bytes that no cookie may have' };
    if (value !== '' && !isTakenBack(attributes)) found = { kind: 'value', value };
    else found = { kind: 'unreadable', why: 'it is taken back' };
  }
  return found;
}

/** Max-Age has precedence over Expires, and zero or less ends the cookie (RFC 6265 sections 5.2.2 and 5.3). */
function isTakenBack(attributes: readonly string[]): boolean {
  return attributes.some((attribute) => /^\s*max-age\s*=\s*(?:0+|-\d+)\s*$/i.test(attribute));
}
