// The classic pcap format (draft-ietf-opsawg-pcap). Enters: bytes of a file; leaves: packets, or where it is malformed.
import type { CaptureFaults } from './fault.ts';
import { type CapturedPacket, LONGEST_PACKET } from './packet.ts';
import type { ByteWindow } from './window.ts';

/** Reads one capture format. */
export interface CaptureDecoder {
  /** What a record is called in a message. */
  readonly unit: 'packet' | 'block';
  /**
   * Moves whole records from the window into `batch`; gives how many bytes the window must hold before it can go on.
   * Throws InputError where the format is broken; what is in `batch` by then is good.
   */
  decode(window: ByteWindow, batch: CapturedPacket[]): number;
}

const FILE_HEADER = 24;

interface Variant {
  readonly nanoseconds: boolean;
  /** Length of a record's header in bytes. */
  readonly header: number;
}

const VARIANTS: ReadonlyMap<number, Variant> = new Map([
  [0xa1b2c3d4, { nanoseconds: false, header: 16 }],
  [0xa1b23c4d, { nanoseconds: true, header: 16 }],
  // Alexey Kuznetzov's patch: interface index, protocol and packet type follow the lengths.
  [0xa1b2cd34, { nanoseconds: false, header: 24 }],
]);

const REFUSED: ReadonlyMap<number, string> = new Map([
  [0xa1b234cd, "Fabio Mesquita's modified pcap"],
  [0xa12b3c4d, 'the Navtel variant of pcap'],
  [0x1c0001ac, 'the Ixia hardware variant of pcap'],
  [0x1c0001ab, 'the Ixia software variant of pcap'],
]);

/** A decoder when the window begins with a pcap file header in either byte order, else null. Throws InputError. */
export function pcapDecoder(window: ByteWindow, faults: CaptureFaults): CaptureDecoder | null {
  const { view, start } = window;
  for (const little of [true, false]) {
    const magic = view.getUint32(start, little);
    const refused = REFUSED.get(magic);
    if (refused !== undefined) {
      throw faults.malformed(0, `this is ${refused}`, 'convert it with "editcap -F pcap FILE NEW"');
    }
    const variant = VARIANTS.get(magic);
    if (variant === undefined) continue;
    if (window.available < FILE_HEADER) throw faults.truncated(0, 'the file ends inside its header');
    const major = view.getUint16(start + 4, little);
    if (major !== 2) throw faults.malformed(4, `pcap version ${major} is not known`);
    const minor = view.getUint16(start + 6, little);
    // The upper bits tell the length of a frame check sequence, which the IP length makes harmless.
    const linkType = view.getUint32(start + 20, little) & 0x03ff_ffff;
    window.start += FILE_HEADER;
    return new PcapDecoder(variant, little, linkType, minor <= 3, faults);
  }
  return null;
}

class PcapDecoder implements CaptureDecoder {
  readonly unit = 'packet';
  readonly #variant: Variant;
  readonly #little: boolean;
  readonly #linkType: number;
  readonly #maySwap: boolean;
  readonly #faults: CaptureFaults;
  #number = 0;

  constructor(variant: Variant, little: boolean, linkType: number, maySwap: boolean, faults: CaptureFaults) {
    this.#variant = variant;
    this.#little = little;
    this.#linkType = linkType;
    this.#maySwap = maySwap;
    this.#faults = faults;
  }

  decode(window: ByteWindow, batch: CapturedPacket[]): number {
    const { bytes, view, end } = window;
    const { nanoseconds, header } = this.#variant;
    const little = this.#little;
    for (;;) {
      const at = window.start;
      if (end - at < header) return header;
      let captured = view.getUint32(at + 8, little);
      let original = view.getUint32(at + 12, little);
      // Files before version 2.4 may have the two lengths the other way round.
      if (this.#maySwap && captured > original) [captured, original] = [original, captured];
      if (captured > LONGEST_PACKET) {
        const problem = `packet ${this.#number + 1} claims ${captured} bytes, more than any packet has`;
        throw this.#faults.malformed(window.offset, problem);
      }
      if (end - at < header + captured) return header + captured;
      const fraction = view.getUint32(at + 4, little);
      this.#number += 1;
      batch.push({
        number: this.#number,
        ts: view.getUint32(at, little) * 1_000_000 + (nanoseconds ? Math.floor(fraction / 1000) : fraction),
        linkType: this.#linkType,
        original: Math.max(original, captured),
        bytes: bytes.subarray(at + header, at + header + captured),
      });
      window.start = at + header + captured;
    }
  }
}
