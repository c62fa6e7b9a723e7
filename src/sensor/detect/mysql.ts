// Does this look like MySQL's protocol? Enters: the first bytes of a side, or one segment; leaves: a guess.
import type { Guess } from './guess.ts';

const LONGEST_GREETING = 1024;

/** A server's greeting, protocol 10, with a printable version; or the error that it refuses a host with. */
export function looksLikeGreeting(bytes: Uint8Array): Guess {
  if (bytes.length < 5) return bytes.length >= 4 && bytes[3] !== 0 ? 'no' : 'more';
  const length = (bytes[0] ?? 0) | ((bytes[1] ?? 0) << 8) | ((bytes[2] ?? 0) << 16);
  if (bytes[3] !== 0 || length < 3 || length > LONGEST_GREETING) return 'no';
  if (bytes[4] === 0xff) {
    // An error before the login: numbers from 1000 on, then text, and nothing behind it.
    if (bytes.length < 8) return 'more';
    const code = (bytes[5] ?? 0) | ((bytes[6] ?? 0) << 8);
    if (code < 1000 || code >= 5000) return 'no';
    if (bytes.length < 4 + length) return 'more';
    return bytes.length === 4 + length && isText(bytes, 7, bytes.length) ? 'yes' : 'no';
  }
  if (bytes[4] !== 10) return 'no';
  const end = bytes.indexOf(0, 5);
  if (end < 0) return bytes.length < 4 + length && isText(bytes, 5, bytes.length) ? 'more' : 'no';
  return end > 5 && end < 4 + length && isText(bytes, 5, end) ? 'yes' : 'no';
}

/**
 * One client command that fills its segment exactly: sequence number 0, and a length that agrees, which random bytes meet
 * once in 2^32. What follows the command byte must fit it too.
 */
export function looksLikeCommand(bytes: Uint8Array): boolean {
  if (bytes.length < 5 || bytes[3] !== 0) return false;
  const length = (bytes[0] ?? 0) | ((bytes[1] ?? 0) << 8) | ((bytes[2] ?? 0) << 16);
  if (length !== bytes.length - 4) return false;
  switch (bytes[4]) {
    case 0x01: // COM_QUIT, COM_STATISTICS, COM_PING, COM_RESET_CONNECTION
    case 0x09:
    case 0x0e:
    case 0x1f:
      return length === 1;
    case 0x02: // COM_INIT_DB, COM_QUERY, COM_STMT_PREPARE: text, where COM_QUERY may have attributes before it
    case 0x16:
      return length > 1 && isText(bytes, 5, Math.min(bytes.length, 69));
    case 0x03:
      return (
        length > 1 && isText(bytes, bytes[5] === 0 || bytes[5] === 1 ? 7 : 5, Math.min(bytes.length, 23))
      );
    case 0x17: // COM_STMT_EXECUTE: statement, flags, and an iteration count that is always 1
      return length >= 10 && bytes[10] === 1 && bytes[11] === 0 && bytes[12] === 0 && bytes[13] === 0;
    case 0x19: // COM_STMT_CLOSE, COM_STMT_RESET
    case 0x1a:
      return length === 5;
    case 0x1c: // COM_STMT_FETCH
      return length === 9;
    default:
      return false;
  }
}

/** No control characters but white space. */
function isText(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at += 1) {
    const byte = bytes[at] ?? 0;
    if (byte === 127 || (byte < 32 && (byte < 9 || byte > 13))) return false;
  }
  return true;
}
