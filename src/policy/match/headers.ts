// Values in the head of an HTTP message. Enters: headers, a name; leaves: its values as text, each once for each time it stands there.
import type { Header } from '../../events/common.ts';
import { trimBlanks } from '../names.ts';

/** Values of a header, compared without case; UTF-8 where it is valid. */
export function headerValues(headers: readonly Header[], name: string): string[] {
  const wanted = name.toLowerCase();
  return headers
    .filter((header) => header.name.toLowerCase() === wanted)
    .map((header) => readText(trimBlanks(header.value)));
}

/** A header's bytes as text: UTF-8 where valid, else as they are. */
function readText(latin1: string): string {
  if (/^[\t -~]*$/.test(latin1)) return latin1;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(latin1, 'latin1'));
  } catch {
    return latin1;
  }
}
