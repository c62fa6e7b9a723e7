// Does this look like AMQP 0-9-1? Enters: the first bytes of a side; leaves: a guess.
import { type Guess, startsWith } from './guess.ts';

/** AMQP 0-9-1's protocol header (section 4.2.2 of its specification). */
export function looksLikeAmqpHeader(bytes: Uint8Array): Guess {
  return startsWith(bytes, 'AMQP\x00\x00\x09\x01');
}

/** The classes of 0-9-1 and of RabbitMQ's extensions. */
const CLASSES: ReadonlySet<number> = new Set([10, 20, 40, 50, 60, 85, 90]);
const LONGEST_FRAME = 1 << 20;

/** Whole frames (section 4.2.3): type, channel, size, payload, and the end byte where the size says. */
export function looksLikeAmqpFrame(bytes: Uint8Array): Guess {
  if (bytes.length === 0) return 'more';
  const type = bytes[0] ?? 0;
  if (type !== 1 && type !== 2 && type !== 3 && type !== 8) return 'no';
  if (bytes.length < 7) return 'more';
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const size = view.getUint32(3);
  if (size > LONGEST_FRAME || (type === 8 && size !== 0)) return 'no';
  if ((type === 1 || type === 2) && bytes.length >= 9 && !CLASSES.has(view.getUint16(7))) return 'no';
  if (bytes.length < 8 + size) return 'more';
  return bytes[7 + size] === 0xce ? 'yes' : 'no';
}
