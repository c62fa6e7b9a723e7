// The bounded state below the flows. Enters: long streams and hostile orders; leaves: what is remembered, and that it is bounded.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LruList, type LruNode } from '../../../src/sensor/tcp/lru.ts';
import { Marks } from '../../../src/sensor/tcp/marks.ts';
import { PacketMap } from '../../../src/sensor/tcp/packet-map.ts';
import { RECENT_BYTES, RecentBytes, RecentMemory } from '../../../src/sensor/tcp/recent.ts';

describe('the packet map', () => {
  it('finds exactly the packets whose bytes a span touches, ascending, at most 32', () => {
    const pieces = fc.array(fc.tuple(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 0, max: 60 })), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(pieces, fc.nat({ max: 200 }), fc.nat({ max: 200 }), (list, from, length) => {
        const map = new PacketMap();
        const expected = new Set<number>();
        let at = 0;
        for (const [size, packet] of list) {
          map.record(at, at + size, packet, 0);
          if (packet !== 0 && at < from + length && at + size > from && expected.size < 32)
            expected.add(packet);
          at += size;
        }
        expect(map.find(from, from + length)).toEqual([...expected].sort((a, b) => a - b));
      }),
    );
  });

  it('forgets the oldest ranges of a long stream, never mixes captures, and keeps the newest', () => {
    const map = new PacketMap();
    for (let packet = 1; packet <= 5000; packet += 1) map.record(packet * 10, packet * 10 + 10, packet, 0);
    expect(map.find(10, 20)).toEqual([]);
    expect(map.find(50_000, 50_010)).toEqual([5000]);
    expect(map.find(0, 100_000)).toHaveLength(32);
    map.record(50_010, 50_020, 7, 1);
    expect(map.find(49_000, 50_020)).toEqual([7]);
    expect(map.capture).toBe(1);
  });
});

describe('recent bytes', () => {
  it('differ exactly where the stream differs, as far back as they go', () => {
    const stream = Uint8Array.from({ length: 200_000 }, (_, index) => (index * 31) >> 3);
    const sizes = fc.array(fc.integer({ min: 1, max: 40_000 }), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(sizes, fc.nat({ max: 199_000 }), fc.nat({ max: 999 }), (list, from, wrong) => {
        const recent = new RecentBytes(new RecentMemory(1 << 20));
        let at = 0;
        for (const size of list) {
          const piece = stream.subarray(at, at + size);
          if (piece.length > 0) recent.push(at, piece);
          at += piece.length;
        }
        expect(at - recent.start).toBe(Math.min(at, RECENT_BYTES));
        const again = stream.slice(from, from + 1000);
        expect(recent.compare(from, again, 0, again.length)).toBeNull();
        again[wrong] = (again[wrong] ?? 0) ^ 1;
        const held = from + wrong >= recent.start && from + wrong < at;
        const place = { start: from + wrong, end: from + wrong + 1 };
        expect(recent.compare(from, again, 0, again.length)).toEqual(held ? place : null);
      }),
    );
  });

  it('hold nothing when the memory is gone, until somebody gives it back', () => {
    const memory = new RecentMemory(5000);
    const one = new RecentBytes(memory);
    one.push(0, new Uint8Array(2000));
    const two = new RecentBytes(memory);
    two.push(0, new Uint8Array(2000));
    expect([one.start, two.start]).toEqual([0, 2000]);
    one.release();
    two.push(2000, new Uint8Array(500));
    two.push(2500, new Uint8Array(500));
    expect(two.start).toBe(2000);
    expect(two.compare(2499, new Uint8Array(1), 0, 1)).toBeNull();
  });
});

describe('marks', () => {
  it('apply to spans that share a byte with them', () => {
    const marks = new Marks();
    marks.add('tcp-urgent-data', 'x', 10, 12);
    expect([marks.find(0, 10), marks.find(12, 20)]).toEqual([[], []]);
    expect(marks.find(0, 11)).toEqual([{ code: 'tcp-urgent-data', detail: 'x' }]);
  });

  it('never lose a range, however many there are', () => {
    const marks = new Marks();
    for (let at = 0; at < 10_000; at += 10) marks.add('tcp-overlap-conflict', 'x', at, at + 1);
    for (let at = 0; at < 10_000; at += 10) expect(marks.find(at, at + 1).length).toBeGreaterThan(0);
    expect(marks.find(0, 10_000).length).toBeLessThanOrEqual(64);
  });
});

describe('the list of flows', () => {
  it('keeps the order of use', () => {
    class Node implements LruNode<Node> {
      older: Node | null = null;
      newer: Node | null = null;
    }
    const nodes = Array.from({ length: 5 }, () => new Node());
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 4 }), { maxLength: 40 }), (uses) => {
        const list = new LruList<Node>();
        for (const node of nodes) list.add(node);
        let model = [...nodes];
        for (const use of uses) {
          const node = nodes[use] as Node;
          list.touch(node);
          model = [...model.filter((other) => other !== node), node];
        }
        for (const node of model) {
          expect(list.oldest).toBe(node);
          list.remove(node);
        }
        expect(list.oldest).toBeNull();
      }),
    );
  });
});
