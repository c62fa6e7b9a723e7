// Values in the head of an HTTP message. Enters: headers, a name; leaves: its values as text, each once for each time it stands there.
import type { Header } from '../../events/common.ts';
import { trimBlanks } from '../names.ts';

/** Values of a header, compared without case; UTF-8 where it is valid. */
export function headerValues(headers: readonly Header[], name: string): readonly string[] {
  const wanted = name.toLowerCase();
  let values: string[] | null = null;
  for (const header of headers) {
    if (header.name.toLowerCase() !== wanted) continue;
    values ??= [];
    values.push(readText(trimBlanks(header.value)));
  }
  // Most requests are asked for many names and have few of them.
  return values ?? NO_VALUES;
}

const NO_VALUES: readonly string[] = [];

/** A header's bytes as text: UTF-8 where valid, else as they are. */
function readText(latin1: string): string {
  if (/^[\t -~]*$/.test(latin1)) return latin1;
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(Buffer.from(latin1, 'latin1'));
  } catch {
    return latin1;
  }
}
