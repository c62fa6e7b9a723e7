// Reads a multipart/form-data body the one way that every reader reads it (RFC 7578, RFC 2046). Enters: bytes; leaves: fields, or why not.

/** A part: its value as text, or null and why it has none. */
export type MultipartField =
  | { readonly name: string; readonly value: string }
  | { readonly name: string; readonly value: null; readonly why: string };

export type MultipartReading =
  | { readonly kind: 'multipart'; readonly fields: readonly MultipartField[] }
  | { readonly kind: 'unreadable'; readonly why: string };

/** Parts of one body; frameworks stop at some number too, each at its own. */
const MOST_PARTS = 256;
/** Bytes of the head of one part. */
const LONGEST_HEAD = 4096;

/** RFC 2046 section 5.1.1 without the space, which parameters need quotes for. */
const CONTENT_TYPE =
  /^multipart\/form-data;[ \t]*boundary=(?:"([\w'()+,\-./:=?]{1,70})"|([\w'+\-.]{1,70}))$/i;
const DISPOSITION = /^form-data;[ \t]*name="([^"\\]*)"(?:;[ \t]*(filename)="[^"\\]*")?$/i;
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * Strict where readers are known to differ: no preamble or epilogue, no bare line feeds around a boundary, no boundary
 * that goes on, no header but Content-Disposition and Content-Type, no escapes or second spelling of a name.
 */
export function readMultipart(contentTypes: readonly string[], bytes: Uint8Array): MultipartReading {
  const [type] = contentTypes;
  const stated = contentTypes.length === 1 ? CONTENT_TYPE.exec(type ?? '') : null;
  const boundary = stated?.[1] ?? stated?.[2];
  if (boundary === undefined)
    return unreadable('its type is not plainly multipart/form-data with a boundary');
  // Latin-1 keeps every byte, and lets the search for boundaries be a search in text.
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
  const mark = `--${boundary}`;
  if (!text.startsWith(`${mark}\r\n`)) return unreadable('it does not begin with its boundary');
  const fields: MultipartField[] = [];
  let at = mark.length + 2;
  for (;;) {
    if (fields.length >= MOST_PARTS) return unreadable(`it has more than ${MOST_PARTS} parts`);
    const end = text.indexOf(`\r\n${mark}`, at);
    if (end < 0) return unreadable('its last boundary is missing');
    const field = readPart(text.slice(at, end), mark);
    if (typeof field === 'string') return unreadable(field);
    fields.push(field);
    const after = end + 2 + mark.length;
    if (text.startsWith('\r\n', after)) at = after + 2;
    else if (text.slice(after) === '--' || text.slice(after) === '--\r\n') break;
    else return unreadable('a boundary is followed by something else');
  }
  // It names the encoding of all other fields (RFC 7578 section 4.6), for the readers that know of it.
  if (fields.some(({ name }) => name === '_charset_')) return unreadable('it states an encoding of its own');
  return { kind: 'multipart', fields };
}

function unreadable(why: string): MultipartReading {
  return { kind: 'unreadable', why: `the body is not a clean multipart form: ${why}` };
}

/** A text says why the part, and with it the whole body, is unclear. */
function readPart(part: string, mark: string): MultipartField | string {
  const headEnd = part.indexOf('\r\n\r\n');
  if (headEnd < 0 || headEnd > LONGEST_HEAD) return 'a part has no head, or a long one';
  const value = part.slice(headEnd + 4);
  if (value.includes(`\n${mark}`) || value.startsWith(mark)) return 'a boundary stands inside of a part';
  let name: string | null = null;
  let file = false;
  let type: string | null = null;
  for (const line of part.slice(0, headEnd).split('\r\n')) {
    const header = /^([!#-'*+\-.^-z|~\d]+):[ \t]*([ -~\x80-\xff]*)$/i.exec(line);
    const given = header?.[2]?.trim() ?? '';
    switch (header?.[1]?.toLowerCase()) {
      case 'content-disposition': {
        const said = DISPOSITION.exec(given);
        if (name !== null || said === null) return 'a part does not plainly say its name';
        name = said[1] ?? '';
        file = said[2] !== undefined;
        break;
      }
      case 'content-type':
        if (type !== null) return 'a part states its type twice';
        type = given.toLowerCase();
        break;
      default:
        return 'a part has a header that readers treat differently';
    }
  }
  if (name === null) return 'a part has no name';
  const named = decode(name);
  // Browsers write a quote or a line break in a name as %22, %0D, %0A; some readers undo that and some do not.
  if (named === null || /%(?:22|0d|0a)/i.test(named))
    return 'the name of a part is spelt in a way that readers differ on';
  return fieldOf(named, file, type, value);
}

function fieldOf(name: string, file: boolean, type: string | null, raw: string): MultipartField {
  const none = (why: string): MultipartField => ({ name, value: null, why });
  if (file) return none('it is a file');
  if (type !== null && !/^text\/plain(?:;[ \t]*charset="?utf-8"?)?$/.test(type))
    return none('it is no plain text');
  const value = decode(raw);
  return value === null ? none('it is not UTF-8') : { name, value };
}

function decode(latin1: string): string | null {
  try {
    return UTF8.decode(Buffer.from(latin1, 'latin1'));
  } catch {
    return null;
  }
}
