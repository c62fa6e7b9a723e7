// Values in the one form that Zeek writes, quickly. Enters: a PlainCursor; leaves: Values, or null where ValueReader has to look.
import { CLOSE_LIST, CLOSE_OBJECT, COMMA } from './cursor.ts';
import { Literal } from './literal.ts';
import { isAddress, isSubnet } from './network.ts';
import type { PlainCursor } from './plain-cursor.ts';
import { parseTimespan } from './time.ts';
import { none, type PortProtocol, type TableEntry, type Value } from './value.ts';

const head = (type: string, data: string): Literal => new Literal(`{"@data-type":"${type}","data":${data}`);
const NONE = head('none', '{}');
const TRUE = head('boolean', 'true');
const FALSE = head('boolean', 'false');
const COUNT = head('count', '');
const INTEGER = head('integer', '');
const REAL = head('real', '');
const TIMESPAN = head('timespan', '"');
const TIMESTAMP = head('timestamp', '"');
const STRING = head('string', '"');
const ENUM = head('enum-value', '"');
const ADDRESS = head('address', '"');
const SUBNET = head('subnet', '"');
const PORT = head('port', '"');
const VECTOR = head('vector', '[');
const SET = head('set', '[');
const TABLE = head('table', '[');
const KEY = new Literal('{"key":');
const VALUE = new Literal(',"value":');
/** Up to the closing brace, which makes each of them long enough to be compared by words. */
const PROTOCOLS: readonly (readonly [Literal, PortProtocol])[] = [
  [new Literal('/tcp"}'), 'tcp'],
  [new Literal('/udp"}'), 'udp'],
  [new Literal('/icmp"}'), 'icmp'],
  [new Literal('/?"}'), 'unknown'],
];
/** Where the name of the type starts. */
const TYPE_AT = '{"@data-type":"'.length;

/** Calls inside of one another; what nests deeper is read by ValueReader, which makes none. */
const MAX_DEPTH = 16;

/**
 * What stands in a list, from behind its bracket to behind its closing one, with keys in Zeek's order and no white space.
 * Null for any other form; this and BrokerError `broker-malformed` mean that ValueReader is to read the frame from its
 * start, and to say what it is.
 */
export function readPlainItems(cursor: PlainCursor, depth = 0): Value[] | null {
  const items: Value[] = [];
  if (cursor.take(CLOSE_LIST)) return items;
  for (;;) {
    const item = readPlain(cursor, depth);
    if (item === null) return null;
    items.push(item);
    if (cursor.take(COMMA)) continue;
    return cursor.take(CLOSE_LIST) ? items : null;
  }
}

/** One value with its braces; null and errors as above. */
export function readPlain(cursor: PlainCursor, depth = 0): Value | null {
  const value = readOpen(cursor, depth);
  return value !== null && cursor.take(CLOSE_OBJECT) ? value : null;
}

/** The same up to the closing brace. The first letters tell which type it has to be. */
function readOpen(cursor: PlainCursor, depth: number): Value | null {
  switch (cursor.peek(TYPE_AT)) {
    case 0x73: // s
      return readS(cursor, depth);
    case 0x63: {
      const value = cursor.pass(COUNT) ? cursor.whole(false) : null;
      return value === null ? null : { kind: 'count', value };
    }
    case 0x61: {
      const address = cursor.pass(ADDRESS) ? cursor.text() : null;
      return address !== null && isAddress(address) ? { kind: 'address', address } : null;
    }
    case 0x70:
      return cursor.pass(PORT) ? readPort(cursor) : null;
    case 0x76: {
      const items = readList(cursor, VECTOR, depth);
      return items === null ? null : { kind: 'vector', items };
    }
    case 0x6e:
      return cursor.pass(NONE) ? none : null;
    case 0x62:
      if (cursor.pass(TRUE)) return { kind: 'boolean', value: true };
      return cursor.pass(FALSE) ? { kind: 'boolean', value: false } : null;
    case 0x69: {
      const value = cursor.pass(INTEGER) ? cursor.whole(true) : null;
      return value === null ? null : { kind: 'integer', value };
    }
    case 0x72:
      return cursor.pass(REAL) ? { kind: 'real', value: cursor.real() } : null;
    case 0x65: {
      const name = cursor.pass(ENUM) ? cursor.text() : null;
      return name === null ? null : { kind: 'enum', name };
    }
    case 0x74: // t
      return readT(cursor, depth);
    default:
      return null;
  }
}

/** string, set, subnet */
function readS(cursor: PlainCursor, depth: number): Value | null {
  const second = cursor.peek(TYPE_AT + 1);
  if (second === 0x74) {
    const content = cursor.pass(STRING) ? cursor.string() : null;
    if (content === null) return null;
    return typeof content === 'string'
      ? { kind: 'string', text: content }
      : { kind: 'bytes', bytes: content };
  }
  if (second === 0x65) {
    const items = readList(cursor, SET, depth);
    return items === null ? null : { kind: 'set', items };
  }
  const subnet = cursor.pass(SUBNET) ? cursor.text() : null;
  return subnet !== null && isSubnet(subnet) ? { kind: 'subnet', subnet } : null;
}

/** timestamp, timespan, table */
function readT(cursor: PlainCursor, depth: number): Value | null {
  if (cursor.peek(TYPE_AT + 1) === 0x61) return readTable(cursor, depth);
  if (cursor.pass(TIMESTAMP)) {
    const nanoseconds = cursor.timestamp();
    return nanoseconds === null ? null : { kind: 'timestamp', nanoseconds };
  }
  const text = cursor.pass(TIMESPAN) ? cursor.text() : null;
  const nanoseconds = text === null ? null : parseTimespan(text);
  return nanoseconds === null ? null : { kind: 'timespan', nanoseconds };
}

function readPort(cursor: PlainCursor): Value | null {
  const number = cursor.portNumber();
  if (number === null) return null;
  for (const [written, protocol] of PROTOCOLS)
    if (cursor.pass(written)) {
      cursor.at -= 1;
      return { kind: 'port', number, protocol };
    }
  return null;
}

function readList(cursor: PlainCursor, opening: Literal, depth: number): Value[] | null {
  return depth < MAX_DEPTH && cursor.pass(opening) ? readPlainItems(cursor, depth + 1) : null;
}

function readTable(cursor: PlainCursor, depth: number): Value | null {
  if (depth >= MAX_DEPTH || !cursor.pass(TABLE)) return null;
  const entries: TableEntry[] = [];
  if (cursor.take(CLOSE_LIST)) return { kind: 'table', entries };
  for (;;) {
    const key = cursor.pass(KEY) ? readPlain(cursor, depth + 1) : null;
    const value = key !== null && cursor.pass(VALUE) ? readPlain(cursor, depth + 1) : null;
    if (key === null || value === null || !cursor.take(CLOSE_OBJECT)) return null;
    entries.push({ key, value });
    if (cursor.take(COMMA)) continue;
    return cursor.take(CLOSE_LIST) ? { kind: 'table', entries } : null;
  }
}
