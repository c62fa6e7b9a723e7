// Is this positively something that we do not parse? Enters: the first bytes of a side; leaves: its name, or that it is not.
import { type Finding, startsWith } from './guess.ts';

const NONE: Finding = { kind: 'none' };
const MORE: Finding = { kind: 'more' };

/** TLS, HTTP/2, SSH, Redis, the other versions of AMQP, and mail or file transfer greetings. */
export function findForeign(bytes: Uint8Array, side: 'orig' | 'resp', midstream: boolean): Finding {
  if (bytes.length === 0) return MORE;
  let more = false;
  for (const [text, name, cause] of PREFIXES) {
    const guess = startsWith(bytes, text);
    if (guess === 'yes') return { kind: 'foreign', cause, name };
    more ||= guess === 'more';
  }
  if (isTls(bytes)) return { kind: 'foreign', cause: 'tls', name: 'TLS' };
  if (isRedis(bytes)) return { kind: 'foreign', cause: null, name: 'Redis' };
  if ((midstream || side === 'resp') && isHttp2Frame(bytes, midstream)) {
    return { kind: 'foreign', cause: 'http2', name: 'HTTP/2' };
  }
  if (bytes[0] === 0x16 && bytes.length < 6) more = true;
  if (bytes[0] === 0x2a && bytes.length < 8) more = true;
  return more ? MORE : NONE;
}

const PREFIXES: readonly (readonly [text: string, name: string, cause: 'http2' | null])[] = [
  ['PRI * HTTP/2.0\r\n', 'HTTP/2', 'http2'],
  ['SSH-', 'SSH', null],
  ['AMQP\x00\x01', 'AMQP 1.0', null],
  ['AMQP\x02\x01', 'AMQP 1.0 over TLS', null],
  ['AMQP\x03\x01', 'AMQP 1.0 over SASL', null],
  ['AMQP\x01\x01', 'an AMQP before 0-9-1', null],
  ['220 ', 'SMTP or FTP', null],
  ['220-', 'SMTP or FTP', null],
];

/** A TLS record header (RFC 8446 section 5.1); of a handshake, also its message type. */
function isTls(bytes: Uint8Array): boolean {
  if (bytes.length < 6) return false;
  const type = bytes[0] ?? 0;
  const minor = bytes[2] ?? 0;
  const length = ((bytes[3] ?? 0) << 8) | (bytes[4] ?? 0);
  if (type < 0x14 || type > 0x17 || bytes[1] !== 3 || minor > 4 || length === 0 || length > 18_432)
    return false;
  return type !== 0x16 || TLS_MESSAGES.has(bytes[5] ?? 0) || bytes.length > 5 + length;
}

const TLS_MESSAGES: ReadonlySet<number> = new Set([0, 1, 2, 4, 8, 11, 12, 13, 14, 15, 16, 20]);

/** An array of bulk strings: what every Redis client library sends (RESP). */
function isRedis(bytes: Uint8Array): boolean {
  if (bytes[0] !== 0x2a) return false;
  const head = Buffer.from(bytes.subarray(0, 24)).toString('latin1');
  return /^\*\d{1,7}\r\n[$*:]-?\d/.test(head);
}

/**
 * An HTTP/2 frame (RFC 9113 section 4.1): SETTINGS as every server begins with, and midstream also HEADERS, DATA or
 * WINDOW_UPDATE that end with the bytes or are followed by another valid frame.
 */
function isHttp2Frame(bytes: Uint8Array, midstream: boolean): boolean {
  for (let at = 0, frames = 0; ; frames += 1) {
    if (at === bytes.length) return frames > 0;
    if (at + 9 > bytes.length) return frames > 1;
    const length = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    const type = bytes[at + 3] ?? 0;
    const flags = bytes[at + 4] ?? 0;
    const stream =
      (((bytes[at + 5] ?? 0) << 24) |
        ((bytes[at + 6] ?? 0) << 16) |
        ((bytes[at + 7] ?? 0) << 8) |
        (bytes[at + 8] ?? 0)) >>>
      0;
    const plausible =
      (type === 4 && stream === 0 && length % 6 === 0 && flags < 2) ||
      (midstream && type === 1 && stream > 0 && stream < 1 << 28 && length > 0 && (flags & ~0x2d) === 0) ||
      ((midstream || frames > 0) && type === 0 && stream > 0 && stream < 1 << 28 && (flags & ~9) === 0) ||
      ((midstream || frames > 0) && type === 8 && length === 4 && flags === 0 && stream < 1 << 28) ||
      (frames > 0 && (type === 6 || type === 7 || type === 3) && length < 256);
    if (!plausible || length > 16_384 || (frames === 0 && type === 0)) return false;
    at += 9 + length;
    if (at > bytes.length) return frames > 0;
  }
}
