// MySQL's length-encoded numbers and strings. Enters: a reader; leaves: values.
import type { ByteReader } from '../sql/byte-reader.ts';

const NOTHING = new Uint8Array(0);

/** A length-encoded integer (MySQL documentation, "Protocol::LengthEncodedInteger"); null where it stands for NULL. */
export function readLenenc(reader: ByteReader): number | null {
  const first = reader.u8();
  if (first < 0xfb) return first;
  switch (first) {
    case 0xfb:
      return null;
    case 0xfc:
      return reader.u16le();
    case 0xfd:
      return reader.u24le();
    case 0xfe: {
      const value = reader.u64le();
      if (value > BigInt(Number.MAX_SAFE_INTEGER)) reader.ok = false;
      return Number(value);
    }
    default:
      reader.ok = false;
      return 0;
  }
}

/** A length-encoded string; null for NULL. */
export function readLenencBytes(reader: ByteReader): Uint8Array | null {
  const length = readLenenc(reader);
  return length === null ? null : reader.take(length);
}

/** A length-encoded string that cannot be NULL. */
export function readPlainBytes(reader: ByteReader): Uint8Array {
  const bytes = readLenencBytes(reader);
  if (bytes === null) reader.ok = false;
  return bytes ?? NOTHING;
}
