// Typed values out of Zeek's JSON, a slice at a time. Enters: a cursor; leaves: a Value, and the texts that stand beside it.
import { malformed } from '../failure.ts';
import {
  CLOSE_LIST,
  CLOSE_OBJECT,
  COLON,
  COMMA,
  type Cursor,
  OPEN_LIST,
  OPEN_OBJECT,
  QUOTE,
} from './cursor.ts';
import { isAddress, isSubnet, parsePort } from './network.ts';
import { parseTimespan, parseTimestamp } from './time.ts';
import { MAX_COUNT, MAX_INTEGER, MIN_INTEGER, none, type TableEntry, type Value } from './value.ts';

/** Vectors, sets and tables inside of one another; a Zeek type that nests deeper would have to be recursive. */
const MAX_DEPTH = 256;

/** Types as Zeek writes them: `"@data-type":"count","data":`. */
const HEADS: ReadonlyMap<number, { readonly type: string; readonly head: Uint8Array }> = new Map(
  [
    ...[
      'none',
      'boolean',
      'count',
      'integer',
      'real',
      'timespan',
      'timestamp',
      'string',
      'enum-value',
      'address',
    ],
    ...['subnet', 'port', 'vector', 'set', 'table'],
  ].map((type) => [
    headKey(Buffer.from(type), 0, type.length),
    { type, head: Buffer.from(`${type}","data":`) },
  ]),
);
const TYPE_KEY = Buffer.from('"@data-type":"');
/** Longer than any type. */
const LONGEST_TYPE = 12;

/** First two letters and length tell all types apart. */
function headKey(bytes: Uint8Array, at: number, length: number): number {
  return ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | length;
}

/** A vector, set or table of which not all parts are there yet. */
interface Open {
  readonly kind: 'vector' | 'set' | 'table';
  readonly items: Value[];
  readonly entries: TableEntry[];
  key: Value | null;
}

/**
 * Reads one object with `@data-type` and `data` (the type has to come first, as Zeek has it) into a Value. It keeps its
 * own stack, so that depth costs no call stack and `run` can stop between any two values and go on later. Other keys
 * of the outermost object are kept when they are texts; those further inside are passed over.
 */
export class ValueReader {
  /** Texts beside the outermost value: `type`, `topic` and the like. */
  readonly texts = new Map<string, string>();
  readonly #cursor: Cursor;
  readonly #open: Open[] = [];
  #started = false;
  #value: Value | null = null;

  constructor(cursor: Cursor) {
    this.#cursor = cursor;
  }

  /** The outermost value when `run` gave true; null when the object had none. */
  get value(): Value | null {
    return this.#value;
  }

  /**
   * Reads on until at least `budget` more bytes are read or the object ends; true at the end. A single string is never
   * cut. @throws BrokerError `broker-malformed`; then there is nothing more to run
   */
  run(budget: number): boolean {
    const until = this.#cursor.at + budget;
    if (!this.#started) {
      this.#started = true;
      this.#cursor.expect(OPEN_OBJECT);
      const type = this.#type(this.texts);
      if (type === null) return this.#end(null);
      const first = this.#data(type);
      if (first !== null) return this.#end(this.#closed(first, this.texts));
    }
    while (this.#open.length > 0) {
      if (this.#cursor.at >= until) return false;
      this.#cursor.expect(OPEN_OBJECT);
      const type = this.#type(null);
      if (type === null) throw malformed('a value has no type', this.#cursor.at);
      const scalar = this.#data(type);
      if (scalar === null) continue;
      const outermost = this.#complete(this.#closed(scalar, null));
      if (outermost !== null) return this.#end(outermost);
    }
    return true;
  }

  #end(value: Value | null): true {
    this.#value = value;
    if (this.#cursor.peek() !== -1) throw malformed('bytes after the end', this.#cursor.at);
    return true;
  }

  /** From behind `{` to behind the colon of "data"; null, behind `}`, for an object without. */
  #type(texts: Map<string, string> | null): string | null {
    const cursor = this.#cursor;
    let type: string | null = null;
    const head = texts === null ? this.#head() : null;
    if (head !== null) return head;
    if (cursor.take(CLOSE_OBJECT)) return null;
    for (;;) {
      const at = cursor.at;
      const key = cursor.text();
      cursor.expect(COLON);
      if (key === '@data-type' && type === null) type = cursor.text();
      else if (key === 'data') {
        if (type === null) throw malformed('"data" comes before "@data-type"', at);
        return type;
      } else this.#beside(key, texts);
      if (cursor.take(COMMA)) continue;
      cursor.expect(CLOSE_OBJECT);
      if (type !== null) throw malformed('"data" is missing', at);
      return null;
    }
  }

  /** The same, in the one form that Zeek writes; null, and nothing consumed, for any other form. */
  #head(): string | null {
    const cursor = this.#cursor;
    const { bytes, at } = cursor;
    if (!cursor.literal(TYPE_KEY)) return null;
    const start = cursor.at;
    let end = start;
    while (end - start < LONGEST_TYPE && bytes[end] !== QUOTE) end += 1;
    const found = HEADS.get(headKey(bytes, start, end - start));
    if (found !== undefined && cursor.literal(found.head)) return found.type;
    cursor.at = at;
    return null;
  }

  /** The data of `type`: a scalar, or null when a composite was opened and its first part comes next. */
  #data(type: string): Value | null {
    const cursor = this.#cursor;
    switch (type) {
      case 'string': {
        const content = cursor.string();
        return typeof content === 'string'
          ? { kind: 'string', text: content }
          : { kind: 'bytes', bytes: content };
      }
      case 'count':
        return { kind: 'count', value: this.#whole(false) };
      case 'vector':
      case 'set':
      case 'table':
        return this.#composite(type);
      case 'none':
        cursor.skip();
        return none;
      case 'boolean':
        return { kind: 'boolean', value: cursor.boolean() };
      case 'integer':
        return { kind: 'integer', value: this.#whole(true) };
      case 'real':
        return { kind: 'real', value: cursor.real() };
      case 'enum-value':
        return { kind: 'enum', name: cursor.text() };
      default:
        return this.#written(type);
    }
  }

  /** Types whose data is a text with a form of its own. */
  #written(type: string): Value {
    const at = this.#cursor.at;
    if (this.#cursor.peek() !== QUOTE) throw malformed('an unknown type, or data that is not a string', at);
    const text = this.#cursor.text();
    switch (type) {
      case 'address':
        if (isAddress(text)) return { kind: 'address', address: text };
        break;
      case 'subnet':
        if (isSubnet(text)) return { kind: 'subnet', subnet: text };
        break;
      case 'port': {
        const port = parsePort(text);
        if (port !== null) return { kind: 'port', number: port.number, protocol: port.protocol };
        break;
      }
      case 'timestamp': {
        const nanoseconds = parseTimestamp(text);
        if (nanoseconds !== null) return { kind: 'timestamp', nanoseconds };
        break;
      }
      case 'timespan': {
        const nanoseconds = parseTimespan(text);
        if (nanoseconds !== null) return { kind: 'timespan', nanoseconds };
        break;
      }
      default:
        throw malformed('an unknown type', at);
    }
    throw malformed(`not a ${type}`, at);
  }

  #whole(signed: boolean): bigint {
    const at = this.#cursor.at;
    const value = this.#cursor.whole(signed);
    const fits = signed ? value >= MIN_INTEGER && value <= MAX_INTEGER : value <= MAX_COUNT;
    if (!fits) throw malformed('a number beyond 64 bits', at);
    return value;
  }

  #composite(kind: Open['kind']): Value | null {
    const cursor = this.#cursor;
    cursor.expect(OPEN_LIST);
    const open: Open = { kind, items: [], entries: [], key: null };
    if (cursor.take(CLOSE_LIST)) return composed(open);
    if (this.#open.length >= MAX_DEPTH) throw malformed('values nest too deep', cursor.at);
    this.#open.push(open);
    if (kind === 'table') this.#entry('key', OPEN_OBJECT);
    return null;
  }

  /** Passes `{"key":` or `,"value":`. */
  #entry(name: 'key' | 'value', before: number): void {
    this.#cursor.expect(before);
    const at = this.#cursor.at;
    if (this.#cursor.text() !== name) throw malformed(`"${name}" is missing`, at);
    this.#cursor.expect(COLON);
  }

  /** From behind the data of `value` to behind its `}`. */
  #closed(value: Value, texts: Map<string, string> | null): Value {
    const cursor = this.#cursor;
    while (cursor.take(COMMA)) {
      const at = cursor.at;
      const key = cursor.text();
      if (key === 'data' || key === '@data-type') throw malformed(`"${key}" comes twice`, at);
      cursor.expect(COLON);
      this.#beside(key, texts);
    }
    cursor.expect(CLOSE_OBJECT);
    return value;
  }

  /** Puts a whole value where it belongs, and closes what ends with it; gives the outermost value when that is whole. */
  #complete(whole: Value): Value | null {
    const cursor = this.#cursor;
    let value = whole;
    for (;;) {
      const open = this.#open.at(-1);
      if (open === undefined) return value;
      if (open.kind !== 'table') open.items.push(value);
      else if (open.key === null) {
        open.key = value;
        this.#entry('value', COMMA);
        return null;
      } else {
        open.entries.push({ key: open.key, value });
        open.key = null;
        cursor.expect(CLOSE_OBJECT);
      }
      if (cursor.take(COMMA)) {
        if (open.kind === 'table') this.#entry('key', OPEN_OBJECT);
        return null;
      }
      cursor.expect(CLOSE_LIST);
      this.#open.pop();
      value = this.#closed(composed(open), this.#open.length === 0 ? this.texts : null);
    }
  }

  /** Keys that are neither type nor data. */
  #beside(key: string, texts: Map<string, string> | null): void {
    const at = this.#cursor.at;
    if (texts === null || this.#cursor.peek() !== QUOTE) {
      this.#cursor.skip();
      return;
    }
    if (texts.has(key)) throw malformed('a key comes twice', at);
    if (texts.size >= 32) throw malformed('too many keys', at);
    texts.set(key, this.#cursor.text());
  }
}

function composed(open: Open): Value {
  return open.kind === 'table'
    ? { kind: 'table', entries: open.entries }
    : { kind: open.kind, items: open.items };
}
