// Capture files of every format, whole and damaged. Enters: made-up files; leaves: the packets read, or the one clear error.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { InputError } from '../../../src/errors.ts';
import type { CapturedPacket } from '../../../src/sensor/capture/packet.ts';
import { readPackets } from '../../../src/sensor/capture/read.ts';
import { bytesOf, Conversation, concat, type Frame, pcapFile, snap } from '../../support/packets.ts';
import { block, enhancedPacket, interfaceBlock, pcapngFile, sectionHeader } from '../../support/pcapng.ts';

const folder = mkdtempSync(join(tmpdir(), 'capture-'));
afterAll(() => rmSync(folder, { recursive: true }));

const FRAMES = new Conversation({ start: 1_700_000_000_123_456 })
  .open()
  .send('client', 'hello')
  .close().frames;

let count = 0;
function write(bytes: Uint8Array): string {
  count += 1;
  const file = join(folder, `capture-${count}`);
  writeFileSync(file, bytes);
  return file;
}

interface Read {
  readonly packets: readonly CapturedPacket[];
  readonly error: InputError | null;
}

async function read(file: string): Promise<Read> {
  const packets: CapturedPacket[] = [];
  try {
    for await (const batch of readPackets(file)) {
      packets.push(...batch.map((packet) => ({ ...packet, bytes: packet.bytes.slice() })));
    }
  } catch (error) {
    if (error instanceof InputError) return { packets, error };
    throw error;
  }
  return { packets, error: null };
}

function expected(frames: readonly Frame[]): CapturedPacket[] {
  return frames.map((frame, index) => ({ ...frame, number: index + 1 }));
}

describe('pcap', () => {
  for (const littleEndian of [true, false]) {
    for (const nanoseconds of [true, false]) {
      it(`reads ${littleEndian ? 'little' : 'big'}-endian files with ${nanoseconds ? 'nano' : 'micro'}seconds`, async () => {
        const { packets, error } = await read(write(pcapFile(FRAMES, { littleEndian, nanoseconds })));
        expect(error).toBeNull();
        expect(packets).toEqual(expected(FRAMES));
      });
    }
  }

  it('keeps the length on the wire of a packet that the snap length cut', async () => {
    const cut = FRAMES.map((frame) => snap(frame, 40));
    const { packets } = await read(write(pcapFile(cut)));
    expect(packets.map(({ bytes, original }) => [bytes.length, original])).toEqual(
      FRAMES.map((frame) => [40, frame.original]),
    );
  });

  it("reads the longer record headers of Kuznetsov's variant", async () => {
    const plain = pcapFile(FRAMES.slice(0, 1));
    const modified = concat(plain.subarray(0, 40), new Uint8Array(8), plain.subarray(40));
    modified.set([0x34, 0xcd, 0xb2, 0xa1]);
    const { packets, error } = await read(write(modified));
    expect(error).toBeNull();
    expect(packets).toEqual(expected(FRAMES.slice(0, 1)));
  });

  it('ignores the frame check sequence bits of the link type field', async () => {
    const { packets } = await read(write(pcapFile(FRAMES, { linkType: 0x54000001 })));
    expect(packets[0]?.linkType).toBe(1);
  });

  it('swaps the lengths of files from before version 2.4', async () => {
    const file = pcapFile([snap(FRAMES[0] as Frame, 40)]);
    const view = new DataView(file.buffer);
    view.setUint16(6, 3, true);
    view.setUint32(24 + 8, (FRAMES[0] as Frame).original, true);
    view.setUint32(24 + 12, 40, true);
    const { packets } = await read(write(file));
    expect(packets[0]).toMatchObject({ original: (FRAMES[0] as Frame).original });
    expect(packets[0]?.bytes.length).toBe(40);
  });

  it('reads a capture without packets', async () => {
    expect(await read(write(pcapFile([])))).toEqual({ packets: [], error: null });
  });

  it('delivers the packets before a cut, then says where the file ends', async () => {
    const whole = pcapFile(FRAMES);
    const last = FRAMES.at(-1) as Frame;
    for (const missing of [1, last.bytes.length, last.bytes.length + 15]) {
      const { packets, error } = await read(write(whole.subarray(0, whole.length - missing)));
      expect(packets).toEqual(expected(FRAMES.slice(0, -1)));
      expect(error?.code).toBe('capture-truncated');
      expect(error?.place?.offset).toBe(whole.length - last.bytes.length - 16);
      expect(error?.remedy).toContain('tcpdump -r');
    }
  });

  it('delivers the packets before an absurd length, then refuses it with its place', async () => {
    const whole = pcapFile(FRAMES);
    const second = 24 + 16 + (FRAMES[0] as Frame).bytes.length;
    new DataView(whole.buffer).setUint32(second + 8, 0x7fffffff, true);
    const { packets, error } = await read(write(whole));
    expect(packets).toHaveLength(1);
    expect(error).toMatchObject({ code: 'capture-malformed', place: { offset: second } });
  });

  it('names variants that it refuses', async () => {
    for (const magic of [0xa1b234cd, 0xa12b3c4d, 0x1c0001ac, 0x1c0001ab]) {
      const file = pcapFile(FRAMES);
      new DataView(file.buffer).setUint32(0, magic, true);
      const { error } = await read(write(file));
      expect(error).toMatchObject({ code: 'capture-malformed', remedy: expect.stringContaining('editcap') });
    }
  });

  it('refuses another major version', async () => {
    const file = pcapFile(FRAMES);
    file[4] = 7;
    expect((await read(write(file))).error).toMatchObject({
      code: 'capture-malformed',
      place: { offset: 4 },
    });
  });
});

describe('pcapng', () => {
  for (const little of [true, false]) {
    it(`reads ${little ? 'little' : 'big'}-endian files`, async () => {
      const { packets, error } = await read(write(pcapngFile(FRAMES, { little })));
      expect(error).toBeNull();
      expect(packets).toEqual(expected(FRAMES));
    });
  }

  it('reads several sections of both byte orders and several interfaces with their own link type and clock', async () => {
    const data = bytesOf('frame');
    const file = concat(
      sectionHeader(true),
      interfaceBlock({ linkType: 1 }),
      interfaceBlock({ linkType: 113, tsresol: 9, tsoffset: 100n }),
      enhancedPacket(data, { units: 5_000_000n }),
      enhancedPacket(data, { units: 6_000_001_999n, interface: 1 }),
      block(0x7777, bytesOf('an unknown block')),
      block(5, new Uint8Array(12)),
      sectionHeader(false),
      interfaceBlock({ linkType: 101, little: false, tsresol: 0x8a }),
      enhancedPacket(data, { units: 2048n, little: false }),
    );
    const { packets, error } = await read(write(file));
    expect(error).toBeNull();
    expect(packets.map(({ number, ts, linkType }) => [number, ts, linkType])).toEqual([
      [1, 5_000_000, 1],
      [2, 106_000_001, 113],
      [3, 2_000_000, 101],
    ]);
  });

  it('reads simple and obsolete packet blocks', async () => {
    const simple = concat(Uint8Array.of(60, 0, 0, 0), new Uint8Array(16).fill(7));
    const obsolete = new DataView(new ArrayBuffer(24));
    obsolete.setUint32(8, 77, true);
    obsolete.setUint32(12, 3, true);
    obsolete.setUint32(16, 9, true);
    const file = concat(
      sectionHeader(),
      interfaceBlock({ snaplen: 16 }),
      block(2, new Uint8Array(obsolete.buffer)),
      block(3, simple),
    );
    const { packets, error } = await read(write(file));
    expect(error).toBeNull();
    expect(packets.map(({ ts, original, bytes }) => [ts, original, bytes.length])).toEqual([
      [77, 9, 3],
      [77, 60, 16],
    ]);
  });

  it('counts the records without packets that Wireshark numbers', async () => {
    const file = concat(
      sectionHeader(),
      interfaceBlock(),
      block(9, bytesOf('MESSAGE=journal\n')),
      enhancedPacket(bytesOf('frame'), { units: 1n }),
    );
    expect((await read(write(file))).packets[0]?.number).toBe(2);
  });

  const broken: readonly (readonly [string, Uint8Array, string])[] = [
    [
      'the two lengths of a block differ',
      spoil(block(0x0bad, new Uint8Array(8)), 16, 24),
      'capture-malformed',
    ],
    ['a block is shorter than its frame', spoil(block(0x0bad, new Uint8Array(8)), 4, 8), 'capture-malformed'],
    [
      'a block length is no multiple of four',
      spoil(block(0x0bad, new Uint8Array(8)), 4, 21),
      'capture-malformed',
    ],
    ['a block is absurdly long', spoil(block(0x0bad, new Uint8Array(8)), 4, 1 << 30), 'capture-malformed'],
    [
      'a packet names no described interface',
      enhancedPacket(bytesOf('x'), { units: 1n, interface: 3 }),
      'capture-malformed',
    ],
    [
      'a packet is longer than its block',
      spoil(enhancedPacket(bytesOf('xxxx'), { units: 1n }), 20, 5),
      'capture-malformed',
    ],
    ['a packet block is too short', block(6, new Uint8Array(8)), 'capture-malformed'],
    [
      'an option is longer than its block',
      block(1, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0, 9, 0, 40, 0)),
      'capture-malformed',
    ],
    ['a section header has no byte-order magic', spoil(sectionHeader(), 8, 12345), 'capture-malformed'],
    ['the file ends inside a block', block(6, new Uint8Array(40)).subarray(0, 30), 'capture-truncated'],
  ];
  for (const [name, bytes, code] of broken) {
    it(`delivers what came before and says that ${name}`, async () => {
      const good = concat(sectionHeader(), interfaceBlock(), enhancedPacket(bytesOf('fine'), { units: 1n }));
      const { packets, error } = await read(write(concat(good, bytes)));
      expect(packets).toHaveLength(1);
      expect(error?.code).toBe(code);
      expect(error?.place?.offset).toBeGreaterThanOrEqual(good.length);
    });
  }
});

describe('compressed captures', () => {
  it('reads a gzip of several members', async () => {
    const whole = pcapFile(FRAMES);
    const file = concat(gzipSync(whole.subarray(0, 100)), gzipSync(whole.subarray(100)));
    expect(await read(write(file))).toEqual({ packets: expected(FRAMES), error: null });
  });

  it('delivers what can be decompressed of a gzip that was cut', async () => {
    const many = new Conversation({ mss: 100 }).open().send('client', 'noise '.repeat(8_000)).frames;
    const packed = gzipSync(pcapngFile(many));
    const { packets, error } = await read(write(packed.subarray(0, packed.length - 200)));
    expect(packets.length).toBeGreaterThan(100);
    expect(packets).toEqual(expected(many).slice(0, packets.length));
    expect(error).toMatchObject({ code: 'capture-truncated', problem: expect.stringContaining('gzip') });
  });

  it('refuses a damaged gzip', async () => {
    const packed = gzipSync(pcapFile(FRAMES));
    packed.fill(0xff, 12, 40);
    expect((await read(write(packed))).error?.code).toBe('capture-malformed');
  });

  it('names the tool that decompresses what it does not', async () => {
    const file = write(Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0, 0, 0, 0));
    expect((await read(file)).error).toMatchObject({
      code: 'capture-malformed',
      remedy: expect.stringContaining('zstd -d'),
    });
  });
});

describe('what is no capture', () => {
  it('says that an empty file is empty', async () => {
    expect((await read(write(new Uint8Array(0)))).error).toMatchObject({
      code: 'capture-malformed',
      problem: 'the file is empty',
    });
  });
  it('says that a directory is one', async () => {
    expect((await read(folder)).error).toMatchObject({
      code: 'capture-unreadable',
      problem: 'is a directory',
    });
  });
  it('says that a file is not there', async () => {
    const file = join(folder, 'nothing');
    expect((await read(file)).error).toMatchObject({ code: 'capture-unreadable', place: { file } });
  });
  it('refuses text, and files shorter than a header', async () => {
    expect((await read(write(bytesOf('GET / HTTP/1.1\r\nHost: a\r\n\r\n')))).error?.code).toBe(
      'capture-malformed',
    );
    expect((await read(write(bytesOf('ab')))).error?.code).toBe('capture-malformed');
    expect((await read(write(pcapFile([]).subarray(0, 20)))).error?.code).toBe('capture-truncated');
    expect((await read(write(sectionHeader().subarray(0, 10)))).error?.code).toBe('capture-truncated');
  });
});

describe('any file', () => {
  it('is read or refused with an InputError, whatever was changed in it', async () => {
    const originals = [pcapFile(FRAMES), pcapngFile(FRAMES), gzipSync(pcapFile(FRAMES))];
    const change = fc.record({ at: fc.nat({ max: 700 }), byte: fc.nat({ max: 255 }) });
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 2 }), fc.array(change, { maxLength: 8 }), async (which, changes) => {
        const bytes = Uint8Array.from(originals[which] ?? []);
        for (const { at, byte } of changes) if (at < bytes.length) bytes[at] = byte;
        const { packets } = await read(write(bytes));
        expect(packets.every(({ number }, index) => number > index)).toBe(true);
      }),
      { numRuns: 300 },
    );
  });
});

function spoil(bytes: Uint8Array, at: number, value: number): Uint8Array {
  new DataView(bytes.buffer).setUint32(at, value, true);
  return bytes;
}
