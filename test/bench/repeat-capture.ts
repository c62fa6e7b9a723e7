// Makes a long capture out of a short one. Enters: a capture, a count; leaves: a pcap file with that many repetitions.
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { readPackets } from '../../src/sensor/capture/read.ts';

const ETHERNET = 1;
/** Bytes that an 802.1Q tag adds. */
const TAG = 4;
/** Microseconds between the end of one repetition and the start of the next. */
const PAUSE = 10_000_000;

/**
 * Each repetition is later than the one before and on a VLAN of its own (up to 4000), so its flows are new ones between the
 * same addresses. Only Ethernet captures.
 * @returns the size of the file in bytes
 */
export async function repeatCapture(from: string, to: string, times: number): Promise<number> {
  const packets: { ts: number; bytes: Buffer }[] = [];
  for await (const batch of readPackets(from)) {
    for (const packet of batch) {
      if (packet.linkType !== ETHERNET) throw new Error(`${from} is no Ethernet capture`);
      packets.push({ ts: packet.ts, bytes: Buffer.from(packet.bytes) });
    }
  }
  const first = packets[0]?.ts ?? 0;
  const last = packets.at(-1)?.ts ?? 0;
  const out = createWriteStream(to);
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(262_144, 16);
  header.writeUInt32LE(ETHERNET, 20);
  out.write(header);
  let size = header.length;
  for (let i = 0; i < times; i++) {
    const shift = i * (last - first + PAUSE);
    for (const { ts, bytes } of packets) {
      const record = Buffer.alloc(16 + bytes.length + TAG);
      record.writeUInt32LE(Math.floor((ts + shift) / 1e6), 0);
      record.writeUInt32LE((ts + shift) % 1e6, 4);
      record.writeUInt32LE(bytes.length + TAG, 8);
      record.writeUInt32LE(bytes.length + TAG, 12);
      bytes.copy(record, 16, 0, 12);
      record.writeUInt16BE(0x8100, 28);
      record.writeUInt16BE(1 + (i % 4000), 30);
      bytes.copy(record, 32, 12);
      size += record.length;
      if (!out.write(record)) await once(out, 'drain');
    }
  }
  out.end();
  await once(out, 'finish');
  return size;
}
