// MySQL's generic replies and column definitions. Enters: message bodies; leaves: their fields.
import { ByteReader } from '../sql/byte-reader.ts';
import { decodeText, latin1 } from '../sql/text.ts';
import type { Capabilities } from './capabilities.ts';
import { readLenenc, readPlainBytes } from './lenenc.ts';

const MORE_RESULTS = 0x8;
const CURSOR_EXISTS = 0x40;
const SESSION_STATE_CHANGED = 0x4000;
const TRACK_VARIABLES = 0;
const TRACK_SCHEMA = 1;
/** The number of MariaDB's progress reports, which look like errors. */
export const PROGRESS_REPORT = 0xffff;

export interface OkReply {
  readonly affected: number;
  readonly moreResults: boolean;
  readonly cursor: boolean;
  /** What the server says changed; undefined where it says nothing. */
  readonly database: string | undefined;
  readonly charset: string | undefined;
}

/** OK_Packet, with header 0x00 or 0xfe. */
export function readOk(body: Uint8Array, capabilities: Capabilities): OkReply {
  const reader = new ByteReader(body);
  reader.u8();
  const affected = readLenenc(reader) ?? 0;
  readLenenc(reader);
  const status = reader.left >= 2 ? reader.u16le() : 0;
  if (capabilities.protocol41) reader.u16le();
  const changed = capabilities.sessionTrack === true && (status & SESSION_STATE_CHANGED) !== 0 && reader.ok;
  const session = changed ? readSessionState(reader) : { database: undefined, charset: undefined };
  return {
    affected,
    moreResults: (status & MORE_RESULTS) !== 0,
    cursor: (status & CURSOR_EXISTS) !== 0,
    ...session,
  };
}

/** EOF_Packet. */
export function readEof(body: Uint8Array): OkReply {
  const reader = new ByteReader(body);
  reader.take(3);
  const status = reader.left >= 2 ? reader.u16le() : 0;
  return {
    affected: 0,
    moreResults: (status & MORE_RESULTS) !== 0,
    cursor: (status & CURSOR_EXISTS) !== 0,
    database: undefined,
    charset: undefined,
  };
}

/** True for an EOF_Packet, which is five bytes long, or one before protocol 4.1. */
export function isEof({ body, length }: { readonly body: Uint8Array; readonly length: number }): boolean {
  return body[0] === 0xfe && length <= 5;
}

/** The number of an ERR_Packet. */
export function readErrorNumber(body: Uint8Array): number {
  const reader = new ByteReader(body);
  reader.u8();
  return reader.u16le();
}

/** "Session State Information": of all that is tracked, the schema and the client's character set. */
function readSessionState(reader: ByteReader): {
  readonly database: string | undefined;
  readonly charset: string | undefined;
} {
  readPlainBytes(reader);
  const state = new ByteReader(readPlainBytes(reader));
  let database: string | undefined;
  let charset: string | undefined;
  while (state.ok && state.left > 0) {
    const type = state.u8();
    const item = new ByteReader(readPlainBytes(state));
    if (type === TRACK_SCHEMA) {
      const name = decodeText(readPlainBytes(item)).text;
      if (item.ok) database = name;
    }
    // MariaDB puts several variables into one item.
    while (type === TRACK_VARIABLES && item.ok && item.left > 0) {
      const name = latin1(readPlainBytes(item));
      const value = latin1(readPlainBytes(item));
      if (item.ok && name === 'character_set_client') charset = value;
    }
  }
  return { database, charset };
}

/** No table has more columns. */
const MOST_COLUMNS = 4096;

/** The number of columns that begins a result set, and whether their definitions follow; null when it is none. */
export function readResultHeader(
  body: Uint8Array,
  capabilities: Capabilities,
): { readonly columns: number; readonly defined: boolean } | null {
  const reader = new ByteReader(body);
  const left = capabilities.optionalMetadata && reader.u8() === 0;
  const columns = readLenenc(reader) ?? 0;
  const cached = capabilities.cachedMetadata && reader.ok && reader.left > 0 && reader.u8() === 0;
  if (!reader.finished || columns === 0 || columns > MOST_COLUMNS) return null;
  return { columns, defined: !left && !cached };
}

export interface PrepareReply {
  readonly id: number;
  readonly columns: number;
  readonly parameters: number;
  /** False when the definitions are left out. */
  readonly definitions: boolean;
}

/** COM_STMT_PREPARE_OK; null when it breaks off. */
export function readPrepareOk(body: Uint8Array, capabilities: Capabilities): PrepareReply | null {
  const reader = new ByteReader(body);
  reader.u8();
  const id = reader.u32le();
  const columns = reader.u16le();
  const parameters = reader.u16le();
  if (!reader.ok) return null;
  reader.take(3);
  const definitions = !(capabilities.optionalMetadata && reader.ok && reader.left > 0 && reader.u8() === 0);
  return { id, columns, parameters, definitions };
}

export interface Column {
  readonly name: string;
  readonly type: number;
  readonly unsigned: boolean;
  /** The values are bytes and no text (character set 63). */
  readonly binary: boolean;
}

const FIXED_LENGTH = 0x0c;
const UNSIGNED = 0x20;
const BINARY_COLLATION = 63;

/** Of the protocol before 4.1: nothing that its text form would be needed for. */
const OLD_COLUMN: Column = { name: '', type: 253, unsigned: false, binary: false };
/** Longest name kept (bytes): the server allows 256 characters. */
const LONGEST_NAME = 1024;

/** ColumnDefinition41; null when it is none. */
export function readColumn(body: Uint8Array, capabilities: Capabilities): Column | null {
  if (!capabilities.protocol41) return OLD_COLUMN;
  const reader = new ByteReader(body);
  for (let i = 0; i < 4; i += 1) readPlainBytes(reader);
  const name = decodeText(readPlainBytes(reader).subarray(0, LONGEST_NAME)).text;
  readPlainBytes(reader);
  // MariaDB may put more about the type here, itself length-encoded; the fixed part always is 12 bytes long.
  const { extendedMetadata } = capabilities;
  if (extendedMetadata === true || (extendedMetadata === null && body[reader.at] !== FIXED_LENGTH)) {
    readPlainBytes(reader);
  }
  if (reader.u8() !== FIXED_LENGTH) return null;
  const collation = reader.u16le();
  reader.u32le();
  const type = reader.u8();
  const flags = reader.u16le();
  reader.take(3);
  if (!reader.ok) return null;
  return { name, type, unsigned: (flags & UNSIGNED) !== 0, binary: collation === BINARY_COLLATION };
}
