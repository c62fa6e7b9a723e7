// Collects a message body within its limit and undoes its content codings. Enters: framed bytes; leaves: a body.
import { brotliDecompressSync, gunzipSync, inflateRawSync, inflateSync } from 'node:zlib';
import type { Body } from '../../events/common.ts';

/** Content codings in a row that are undone (RFC 9110 section 8.4). */
const MOST_CODINGS = 3;

export class BodyCollector {
  readonly #limit: number;
  readonly #parts: Buffer[] = [];
  #kept = 0;
  #length = 0;
  #lost = false;
  #skipped = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Copies what is kept; the rest is counted. */
  add(bytes: Uint8Array): void {
    this.#length += bytes.length;
    const room = this.#limit - this.#kept;
    if (room <= 0 || bytes.length === 0 || this.#skipped) return;
    const kept = Buffer.from(bytes.subarray(0, room));
    this.#parts.push(kept);
    this.#kept += kept.length;
  }

  /** More came than is kept: what will be said of this body is settled, but for its length. */
  get over(): boolean {
    return this.#length > this.#kept && !this.#lost;
  }

  /** Counts bytes that are not kept. */
  skip(length: number): void {
    this.#length += length;
    this.#skipped = true;
  }

  lose(length: number): void {
    this.#length += length;
    this.#lost = true;
  }

  /** The body; `codings` in the order in which they were applied. */
  finish(codings: readonly string[]): Body {
    const bytes = Buffer.concat(this.#parts);
    if (this.#lost) return { state: 'lost', bytes, length: this.#length };
    if (this.#length > this.#kept) return { state: 'truncated', bytes, length: this.#length };
    if (codings.length === 0) return { state: 'complete', bytes, length: bytes.length };
    return decode(bytes, codings, this.#limit);
  }
}

function decode(wire: Buffer, codings: readonly string[], limit: number): Body {
  const undecodable: Body = { state: 'undecodable', bytes: wire, length: wire.length };
  if (codings.length > MOST_CODINGS) return undecodable;
  if (wire.length === 0) return { state: 'complete', bytes: wire, length: 0 };
  let bytes = wire;
  for (const coding of codings.toReversed()) {
    try {
      bytes = undo(bytes, coding, limit);
    } catch (error) {
      // zlib refuses to write more than the limit: a small body may stand for a huge one.
      const large =
        error instanceof RangeError || (error as { code?: string }).code === 'ERR_BUFFER_TOO_LARGE';
      return large ? { state: 'truncated', bytes: new Uint8Array(0), length: limit + 1 } : undecodable;
    }
  }
  return { state: 'complete', bytes, length: bytes.length };
}

function undo(bytes: Buffer, coding: string, limit: number): Buffer {
  const options = { maxOutputLength: limit, info: true };
  switch (coding) {
    case 'gzip':
    case 'x-gzip':
      if (memberEnd(bytes, limit) !== bytes.length) throw new SyntaxError('more than one gzip member');
      return gunzipSync(bytes, { maxOutputLength: limit });
    case 'br':
      return whole(brotliDecompressSync(bytes, options), bytes);
    case 'deflate':
      // RFC 9110 section 8.4.1.2: zlib format, but some senders leave the wrapper out.
      return whole(isZlib(bytes) ? inflateSync(bytes, options) : inflateRawSync(bytes, options), bytes);
    case 'identity':
      return bytes;
    default:
      throw new SyntaxError(`content coding ${coding}`);
  }
}

/** With `info` zlib also says how much it took: what stands behind it is ignored by some readers and refused by others. */
function taken(result: unknown): {
  readonly buffer: Buffer;
  readonly engine: { readonly bytesWritten: number };
} {
  return result as ReturnType<typeof taken>;
}

function whole(result: unknown, bytes: Buffer): Buffer {
  const { buffer, engine } = taken(result);
  if (engine.bytesWritten !== bytes.length) throw new SyntaxError('bytes behind the end');
  return buffer;
}

/** Where the first gzip member ends (RFC 1952 section 2.3): some readers go on with the next, others stop. */
function memberEnd(bytes: Buffer, limit: number): number {
  const flags = bytes[3] ?? 0;
  let at = 10;
  if (bytes.length < at + 2) throw new SyntaxError('a gzip header that is cut');
  if ((flags & 4) !== 0) at += 2 + bytes.readUInt16LE(at);
  for (const flag of [8, 16]) if ((flags & flag) !== 0) at = bytes.indexOf(0, at) + 1;
  if ((flags & 2) !== 0) at += 2;
  const deflated = inflateRawSync(bytes.subarray(at), { maxOutputLength: limit, info: true });
  return at + taken(deflated).engine.bytesWritten + 8;
}

function isZlib(bytes: Buffer): boolean {
  const [method = 0, flags = 0] = bytes;
  return (method & 0x0f) === 8 && ((method << 8) | flags) % 31 === 0;
}
