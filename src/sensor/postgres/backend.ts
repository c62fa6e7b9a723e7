// The server's messages. Enters: message bodies; leaves: their fields.
import { ByteReader } from '../sql/byte-reader.ts';
import { decodeText, latin1 } from '../sql/text.ts';

export interface ColumnDescription {
  readonly name: string;
  readonly oid: number;
  readonly format: number;
}

/** RowDescription; null when it breaks its own rules. */
export function readRowDescription(body: Uint8Array): readonly ColumnDescription[] | null {
  const reader = new ByteReader(body);
  const count = reader.u16be();
  const columns: ColumnDescription[] = [];
  for (let i = 0; i < count && reader.ok; i += 1) {
    const name = decodeText(reader.untilZero()).text;
    reader.take(6);
    const oid = reader.u32be();
    reader.take(6);
    columns.push({ name, oid, format: reader.u16be() });
  }
  return reader.finished ? columns : null;
}

/** ParameterDescription: the type of each parameter. */
export function readParameterDescription(body: Uint8Array): readonly number[] | null {
  const reader = new ByteReader(body);
  const count = reader.u16be();
  if (count * 4 !== reader.left) return null;
  const oids: number[] = [];
  for (let i = 0; i < count; i += 1) oids.push(reader.u32be());
  return oids;
}

/** The cells of a DataRow. */
export function readDataRow(body: Uint8Array): readonly (Uint8Array | null)[] | null {
  const reader = new ByteReader(body);
  const count = reader.u16be();
  const cells: (Uint8Array | null)[] = [];
  for (let i = 0; i < count && reader.ok; i += 1) {
    const length = reader.i32be();
    if (length < -1) return null;
    cells.push(length === -1 ? null : reader.take(length));
  }
  return reader.finished ? cells : null;
}

/** The SQLSTATE of an ErrorResponse (its field C); empty when it has none. */
export function readErrorCode(body: Uint8Array): string {
  const reader = new ByteReader(body);
  for (;;) {
    const field = reader.u8();
    if (field === 0) return '';
    const value = reader.untilZero();
    if (field === 0x43) return latin1(value.subarray(0, 5));
  }
}

/** Commands whose number is of rows changed; that of SELECT or FETCH is of rows sent. */
const CHANGES = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE', 'COPY']);

/** A CommandComplete's tag without its number, and the rows that it says were changed. */
export function readTag(body: Uint8Array): { readonly command: string; readonly affected: number | null } {
  const text = latin1(new ByteReader(body).untilZero());
  const parts = /^([A-Z ]{1,40}?)(?: \d{1,10})? (\d{1,15})$/.exec(text);
  if (parts === null) return { command: text, affected: null };
  const command = parts[1] ?? '';
  return { command, affected: CHANGES.has(command) ? Number(parts[2]) : null };
}

/** ParameterStatus. */
export function readParameterStatus(
  body: Uint8Array,
): { readonly name: string; readonly value: string } | null {
  const reader = new ByteReader(body);
  const name = latin1(reader.untilZero());
  const value = latin1(reader.untilZero());
  return reader.finished ? { name, value } : null;
}

/** True for UTF8 and its aliases, as the server and its clients spell them. */
export function isUtf8Name(encoding: string): boolean {
  const plain = encoding
    .slice(0, 64)
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '');
  return plain === 'utf8' || plain === 'unicode';
}
