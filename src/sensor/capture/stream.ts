// Reads a capture that still grows. Enters: pieces of a pcap or pcapng stream as they come; leaves: the packets that are whole by then.
import type { CaptureFaults } from './fault.ts';
import type { CapturedPacket } from './packet.ts';
import type { CaptureDecoder } from './pcap.ts';
import { decoderOf } from './read.ts';
import { ByteWindow } from './window.ts';

const INITIAL_WINDOW = 1 << 18;
/** So many bytes tell the format. */
const HEAD = 24;

/** Holds at most one packet that is not whole yet, besides the piece in work. */
export class CaptureStream {
  readonly #window = new ByteWindow(INITIAL_WINDOW);
  readonly #faults: CaptureFaults;
  #decoder: CaptureDecoder | null = null;

  constructor(faults: CaptureFaults) {
    this.#faults = faults;
  }

  /** Bytes of a packet that is not whole yet. */
  get unread(): number {
    return this.#window.available;
  }

  /**
   * The packets that the next piece completes; they are valid until the next call. Whole packets before a place that is
   * malformed are given, and the call after that throws.
   * @throws InputError `capture-malformed`
   */
  feed(piece: Uint8Array): readonly CapturedPacket[] {
    const window = this.#window;
    if (window.end + piece.length > window.bytes.length) window.room(window.available + piece.length);
    window.bytes.set(piece, window.end);
    window.end += piece.length;
    if (this.#decoder === null) {
      if (window.available < HEAD) return [];
      this.#decoder = decoderOf(window, this.#faults);
    }
    const batch: CapturedPacket[] = [];
    try {
      this.#decoder.decode(window, batch);
    } catch (error) {
      // What was read before is good; the next call meets the same place again.
      if (batch.length === 0) throw error;
    }
    return batch;
  }
}
