// Link layers. Enters: a frame of some link type; leaves: where its IP header begins, and its VLAN tags.
import type { CapturedPacket } from '../capture/packet.ts';
import type { Ignored } from './ignored.ts';
import { MOST_TAGS, pushVlan } from './vlan.ts';

/** Where the IP header is in the frame in work; one object, reused. */
export interface FrameCursor {
  at: number;
  vlan: number;
}

/** Finds the IP header (link types of tcpdump.org/linktypes.html); says why when there is none. */
export function findIp(packet: CapturedPacket, cursor: FrameCursor): Ignored | null {
  const { bytes } = packet;
  cursor.vlan = 0;
  switch (packet.linkType) {
    case 1: // Ethernet (IEEE 802.3)
      if (bytes.length < 14) return 'link-header';
      return etherType(bytes, 12, cursor);
    case 113: // Linux cooked v1
      if (bytes.length < 16) return 'link-header';
      return etherType(bytes, 14, cursor);
    case 276: // Linux cooked v2: the protocol comes first, the payload after 20 bytes
      if (bytes.length < 20) return 'link-header';
      return byEtherType(bytes, u16(bytes, 0), 20, cursor);
    case 0: // BSD loopback: the address family in the byte order of whoever captured
    case 108: // OpenBSD loopback: in network order
      if (bytes.length < 4) return 'link-header';
      return loopback(bytes, cursor);
    case 12: // Raw IP under three numbers, raw IPv4, raw IPv6
    case 14:
    case 101:
    case 228:
    case 229:
      cursor.at = 0;
      return null;
    default:
      return 'link-type';
  }
}

/** Address families: AF_INET is 2 everywhere, AF_INET6 is 10, 24, 28 or 30 by system. */
function loopback(bytes: Uint8Array, cursor: FrameCursor): Ignored | null {
  const family = (bytes[0] ?? 0) | (bytes[3] ?? 0);
  cursor.at = 4;
  return family === 2 || family === 10 || family === 24 || family === 28 || family === 30 ? null : 'not-ip';
}

function etherType(bytes: Uint8Array, at: number, cursor: FrameCursor): Ignored | null {
  return byEtherType(bytes, u16(bytes, at), at + 2, cursor);
}

function byEtherType(bytes: Uint8Array, first: number, from: number, cursor: FrameCursor): Ignored | null {
  let type = first;
  let at = from;
  for (let tags = 0; ; tags += 1) {
    switch (type) {
      case 0x0800:
      case 0x86dd:
        cursor.at = at;
        return null;
      case 0x8100: // IEEE 802.1Q, 802.1ad, and the number used for QinQ before it
      case 0x88a8:
      case 0x9100:
        if (tags === MOST_TAGS || bytes.length < at + 4) return 'link-header';
        // Tag 0 carries a priority and names no VLAN (802.1Q section 9.6).
        if ((u16(bytes, at) & 0xfff) !== 0) cursor.vlan = pushVlan(cursor.vlan, u16(bytes, at) & 0xfff);
        type = u16(bytes, at + 2);
        at += 4;
        break;
      case 0x8847: // MPLS unicast, multicast (RFC 3032): labels until the bottom of the stack
      case 0x8848:
        return mpls(bytes, at, cursor);
      default:
        return 'not-ip';
    }
  }
}

function mpls(bytes: Uint8Array, from: number, cursor: FrameCursor): Ignored | null {
  for (let at = from; at + 4 < bytes.length; at += 4) {
    if (((bytes[at + 2] ?? 0) & 1) === 0) continue;
    const version = (bytes[at + 4] ?? 0) >> 4;
    cursor.at = at + 4;
    return version === 4 || version === 6 ? null : 'not-ip';
  }
  return 'link-header';
}

function u16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}
