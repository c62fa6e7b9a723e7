// One cookie out of the Cookie header. Enters: the header's values, a name; leaves: the cookie, or why readers differ on it.
import { foldField, trimBlanks } from '../names.ts';
import type { Found } from './match.ts';

/**
 * Finds a cookie (RFC 6265 section 4.2.1). Readers differ on a second Cookie header, on quotes, on commas (RFC 2109), and on
 * names that are percent-encoded or of another case: where that touches the wanted cookie, it is unreadable.
 */
export function findCookie(headers: readonly string[], name: string): Found {
  const [header] = headers;
  if (header === undefined) return { kind: 'absent' };
  const unreadable = (why: string): Found => ({ kind: 'unreadable', why });
  if (headers.length > 1) return unreadable('there is more than one Cookie header');
  const pairs = header.split(';').map(pairOf);
  if (pairs.some(({ value }) => value.split('"').length % 2 === 0))
    return unreadable('a quoted cookie goes on behind a semicolon');
  const folded = foldField(name);
  const alike = header
    .split(/[;,]/)
    .map(pairOf)
    .filter((pair) => foldField(unescaped(pair.name)) === folded);
  const [only] = alike;
  if (only === undefined) return { kind: 'absent' };
  if (alike.length > 1) return unreadable('it stands there more than once');
  const found = pairs.find((pair) => pair.name === name);
  if (found === undefined) return unreadable('some readers take another cookie for it');
  if (found.value.includes('"')) return unreadable('its value is quoted');
  return { kind: 'value', value: found.value };
}

function pairOf(text: string): { readonly name: string; readonly value: string } {
  const equals = text.indexOf('=');
  const name = equals < 0 ? text : text.slice(0, equals);
  return { name: trimBlanks(name), value: equals < 0 ? '' : trimBlanks(text.slice(equals + 1)) };
}

function unescaped(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}
