// Writes PostgreSQL protocol 3 messages for tests. Enters: message fields; leaves: bytes.

/** A value as a Bind or DataRow carries it: text, bytes, or NULL. */
export type Value = string | Uint8Array | null;

export const int16 = (value: number): Buffer => Buffer.of((value >> 8) & 0xff, value & 0xff);
export const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value | 0);
  return bytes;
};
export const cstring = (text: string | Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(text), Buffer.of(0)]);

/** A typed message. */
export function message(type: string, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([Buffer.from(type, 'latin1'), int32(body.length + 4), body]);
}

/** A message without a type byte. */
export function untyped(code: number, ...parts: readonly Uint8Array[]): Buffer {
  const body = Buffer.concat([int32(code), ...parts]);
  return Buffer.concat([int32(body.length + 4), body]);
}

export const SSL_REQUEST = untyped(80_877_103);
export const GSS_REQUEST = untyped(80_877_104);
export const cancel = (process: number, key: number): Buffer =>
  untyped(80_877_102, int32(process), int32(key));

export function startup(parameters: Readonly<Record<string, string>>, version = 196_608): Buffer {
  const pairs = Object.entries(parameters).flatMap(([name, value]) => [cstring(name), cstring(value)]);
  return untyped(version, ...pairs, Buffer.of(0));
}

// What the client sends.
export const query = (text: string | Uint8Array): Buffer => message('Q', cstring(text));
export const parse = (name: string, text: string | Uint8Array, oids: readonly number[] = []): Buffer =>
  message('P', cstring(name), cstring(text), int16(oids.length), ...oids.map(int32));

export interface BindFields {
  readonly portal?: string;
  readonly statement?: string;
  readonly values?: readonly Value[];
  readonly formats?: readonly number[];
  readonly results?: readonly number[];
}

export function bind({
  portal = '',
  statement = '',
  values = [],
  formats = [],
  results = [],
}: BindFields): Buffer {
  return message(
    'B',
    cstring(portal),
    cstring(statement),
    int16(formats.length),
    ...formats.map(int16),
    int16(values.length),
    ...values.flatMap(cell),
    int16(results.length),
    ...results.map(int16),
  );
}

export const describe = (what: 'S' | 'P', name = ''): Buffer =>
  message('D', Buffer.from(what), cstring(name));
export const close = (what: 'S' | 'P', name = ''): Buffer => message('C', Buffer.from(what), cstring(name));
export const execute = (portal = '', rows = 0): Buffer => message('E', cstring(portal), int32(rows));
export const SYNC = message('S');
export const FLUSH = message('H');
export const TERMINATE = message('X');
export const password = (secret: string): Buffer => message('p', cstring(secret));

// What the server sends.
export const AUTHENTICATION_OK = message('R', int32(0));
export const ASK_PASSWORD = message('R', int32(3));
export const parameterStatus = (name: string, value: string): Buffer =>
  message('S', cstring(name), cstring(value));
export const KEY_DATA = message('K', int32(4711), int32(99));
export const ready = (status: 'I' | 'T' | 'E' = 'I'): Buffer => message('Z', Buffer.from(status));
export const PARSED = message('1');
export const BOUND = message('2');
export const CLOSED = message('3');
export const NO_DATA = message('n');
export const SUSPENDED = message('s');
export const EMPTY = message('I');
export const complete = (tag: string): Buffer => message('C', cstring(tag));
export const error = (code: string, severity = 'ERROR'): Buffer =>
  message('E', cstring(`S${severity}`), cstring(`C${code}`), cstring('Mno'), Buffer.of(0));
export const parameters = (...oids: readonly number[]): Buffer =>
  message('t', int16(oids.length), ...oids.map(int32));
export const row = (...values: readonly Value[]): Buffer =>
  message('D', int16(values.length), ...values.flatMap(cell));

/** Columns as `name`, type number and format. */
export function columns(...list: readonly (readonly [name: string, oid: number, format?: number])[]): Buffer {
  const described = list.flatMap(([name, oid, format = 0]) => [
    cstring(name),
    Buffer.alloc(6),
    int32(oid),
    Buffer.alloc(6),
    int16(format),
  ]);
  return message('T', int16(list.length), ...described);
}

/** All that a server says from AuthenticationOk on. */
export const WELCOME = Buffer.concat([
  AUTHENTICATION_OK,
  parameterStatus('client_encoding', 'UTF8'),
  KEY_DATA,
  ready(),
]);

function cell(value: Value): Buffer[] {
  if (value === null) return [int32(-1)];
  const bytes = Buffer.from(value);
  return [int32(bytes.length), bytes];
}
