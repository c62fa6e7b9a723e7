// Does this look like PostgreSQL's protocol? Enters: the first bytes of a side; leaves: a guess.
import type { Guess } from './guess.ts';

const SSL_REQUEST = 80_877_103;
const GSS_REQUEST = 80_877_104;
const CANCEL_REQUEST = 80_877_102;
/** The server refuses longer start-up packets (MAX_STARTUP_PACKET_LENGTH). */
const LONGEST_STARTUP = 10_000;

/** A start-up message, SSLRequest, GSSENCRequest or CancelRequest (PostgreSQL documentation, "Message Formats"). */
export function looksLikeStartup(bytes: Uint8Array): Guess {
  if (bytes.length > 0 && bytes[0] !== 0) return 'no';
  if (bytes.length < 8) return 'more';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const length = view.getUint32(0);
  const code = view.getUint32(4);
  if (code === SSL_REQUEST || code === GSS_REQUEST) return length === 8 ? 'yes' : 'no';
  if (code === CANCEL_REQUEST) return length >= 16 && length <= 268 ? 'yes' : 'no';
  return code >>> 16 === 3 && (code & 0xffff) < 100 && length >= 9 && length <= LONGEST_STARTUP
    ? 'yes'
    : 'no';
}

const FRONTEND = new Set([...'QPBEDSCHXFpdcf'].map((letter) => letter.charCodeAt(0)));
const BACKEND = new Set([...'RSKZTDCEN123nstIAGHWVcdv'].map((letter) => letter.charCodeAt(0)));
const LONGEST_MESSAGE = 1 << 24;
/** Messages with a fixed length, which random bytes do not hit. */
const FIXED: Readonly<Record<'orig' | 'resp', ReadonlyMap<number, number>>> = {
  orig: new Map([...'SHXc'].map((letter) => [letter.charCodeAt(0), 4])),
  resp: new Map([
    ...[...'123nsIc'].map((letter): [number, number] => [letter.charCodeAt(0), 4]),
    ['Z'.charCodeAt(0), 5],
  ]),
};

/** Typed messages one after another, up to the end of what is there or into a message that is not whole. */
export function looksLikeMessages(bytes: Uint8Array, side: 'orig' | 'resp'): Guess {
  const types = side === 'orig' ? FRONTEND : BACKEND;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  let whole = 0;
  for (let at = 0; at < bytes.length; ) {
    const type = bytes[at] ?? 0;
    if (!types.has(type)) return 'no';
    if (at + 5 > bytes.length) return whole > 0 ? 'yes' : 'more';
    const length = view.getUint32(at + 1);
    const fixed = FIXED[side].get(type);
    if (length < 4 || length > LONGEST_MESSAGE || (fixed !== undefined && fixed !== length)) return 'no';
    // The text of a simple query ends with a zero byte.
    if (side === 'orig' && type === 0x51 && at + 1 + length <= bytes.length && bytes[at + length] !== 0) {
      return 'no';
    }
    if (at + 1 + length <= bytes.length) whole += 1;
    at += 1 + length;
  }
  return whole > 0 ? 'yes' : 'more';
}
