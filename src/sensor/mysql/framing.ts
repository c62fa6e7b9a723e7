// Cuts one side of a MySQL connection into messages. Enters: pieces of the stream; leaves: messages with their offsets.
import type { Side } from '../../flow.ts';
import { ByteStore } from '../sql/byte-store.ts';

/** A packet of this length is continued by the next one (MySQL documentation, "Sending More Than 16Mb"). */
const LONGEST_PACKET = 0xff_ffff;
const HEADER = 4;
const NOTHING = new Uint8Array(0);

export interface Message {
  readonly start: number;
  readonly end: number;
  /** Sequence numbers of the first and the last packet. */
  readonly first: number;
  readonly last: number;
  /** The payload or its beginning; valid only during the call. */
  readonly body: Uint8Array;
  /** Bytes of the payload on the wire. */
  readonly length: number;
  /** `cut`: longer than what is kept. `lost`: bytes of it are missing, `body` is empty. */
  readonly state: 'whole' | 'cut' | 'lost';
}

export interface MessageSink {
  /** A packet begins. False when it cannot be one here, and reading stops. */
  packet(side: Side, start: number, length: number, sequence: number): boolean;
  /** How many bytes of a message are kept. */
  keep(side: Side): number;
  message(side: Side, message: Message): void;
  /** A continuation with another number than the next: readers put the message together differently. */
  malformed(side: Side, start: number, end: number, detail: string): void;
}

/** Follows the packet boundaries of one side (MySQL documentation, "MySQL Packets"). */
export class Framing {
  readonly #side: Side;
  readonly #sink: MessageSink;
  readonly #header = new Uint8Array(HEADER);
  #headerLength = 0;
  #start = 0;
  /** Of the packet; -1 between packets. */
  #remaining = -1;
  #continued = false;
  #within = false;
  #first = 0;
  #last = 0;
  #length = 0;
  #lost = false;
  #keep = 0;
  #off = false;
  readonly #body = new ByteStore();

  constructor(side: Side, sink: MessageSink) {
    this.#side = side;
    this.#sink = sink;
  }

  /** True when a message has begun and not ended. */
  get inside(): boolean {
    return this.#headerLength > 0 || this.#remaining >= 0 || this.#within;
  }

  /** Where the message that has begun starts. */
  get start(): number {
    return this.#start;
  }

  /** Reads nothing from now on. */
  stop(): void {
    this.#off = true;
    this.reset();
  }

  /** Forgets what has begun: the next byte begins a packet. */
  reset(): void {
    this.#headerLength = 0;
    this.#remaining = -1;
    this.#within = false;
    this.#continued = false;
    this.#lost = false;
    this.#body.take();
  }

  /** Reads `bytes`, which begin at `offset` of the stream. */
  push(offset: number, bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length && !this.#off) {
      at = this.#remaining < 0 ? this.#readHeader(offset, bytes, at) : this.#readBody(offset, bytes, at);
    }
  }

  /** Passes over lost bytes when they lie within one packet, whose end is therefore known. */
  skip(offset: number, length: number): boolean {
    if (this.#remaining < length) return false;
    this.#lost = true;
    this.#body.take();
    this.#remaining -= length;
    if (this.#remaining === 0) this.#endPacket(NOTHING, offset + length);
    return true;
  }

  /** Passes over bytes that are not handed on, as over those that are not kept. False when they are not all of one packet. */
  elide(offset: number, length: number): boolean {
    if (this.#remaining < length) return false;
    this.#keep = Math.min(this.#keep, this.#body.length);
    this.#remaining -= length;
    if (this.#remaining === 0) this.#endPacket(null, offset + length);
    return true;
  }

  #readHeader(offset: number, bytes: Uint8Array, from: number): number {
    let at = from;
    if (this.#headerLength === 0 && !this.#within) this.#start = offset + at;
    while (at < bytes.length && this.#headerLength < HEADER) {
      this.#header[this.#headerLength] = bytes[at] ?? 0;
      this.#headerLength += 1;
      at += 1;
    }
    if (this.#headerLength < HEADER) return at;
    this.#headerLength = 0;
    const [low = 0, middle = 0, high = 0, sequence = 0] = this.#header;
    const length = low | (middle << 8) | (high << 16);
    if (this.#within) {
      if (sequence !== ((this.#last + 1) & 0xff)) {
        const detail = 'a continued message whose packets are not numbered one after another';
        this.#sink.malformed(this.#side, this.#start, offset + at, detail);
        return bytes.length;
      }
    } else {
      if (!this.#sink.packet(this.#side, this.#start, length, sequence)) return bytes.length;
      this.#within = true;
      this.#first = sequence;
      this.#length = 0;
      this.#keep = this.#sink.keep(this.#side);
    }
    this.#last = sequence;
    this.#continued = length === LONGEST_PACKET;
    this.#length += length;
    this.#remaining = length;
    if (length === 0) this.#endPacket(NOTHING, offset + at);
    return at;
  }

  #readBody(offset: number, bytes: Uint8Array, from: number): number {
    const count = Math.min(this.#remaining, bytes.length - from);
    const piece = bytes.subarray(from, from + count);
    const whole = count === this.#length && !this.#continued;
    if (!whole && !this.#lost && this.#body.length < this.#keep) {
      this.#body.append(piece.subarray(0, this.#keep - this.#body.length));
    }
    this.#remaining -= count;
    if (this.#remaining === 0) {
      this.#endPacket(whole ? piece.subarray(0, this.#keep) : null, offset + from + count);
    }
    return from + count;
  }

  /** `view`: the whole message where it need not be put together. */
  #endPacket(view: Uint8Array | null, end: number): void {
    this.#remaining = -1;
    if (this.#continued) return;
    const held = this.#body.take();
    const body = view !== null && held.length === 0 ? view : held;
    const state = this.#lost ? 'lost' : this.#keep < this.#length ? 'cut' : 'whole';
    this.#within = false;
    this.#lost = false;
    this.#sink.message(this.#side, {
      start: this.#start,
      end,
      first: this.#first,
      last: this.#last,
      body: state === 'lost' ? NOTHING : body,
      length: this.#length,
      state,
    });
  }
}
