// Splits a message head into its start line and header fields. Enters: the bytes of a head; leaves: its parts, ambiguities.
import type { Ambiguity, AmbiguityCode, Header } from '../../events/common.ts';

/** A head, read leniently and with every leniency told. */
export interface Head {
  readonly start: string;
  readonly headers: readonly Header[];
  readonly ambiguities: Ambiguity[];
}

/** Fields that decide where a message ends and what it is; CGI and its heirs take `_` in a name for `-` (RFC 3875 section 4.1.18). */
const DECISIVE: ReadonlySet<string> = new Set([
  'content-encoding',
  'content-length',
  'content-type',
  'transfer-encoding',
]);

/** RFC 9110 section 5.6.2. */
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

export function note(ambiguities: Ambiguity[], code: AmbiguityCode, detail: string): void {
  if (!ambiguities.some((each) => each.code === code)) ambiguities.push({ code, detail });
}

/** Reads a head (RFC 9112 sections 2.2 and 5) without its last empty line. */
export function readHead(bytes: Buffer): Head {
  const ambiguities: Ambiguity[] = [];
  const [start = '', ...lines] = splitLines(bytes.toString('latin1'), ambiguities);
  return { start, headers: readFields(lines, ambiguities), ambiguities };
}

/** Header fields, or the trailers behind a chunked body. */
export function readFields(lines: readonly string[], ambiguities: Ambiguity[]): Header[] {
  const headers: { name: string; value: string }[] = [];
  for (const line of lines) {
    if (line === '') continue;
    const last = headers.at(-1);
    if (line.startsWith(' ') || line.startsWith('\t')) {
      note(
        ambiguities,
        'http-folded-header',
        'a header goes on in the next line, which some readers take as a header of its own',
      );
      if (last !== undefined) last.value = `${last.value} ${line.trim()}`;
      continue;
    }
    const colon = line.indexOf(':');
    const name = colon < 0 ? line : line.slice(0, colon);
    if (!TOKEN.test(name)) note(ambiguities, 'http-bad-header', 'a header has no proper name');
    if (name.includes('_') && DECISIVE.has(name.toLowerCase().replaceAll('_', '-')))
      note(ambiguities, 'http-bad-header', 'a header is one of the framing to some readers');
    const value = colon < 0 ? '' : trim(line.slice(colon + 1));
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these bytes are what is looked for
    if (/[\u0000-\u0008\u000a-\u001f\u007f]/.test(value))
      note(ambiguities, 'http-bad-header', 'a header value has a control byte');
    headers.push({ name: name.trim(), value });
  }
  return headers;
}

/** Lines end in CRLF; a lone LF or CR ends a line for some readers only. */
export function splitLines(text: string, ambiguities: Ambiguity[]): string[] {
  const lines = text.split('\n').map((line, i, all) => {
    if (line.endsWith('\r')) return line.slice(0, -1);
    if (i < all.length - 1) note(ambiguities, 'http-bare-lf', 'a line ends in LF alone');
    return line;
  });
  if (lines.some((line) => line.includes('\r')))
    note(ambiguities, 'http-bare-lf', 'a CR stands inside a line');
  return lines;
}

/** Optional whitespace is space and tab, nothing else (RFC 9110 section 5.6.3). */
function trim(value: string): string {
  let start = 0;
  let end = value.length;
  while (start < end && (value[start] === ' ' || value[start] === '\t')) start++;
  while (end > start && (value[end - 1] === ' ' || value[end - 1] === '\t')) end--;
  return value.slice(start, end);
}

/** All values of a header, in order. */
export function valuesOf(headers: readonly Header[], name: string): string[] {
  return headers.filter((header) => header.name.toLowerCase() === name).map((header) => header.value);
}

/** The elements of a comma-separated header, lower case (RFC 9110 section 5.6.1). */
export function elementsOf(headers: readonly Header[], name: string): string[] {
  return valuesOf(headers, name)
    .flatMap((value) => value.split(','))
    .map((element) => trim(element).toLowerCase())
    .filter((element) => element !== '');
}
