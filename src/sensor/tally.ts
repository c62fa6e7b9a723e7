// How many packets of a flow came since a moment. Enters: TCP segments as the sensor reads them; leaves: counts, or null for who forgot.
import type { Micros } from '../flow.ts';
import { formatIpv4, formatIpv6 } from './link/address.ts';
import { vlanTags } from './link/vlan.ts';
import type { Segment } from './segment.ts';

/** Segments that are remembered. A power of two. */
const MOST = 1 << 17;
/** Words of a segment: two addresses of four, both ports, family and length. */
const WORDS = 11;

/** One direction of a flow, as a rule of a data plane names it. */
export interface Matched {
  readonly ip: 4 | 6;
  readonly vlans: readonly number[];
  readonly source: { readonly ip: string; readonly port: number };
  readonly destination: { readonly ip: string; readonly port: number };
}

/**
 * Remembers the last segments of all flows together, in memory of a fixed size, so that what passed of one flow can be counted
 * afterwards: nobody knows beforehand which flow will be cut.
 */
export class Tally {
  readonly #times = new Float64Array(MOST);
  readonly #vlans = new Float64Array(MOST);
  readonly #words = new Int32Array(MOST * WORDS);
  #taken = 0;
  /** The latest time of a packet that may have been of any flow. */
  #unsure: Micros = 0;

  /** @param length of the frame on the wire, in bytes */
  take(segment: Segment, length: number): void {
    const at = this.#taken & (MOST - 1);
    this.#taken += 1;
    this.#times[at] = segment.ts;
    this.#vlans[at] = segment.vlan;
    const words = this.#words;
    const from = at * WORDS;
    words[from] = segment.src0;
    words[from + 1] = segment.src1;
    words[from + 2] = segment.src2;
    words[from + 3] = segment.src3;
    words[from + 4] = segment.dst0;
    words[from + 5] = segment.dst1;
    words[from + 6] = segment.dst2;
    words[from + 7] = segment.dst3;
    words[from + 8] = (segment.srcPort << 16) | segment.dstPort;
    words[from + 9] = segment.family;
    words[from + 10] = length;
  }

  /** A packet that cannot be told from one of any flow: a fragment, a header that is cut. */
  miss(ts: Micros): void {
    if (ts > this.#unsure) this.#unsure = ts;
  }

  /**
   * Frames that match and came after a moment, and their bytes; null where that is not known any more, or never was.
   * @param since by the clock of the packets
   */
  since(
    matches: readonly Matched[],
    since: Micros,
  ): { readonly packets: number; readonly bytes: number } | null {
    if (this.#unsure > since) return null;
    const oldest = Math.max(0, this.#taken - MOST);
    let packets = 0;
    let bytes = 0;
    for (let number = this.#taken - 1; number >= oldest; number -= 1) {
      const at = number & (MOST - 1);
      // Packets of one interface may be a little out of order, so that the first older one ends nothing; one second does.
      const ts = this.#times[at] ?? 0;
      if (ts < since - 1e6) return { packets, bytes };
      if (ts <= since || !matches.some((match) => this.#is(at, match))) continue;
      packets += 1;
      bytes += this.#words[at * WORDS + 10] ?? 0;
    }
    return oldest === 0 ? { packets, bytes } : null;
  }

  #is(at: number, { ip, vlans, source, destination }: Matched): boolean {
    const from = at * WORDS;
    const ports = (source.port << 16) | destination.port;
    if (this.#words[from + 8] !== ports || this.#words[from + 9] !== ip) return false;
    if (vlanTags(this.#vlans[at] ?? 0).join() !== vlans.join()) return false;
    return this.#address(from, ip) === source.ip && this.#address(from + 4, ip) === destination.ip;
  }

  #address(from: number, ip: 4 | 6): string {
    const [w0 = 0, w1 = 0, w2 = 0, w3 = 0] = this.#words.subarray(from, from + 4);
    return ip === 4 ? formatIpv4(w0) : formatIpv6(w0, w1, w2, w3);
  }
}
