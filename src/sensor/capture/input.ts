// The bytes of a capture file, decompressed where gzip'd. Enters: a path; leaves: bytes at the end of a window, piece by piece.
import { type FileHandle, open } from 'node:fs/promises';
import { createGunzip, type Gunzip } from 'node:zlib';
import type { CaptureFaults } from './fault.ts';
import type { ByteWindow } from './window.ts';

const CHUNK = 1 << 20;
/** Compressed bytes fed at once: deflate expands at most 1032 times, so that one feeding stays below 17 MB. */
const COMPRESSED_CHUNK = 1 << 14;

/** A source of bytes. */
export interface CaptureInput {
  /** Bytes taken from the file so far, and its size (null for a pipe). */
  readonly progress: { readonly done: number; readonly total: number | null };
  /** Appends some bytes to the window so that it can hold `need`; false at the end. Throws InputError. */
  fill(window: ByteWindow, need: number): Promise<boolean>;
  close(): Promise<void>;
}

/** Opens a capture and looks whether it is gzip'd (RFC 1952). Throws InputError (`capture-unreadable`). */
export async function openInput(file: string, faults: CaptureFaults): Promise<CaptureInput> {
  const handle = await open(file, 'r').catch((cause: unknown) => {
    throw faults.unreadable(cause);
  });
  try {
    const stat = await handle.stat();
    const source = new FileSource(handle, stat.isFile() ? stat.size : null, faults);
    const head = await source.read(CHUNK, 2);
    if (head[0] !== 0x1f || head[1] !== 0x8b) return new PlainInput(source, head);
    faults.compressed = true;
    return new GzipInput(source, head, faults);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

class FileSource {
  done = 0;
  readonly total: number | null;
  readonly #handle: FileHandle;
  readonly #faults: CaptureFaults;

  constructor(handle: FileHandle, total: number | null, faults: CaptureFaults) {
    this.#handle = handle;
    this.total = total;
    this.#faults = faults;
  }

  async readInto(target: Uint8Array, at: number): Promise<number> {
    try {
      const { bytesRead } = await this.#handle.read(target, at, target.length - at, null);
      this.done += bytesRead;
      return bytesRead;
    } catch (cause) {
      throw this.#faults.unreadable(cause);
    }
  }

  /** At most `most` bytes; fewer than `least` only at the end of the file. */
  async read(most: number, least = 1): Promise<Uint8Array> {
    const target = new Uint8Array(most);
    let length = 0;
    while (length < least) {
      const got = await this.readInto(target, length);
      if (got === 0) break;
      length += got;
    }
    return target.subarray(0, length);
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

class PlainInput implements CaptureInput {
  readonly #source: FileSource;
  #head: Uint8Array;

  constructor(source: FileSource, head: Uint8Array) {
    this.#source = source;
    this.#head = head;
  }

  get progress(): { done: number; total: number | null } {
    return this.#source;
  }

  async fill(window: ByteWindow, need: number): Promise<boolean> {
    window.room(Math.max(need, CHUNK));
    if (this.#head.length > 0) {
      const taken = append(window, this.#head);
      this.#head = this.#head.subarray(taken);
      return true;
    }
    const got = await this.#source.readInto(window.bytes, window.end);
    window.end += got;
    return got > 0;
  }

  close(): Promise<void> {
    return this.#source.close();
  }
}

/**
 * Feeds the decompressor chunk by chunk and waits for each, instead of piping streams: what was decompressed before an
 * error (a file that was cut) then still arrives, which an error in a pipeline would throw away.
 */
class GzipInput implements CaptureInput {
  readonly #source: FileSource;
  readonly #faults: CaptureFaults;
  readonly #gunzip: Gunzip = createGunzip({ chunkSize: 1 << 18 });
  readonly #ready: Uint8Array[] = [];
  #head: Uint8Array;
  #failure: Error | null = null;
  #ended = false;
  #produced = 0;
  #wake: (() => void) | null = null;

  constructor(source: FileSource, head: Uint8Array, faults: CaptureFaults) {
    this.#source = source;
    this.#head = head;
    this.#faults = faults;
    const wake = (): void => this.#wake?.();
    this.#gunzip.on('data', (chunk: Buffer) => this.#ready.push(chunk));
    this.#gunzip.on('end', () => {
      this.#ended = true;
      wake();
    });
    this.#gunzip.on('error', (error) => {
      this.#failure = error;
      wake();
    });
  }

  get progress(): { done: number; total: number | null } {
    return this.#source;
  }

  async fill(window: ByteWindow, need: number): Promise<boolean> {
    window.room(Math.max(need, CHUNK));
    for (;;) {
      const chunk = this.#ready[0];
      if (chunk !== undefined) {
        const taken = append(window, chunk);
        this.#produced += taken;
        if (taken === chunk.length) this.#ready.shift();
        else this.#ready[0] = chunk.subarray(taken);
        return true;
      }
      if (this.#failure !== null) throw this.#explain(this.#failure);
      if (this.#ended) return false;
      await this.#feed();
    }
  }

  async close(): Promise<void> {
    this.#gunzip.destroy();
    await this.#source.close();
  }

  async #feed(): Promise<void> {
    if (this.#head.length === 0) this.#head = await this.#source.read(COMPRESSED_CHUNK);
    const piece = this.#head.subarray(0, COMPRESSED_CHUNK);
    this.#head = this.#head.subarray(piece.length);
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      if (piece.length === 0) this.#gunzip.end();
      else this.#gunzip.write(piece, () => resolve());
    });
    this.#wake = null;
  }

  #explain(failure: Error): Error {
    const code = 'code' in failure ? failure.code : null;
    return code === 'Z_BUF_ERROR'
      ? this.#faults.truncated(this.#produced, 'the gzip data ends too early')
      : this.#faults.malformed(this.#produced, `the gzip data is damaged (${failure.message})`);
  }
}

function append(window: ByteWindow, chunk: Uint8Array): number {
  const taken = Math.min(chunk.length, window.bytes.length - window.end);
  window.bytes.set(taken === chunk.length ? chunk : chunk.subarray(0, taken), window.end);
  window.end += taken;
  return taken;
}
