// What client and server agreed on in MySQL's handshake. Enters: flags; leaves: named answers, or that they are not known.

/** Flags of the MySQL and MariaDB documentation, "Capabilities Flags". */
export const CLIENT_MYSQL = 0x1;
export const CLIENT_CONNECT_WITH_DB = 0x8;
const CLIENT_COMPRESS = 0x20;
export const CLIENT_PROTOCOL_41 = 0x200;
export const CLIENT_SSL = 0x800;
export const CLIENT_SECURE_CONNECTION = 0x8000;
export const CLIENT_PLUGIN_AUTH = 0x8_0000;
export const CLIENT_CONNECT_ATTRS = 0x10_0000;
export const CLIENT_LENENC_AUTH = 0x20_0000;
const CLIENT_SESSION_TRACK = 0x80_0000;
const CLIENT_DEPRECATE_EOF = 0x100_0000;
const CLIENT_OPTIONAL_METADATA = 0x200_0000;
const CLIENT_ZSTD = 0x400_0000;
const CLIENT_QUERY_ATTRIBUTES = 0x800_0000;
/** MariaDB's extended flags. */
const MARIADB_EXTENDED_METADATA = 0x8;
const MARIADB_CACHE_METADATA = 0x10;

/** Null where it was not seen: then the bytes themselves must tell. */
export interface Capabilities {
  readonly protocol41: boolean;
  readonly compressed: boolean;
  readonly sessionTrack: boolean | null;
  readonly deprecateEof: boolean | null;
  readonly queryAttributes: boolean | null;
  /** MySQL: column definitions may be left out, a byte before the column count says so. */
  readonly optionalMetadata: boolean;
  /** MariaDB: the same, with the byte after the count. */
  readonly cachedMetadata: boolean;
  readonly extendedMetadata: boolean | null;
}

/** Of a connection that was under way. */
export const UNKNOWN_CAPABILITIES: Capabilities = {
  protocol41: true,
  compressed: false,
  sessionTrack: null,
  deprecateEof: null,
  queryAttributes: null,
  optionalMetadata: false,
  cachedMetadata: false,
  extendedMetadata: null,
};

/** Flags of one side; `extended` are MariaDB's, 0 for MySQL. */
export interface Flags {
  readonly basic: number;
  readonly extended: number;
}

/** A feature is used when both sides want it. */
export function agree(server: Flags, client: Flags): Capabilities {
  const both = (flag: number): boolean => (server.basic & client.basic & flag) !== 0;
  const extended = server.extended & client.extended;
  return {
    protocol41: (client.basic & CLIENT_PROTOCOL_41) !== 0,
    compressed: both(CLIENT_COMPRESS) || both(CLIENT_ZSTD),
    sessionTrack: both(CLIENT_SESSION_TRACK),
    deprecateEof: both(CLIENT_DEPRECATE_EOF),
    queryAttributes: both(CLIENT_QUERY_ATTRIBUTES),
    optionalMetadata: both(CLIENT_OPTIONAL_METADATA),
    cachedMetadata: (extended & MARIADB_CACHE_METADATA) !== 0,
    extendedMetadata: (extended & MARIADB_EXTENDED_METADATA) !== 0,
  };
}
