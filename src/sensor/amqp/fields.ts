// Reads AMQP field values from a frame. Enters: bytes; leaves: integers, strings, tables; throws MalformedFrame inside.
import type { AmqpTable, AmqpValue } from '../../events/amqp.ts';

/** A frame that breaks the protocol's rules. Never leaves the parser. */
export class MalformedFrame extends Error {}

/** Tables in tables. */
const DEEPEST = 32;

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Text where the bytes are UTF-8, else Latin-1, so that every byte survives. */
export function textOf(bytes: Buffer): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    return bytes.toString('latin1');
  }
}

/** A cursor over the payload of one frame. */
export class FieldReader {
  readonly #bytes: Buffer;
  #at = 0;
  #bits = 0;
  #bitsLeft = 0;
  /** Names of field types that are not known, or keys that stand twice: readers may differ. */
  doubt: string | null = null;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get rest(): number {
    return this.#bytes.length - this.#at;
  }

  #take(length: number): number {
    this.#bitsLeft = 0;
    if (length > this.rest) throw new MalformedFrame('a field is longer than its frame');
    const at = this.#at;
    this.#at += length;
    return at;
  }

  octet(): number {
    return this.#bytes.readUInt8(this.#take(1));
  }

  short(): number {
    return this.#bytes.readUInt16BE(this.#take(2));
  }

  long(): number {
    return this.#bytes.readUInt32BE(this.#take(4));
  }

  longlong(): bigint {
    return this.#bytes.readBigUInt64BE(this.#take(8));
  }

  /** Consecutive bits share octets, lowest first (amqp0-9-1 section 4.2.5.2). */
  bit(): boolean {
    if (this.#bitsLeft === 0) {
      this.#bits = this.octet();
      this.#bitsLeft = 8;
    }
    const bit = (this.#bits & 1) === 1;
    this.#bits >>= 1;
    this.#bitsLeft--;
    return bit;
  }

  shortString(): string {
    const length = this.octet();
    const at = this.#take(length);
    return textOf(this.#bytes.subarray(at, at + length));
  }

  longString(): Buffer {
    const length = this.long();
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  table(depth = 0): AmqpTable {
    if (depth > DEEPEST) throw new MalformedFrame('tables are nested too deep');
    const inner = new FieldReader(this.longString());
    const table = new Map<string, AmqpValue>();
    while (inner.rest > 0) {
      const key = inner.shortString();
      if (table.has(key)) this.doubt = 'a table has a key twice';
      table.set(key, inner.#value(depth));
    }
    this.doubt ??= inner.doubt;
    return table;
  }

  #array(depth: number): readonly AmqpValue[] {
    if (depth > DEEPEST) throw new MalformedFrame('arrays are nested too deep');
    const inner = new FieldReader(this.longString());
    const values: AmqpValue[] = [];
    while (inner.rest > 0) values.push(inner.#value(depth));
    this.doubt ??= inner.doubt;
    return values;
  }

  /** The types of RabbitMQ's field tables, which differ from the specification's. */
  #value(depth: number): AmqpValue {
    const type = String.fromCharCode(this.octet());
    switch (type) {
      case 't':
        return this.octet() !== 0;
      case 'b':
        return this.#bytes.readInt8(this.#take(1));
      case 'B':
        return this.octet();
      case 'U':
      case 's':
        return this.#bytes.readInt16BE(this.#take(2));
      case 'u':
        return this.short();
      case 'I':
        return this.#bytes.readInt32BE(this.#take(4));
      case 'i':
        return this.long();
      case 'l':
      case 'L':
        return this.#bytes.readBigInt64BE(this.#take(8));
      case 'f':
        return this.#bytes.readFloatBE(this.#take(4));
      case 'd':
        return this.#bytes.readDoubleBE(this.#take(8));
      case 'D': {
        const scale = this.octet();
        return decimalText(this.#bytes.readInt32BE(this.#take(4)), scale);
      }
      case 'S':
        return textOf(this.longString());
      case 'x':
        return this.longString().toString('latin1');
      case 'A':
        return this.#array(depth + 1);
      case 'T':
        return this.longlong();
      case 'F':
        return this.table(depth + 1);
      case 'V':
        return null;
      default:
        throw new MalformedFrame('a table has a value of an unknown type');
    }
  }
}

function decimalText(value: number, scale: number): string {
  if (scale === 0) return String(value);
  const digits = String(Math.abs(value)).padStart(scale + 1, '0');
  return `${value < 0 ? '-' : ''}${digits.slice(0, -scale)}.${digits.slice(-scale)}`;
}
