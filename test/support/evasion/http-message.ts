// HTTP messages of the corpus. Enters: a message as data; leaves: its bytes, with every trick that it asks for.
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';

/** Texts are Latin-1: a character is a byte. */
export interface HttpMessage {
  /** All bytes, written out. */
  readonly raw?: string;
  readonly hex?: string;
  /** So many letters stand for `{fill}` in `raw` and `body`. */
  readonly fill?: number;
  readonly line?: string;
  readonly headers?: readonly string[];
  /** More headers, behind the others. */
  readonly add?: readonly string[];
  readonly body?: string;
  /** How the body's characters become bytes; `latin1` when nothing is said. */
  readonly charset?: 'latin1' | 'utf8' | 'utf16le' | 'utf16be' | 'utf16le-bom';
  /** Content codings in the order in which they are applied; no header says so unless `add` does. */
  readonly codings?: readonly ('gzip' | 'deflate' | 'deflate-raw' | 'br')[];
  /** Bytes behind the coded body, in hexadecimal, or another body, coded on its own. */
  readonly behind?: { readonly hex?: string; readonly body?: string };
  /** In front of the body, in hexadecimal. */
  readonly before?: string;
  /** Its Content-Length: the true one when nothing is said, none for null. */
  readonly length?: string | null;
  /** Instead of a body with a length: chunks, and behind them trailers. */
  readonly chunks?: readonly string[];
  readonly trailers?: readonly string[];
}

/** The bytes of a message; null for one of another protocol. */
export function httpBytes(message: HttpMessage): Buffer | null {
  if (message.raw !== undefined) return Buffer.from(filled(message.raw, message), 'latin1');
  if (message.hex !== undefined) return Buffer.from(message.hex.replaceAll(' ', ''), 'hex');
  if (message.line === undefined) return null;
  const body = message.chunks === undefined ? bodyOf(message) : chunked(message);
  const length = message.length === undefined ? String(body.length) : message.length;
  const framing =
    message.chunks !== undefined
      ? ['Transfer-Encoding: chunked']
      : length === null || (body.length === 0 && message.length === undefined)
        ? []
        : [`Content-Length: ${length}`];
  const head = [message.line, ...(message.headers ?? []), ...(message.add ?? []), ...framing, '', ''];
  return Buffer.concat([Buffer.from(head.join('\r\n'), 'latin1'), body]);
}

function filled(text: string, { fill = 0 }: HttpMessage): string {
  return text.replace('{fill}', 'a'.repeat(fill));
}

function bodyOf(message: HttpMessage): Buffer {
  let bytes = encode(filled(message.body ?? '', message), message.charset ?? 'latin1');
  if (message.before !== undefined) bytes = Buffer.concat([Buffer.from(message.before, 'hex'), bytes]);
  const { behind, codings = [] } = message;
  bytes = apply(bytes, codings);
  if (behind?.hex !== undefined) bytes = Buffer.concat([bytes, Buffer.from(behind.hex, 'hex')]);
  if (behind?.body !== undefined)
    bytes = Buffer.concat([bytes, apply(Buffer.from(behind.body, 'latin1'), codings)]);
  return bytes;
}

function apply(bytes: Buffer, codings: NonNullable<HttpMessage['codings']>): Buffer {
  const coders = {
    gzip: gzipSync,
    deflate: deflateSync,
    'deflate-raw': deflateRawSync,
    br: brotliCompressSync,
  };
  return codings.reduce<Buffer>((each, coding) => coders[coding](each), bytes);
}

function encode(text: string, charset: NonNullable<HttpMessage['charset']>): Buffer {
  switch (charset) {
    case 'utf16be':
      return Buffer.from(text, 'utf16le').swap16();
    case 'utf16le-bom':
      return Buffer.from(`\ufeff${text}`, 'utf16le');
    default:
      return Buffer.from(text, charset);
  }
}

function chunked({ chunks = [], trailers = [] }: HttpMessage): Buffer {
  const pieces = chunks.map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`);
  return Buffer.from(
    [...pieces, '0\r\n', ...trailers.map((line) => `${line}\r\n`), '\r\n'].join(''),
    'latin1',
  );
}
