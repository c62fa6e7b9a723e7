// The one TCP segment that is being read, filled by the link layers and the TCP header. Enters: nothing; leaves: the type.

/**
 * Scratch for the packet in work. The sensor has one and fills it anew for each packet: nothing is allocated a packet, and
 * nobody may keep it. Addresses are big-endian 32-bit words as signed integers; an IPv4 address is in the first.
 */
export class Segment {
  /** Packet number in its capture, and its time. */
  packet = 0;
  /** The index of that capture. */
  capture = 0;
  ts = 0;
  /** VLAN tags as one number, see `link/vlan.ts`. */
  vlan = 0;
  family: 4 | 6 = 4;
  src0 = 0;
  src1 = 0;
  src2 = 0;
  src3 = 0;
  dst0 = 0;
  dst1 = 0;
  dst2 = 0;
  dst3 = 0;
  /** The IP protocol number of what is at `start`. */
  protocol = 0;
  /** The captured payload is `bytes[start, end)`: of IP at first, of TCP once its header was read. */
  bytes: Uint8Array = new Uint8Array(0);
  start = 0;
  end = 0;
  /** Payload bytes that belong behind `end` but were not captured. */
  missing = 0;
  /** True when IP fragments of it overlapped with other bytes: who reassembles otherwise reads otherwise. */
  fragmentConflict = false;

  srcPort = 0;
  dstPort = 0;
  seq = 0;
  ack = 0;
  flags = 0;
  window = 0;
  urgent = 0;
  /** The window scale option of a SYN, or -1. */
  scale = -1;
}

/** TCP flags (RFC 9293 section 3.1). */
export const FIN = 1;
export const SYN = 2;
export const RST = 4;
export const ACK = 16;
export const URG = 32;
