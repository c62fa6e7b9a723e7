// The TCP header (RFC 9293 section 3.1). Enters: a segment with IP's payload; leaves: its fields, and TCP's payload.
import type { Ignored } from '../link/ignored.ts';
import { type Segment, SYN } from '../segment.ts';

/** Reads the header at `segment.start` and moves `start` behind it. */
export function readTcpHeader(segment: Segment): Ignored | null {
  const { bytes, start, end } = segment;
  if (start + 20 > end) return 'tcp-header';
  const header = ((bytes[start + 12] ?? 0) >> 4) * 4;
  const beyond = start + header - end;
  if (header < 20 || beyond > segment.missing) return 'tcp-header';
  segment.srcPort = u16(bytes, start);
  segment.dstPort = u16(bytes, start + 2);
  segment.seq = u32(bytes, start + 4);
  segment.ack = u32(bytes, start + 8);
  segment.flags = bytes[start + 13] ?? 0;
  segment.window = u16(bytes, start + 14);
  segment.urgent = u16(bytes, start + 18);
  // The snap length may have cut the options: all of the payload is missing then.
  if (beyond > 0) segment.missing -= beyond;
  segment.scale = (segment.flags & SYN) === 0 ? -1 : windowScale(bytes, start + 20, start + header);
  segment.start = beyond > 0 ? end : start + header;
  return null;
}

/** The window scale option (RFC 7323 section 2.2), at most 14; -1 when there is none. */
function windowScale(bytes: Uint8Array, from: number, to: number): number {
  const end = Math.min(to, bytes.length);
  for (let at = from; at < end; ) {
    const kind = bytes[at] ?? 0;
    if (kind === 0) return -1;
    if (kind === 1) {
      at += 1;
      continue;
    }
    const length = bytes[at + 1] ?? 0;
    if (length < 2 || at + length > end) return -1;
    if (kind === 3 && length === 3) return Math.min(bytes[at + 2] ?? 0, 14);
    at += length;
  }
  return -1;
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

function u32(bytes: Uint8Array, at: number): number {
  return (
    (((bytes[at] ?? 0) << 24) |
      ((bytes[at + 1] ?? 0) << 16) |
      ((bytes[at + 2] ?? 0) << 8) |
      (bytes[at + 3] ?? 0)) >>>
    0
  );
}
