// MySQL's messages of a login. Enters: message bodies; leaves: who wants in where, and what both sides can do.
import { ByteReader } from '../sql/byte-reader.ts';
import { decodeText } from '../sql/text.ts';
import {
  CLIENT_CONNECT_ATTRS,
  CLIENT_CONNECT_WITH_DB,
  CLIENT_LENENC_AUTH,
  CLIENT_MYSQL,
  CLIENT_PLUGIN_AUTH,
  CLIENT_PROTOCOL_41,
  CLIENT_SECURE_CONNECTION,
  type Flags,
} from './capabilities.ts';
import { readPlainBytes } from './lenenc.ts';

/** The server's greeting; the challenge in it is not kept. */
export interface Greeting {
  readonly flags: Flags;
}

/** Who logs in. What proves it is passed over, never kept. */
export interface LoginRequest {
  readonly flags: Flags;
  readonly user: string;
  readonly database: string | null;
  /** Collation number; null where the packet has none. */
  readonly collation: number | null;
  readonly attributes: ReadonlyMap<string, string>;
}

/** Protocol::HandshakeV10, or V9 of the oldest servers; null for anything else. */
export function readGreeting(body: Uint8Array): Greeting | null {
  const reader = new ByteReader(body);
  const version = reader.u8();
  if (version !== 10 && version !== 9) return null;
  reader.untilZero();
  reader.u32le();
  if (version === 9) {
    reader.untilZero();
    return reader.ok ? { flags: { basic: 0, extended: 0 } } : null;
  }
  reader.take(9);
  let basic = reader.u16le();
  if (!reader.ok) return null;
  if (reader.left === 0) return { flags: { basic, extended: 0 } };
  reader.take(3);
  basic |= reader.u16le() << 16;
  reader.take(7);
  const extended = reader.u32le();
  // MariaDB leaves the flag out to say that it means its own extended ones.
  return reader.ok
    ? { flags: { basic: basic >>> 0, extended: (basic & CLIENT_MYSQL) === 0 ? extended : 0 } }
    : null;
}

/** The flags of a response or of an SSLRequest. */
export function readFlags(body: Uint8Array): Flags {
  const reader = new ByteReader(body);
  const low = reader.u16le();
  if ((low & CLIENT_PROTOCOL_41) === 0) return { basic: low, extended: 0 };
  const basic = ((reader.u16le() << 16) | low) >>> 0;
  reader.take(24);
  const extended = reader.u32le();
  return { basic, extended: reader.ok && (basic & CLIENT_MYSQL) === 0 ? extended : 0 };
}

/** Protocol::HandshakeResponse41 or 320; null when it breaks off. */
export function readLoginRequest(body: Uint8Array): LoginRequest | null {
  const flags = readFlags(body);
  const reader = new ByteReader(body);
  if ((flags.basic & CLIENT_PROTOCOL_41) === 0) return readLogin320(reader, flags);
  reader.take(8);
  const collation = reader.u8();
  reader.take(23);
  const user = decodeText(reader.untilZero()).text;
  skipProof(reader, flags);
  const named = (flags.basic & CLIENT_CONNECT_WITH_DB) !== 0 && reader.left > 0;
  const database = named ? decodeText(readEnding(reader)).text : '';
  const attributes = readEndOfLogin(reader, flags);
  if (!reader.ok) return null;
  return { flags, user, database: database === '' ? null : database, collation, attributes };
}

/** COM_CHANGE_USER without its command byte; `flags` are those of the login. */
export function readChangeUser(body: Uint8Array, flags: Flags | null): LoginRequest | null {
  const reader = new ByteReader(body);
  const basic = flags?.basic ?? CLIENT_PROTOCOL_41 | CLIENT_SECURE_CONNECTION | CLIENT_PLUGIN_AUTH;
  const user = decodeText(reader.untilZero()).text;
  if ((basic & CLIENT_SECURE_CONNECTION) === 0) reader.untilZero();
  else reader.take(reader.u8());
  const database = decodeText(reader.untilZero()).text;
  if (!reader.ok) return null;
  const collation = reader.left >= 2 ? reader.u16le() : null;
  const known: Flags = flags ?? { basic, extended: 0 };
  const attributes = reader.left > 0 ? readEndOfLogin(reader, known) : new Map<string, string>();
  return { flags: known, user, database: database === '' ? null : database, collation, attributes };
}

function readLogin320(reader: ByteReader, flags: Flags): LoginRequest | null {
  reader.take(5);
  const user = decodeText(reader.untilZero()).text;
  if (!reader.ok) return null;
  let database = '';
  if ((flags.basic & CLIENT_CONNECT_WITH_DB) !== 0 && reader.left > 0) {
    reader.untilZero();
    database = decodeText(readEnding(reader)).text;
  }
  return { flags, user, database: database === '' ? null : database, collation: null, attributes: new Map() };
}

function skipProof(reader: ByteReader, { basic }: Flags): void {
  if ((basic & CLIENT_LENENC_AUTH) !== 0) readPlainBytes(reader);
  else if ((basic & CLIENT_SECURE_CONNECTION) !== 0) reader.take(reader.u8());
  else readEnding(reader);
}

/** Some clients leave the last zero byte out. */
function readEnding(reader: ByteReader): Uint8Array {
  return reader.ok && reader.bytes.indexOf(0, reader.at) < 0 ? reader.rest() : reader.untilZero();
}

/** The plug-in's name and the connection attributes. */
function readEndOfLogin(reader: ByteReader, { basic }: Flags): ReadonlyMap<string, string> {
  const attributes = new Map<string, string>();
  if ((basic & CLIENT_PLUGIN_AUTH) !== 0 && reader.left > 0) readEnding(reader);
  if ((basic & CLIENT_CONNECT_ATTRS) === 0 || reader.left === 0) return attributes;
  const inner = new ByteReader(readPlainBytes(reader));
  while (inner.ok && inner.left > 0) {
    const name = decodeText(readPlainBytes(inner)).text;
    const value = decodeText(readPlainBytes(inner)).text;
    if (inner.ok) attributes.set(name, value);
  }
  return attributes;
}
