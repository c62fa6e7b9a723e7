// Reads a capture file of any format and size. Enters: a path; leaves: packets in batches, in bounded memory.
import { CaptureFaults } from './fault.ts';
import { type CaptureInput, openInput } from './input.ts';
import type { CapturedPacket } from './packet.ts';
import { type CaptureDecoder, pcapDecoder } from './pcap.ts';
import { pcapngDecoder } from './pcapng.ts';
import { ByteWindow } from './window.ts';

const INITIAL_WINDOW = 1 << 21;

/** Told after each batch: bytes of the file read so far, and its size (null for a pipe). */
export type OnProgress = (done: number, total: number | null) => void;

/**
 * Yields the packets of a pcap or pcapng file, gzip'd or not, in batches; a batch is valid until the next is asked for.
 * Throws InputError: `capture-unreadable`, `capture-malformed`, or `capture-truncated` after the last whole packet.
 */
export async function* readPackets(
  file: string,
  onProgress?: OnProgress,
): AsyncGenerator<readonly CapturedPacket[], void, void> {
  const faults = new CaptureFaults(file);
  const input = await openInput(file, faults);
  try {
    const window = new ByteWindow(INITIAL_WINDOW);
    const decoder = await recognise(window, input, faults);
    for (let need = 0; ; ) {
      const batch: CapturedPacket[] = [];
      let failure: unknown = null;
      try {
        need = decoder.decode(window, batch);
      } catch (error) {
        failure = error;
      }
      if (batch.length > 0) yield batch;
      if (failure !== null) throw failure;
      onProgress?.(input.progress.done, input.progress.total);
      if (!(await input.fill(window, need))) {
        if (window.available === 0) return;
        const missing = need - window.available;
        throw faults.truncated(
          window.offset,
          `the file ends inside a ${decoder.unit}: at least ${missing} more ${missing === 1 ? 'byte belongs' : 'bytes belong'} to it`,
        );
      }
    }
  } finally {
    await input.close();
  }
}

async function recognise(
  window: ByteWindow,
  input: CaptureInput,
  faults: CaptureFaults,
): Promise<CaptureDecoder> {
  while (window.available < 24 && (await input.fill(window, 24))) {
    // Until a file header is there, or the file has ended.
  }
  if (window.available === 0) {
    throw faults.malformed(0, 'the file is empty', 'record it again; a capture has at least a file header');
  }
  return decoderOf(window, faults);
}

/**
 * The decoder for what begins in the window, with 24 bytes or all that there are. Throws InputError where it is no capture.
 */
export function decoderOf(window: ByteWindow, faults: CaptureFaults): CaptureDecoder {
  if (window.available >= 4) {
    const decoder = pcapDecoder(window, faults) ?? pcapngDecoder(window, faults);
    if (decoder !== null) return decoder;
  }
  const head = Buffer.from(window.bytes.buffer, window.start, Math.min(8, window.available)).toString('hex');
  for (const [magic, problem, remedy] of OTHER_FORMATS) {
    if (head.startsWith(magic)) throw faults.malformed(0, problem, remedy);
  }
  throw faults.malformed(
    0,
    'this is neither pcap nor pcapng',
    'give a capture made by tcpdump, dumpcap or Wireshark',
  );
}

const OTHER_FORMATS: readonly (readonly [magic: string, problem: string, remedy: string])[] = [
  ['28b52ffd', 'it is compressed with zstd', 'decompress it with "zstd -d" first'],
  ['04224d18', 'it is compressed with lz4', 'decompress it with "lz4 -d" first'],
  ['fd377a585a00', 'it is compressed with xz', 'decompress it with "xz -d" first'],
  ['425a68', 'it is compressed with bzip2', 'decompress it with "bunzip2" first'],
  ['504b0304', 'it is a zip archive', 'unpack it first'],
  ['736e6f6f70000000', 'it is a snoop capture', 'convert it with "editcap -F pcap FILE NEW"'],
];
