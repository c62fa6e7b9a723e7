// Bytes of a SQL text as characters. Enters: bytes; leaves: text, and how sure it is.

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** `ascii`: read alike in every encoding that a client may choose. `valid`: well-formed UTF-8. */
export interface DecodedText {
  readonly text: string;
  readonly ascii: boolean;
  readonly valid: boolean;
}

/** UTF-8 where the bytes are valid UTF-8, else Latin-1, so that every byte survives. */
export function decodeText(bytes: Uint8Array): DecodedText {
  if (isAscii(bytes)) return { text: latin1(bytes), ascii: true, valid: true };
  try {
    return { text: UTF8.decode(bytes), ascii: false, valid: true };
  } catch {
    return { text: latin1(bytes), ascii: false, valid: false };
  }
}

/** One character a byte. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** Lower-case hex. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('hex');
}

function isAscii(bytes: Uint8Array): boolean {
  for (const byte of bytes) if (byte > 0x7f) return false;
  return true;
}
