// IPv4 and IPv6. Enters: a frame and where its IP header is; leaves: addresses and payload in the segment in work.
import type { Segment } from '../segment.ts';
import type { Fragments } from './fragments.ts';
import type { Ignored } from './ignored.ts';

/** A fragment that was put aside: nothing to analyse yet, and not ignored either. */
export type Waiting = 'waiting';

const TCP = 6;

/**
 * Reads the IP header at `at` and leaves a TCP segment in `segment.bytes[start, end)`. Checksums are not verified: a sender
 * that leaves them to its network card shows wrong ones to a capture.
 * @param original length of the whole frame on the wire, in bytes
 */
export function readIp(
  bytes: Uint8Array,
  at: number,
  original: number,
  segment: Segment,
  fragments: Fragments,
): Ignored | Waiting | null {
  segment.bytes = bytes;
  segment.fragmentConflict = false;
  const version = at < bytes.length ? (bytes[at] ?? 0) >> 4 : 0;
  if (version === 4) return readIpv4(bytes, at, original, segment, fragments);
  if (version === 6) return readIpv6(bytes, at, original, segment, fragments);
  return 'ip-header';
}

/** RFC 791 section 3.1. */
function readIpv4(
  bytes: Uint8Array,
  at: number,
  original: number,
  segment: Segment,
  fragments: Fragments,
): Ignored | Waiting | null {
  if (bytes.length < at + 20) return 'ip-header';
  const header = ((bytes[at] ?? 0) & 15) * 4;
  const wire = original - at;
  // Segmentation offload leaves the length 0 where it does not fit: then the frame tells it.
  const total = u16(bytes, at + 2) || wire;
  if (header < 20 || total < header || total > wire || bytes.length < at + header) return 'ip-header';
  segment.family = 4;
  segment.src0 = i32(bytes, at + 12);
  segment.dst0 = i32(bytes, at + 16);
  segment.src1 = segment.src2 = segment.src3 = segment.dst1 = segment.dst2 = segment.dst3 = 0;
  segment.protocol = bytes[at + 9] ?? 0;
  payload(segment, at + header, at + total);
  const fragment = u16(bytes, at + 6) & 0x3fff;
  if (fragment === 0) return classify(segment.protocol);
  if (segment.missing > 0) return 'fragment-cut';
  const more = (fragment & 0x2000) !== 0;
  const whole = fragments.add(segment, u16(bytes, at + 4), (fragment & 0x1fff) * 8, more);
  if (whole === null) return 'waiting';
  segment.bytes = whole.bytes;
  segment.start = 0;
  segment.end = whole.bytes.length;
  segment.fragmentConflict = whole.conflict;
  return classify(segment.protocol);
}

/** RFC 8200 section 3; its extension headers in section 4. */
function readIpv6(
  bytes: Uint8Array,
  at: number,
  original: number,
  segment: Segment,
  fragments: Fragments,
): Ignored | Waiting | null {
  if (bytes.length < at + 40) return 'ip-header';
  const wire = original - at;
  // 0 stands for a length that does not fit: a jumbogram (RFC 2675) or segmentation offload.
  const claimed = u16(bytes, at + 4);
  const total = claimed === 0 ? wire : 40 + claimed;
  if (total > wire) return 'ip-header';
  segment.family = 6;
  segment.src0 = i32(bytes, at + 8);
  segment.src1 = i32(bytes, at + 12);
  segment.src2 = i32(bytes, at + 16);
  segment.src3 = i32(bytes, at + 20);
  segment.dst0 = i32(bytes, at + 24);
  segment.dst1 = i32(bytes, at + 28);
  segment.dst2 = i32(bytes, at + 32);
  segment.dst3 = i32(bytes, at + 36);
  segment.protocol = bytes[at + 6] ?? 0;
  payload(segment, at + 40, at + total);
  return extensions(segment, fragments);
}

/** Walks the extension headers; every step moves on by at least 8 bytes, and only one may be a fragment header. */
function extensions(segment: Segment, fragments: Fragments): Ignored | Waiting | null {
  for (let reassembled = false; ; ) {
    const { bytes, start, end } = segment;
    switch (segment.protocol) {
      case 0: // hop-by-hop options
      case 43: // routing
      case 60: // destination options
      case 135: // mobility, host identity, shim6: same shape
      case 139:
      case 140: {
        const length = start + 2 <= end ? ((bytes[start + 1] ?? 0) + 1) * 8 : 8;
        if (start + length > end) return 'ip-header';
        segment.protocol = bytes[start] ?? 0;
        segment.start = start + length;
        break;
      }
      case 51: {
        // Authentication (RFC 4302): its length counts four-byte words, less two
        const length = start + 2 <= end ? ((bytes[start + 1] ?? 0) + 2) * 4 : 8;
        if (start + length > end) return 'ip-header';
        segment.protocol = bytes[start] ?? 0;
        segment.start = start + length;
        break;
      }
      case 44: {
        if (start + 8 > end || reassembled) return 'ip-header';
        const field = u16(bytes, start + 2);
        const id = i32(bytes, start + 4);
        segment.protocol = bytes[start] ?? 0;
        segment.start = start + 8;
        // An atomic fragment stands alone (RFC 6946).
        if ((field & 0xfff9) === 0) break;
        if (segment.missing > 0) return 'fragment-cut';
        const whole = fragments.add(segment, id, field & 0xfff8, (field & 1) !== 0);
        if (whole === null) return 'waiting';
        reassembled = true;
        segment.protocol = whole.protocol;
        segment.bytes = whole.bytes;
        segment.start = 0;
        segment.end = whole.bytes.length;
        segment.fragmentConflict = whole.conflict;
        break;
      }
      default:
        return classify(segment.protocol);
    }
  }
}

function payload(segment: Segment, start: number, end: number): void {
  const captured = segment.bytes.length;
  segment.start = start;
  segment.end = Math.min(end, captured);
  segment.missing = end > captured ? end - captured : 0;
}

function classify(protocol: number): Ignored | null {
  switch (protocol) {
    case TCP:
      return null;
    case 17:
      return 'udp';
    case 1:
    case 58:
      return 'icmp';
    default:
      return 'ip-protocol';
  }
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

function i32(bytes: Uint8Array, at: number): number {
  return (
    ((bytes[at] ?? 0) << 24) |
    ((bytes[at + 1] ?? 0) << 16) |
    ((bytes[at + 2] ?? 0) << 8) |
    (bytes[at + 3] ?? 0)
  );
}
