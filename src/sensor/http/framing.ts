// How long a message body is. Enters: headers; leaves: its framing by RFC 9112 section 6, and what readers disagree on.
import type { Ambiguity, Header } from '../../events/common.ts';
import { elementsOf, note, valuesOf } from './head.ts';

export type Framing =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'until-close' }
  /** No reading is the right one: nothing behind this head can be understood. */
  | { readonly kind: 'unknown'; readonly why: string };

/** Framing of a request: without a length it has no body (RFC 9112 section 6.3). */
export function requestFraming(
  headers: readonly Header[],
  version: string,
  ambiguities: Ambiguity[],
): Framing {
  const framing = statedFraming(headers, version, ambiguities);
  if (framing !== null) return framing;
  if (valuesOf(headers, 'transfer-encoding').length > 0)
    return { kind: 'unknown', why: 'its transfer coding is not chunked at the end' };
  return { kind: 'none' };
}

/** Framing of a response to `method`: without a length its body ends with the connection. */
export function responseFraming(
  headers: readonly Header[],
  version: string,
  status: number,
  method: string | null,
  ambiguities: Ambiguity[],
): Framing {
  const stated = statedFraming(headers, version, ambiguities);
  if (method === 'HEAD' || status < 200 || status === 204 || status === 304) return { kind: 'none' };
  return stated ?? { kind: 'until-close' };
}

function statedFraming(
  headers: readonly Header[],
  version: string,
  ambiguities: Ambiguity[],
): Framing | null {
  const transfer = valuesOf(headers, 'transfer-encoding');
  const lengths = valuesOf(headers, 'content-length');
  if (transfer.length > 0) {
    if (lengths.length > 0)
      note(ambiguities, 'http-length-and-chunked', 'both Content-Length and Transfer-Encoding');
    if (version === '1.0') note(ambiguities, 'http-bad-transfer-encoding', 'Transfer-Encoding in HTTP/1.0');
    const codings = elementsOf(headers, 'transfer-encoding');
    if (transfer.length > 1 || codings.length !== 1 || codings[0] !== 'chunked') {
      note(ambiguities, 'http-bad-transfer-encoding', 'Transfer-Encoding is not just "chunked"');
    }
    return codings.at(-1) === 'chunked' ? { kind: 'chunked' } : null;
  }
  const [first] = lengths;
  if (first === undefined) return null;
  if (lengths.length > 1)
    note(ambiguities, 'http-duplicate-length', 'Content-Length stands there more than once');
  if (lengths.some((each) => each !== first))
    return { kind: 'unknown', why: 'its lengths contradict each other' };
  if (!/^\d{1,15}$/.test(first)) {
    note(ambiguities, 'http-bad-length', 'Content-Length is not a plain number');
    return { kind: 'unknown', why: 'its length cannot be read' };
  }
  if (/^0\d/.test(first))
    note(ambiguities, 'http-bad-length', 'Content-Length begins with a zero, which makes it octal to some');
  return { kind: 'length', length: Number(first) };
}
