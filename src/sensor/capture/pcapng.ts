// The pcapng format (draft-ietf-opsawg-pcapng). Enters: bytes of a file; leaves: packets, or where it is malformed.
import type { CaptureFaults } from './fault.ts';
import { type CapturedPacket, LONGEST_PACKET } from './packet.ts';
import type { CaptureDecoder } from './pcap.ts';
import { type Clock, pcapngClock } from './timestamp.ts';
import type { ByteWindow } from './window.ts';

const SECTION_HEADER = 0x0a0d0d0a;
const INTERFACE = 1;
const OBSOLETE_PACKET = 2;
const SIMPLE_PACKET = 3;
const ENHANCED_PACKET = 6;
/** Blocks without a packet that Wireshark numbers all the same: systemd journal, Sysdig events, custom blocks. */
const NUMBERED_RECORDS: ReadonlySet<number> = new Set([9, 0x204, 0x216, 0x221, 0x0bad, 0x4000_0bad]);

/** Longer blocks are refused, as libpcap does (bytes). */
const LONGEST_BLOCK = 1 << 24;
const MOST_INTERFACES = 65_536;

interface Interface {
  readonly linkType: number;
  readonly snaplen: number;
  readonly clock: Clock;
}

/** A decoder when the window begins with a section header block, else null. */
export function pcapngDecoder(window: ByteWindow, faults: CaptureFaults): CaptureDecoder | null {
  return window.view.getUint32(window.start) === SECTION_HEADER ? new PcapngDecoder(faults) : null;
}

class PcapngDecoder implements CaptureDecoder {
  readonly unit = 'block';
  readonly #faults: CaptureFaults;
  #little = true;
  #interfaces: Interface[] = [];
  #number = 0;
  #lastTs = 0;

  constructor(faults: CaptureFaults) {
    this.#faults = faults;
  }

  decode(window: ByteWindow, batch: CapturedPacket[]): number {
    for (;;) {
      const { view, start: at } = window;
      if (window.available < 12) return 12;
      if (view.getUint32(at) === SECTION_HEADER) this.#little = this.#byteOrder(window);
      const type = view.getUint32(at, this.#little);
      const length = view.getUint32(at + 4, this.#little);
      if (length < 12 || length % 4 !== 0 || length > LONGEST_BLOCK) {
        throw this.#faults.malformed(window.offset, `a block claims an impossible length of ${length} bytes`);
      }
      if (window.available < length) return length;
      const trailer = view.getUint32(at + length - 4, this.#little);
      if (trailer !== length) {
        const problem = `a block says ${length} bytes at its start but ${trailer} at its end`;
        throw this.#faults.malformed(window.offset, problem);
      }
      this.#block(type, length, window, batch);
      window.start = at + length;
    }
  }

  #byteOrder(window: ByteWindow): boolean {
    const magic = window.view.getUint32(window.start + 8);
    if (magic === 0x4d3c2b1a) return true;
    if (magic === 0x1a2b3c4d) return false;
    throw this.#faults.malformed(window.offset + 8, 'a section header has no valid byte-order magic');
  }

  #block(type: number, length: number, window: ByteWindow, batch: CapturedPacket[]): void {
    const { view, start: at } = window;
    switch (type) {
      case SECTION_HEADER:
        this.#section(length, window);
        return;
      case INTERFACE:
        this.#interface(length, window);
        return;
      case ENHANCED_PACKET: {
        const bound = this.#body(length, 20, window);
        const source = this.#source(view.getUint32(at + 8, this.#little), window);
        this.#packet(source, 12, bound, window, batch);
        return;
      }
      case OBSOLETE_PACKET: {
        const bound = this.#body(length, 20, window);
        const source = this.#source(view.getUint16(at + 8, this.#little), window);
        this.#packet(source, 12, bound, window, batch);
        return;
      }
      case SIMPLE_PACKET: {
        const bound = this.#body(length, 4, window);
        this.#simplePacket(this.#source(0, window), bound, window, batch);
        return;
      }
      default:
        if (NUMBERED_RECORDS.has(type)) this.#number += 1;
    }
  }

  /** The room behind the fixed fields of a block's body, in bytes. */
  #body(length: number, fixed: number, window: ByteWindow): number {
    if (length >= 12 + fixed) return length - 12 - fixed;
    throw this.#faults.malformed(window.offset, `a block of ${length} bytes is too short for its fields`);
  }

  #section(length: number, window: ByteWindow): void {
    this.#body(length, 16, window);
    const major = window.view.getUint16(window.start + 12, this.#little);
    if (major !== 1) throw this.#faults.malformed(window.offset + 12, `pcapng version ${major} is not known`);
    this.#interfaces = [];
  }

  #interface(length: number, window: ByteWindow): void {
    this.#body(length, 8, window);
    if (this.#interfaces.length >= MOST_INTERFACES) {
      throw this.#faults.malformed(window.offset, `more than ${MOST_INTERFACES} interfaces in one section`);
    }
    const { view, start } = window;
    const end = start + length - 4;
    let resolution = 6;
    let offset = 0n;
    for (let at = start + 16; at + 4 <= end; ) {
      const code = view.getUint16(at, this.#little);
      const size = view.getUint16(at + 2, this.#little);
      if (code === 0) break;
      if (at + 4 + size > end) {
        throw this.#faults.malformed(window.offset + at - start, 'an option is longer than its block');
      }
      if (code === 9 && size >= 1) resolution = view.getUint8(at + 4);
      if (code === 14 && size >= 8) offset = view.getBigInt64(at + 4, this.#little);
      at += 4 + Math.ceil(size / 4) * 4;
    }
    this.#interfaces.push({
      linkType: view.getUint16(start + 8, this.#little),
      snaplen: view.getUint32(start + 12, this.#little),
      clock: pcapngClock(resolution, offset),
    });
  }

  #source(index: number, window: ByteWindow): Interface {
    const found = this.#interfaces[index];
    if (found !== undefined) return found;
    throw this.#faults.malformed(window.offset, `a packet names interface ${index}, which is not described`);
  }

  /** Both packet blocks with a time have: time (8), captured length, original length, data, from `at` on. */
  #packet(source: Interface, at: number, room: number, window: ByteWindow, batch: CapturedPacket[]): void {
    const { view, start } = window;
    const from = start + at;
    const captured = view.getUint32(from + 8, this.#little);
    const original = view.getUint32(from + 12, this.#little);
    const ts = source.clock(view.getUint32(from, this.#little), view.getUint32(from + 4, this.#little));
    this.#push(source, ts, from + 16, captured, original, room, window, batch);
  }

  /** A simple packet block has no time: it takes that of the packet before it. */
  #simplePacket(source: Interface, room: number, window: ByteWindow, batch: CapturedPacket[]): void {
    const original = window.view.getUint32(window.start + 8, this.#little);
    const whole = source.snaplen === 0 ? original : Math.min(original, source.snaplen);
    this.#push(source, this.#lastTs, window.start + 12, whole, original, room, window, batch);
  }

  #push(
    source: Interface,
    ts: number,
    at: number,
    captured: number,
    original: number,
    room: number,
    window: ByteWindow,
    batch: CapturedPacket[],
  ): void {
    if (captured > room || captured > LONGEST_PACKET) {
      const problem = `packet ${this.#number + 1} claims ${captured} bytes, more than its block holds`;
      throw this.#faults.malformed(window.offset, problem);
    }
    this.#number += 1;
    this.#lastTs = ts;
    batch.push({
      number: this.#number,
      ts,
      linkType: source.linkType,
      original: Math.max(original, captured),
      bytes: window.bytes.subarray(at, at + captured),
    });
  }
}
