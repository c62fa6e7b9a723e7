// IP fragment reassembly for both versions. Enters: fragments; leaves: whole datagrams, and whether fragments contradicted.
import type { Micros } from '../../flow.ts';
import type { Segment } from '../segment.ts';

/** Datagrams in reassembly at once; each holds at most 72 KiB. The oldest gives way. */
const MOST_DATAGRAMS = 256;
/** Linux gives a datagram 30 s (net.ipv4.ipfrag_time); event time, microseconds. */
const PATIENCE: Micros = 30_000_000;
const LONGEST = 65_535;
const UNITS = 8192;

/** A whole datagram, without its IP header. */
export interface Whole {
  readonly bytes: Uint8Array;
  readonly protocol: number;
  /** True when two fragments had different bytes, or different ends, for the same place. */
  readonly conflict: boolean;
}

interface Datagram {
  readonly since: Micros;
  data: Uint8Array;
  /** Which 8-byte units are there. */
  readonly present: Uint8Array;
  units: number;
  /** Length of the whole, or -1 until the last fragment came. */
  total: number;
  top: number;
  protocol: number;
  conflict: boolean;
  fragments: number;
}

/** Puts fragments together (RFC 791 section 3.2, RFC 8200 section 4.5). The first bytes for a place stay. */
export class Fragments {
  readonly #datagrams = new Map<string, Datagram>();
  /** Fragments of datagrams that were given up. */
  lost = 0;

  /**
   * Takes the fragment that `segment` holds in `bytes[start, end)`. Gives the datagram when it is whole.
   * @param id the identification field; @param offset in bytes; @param more the MF flag
   */
  add(segment: Segment, id: number, offset: number, more: boolean): Whole | null {
    this.#expire(segment.ts);
    const length = segment.end - segment.start;
    // A fragment that is not the last must fill whole units, and none may reach over the longest datagram.
    if (length === 0 || offset + length > LONGEST || (more && length % 8 !== 0)) {
      this.lost += 1;
      return null;
    }
    const key = fragmentKey(segment, id);
    const datagram = this.#datagrams.get(key) ?? this.#open(key, segment);
    datagram.fragments += 1;
    if (offset === 0) datagram.protocol = segment.protocol;
    write(datagram, offset, segment.bytes, segment.start, segment.end);
    if (!more) {
      if (datagram.total >= 0 && datagram.total !== offset + length) datagram.conflict = true;
      else datagram.total = offset + length;
    }
    if (datagram.total < 0) return null;
    if (datagram.top > datagram.total) datagram.conflict = true;
    const needed = Math.ceil(datagram.total / 8);
    // Units beyond a false end count too, hence the second look.
    if (datagram.units < needed || datagram.present.subarray(0, needed).includes(0)) return null;
    this.#datagrams.delete(key);
    const { protocol, conflict } = datagram;
    return { bytes: datagram.data.subarray(0, datagram.total), protocol, conflict };
  }

  /** Gives up all that is not whole. */
  end(): void {
    for (const key of this.#datagrams.keys()) this.#drop(key);
  }

  #open(key: string, segment: Segment): Datagram {
    const oldest = this.#datagrams.keys().next();
    if (this.#datagrams.size >= MOST_DATAGRAMS && oldest.done !== true) this.#drop(oldest.value);
    const datagram: Datagram = {
      since: segment.ts,
      data: new Uint8Array(4096),
      present: new Uint8Array(UNITS),
      units: 0,
      total: -1,
      top: 0,
      protocol: segment.protocol,
      conflict: false,
      fragments: 0,
    };
    this.#datagrams.set(key, datagram);
    return datagram;
  }

  #expire(now: Micros): void {
    for (const [key, datagram] of this.#datagrams) {
      if (now - datagram.since <= PATIENCE) return;
      this.#drop(key);
    }
  }

  #drop(key: string): void {
    this.lost += this.#datagrams.get(key)?.fragments ?? 0;
    this.#datagrams.delete(key);
  }
}

function write(datagram: Datagram, offset: number, bytes: Uint8Array, start: number, end: number): void {
  const top = offset + end - start;
  if (top > datagram.data.length) {
    const grown = new Uint8Array(Math.min(65_536, Math.max(top, datagram.data.length * 2)));
    grown.set(datagram.data);
    datagram.data = grown;
  }
  const { data, present } = datagram;
  const known = datagram.top;
  for (let at = offset; at < top; at += 8) {
    const unit = at >> 3;
    const from = start + at - offset;
    const stop = Math.min(from + 8, end);
    if (present[unit] === 0) {
      present[unit] = 1;
      datagram.units += 1;
      data.set(bytes.subarray(from, stop), at);
    } else {
      for (let index = from; index < stop; index += 1) {
        const place = at + index - from;
        // Past `known` the unit was only partly filled, by a last fragment: its end is what conflicts.
        if (place >= known || data[place] !== bytes[index]) datagram.conflict = true;
      }
    }
  }
  datagram.top = Math.max(known, top);
}

function fragmentKey(segment: Segment, id: number): string {
  const { src0, src1, src2, src3, dst0, dst1, dst2, dst3, vlan, family } = segment;
  // IPv4 tells datagrams apart by the protocol too (RFC 791); in IPv6 it may differ between the fragments.
  const protocol = family === 4 ? segment.protocol : 0;
  return `${family},${src0},${src1},${src2},${src3},${dst0},${dst1},${dst2},${dst3},${vlan},${protocol},${id}`;
}
