// Where reading can begin in a MySQL connection under way. Enters: the bytes of a segment; leaves: whether a packet begins there.
import { looksLikeCommand } from '../detect/mysql.ts';
import type { Pending } from './state.ts';

const HEADER = 4;

/** One command after another, up to exactly the end of the bytes. */
export function beginsCommands(bytes: Uint8Array): boolean {
  for (let at = 0; at < bytes.length; ) {
    const end = at + HEADER + lengthAt(bytes, at);
    if (end > bytes.length || !looksLikeCommand(bytes.subarray(at, end))) return false;
    at = end;
  }
  return bytes.length > 0;
}

/** The first packet of the answer that is waited for: its number follows the command's. */
export function beginsAnswer(bytes: Uint8Array, awaited: Pending | undefined): boolean {
  if (awaited === undefined || bytes.length <= HEADER) return false;
  return bytes[3] === awaited.next && lengthAt(bytes, 0) > 0;
}

function lengthAt(bytes: Uint8Array, at: number): number {
  return (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8) | ((bytes[at + 2] ?? 0) << 16);
}
