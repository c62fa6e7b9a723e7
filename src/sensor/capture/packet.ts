// One packet as a capture or an interface gave it. Enters: nothing; leaves: the type that the sensor takes.
import type { Micros } from '../../flow.ts';

/** One captured packet. Its captured length is `bytes.length`. */
export interface CapturedPacket {
  /** Counts packets within the capture from 1, as Wireshark does. */
  readonly number: number;
  readonly ts: Micros;
  /** The LINKTYPE value of its interface (tcpdump.org/linktypes.html). */
  readonly linkType: number;
  /** Length on the wire in bytes; more than `bytes` where the snap length cut the packet. */
  readonly original: number;
  /** A view that is valid until the next batch is asked for: copy what must be kept. */
  readonly bytes: Uint8Array;
}

/** No link layer that we read has longer packets; libpcap and Wireshark refuse them too (bytes). */
export const LONGEST_PACKET = 262_144;
