// Hostile packets. Enters: random and mutated packets; leaves: nothing thrown, every packet counted, memory given back.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Conversation, type Frame } from '../support/packets.ts';
import { sense } from '../support/sensing.ts';

const BASE = new Conversation({ mss: 50, vlans: [3] })
  .open()
  .send('client', `GET /${'a'.repeat(200)} HTTP/1.1\r\n\r\n`)
  .send('server', `HTTP/1.1 200 OK\r\n\r\n${'b'.repeat(200)}`)
  .close().frames;

const LINK_TYPES = [0, 1, 12, 101, 108, 113, 228, 229, 276, 147];

describe('the sensor', () => {
  it('takes any bytes of any link type', () => {
    const frame = fc
      .tuple(
        fc.uint8Array({ maxLength: 120 }),
        fc.constantFrom(...LINK_TYPES),
        fc.nat({ max: 200 }),
        fc.nat(),
      )
      .map(([bytes, linkType, more, ts]): Frame => ({ bytes, linkType, original: bytes.length + more, ts }));
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 30 }), (frames) => {
        const { statistics, events } = sense(frames);
        expect(statistics.packets).toBe(frames.length);
        expect(events.at(-1)?.kind).toBe('source-end');
      }),
      { numRuns: 300 },
    );
  });

  it('takes any change of a conversation, and lets its flows end once each', () => {
    const change = fc.record({
      frame: fc.nat({ max: BASE.length - 1 }),
      at: fc.nat({ max: 70 }),
      byte: fc.nat({ max: 255 }),
    });
    const order = fc.array(fc.nat({ max: BASE.length - 1 }), { maxLength: 60 });
    fc.assert(
      fc.property(
        fc.array(change, { maxLength: 30 }),
        order,
        fc.nat({ max: 100 }),
        (changes, indices, cut) => {
          const frames = BASE.map((frame) => ({ ...frame, bytes: frame.bytes.slice() }));
          for (const { frame, at, byte } of changes) {
            const bytes = frames[frame]?.bytes;
            if (bytes !== undefined && at < bytes.length) bytes[at] = byte;
          }
          const sent = [...frames, ...indices.flatMap((index) => frames[index] ?? [])];
          const sensed = sense(
            sent.map((frame, index) =>
              index % 7 === 3 ? { ...frame, bytes: frame.bytes.subarray(0, cut) } : frame,
            ),
          );
          const begun = sensed.events.filter((event) => event.kind === 'connection-attempt').length;
          const ended = sensed.events.filter((event) => event.kind === 'connection-end').length;
          expect(ended).toBe(begun);
          expect(sensed.statistics).toMatchObject({ flows: begun, openFlows: 0 });
          for (const { calls } of sensed.flows) expectOrdered(calls);
        },
      ),
      { numRuns: 500, examples: [[[{ frame: 0, at: 51, byte: 41 }], [], 0]] },
    );
  });
});

/** Within a side, data and losses come in stream order without overlap or hole, and the end once, at last. */
function expectOrdered(calls: readonly string[]): void {
  for (const side of ['orig', 'resp']) {
    const mine = calls.filter((call) => call.startsWith(side));
    const ends = mine.filter((call) => call.includes(' end '));
    expect(ends).toHaveLength(1);
    expect(mine.at(-1)).toBe(ends[0]);
    let next: number | null = null;
    for (const call of mine.slice(0, -1)) {
      const [offset = 0, length = 0] = (/(\d+)\+(\d+)$/.exec(call) ?? []).slice(1).map(Number);
      if (next !== null) expect(offset).toBe(next);
      next = offset + length;
    }
  }
}
