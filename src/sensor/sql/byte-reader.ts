// Reads numbers and strings from one message without ever throwing. Enters: bytes; leaves: values and whether all were there.

const NOTHING = new Uint8Array(0);

/**
 * A position in a message. Reading beyond the end gives zeros and empty strings and turns `ok` false for good, so a caller
 * reads a whole structure and then asks once.
 */
export class ByteReader {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  at = 0;
  ok = true;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes not yet read. */
  get left(): number {
    return this.bytes.length - this.at;
  }

  /** True when everything was there and nothing is left over. */
  get finished(): boolean {
    return this.ok && this.left === 0;
  }

  /** Moves on by `count` bytes; the offset where they begin, or null when they are not all there. */
  #advance(count: number): number | null {
    if (!this.ok || count < 0 || count > this.left) {
      this.ok = false;
      return null;
    }
    const from = this.at;
    this.at += count;
    return from;
  }

  u8(): number {
    const at = this.#advance(1);
    return at === null ? 0 : this.view.getUint8(at);
  }

  u16le(): number {
    const at = this.#advance(2);
    return at === null ? 0 : this.view.getUint16(at, true);
  }

  u24le(): number {
    const at = this.#advance(3);
    return at === null ? 0 : this.view.getUint16(at, true) | (this.view.getUint8(at + 2) << 16);
  }

  u32le(): number {
    const at = this.#advance(4);
    return at === null ? 0 : this.view.getUint32(at, true);
  }

  u64le(): bigint {
    const at = this.#advance(8);
    return at === null ? 0n : this.view.getBigUint64(at, true);
  }

  i16be(): number {
    const at = this.#advance(2);
    return at === null ? 0 : this.view.getInt16(at);
  }

  u16be(): number {
    const at = this.#advance(2);
    return at === null ? 0 : this.view.getUint16(at);
  }

  i32be(): number {
    const at = this.#advance(4);
    return at === null ? 0 : this.view.getInt32(at);
  }

  u32be(): number {
    const at = this.#advance(4);
    return at === null ? 0 : this.view.getUint32(at);
  }

  i64be(): bigint {
    const at = this.#advance(8);
    return at === null ? 0n : this.view.getBigInt64(at);
  }

  f32be(): number {
    const at = this.#advance(4);
    return at === null ? 0 : this.view.getFloat32(at);
  }

  f64be(): number {
    const at = this.#advance(8);
    return at === null ? 0 : this.view.getFloat64(at);
  }

  f32le(): number {
    const at = this.#advance(4);
    return at === null ? 0 : this.view.getFloat32(at, true);
  }

  f64le(): number {
    const at = this.#advance(8);
    return at === null ? 0 : this.view.getFloat64(at, true);
  }

  /** A view of the next `count` bytes, valid as long as the message. */
  take(count: number): Uint8Array {
    const at = this.#advance(count);
    return at === null ? NOTHING : this.bytes.subarray(at, at + count);
  }

  /** Bytes up to a zero byte, which is passed over. */
  untilZero(): Uint8Array {
    const end = this.ok ? this.bytes.indexOf(0, this.at) : -1;
    if (end < 0) {
      this.ok = false;
      return NOTHING;
    }
    const taken = this.bytes.subarray(this.at, end);
    this.at = end + 1;
    return taken;
  }

  /** All that is left. */
  rest(): Uint8Array {
    return this.take(this.ok ? this.left : 0);
  }
}
