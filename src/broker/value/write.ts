// Values as the JSON that Zeek reads. Enters: a Value; leaves: bytes, after checks that keep Zeek from rejecting them.
import { assertNever } from '../../errors.ts';
import { unsendable } from '../failure.ts';
import { formatPort, isAddress, isSubnet } from './network.ts';
import { formatTimespan, formatTimestamp } from './time.ts';
import { isIdentifier, isWellFormed, MAX_COUNT, MAX_INTEGER, MIN_INTEGER, type Value } from './value.ts';

/** CAF reads 128 levels of brackets; a value has two, a table three, and the envelope takes seven. */
const MAX_BRACKETS = 120;

/** Collects text and bytes; the bytes are only there for strings that are not UTF-8. */
export class Writer {
  readonly #parts: Uint8Array[] = [];
  #text = '';
  #size = 0;
  readonly #limit: number;
  /** False once bytes went in that no text frame can carry. */
  isText = true;

  /** @param limit in bytes: more than that is not sent */
  constructor(limit: number) {
    this.#limit = limit;
  }

  text(text: string): void {
    this.#text += text;
    // A quarter of a MiB at a time, so that a value without end fails early.
    if (this.#text.length > 262_144) this.#flush();
  }

  bytes(bytes: Uint8Array): void {
    this.isText = false;
    this.#flush();
    this.#append(bytes);
  }

  /** @throws BrokerError `broker-unsendable` when so many bytes more are too many */
  room(bytes: number): void {
    if (this.#size + bytes > this.#limit) throw unsendable(`the message is larger than ${this.#limit} bytes`);
  }

  /** All that was written. @throws BrokerError `broker-unsendable` over the limit */
  finish(): Buffer {
    this.#flush();
    return Buffer.concat(this.#parts);
  }

  #flush(): void {
    if (this.#text === '') return;
    this.#append(Buffer.from(this.#text, 'utf8'));
    this.#text = '';
  }

  #append(part: Uint8Array): void {
    this.room(part.length);
    this.#size += part.length;
    this.#parts.push(part);
  }
}

/** Writes `value` as `{"@data-type":..,"data":..}`. @throws BrokerError `broker-unsendable` for what Zeek does not take */
export function writeValue(writer: Writer, value: Value, brackets = 0): void {
  if (brackets > MAX_BRACKETS) throw unsendable('values nest too deep for Zeek');
  switch (value.kind) {
    case 'bytes':
      writeBytes(writer, value.bytes);
      break;
    case 'vector':
    case 'set':
      writer.text(`{"@data-type":"${value.kind}","data":[`);
      for (const [index, item] of value.items.entries()) {
        if (index > 0) writer.text(',');
        writeValue(writer, item, brackets + 2);
      }
      writer.text(']}');
      break;
    case 'table':
      writer.text('{"@data-type":"table","data":[');
      for (const [index, entry] of value.entries.entries()) {
        writer.text(index > 0 ? ',{"key":' : '{"key":');
        writeValue(writer, entry.key, brackets + 3);
        writer.text(',"value":');
        writeValue(writer, entry.value, brackets + 3);
        writer.text('}');
      }
      writer.text(']}');
      break;
    default:
      writer.text(formatScalar(value));
  }
}

type Scalar = Exclude<Value, { readonly kind: 'bytes' | 'vector' | 'set' | 'table' }>;

function formatScalar(value: Scalar): string {
  switch (value.kind) {
    case 'none':
      return typed('none', '{}');
    case 'boolean':
      return typed('boolean', value.value ? 'true' : 'false');
    case 'count':
      return typed('count', whole(value.value, 0n, MAX_COUNT));
    case 'integer':
      return typed('integer', whole(value.value, MIN_INTEGER, MAX_INTEGER));
    case 'real':
      return typed('real', formatReal(value.value));
    case 'timespan':
      return typed('timespan', `"${formatTimespan(inRange(value.nanoseconds))}"`);
    case 'timestamp':
      return typed('timestamp', `"${formatTimestamp(inRange(value.nanoseconds))}"`);
    case 'string':
      return typed('string', quote(value.text));
    case 'enum':
      if (!isIdentifier(value.name)) throw unsendable('an enum value needs the name of a Zeek identifier');
      return typed('enum-value', `"${value.name}"`);
    case 'address':
      if (!isAddress(value.address)) throw unsendable('not an IP address');
      return typed('address', `"${value.address}"`);
    case 'subnet':
      if (!isSubnet(value.subnet)) throw unsendable('not a subnet');
      return typed('subnet', `"${value.subnet}"`);
    case 'port':
      if (!(Number.isInteger(value.number) && value.number >= 0 && value.number <= 65_535))
        throw unsendable('not a port number');
      return typed('port', `"${formatPort(value.number, value.protocol)}"`);
    default:
      return assertNever(value);
  }
}

/**
 * A JSON string. Only what has to be escaped is: Zeek's parser reads `\/` as `?`.
 * @throws BrokerError `broker-unsendable` for a lone surrogate
 */
export function quote(text: string): string {
  if (!isWellFormed(text)) throw unsendable('text with a lone surrogate has no UTF-8 form');
  return JSON.stringify(text);
}

function typed(type: string, data: string): string {
  return `{"@data-type":"${type}","data":${data}}`;
}

/** Raw bytes inside of a string: Zeek takes them in a binary frame. Only quote, backslash and controls are escaped. */
function writeBytes(writer: Writer, bytes: Uint8Array): void {
  writer.room(bytes.length);
  const out = Buffer.allocUnsafe(bytes.length * 6);
  let length = 0;
  for (const byte of bytes) {
    if (byte >= 0x20 && byte !== 0x22 && byte !== 0x5c) {
      out[length] = byte;
      length += 1;
    } else length += out.write(`\\u00${byte < 16 ? '0' : ''}${byte.toString(16)}`, length, 'latin1');
  }
  writer.text('{"@data-type":"string","data":"');
  writer.bytes(out.subarray(0, length));
  writer.text('"}');
}

/** Zeek tells reals from integers by the point or exponent; it reads `nan`, but has no way to read an infinity. */
function formatReal(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) throw unsendable('Zeek cannot read an infinite real');
  const text = Object.is(value, -0) ? '-0' : String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

function whole(value: bigint, least: bigint, most: bigint): string {
  if (value < least || value > most) throw unsendable('the number is out of range');
  return value.toString();
}

function inRange(nanoseconds: bigint): bigint {
  if (nanoseconds < MIN_INTEGER || nanoseconds > MAX_INTEGER) throw unsendable('the time is out of range');
  return nanoseconds;
}
