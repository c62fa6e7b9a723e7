// Memory outside of the collector's heap. Enters: random bytes that come and go; leaves: the same bytes, and no memory that is not needed.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Arena, LONGEST_CELL } from '../../src/chain/arena.ts';
import { CountedTexts } from '../../src/chain/packing.ts';

const MIB = 1 << 20;

function filled(length: number, value: number): Buffer {
  return Buffer.alloc(length, value);
}

test('what was put stays as it is until it is freed', () => {
  const put = fc.record({ length: fc.integer({ min: 0, max: LONGEST_CELL }), value: fc.nat(255) });
  fc.assert(
    fc.property(fc.array(fc.oneof(put, fc.nat(50)), { maxLength: 300 }), (steps) => {
      const arena = new Arena();
      const kept: { address: number; bytes: Buffer }[] = [];
      for (const step of steps) {
        if (typeof step !== 'number') {
          const bytes = filled(step.length, step.value);
          kept.push({ address: arena.put(bytes, step.length), bytes });
        } else if (kept.length > 0) {
          const [gone] = kept.splice(step % kept.length, 1);
          if (gone !== undefined) arena.free(gone.address);
        }
        for (const { address, bytes } of kept) {
          const { bytes: chunk, start, length } = arena.find(address);
          expect(chunk.subarray(start, start + bytes.length).equals(bytes)).toBe(true);
          expect(length).toBeGreaterThanOrEqual(bytes.length);
        }
      }
      expect(new Set(kept.map(({ address }) => address)).size).toBe(kept.length);
    }),
    { numRuns: 50 },
  );
});

test('chunks that nobody needs any more are given back, and used again for cells of another size', () => {
  const arena = new Arena();
  const fill = (length: number) =>
    Array.from({ length: Math.ceil((8 * MIB) / length) }, () => arena.put(filled(length, 7), length));
  const small = fill(96);
  expect(arena.size).toBeGreaterThanOrEqual(8 * MIB);
  expect(arena.size).toBeLessThanOrEqual(9 * MIB);
  for (const address of small) arena.free(address);
  expect(arena.size).toBe(MIB);
  const large = fill(1000);
  expect(arena.size).toBeLessThanOrEqual(10 * MIB);
  for (const address of large) arena.free(address);
  // One of each size is kept.
  expect(arena.size).toBe(2 * MIB);
});

test('a cell that was freed is used again before a new one is', () => {
  const arena = new Arena();
  const [first, second] = [arena.put(filled(40, 1), 40), arena.put(filled(40, 2), 40)];
  arena.free(first);
  arena.free(second);
  expect([arena.put(filled(50, 3), 50), arena.put(filled(60, 4), 60)]).toEqual([second, first]);
  expect(arena.find(first).bytes[arena.find(first).start]).toBe(4);
});

test('a text that many have is kept once, and only for as long as somebody has it', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom('a', 'b', 'c', ''), fc.boolean())), (steps) => {
      const texts = new CountedTexts();
      const taken: { number: number; text: string }[] = [];
      for (const [text, take] of steps) {
        if (take) taken.push({ number: texts.take(text), text });
        else {
          const first = taken.shift();
          if (first !== undefined) expect(texts.give(first.number)).toBe(first.text);
        }
        expect(texts.size).toBe(new Set(taken.map((each) => each.text)).size);
        expect(new Set(taken.map(({ number }) => number)).size).toBe(texts.size);
      }
    }),
  );
});
