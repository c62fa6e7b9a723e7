// What a real Zeek sent, kept as it was. Enters: recordings of test/zeek/recordings; leaves: frames, items, and where they come from.
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, brotliDecompressSync, constants } from 'node:zlib';
import type { StreamItem } from '../../src/broker/item.ts';
import { readMessage } from '../../src/broker/message.ts';

/** Benchmarks run what was built, elsewhere; all of them run in the project's folder. */
const ROOT = process.cwd();
const FOLDER = join(ROOT, 'test/zeek/recordings');

export interface Origin {
  /** `zeek --version`. */
  readonly zeek: string;
  /** Of zeek-scripts, see `scriptsHash`. */
  readonly scripts: string;
  /** SHA-256 of the capture file. */
  readonly capture: string;
}

export interface Recording {
  readonly origin: Origin;
  /** WebSocket messages, as they came. */
  readonly frames: readonly Buffer[];
}

/** The names of all recordings, which are those of their captures in `pcaps`. */
export function recordings(): readonly string[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith('.frames.br'))
    .map((name) => name.slice(0, -'.frames.br'.length))
    .sort();
}

/** The capture of a name. */
export function captureOf(name: string): string {
  return join(ROOT, 'pcaps', `${name}.pcap.gz`);
}

export function hashOf(file: string): string {
  return createHash('sha256').update(readFileSync(file)).digest('hex');
}

/** The first line is where it comes from, each other line a message: no message of ours has a line break in it. */
export function readRecording(name: string): Recording {
  const bytes = brotliDecompressSync(readFileSync(join(FOLDER, `${name}.frames.br`)));
  const lines: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const end = bytes.indexOf(0x0a, at);
    lines.push(bytes.subarray(at, end));
    at = end + 1;
  }
  const [origin = Buffer.from('{}'), ...frames] = lines;
  return { origin: JSON.parse(origin.toString()) as Origin, frames };
}

export function writeRecording(name: string, { origin, frames }: Recording): void {
  const lines = [Buffer.from(JSON.stringify(origin)), ...frames];
  const text = Buffer.concat(lines.flatMap((line) => [line, Buffer.from('\n')]));
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: 9,
    // A rental looks like the one before, which a larger window reaches.
    [constants.BROTLI_PARAM_LGWIN]: 24,
  };
  writeFileSync(join(FOLDER, `${name}.frames.br`), brotliCompressSync(text, { params }));
}

/** The items that the broker's client would give. */
export function itemsOf({ frames }: Recording): readonly StreamItem[] {
  return frames.map((frame) => {
    const message = readMessage(frame);
    if (message.kind === 'ack') throw new Error('a recording has no ack');
    return message;
  });
}
