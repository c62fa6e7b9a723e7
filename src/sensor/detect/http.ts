// Does this look like HTTP/1? Enters: the first bytes of a side; leaves: a guess.
import type { Guess } from './guess.ts';

const LF = 10;
const CR = 13;
const SP = 32;
const LONGEST_METHOD = 64;
/** A longer first line with a common method is taken for a request, whatever its end (bytes). */
const LONGEST_LINE = 8192;
const COMMON = new Set(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'CONNECT', 'OPTIONS', 'TRACE', 'PATCH']);

/**
 * A request line: a token, a space, and a version at the end of the line (RFC 9112 section 3), where empty lines may come
 * before it. `lenient`: a common method alone is enough, for a port that is known to speak HTTP.
 */
export function looksLikeRequest(bytes: Uint8Array, lenient: boolean): Guess {
  let start = 0;
  while (bytes[start] === CR || bytes[start] === LF) start += 1;
  let at = start;
  while (at < bytes.length && at - start < LONGEST_METHOD && isToken(bytes[at] ?? 0)) at += 1;
  if (at === bytes.length) return at - start < LONGEST_METHOD ? 'more' : 'no';
  const common = COMMON.has(text(bytes, start, at).toUpperCase());
  if (at === start || (bytes[at] !== SP && !(lenient && common))) return 'no';
  const stop = Math.min(bytes.length, start + LONGEST_LINE);
  let end = at;
  while (end < stop && bytes[end] !== LF) end += 1;
  if (end === bytes.length && end < start + LONGEST_LINE) return 'more';
  if (end === stop) return common ? 'yes' : 'no';
  if (lenient && common) return 'yes';
  return text(bytes, at, end).toUpperCase().includes(' HTTP/') ? 'yes' : 'no';
}

/** A status line; some servers write the name in lower case. */
export function looksLikeResponse(bytes: Uint8Array): Guess {
  const name = 'HTTP/1.';
  const seen = text(bytes, 0, Math.min(bytes.length, name.length)).toUpperCase();
  if (!name.startsWith(seen)) return 'no';
  return seen.length === name.length ? 'yes' : 'more';
}

/** RFC 9110 section 5.6.2. */
function isToken(byte: number): boolean {
  return byte > 32 && byte < 127 && !'"(),/:;<=>?@[\\]{}'.includes(String.fromCharCode(byte));
}

function text(bytes: Uint8Array, from: number, to: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset + from, to - from).toString('latin1');
}
