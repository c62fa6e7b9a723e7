// Big-endian bytes, written and read. Enters: numbers; leaves: bytes, and the reverse, never past the end.

/** Numbers of ports that stand for something else (LOCAL, NORMAL, ...) have 16 bits in OVSDB and NXM, 32 in OpenFlow. */
const RESERVED = 0xff00;

/** A port's number as OpenFlow 1.4 writes it. */
export function widePort(number: number): number {
  return number >= RESERVED && number <= 0xffff ? (0xffff0000 | number) >>> 0 : number;
}

/** The reverse. */
export function narrowPort(number: number): number {
  return number >= 0xffff0000 + RESERVED ? number & 0xffff : number;
}

/** What a message that breaks its own format is met with; caught where messages are decoded. */
export class MalformedBytes extends Error {}

/** Grows as it is written to. */
export class ByteWriter {
  #buffer: Buffer;
  length = 0;

  constructor(size = 256) {
    // From the pool, and not cleared: every byte below `length` is written.
    this.#buffer = Buffer.allocUnsafe(size);
  }

  u8(value: number): this {
    const at = this.#room(1);
    this.#buffer.writeUInt8(value, at);
    return this;
  }

  u16(value: number): this {
    const at = this.#room(2);
    this.#buffer.writeUInt16BE(value, at);
    return this;
  }

  u32(value: number): this {
    const at = this.#room(4);
    this.#buffer.writeUInt32BE(value >>> 0, at);
    return this;
  }

  u64(value: bigint): this {
    const at = this.#room(8);
    this.#buffer.writeBigUInt64BE(value, at);
    return this;
  }

  /** The lowest `size` bytes of a value. */
  big(value: bigint, size: number): this {
    const at = this.#room(size);
    let rest = value;
    for (let i = size - 1; i >= 0; i--) {
      this.#buffer[at + i] = Number(rest & 0xffn);
      rest >>= 8n;
    }
    return this;
  }

  bytes(bytes: Uint8Array): this {
    const at = this.#room(bytes.length);
    this.#buffer.set(bytes, at);
    return this;
  }

  zeros(count: number): this {
    const at = this.#room(count);
    this.#buffer.fill(0, at, at + count);
    return this;
  }

  /** Zeros up to a multiple of `size`, counted from `start`. */
  pad(size: number, start = 0): this {
    return this.zeros((size - ((this.length - start) % size)) % size);
  }

  /** Writes a length that was not known before. */
  patch16(at: number, value: number): this {
    this.#buffer.writeUInt16BE(value, at);
    return this;
  }

  finish(): Buffer {
    return this.#buffer.subarray(0, this.length);
  }

  /** May replace the buffer: to be asked before that is used. */
  #room(size: number): number {
    const at = this.length;
    this.length += size;
    if (this.length > this.#buffer.length) {
      const larger = Buffer.allocUnsafe(Math.max(this.length, this.#buffer.length * 2));
      larger.set(this.#buffer.subarray(0, at));
      this.#buffer = larger;
    }
    return at;
  }
}

/** Reads forward. @throws MalformedBytes past the end */
export class ByteReader {
  readonly #buffer: Buffer;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.#buffer.length - this.at;
  }

  u8(): number {
    return this.#buffer.readUInt8(this.#take(1));
  }

  u16(): number {
    return this.#buffer.readUInt16BE(this.#take(2));
  }

  u32(): number {
    return this.#buffer.readUInt32BE(this.#take(4));
  }

  u64(): bigint {
    return this.#buffer.readBigUInt64BE(this.#take(8));
  }

  big(size: number): bigint {
    const at = this.#take(size);
    const hex = this.#buffer.toString('hex', at, at + size);
    return hex === '' ? 0n : BigInt(`0x${hex}`);
  }

  /** A view, not a copy. */
  bytes(size: number): Buffer {
    const at = this.#take(size);
    return this.#buffer.subarray(at, at + size);
  }

  skip(size: number): void {
    this.#take(size);
  }

  /** A reader of the next bytes, which this one steps over. */
  inner(size: number): ByteReader {
    return new ByteReader(this.bytes(size));
  }

  #take(size: number): number {
    const at = this.at;
    if (size < 0 || at + size > this.#buffer.length) throw new MalformedBytes(`${size} bytes past the end`);
    this.at += size;
    return at;
  }
}
