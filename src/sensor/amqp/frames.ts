// Cuts one side's stream into AMQP frames. Enters: in-order bytes; leaves: frames, body bytes as they come.

const HEADER = 7;
/** The octet that ends every frame (amqp0-9-1 section 4.2.3). */
const END = 0xce;

export const METHOD = 1;
export const CONTENT_HEADER = 2;
const BODY = 3;
export const HEARTBEAT = 8;

export interface FrameHandler {
  /** A method, content header or heartbeat frame, whole. `bytes` are valid during the call only. */
  frame(type: number, channel: number, bytes: Buffer, start: number, end: number): void;
  /** Part of a body frame; `end` is the stream offset behind it. */
  body(channel: number, bytes: Buffer, end: number): void;
  /** Bytes of a body frame that are not handed on. */
  elided(channel: number, length: number): void;
  /** A body frame is complete. */
  bodyEnd(channel: number, end: number): void;
  fail(cause: 'malformed' | 'limit', detail: string, offset: number): void;
}

export class FrameReader {
  readonly #handler: FrameHandler;
  readonly #limit: number;
  readonly #head = Buffer.alloc(HEADER);
  #headLength = 0;
  #start = 0;
  #type = 0;
  #channel = 0;
  /** Payload bytes that are still to come; -1 while the frame header is read. */
  #left = -1;
  #parts: Buffer[] = [];
  #stopped = false;

  constructor(limit: number, handler: FrameHandler) {
    this.#limit = limit;
    this.#handler = handler;
  }

  get between(): boolean {
    return this.#headLength === 0 && this.#left < 0;
  }

  stop(): void {
    this.#stopped = true;
    this.#parts = [];
  }

  data(offset: number, bytes: Buffer): void {
    let at = 0;
    while (at < bytes.length && !this.#stopped) {
      if (this.#left < 0) at += this.#readHeader(bytes.subarray(at), offset + at);
      else if (this.#left > 0) at += this.#readPayload(bytes.subarray(at), offset + at);
      else {
        if (bytes[at] !== END) this.#fail('malformed', 'a frame does not end where it says', offset + at);
        else this.#finish(offset + at + 1);
        at++;
      }
    }
  }

  /** Bytes that were there and are not handed on. False when they are not all of one body frame. */
  elided(length: number): boolean {
    if (this.#type !== BODY || length > this.#left) return false;
    this.#left -= length;
    this.#handler.elided(this.#channel, length);
    return true;
  }

  #readHeader(bytes: Buffer, offset: number): number {
    if (this.#headLength === 0) this.#start = offset;
    const taken = Math.min(HEADER - this.#headLength, bytes.length);
    bytes.copy(this.#head, this.#headLength, 0, taken);
    this.#headLength += taken;
    if (this.#headLength < HEADER) return taken;
    this.#headLength = 0;
    this.#type = this.#head.readUInt8(0);
    this.#channel = this.#head.readUInt16BE(1);
    this.#left = this.#head.readUInt32BE(3);
    const known = [METHOD, CONTENT_HEADER, BODY, HEARTBEAT].includes(this.#type);
    if (!known) this.#fail('malformed', 'a frame of an unknown type', offset + taken);
    else if (this.#type !== BODY && this.#left > this.#limit)
      this.#fail('limit', 'a frame is longer than the limit', offset + taken);
    return taken;
  }

  #readPayload(bytes: Buffer, offset: number): number {
    const part = bytes.subarray(0, this.#left);
    this.#left -= part.length;
    if (this.#type === BODY) this.#handler.body(this.#channel, part, offset + part.length);
    // A frame that lies whole in this chunk needs no copy: it is used before the chunk goes.
    else this.#parts.push(this.#left === 0 && bytes.length > part.length ? part : Buffer.from(part));
    return part.length;
  }

  #finish(end: number): void {
    const [only] = this.#parts;
    const payload = this.#parts.length === 1 && only !== undefined ? only : Buffer.concat(this.#parts);
    this.#parts = [];
    this.#left = -1;
    if (this.#type === BODY) this.#handler.bodyEnd(this.#channel, end);
    else this.#handler.frame(this.#type, this.#channel, payload, this.#start, end);
  }

  #fail(cause: 'malformed' | 'limit', detail: string, offset: number): void {
    this.stop();
    this.#handler.fail(cause, detail, offset);
  }
}
