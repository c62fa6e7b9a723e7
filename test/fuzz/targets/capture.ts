// Capture files: pcap, pcapng, gzip'd or not. Enters: a file's bytes; leaves: packets, or the reader's own error.
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { InputError } from '../../../src/errors.ts';
import { readPackets } from '../../../src/sensor/capture/read.ts';
import { Conversation, pcapFile } from '../../support/packets.ts';
import { block, enhancedPacket, interfaceBlock, pcapngFile, sectionHeader } from '../../support/pcapng.ts';
import { type Input, sizeOf } from '../input.ts';
import { piece } from '../seeds.ts';
import type { Target } from '../target.ts';

/** Of the first piece: the file is compressed before it is given, so that changes reach what is inside. */
const COMPRESSED = 1;

const EXPECTED: ReadonlySet<string> = new Set(['capture-malformed', 'capture-truncated']);

function fileOf(input: Input): Uint8Array {
  const bytes = Buffer.concat(input.map((each) => each.bytes));
  return (input[0]?.tag ?? 0) === COMPRESSED ? gzipSync(bytes) : bytes;
}

export async function load(): Promise<Target> {
  const file = join(mkdtempSync(join(tmpdir(), 'flowtap-fuzz-capture-')), 'file');
  const { frames } = new Conversation({ mss: 40 }).open().send('client', 'GET / HTTP/1.1\r\n\r\n').close();
  const strange = Buffer.concat([
    sectionHeader(false),
    interfaceBlock({ little: false, snaplen: 40, tsresol: 9, tsoffset: -3n }),
    interfaceBlock({ little: false, linkType: 101, tsresol: 0x80 | 20 }),
    enhancedPacket(Uint8Array.of(1, 2, 3), { little: false, units: 7n, interface: 1 }),
    block(3, Uint8Array.of(0, 0, 0, 4, 1, 2, 3, 4), false),
    block(5, new Uint8Array(12), false),
    sectionHeader(),
    interfaceBlock(),
    block(2, new Uint8Array(20)),
  ]);
  const plain = [
    pcapFile(frames),
    pcapFile(frames, { littleEndian: false, nanoseconds: true, linkType: 113 }),
    pcapngFile(frames),
    pcapngFile(frames, { little: false }),
    strange,
  ];
  return {
    name: 'capture',
    covers: ['sensor/capture/'],
    tags: 2,
    longest: 65_536,
    // A gzip'd file of nothing but empty packets.
    expansion: 40_000,
    dictionary: [
      '\x0a\x0d\x0d\x0a',
      '\x4d\x3c\x2b\x1a',
      '\x1a\x2b\x3c\x4d',
      '\xd4\xc3\xb2\xa1',
      '\xa1\xb2\x3c\x4d',
      '\x1f\x8b\x08\x00',
      '\x28\xb5\x2f\xfd',
      block(6, new Uint8Array(20)),
      block(0x0bad, new Uint8Array(4)),
      interfaceBlock({ tsresol: 0xff }),
      interfaceBlock({ tsresol: 0x7f }),
      gzipSync(''),
      interfaceBlock({ tsoffset: 1n << 62n }),
      '\xff\xff\xff\xff',
      '\0\0\0\0',
      '\x0c\0\0\0',
    ],
    seeds: plain.flatMap((bytes) => [[piece(bytes)], [piece(bytes, COMPRESSED)], [piece(gzipSync(bytes))]]),
    async run(input) {
      writeFileSync(file, fileOf(input));
      let made = 0;
      let number = 0;
      try {
        for await (const batch of readPackets(file)) {
          for (const packet of batch) {
            // Records without a packet have numbers, too, as in Wireshark.
            if (packet.number <= number) throw new Error('packets are not counted upwards');
            number = packet.number;
            if (packet.original < packet.bytes.length) throw new Error('a packet is longer than it was');
            if (!Number.isFinite(packet.ts)) throw new Error('a packet has no time');
            made += 40 + packet.bytes.length;
          }
        }
      } catch (error) {
        if (!(error instanceof InputError) || !EXPECTED.has(error.code)) throw error;
      }
      return sizeOf(input) === 0 ? 0 : made;
    },
  };
}
