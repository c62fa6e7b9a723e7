// Writes MySQL client/server messages for tests. Enters: message fields; leaves: bytes.

export const int8 = (value: number): Buffer => Buffer.of(value & 0xff);
export const int16 = (value: number): Buffer => Buffer.of(value & 0xff, (value >> 8) & 0xff);
export const int32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value >>> 0);
  return bytes;
};
export const cstring = (text: string): Buffer => Buffer.concat([Buffer.from(text), Buffer.of(0)]);

/** A length-encoded string. */
export function lenenc(value: string | Uint8Array): Buffer {
  const bytes = Buffer.from(value);
  if (bytes.length < 251) return Buffer.concat([int8(bytes.length), bytes]);
  return Buffer.concat([int8(0xfc), int16(bytes.length), bytes]);
}

/** A packet; a payload of 16 MiB and more is several. */
export function packet(sequence: number, ...parts: readonly Uint8Array[]): Buffer {
  const payload = Buffer.concat(parts);
  const packets: Buffer[] = [];
  for (let at = 0, number = sequence; ; number += 1) {
    const piece = payload.subarray(at, at + 0xff_ffff);
    packets.push(int16(piece.length), int8(piece.length >> 16), int8(number), piece);
    at += piece.length;
    if (piece.length < 0xff_ffff) return Buffer.concat(packets);
  }
}

export const MYSQL = 0x1;
export const CONNECT_WITH_DB = 0x8;
export const COMPRESS = 0x20;
export const LOCAL_FILES = 0x80;
const PROTOCOL_41 = 0x200;
export const SSL = 0x800;
const SECURE_CONNECTION = 0x8000;
const PLUGIN_AUTH = 0x8_0000;
const CONNECT_ATTRS = 0x10_0000;
export const SESSION_TRACK = 0x80_0000;
export const DEPRECATE_EOF = 0x100_0000;
export const OPTIONAL_METADATA = 0x200_0000;
export const QUERY_ATTRIBUTES = 0x800_0000;
/** What every client of today has. */
export const USUAL = MYSQL | CONNECT_WITH_DB | PROTOCOL_41 | SECURE_CONNECTION | PLUGIN_AUTH;
const EVERYTHING = 0x0fff_ffff;

/** Protocol::HandshakeV10. */
export function greeting(flags = EVERYTHING, extended = 0): Buffer {
  return packet(
    0,
    int8(10),
    cstring('8.0.40'),
    int32(7),
    Buffer.alloc(8, 0x41),
    int8(0),
    int16(flags),
    int8(255),
    int16(2),
    int16(flags >>> 16),
    int8(21),
    Buffer.alloc(6),
    int32(extended),
    Buffer.alloc(12, 0x42),
    int8(0),
    cstring('mysql_native_password'),
  );
}

export interface LoginFields {
  readonly flags?: number;
  readonly extended?: number;
  readonly user?: string;
  readonly database?: string;
  readonly collation?: number;
  readonly proof?: string;
  readonly attributes?: Readonly<Record<string, string>>;
}

/** Protocol::HandshakeResponse41. */
export function login({
  flags = USUAL,
  extended = 0,
  user = 'app',
  database = 'shop',
  collation = 255,
  proof = 'S3CRET-S3CRET-S3CRET',
  attributes,
}: LoginFields = {}): Buffer {
  const pairs = Object.entries(attributes ?? {}).flatMap(([name, value]) => [lenenc(name), lenenc(value)]);
  return packet(
    1,
    int32(flags | (attributes === undefined ? 0 : CONNECT_ATTRS)),
    int32(1 << 24),
    int8(collation),
    Buffer.alloc(19),
    int32(extended),
    cstring(user),
    lenenc(proof),
    (flags & CONNECT_WITH_DB) === 0 ? Buffer.alloc(0) : cstring(database),
    cstring('mysql_native_password'),
    attributes === undefined ? Buffer.alloc(0) : lenenc(Buffer.concat(pairs)),
  );
}

export interface OkFields {
  readonly affected?: number;
  readonly status?: number;
  readonly header?: number;
  /** Session state, with SESSION_TRACK. */
  readonly state?: Uint8Array;
}

export const MORE_RESULTS = 0x8;
export const CURSOR_EXISTS = 0x40;
const STATE_CHANGED = 0x4000;

/** OK_Packet. */
export function ok(sequence: number, { affected = 0, status = 2, header = 0, state }: OkFields = {}): Buffer {
  const changed = state === undefined ? 0 : STATE_CHANGED;
  const info = state === undefined ? [] : [lenenc(''), lenenc(state)];
  return packet(sequence, int8(header), int8(affected), int8(0), int16(status | changed), int16(0), ...info);
}

export const eof = (sequence: number, status = 2): Buffer =>
  packet(sequence, int8(0xfe), int16(0), int16(status));
export const error = (sequence: number, code: number): Buffer =>
  packet(sequence, int8(0xff), int16(code), Buffer.from('#42000no'));

export interface ColumnFields {
  readonly type?: number;
  readonly unsigned?: boolean;
  readonly collation?: number;
}

/** ColumnDefinition41. */
export function column(sequence: number, name: string, fields: ColumnFields = {}): Buffer {
  const { type = 253, unsigned = false, collation = 255 } = fields;
  return packet(
    sequence,
    lenenc('def'),
    lenenc('shop'),
    lenenc('t'),
    lenenc('t'),
    lenenc(name),
    lenenc(name),
    int8(12),
    int16(collation),
    int32(80),
    int8(type),
    int16(unsigned ? 0x20 : 0),
    int8(0),
    int16(0),
  );
}

/** A row of the text protocol. */
export const row = (sequence: number, ...values: readonly (string | null)[]): Buffer =>
  packet(sequence, ...values.map((value) => (value === null ? int8(0xfb) : lenenc(value))));

// What the client sends.
export const command = (code: number, ...parts: readonly Uint8Array[]): Buffer =>
  packet(0, int8(code), ...parts);
export const query = (text: string | Uint8Array): Buffer => command(0x03, Buffer.from(text));
export const prepare = (text: string): Buffer => command(0x16, Buffer.from(text));

/** A bound value: its type, flags, and binary form; null for NULL. */
export interface Bound {
  readonly type: number;
  readonly unsigned?: boolean;
  readonly bytes: Uint8Array | null;
}

/** COM_STMT_EXECUTE; without `types` those of the execution before hold. */
export function execute(id: number, values: readonly Bound[], { types = true, flags = 0 } = {}): Buffer {
  return command(
    0x17,
    int32(id),
    int8(flags),
    int32(1),
    ...(values.length === 0 ? [] : bound(values, types)),
  );
}

function bound(values: readonly Bound[], types: boolean): Buffer[] {
  const nulls = Buffer.alloc((values.length + 7) >> 3);
  values.forEach(({ bytes }, index) => {
    if (bytes === null) nulls[index >> 3] = (nulls[index >> 3] ?? 0) | (1 << (index & 7));
  });
  const listed = types
    ? values.map(({ type, unsigned }) => Buffer.of(type, unsigned === true ? 0x80 : 0))
    : [];
  return [nulls, int8(types ? 1 : 0), ...listed, ...values.map(({ bytes }) => Buffer.from(bytes ?? []))];
}

/** COM_STMT_PREPARE_OK, with definitions and, unless `deprecated`, their EOF packets. */
export function prepared(
  id: number,
  parameters: number,
  columns: readonly string[] = [],
  deprecated = false,
): Buffer {
  let sequence = 2;
  const parts = [packet(1, int8(0), int32(id), int16(columns.length), int16(parameters), int8(0), int16(0))];
  for (const names of [Array<string>(parameters).fill('?'), columns]) {
    for (const name of names) {
      parts.push(column(sequence, name));
      sequence += 1;
    }
    if (names.length > 0 && !deprecated) {
      parts.push(eof(sequence));
      sequence += 1;
    }
  }
  return Buffer.concat(parts);
}

/** A result set of the text protocol. */
export function resultSet(
  names: readonly string[],
  rows: readonly (readonly (string | null)[])[],
  { deprecated = false, status = 2, first = 1 } = {},
): Buffer {
  let sequence = first;
  const next = (): number => {
    sequence += 1;
    return sequence - 1;
  };
  return Buffer.concat([
    packet(next(), int8(names.length)),
    ...names.map((name) => column(next(), name)),
    ...(deprecated ? [] : [eof(next())]),
    ...rows.map((values) => row(next(), ...values)),
    deprecated ? ok(next(), { header: 0xfe, status }) : eof(next(), status),
  ]);
}
