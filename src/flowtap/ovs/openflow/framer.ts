// Cuts a byte stream into OpenFlow messages. Enters: chunks of any size; leaves: whole messages, or why there can be none any more.

const HEADER = 8;

/** Holds at most one message that is not whole: 64 KiB, since the length has 16 bits. */
export class Framer {
  #rest: Buffer = Buffer.alloc(0);

  /** @returns null when the stream can no longer be cut: a message shorter than its own header */
  push(chunk: Uint8Array): readonly Buffer[] | null {
    const bytes = this.#rest.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#rest, chunk]);
    const messages: Buffer[] = [];
    let at = 0;
    while (bytes.length - at >= HEADER) {
      const length = bytes.readUInt16BE(at + 2);
      if (length < HEADER) return null;
      if (bytes.length - at < length) break;
      messages.push(bytes.subarray(at, at + length));
      at += length;
    }
    this.#rest = bytes.subarray(at);
    return messages;
  }
}
