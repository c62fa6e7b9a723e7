// The client's messages of the extended query protocol. Enters: message bodies; leaves: their fields, or null.
import { ByteReader } from '../sql/byte-reader.ts';
import { latin1 } from '../sql/text.ts';

/**
 * Names of statements and portals differ in their first 63 bytes or not at all: the server's tables cut them
 * (NAMEDATALEN in prepare.c and portalmem.c), so a Close of a longer name can hit another one.
 */
const LONGEST_NAME = 63;

export interface ParseMessage {
  readonly name: string;
  readonly text: Uint8Array;
  readonly oids: readonly number[];
}

export interface BindMessage {
  readonly portal: string;
  readonly statement: string;
  readonly values: readonly (Uint8Array | null)[];
  /** Format codes: none is text for all, one is for all, else one each. */
  readonly formats: Uint8Array;
  readonly resultFormats: Uint8Array;
}

/** A name, compared as Latin-1 so that every byte counts. */
export function readName(reader: ByteReader): string {
  return latin1(reader.untilZero().subarray(0, LONGEST_NAME));
}

/** A string that is the whole body (PostgreSQL documentation, "Query"). Null when it does not end where the message does. */
export function readString(body: Uint8Array): Uint8Array | null {
  const reader = new ByteReader(body);
  const text = reader.untilZero();
  return reader.finished ? text : null;
}

/** Statement name, text, parameter type numbers. */
export function readParse(body: Uint8Array): ParseMessage | null {
  const reader = new ByteReader(body);
  const name = readName(reader);
  const text = reader.untilZero();
  const count = reader.u16be();
  if (count * 4 !== reader.left) return null;
  const oids: number[] = [];
  for (let i = 0; i < count; i += 1) oids.push(reader.u32be());
  return reader.finished ? { name, text, oids } : null;
}

/** Portal and statement names, parameter formats and values, result formats. */
export function readBind(body: Uint8Array): BindMessage | null {
  const reader = new ByteReader(body);
  const portal = readName(reader);
  const statement = readName(reader);
  const formats = readFormats(reader);
  const count = reader.u16be();
  const values: (Uint8Array | null)[] = [];
  for (let i = 0; i < count && reader.ok; i += 1) {
    const length = reader.i32be();
    if (length < -1) return null;
    values.push(length === -1 ? null : reader.take(length));
  }
  const resultFormats = readFormats(reader);
  if (!reader.finished || formats === null || resultFormats === null) return null;
  return { portal, statement, values, formats, resultFormats };
}

/** `portal` and `statement` of a Bind whose rest is not there. */
export function readBindNames(body: Uint8Array): { portal: string; statement: string } | null {
  const reader = new ByteReader(body);
  const portal = readName(reader);
  const statement = readName(reader);
  return reader.ok ? { portal, statement } : null;
}

/** Describe and Close: `S` or `P`, and a name. */
export function readTarget(body: Uint8Array): { readonly what: 'S' | 'P'; readonly name: string } | null {
  const reader = new ByteReader(body);
  const what = String.fromCharCode(reader.u8());
  const name = readName(reader);
  return reader.finished && (what === 'S' || what === 'P') ? { what, name } : null;
}

/** Portal name and the most rows wanted, 0 for all. */
export function readExecute(body: Uint8Array): { readonly portal: string; readonly rows: number } | null {
  const reader = new ByteReader(body);
  const portal = readName(reader);
  const rows = reader.i32be();
  return reader.finished ? { portal, rows } : null;
}

/** The format of value `index`; null when the codes do not reach so far. */
export function formatOf(formats: Uint8Array, index: number): number | null {
  if (formats.length === 0) return 0;
  return (formats.length === 1 ? formats[0] : formats[index]) ?? null;
}

/** Null for a code that does not exist. Kept as bytes, because a peer may send 65,535 of them. */
function readFormats(reader: ByteReader): Uint8Array | null {
  const count = reader.u16be();
  if (count * 2 > reader.left) {
    reader.ok = false;
    return null;
  }
  const formats = new Uint8Array(count);
  for (let i = 0; i < count; i += 1) {
    const code = reader.u16be();
    if (code > 1) return null;
    formats[i] = code;
  }
  return formats;
}
