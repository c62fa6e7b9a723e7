// Where lines of the journal and the log go, without making anybody wait who does not ask. Enters: lines; leaves: bytes in a file or stream.
import { type FileHandle, open } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { InputError } from '../errors.ts';

/** Takes bytes to their place, one call after the other. */
interface Target {
  write(bytes: Uint8Array): Promise<void>;
  /** Begins a new file of the same name; nothing where there is no file. */
  reopen(): Promise<void>;
  close(): Promise<void>;
}

/** Bytes of one write. */
const BATCH = 1_048_576;

export interface SinkOptions {
  /** Bytes that may wait. */
  readonly most: number;
  /** Over that limit: drop and count, or trust that the writer asks for `room` after each of its steps. */
  readonly drops: boolean;
  /** Told once, when a write fails: what waits is lost then, and so is all that follows. */
  readonly onFailure: (error: Error) => void;
}

/** Lines wait in memory until they are written. */
export class Sink {
  readonly #target: Target;
  readonly #options: SinkOptions;
  #lines: string[] = [];
  #bytes = 0;
  #busy: Promise<void> | null = null;
  #wantsReopen: (() => void)[] = [];
  #waiting: (() => void)[] = [];
  #failed = false;
  #inFlight = 0;
  /** Lines that were not taken, or taken and never written. */
  dropped = 0;

  constructor(target: Target, options: SinkOptions) {
    this.#target = target;
    this.#options = options;
  }

  /** Bytes that are not written yet. */
  get pending(): number {
    return this.#bytes;
  }

  /** Takes text that ends a line; the name is what pino calls. */
  write(line: string): void {
    if (this.#failed || (this.#options.drops && this.#bytes >= this.#options.most)) {
      this.dropped += 1;
      return;
    }
    this.#lines.push(line);
    this.#bytes += Buffer.byteLength(line);
    this.#start();
  }

  /** Null when there is room for more; else resolves when there is again, or never will be. */
  room(): Promise<void> | null {
    if (this.#bytes < this.#options.most || this.#failed) return null;
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
    });
  }

  /** Goes on in a new file of the same name, after what was taken so far: for whoever moved the old one away. */
  reopen(): Promise<void> {
    if (this.#failed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wantsReopen.push(resolve);
      this.#start();
    });
  }

  /** Resolves when everything is written and closed. */
  async close(): Promise<void> {
    while (this.#busy !== null) await this.#busy;
    await this.#target.close().catch((error: unknown) => this.#fail(error));
  }

  #start(): void {
    this.#busy ??= this.#run().finally(() => {
      this.#busy = null;
      if (this.#lines.length > 0 || this.#wantsReopen.length > 0) this.#start();
    });
  }

  async #run(): Promise<void> {
    // The lines of one turn become one write.
    await null;
    try {
      while (this.#lines.length > 0 || this.#wantsReopen.length > 0) {
        const batch = this.#take();
        if (batch !== null) {
          this.#inFlight = batch.lines;
          await this.#target.write(batch.bytes);
          this.#inFlight = 0;
          this.#bytes -= batch.bytes.length;
        }
        if (this.#lines.length === 0 && this.#wantsReopen.length > 0) {
          const resolvers = this.#wantsReopen.splice(0);
          await this.#target.reopen().finally(() => {
            for (const resolve of resolvers) resolve();
          });
        }
        if (this.#bytes * 2 <= this.#options.most) this.#release();
      }
    } catch (error) {
      this.#fail(error);
    }
  }

  #take(): { readonly bytes: Uint8Array; readonly lines: number } | null {
    if (this.#lines.length === 0) return null;
    let count = 0;
    let size = 0;
    for (const line of this.#lines) {
      if (count > 0 && size + line.length > BATCH) break;
      count += 1;
      size += line.length;
    }
    return { bytes: Buffer.from(this.#lines.splice(0, count).join('')), lines: count };
  }

  #fail(cause: unknown): void {
    if (this.#failed) return;
    this.#failed = true;
    this.dropped += this.#lines.length + this.#inFlight;
    this.#lines = [];
    this.#bytes = 0;
    for (const resolve of this.#wantsReopen.splice(0)) resolve();
    this.#release();
    this.#options.onFailure(cause instanceof Error ? cause : new Error(String(cause)));
  }

  #release(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}

/** A file that is appended to, readable by its owner and group. @throws InputError when it cannot be opened */
export async function fileTarget(path: string): Promise<Target> {
  const start = (): Promise<FileHandle> => open(path, 'a', 0o640);
  const begin = async (): Promise<FileHandle> => {
    const file = await start();
    await endLine(path, file);
    return file;
  };
  let file = await begin().catch((cause: unknown) => {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown';
    throw new InputError(
      'output-unwritable',
      { file: path },
      `it cannot be written (${code})`,
      'create its folder, and let this user write there',
      { cause },
    );
  });
  return {
    async write(bytes) {
      for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at)).bytesWritten;
    },
    async reopen() {
      const next = await begin();
      await file.close();
      file = next;
    },
    close: () => file.close(),
  };
}

/** A run that was killed may have left half a line, which must not become the beginning of ours. */
async function endLine(path: string, file: FileHandle): Promise<void> {
  const found = await file.stat();
  if (!found.isFile() || found.size === 0) return;
  const reader = await open(path, 'r');
  try {
    const { buffer } = await reader.read(Buffer.alloc(1), 0, 1, found.size - 1);
    if (buffer[0] !== 10) await file.write('\n');
  } finally {
    await reader.close();
  }
}

/** A stream of this process. When its reader is gone, what would be written to it is of no use to anybody. */
export function streamTarget(stream: Writable): Target {
  return {
    write: (bytes) =>
      new Promise((resolve, reject) => {
        stream.write(bytes, (error) => {
          if (error === null || error === undefined || isGone(error)) resolve();
          else reject(error);
        });
      }),
    reopen: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
}

function isGone(error: Error): boolean {
  return 'code' in error && (error.code === 'EPIPE' || error.code === 'ERR_STREAM_DESTROYED');
}
