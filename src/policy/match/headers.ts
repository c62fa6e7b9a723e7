// Values in the head of an HTTP message. Enters: headers, a name; leaves: its values as text, each once for each time it stands there.
import type { Header } from '../../events/common.ts';

/** Values of a header, compared without case; UTF-8 where it is valid. */
export function headerValues(headers: readonly Header[], name: string): string[] {
  const wanted = name.toLowerCase();
  return headers
    .filter((header) => header.name.toLowerCase() === wanted)
    .map((header) => readText(header.value.trim()));
}

/** A header's bytes as text: UTF-8 where valid, else as they are. */
function readText(latin1: string): string {
  if (/^[\t -~]*$/.test(latin1)) return latin1;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(latin1, 'latin1'));
  } catch {
    return latin1;
  }
}

/** Values of a cookie that a client sends (RFC 6265 section 4.2). */
export function cookieValues(headers: readonly Header[], name: string): string[] {
  const pairs = headerValues(headers, 'cookie').flatMap((value) => value.split(';'));
  return pairs
    .map((pair) => pair.trim().split('='))
    .filter(([key]) => key === name)
    .map(([, ...value]) => value.join('='));
}
