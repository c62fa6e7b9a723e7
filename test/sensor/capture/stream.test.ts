// A capture that still grows. Enters: a capture in pieces of any size; leaves: assertions on its packets.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CaptureFaults } from '../../../src/sensor/capture/fault.ts';
import { CaptureStream } from '../../../src/sensor/capture/stream.ts';
import { Conversation, concat, pcapFile } from '../../support/packets.ts';

const FRAMES = new Conversation().open().send('client', 'GET / HTTP/1.1\r\n\r\n').close().frames;
const FILE = pcapFile(FRAMES);

describe('a stream of packets', () => {
  it('gives the same packets in whatever pieces it comes', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 200 }), { minLength: 1 }), (sizes) => {
        const stream = new CaptureStream(new CaptureFaults('tap'));
        const found: [number, number, Uint8Array][] = [];
        for (let at = 0, i = 0; at < FILE.length; i++) {
          const size = sizes[i % sizes.length] ?? 1;
          for (const { number, ts, bytes } of stream.feed(FILE.subarray(at, at + size)))
            found.push([number, ts, bytes.slice()]);
          at += size;
        }
        expect(found).toEqual(FRAMES.map(({ ts, bytes }, index) => [index + 1, ts, bytes]));
        expect(stream.unread).toBe(0);
      }),
    );
  });

  it('gives what is whole before a place that is malformed, and then says so', () => {
    const stream = new CaptureStream(new CaptureFaults('tap'));
    expect(stream.feed(concat(FILE, new Uint8Array(16).fill(0xff)))).toHaveLength(FRAMES.length);
    expect(() => stream.feed(new Uint8Array(1))).toThrow(/claims 4294967295 bytes/);
  });

  it('that is none says so at once', () => {
    const stream = new CaptureStream(new CaptureFaults('tap'));
    expect(() => stream.feed(new Uint8Array(64))).toThrow(/neither pcap nor pcapng/);
  });
});
