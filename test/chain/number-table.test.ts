// Tables and buckets of numbers against a plain map. Enters: additions, removals, look-ups; leaves: equal answers.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Buckets } from '../../src/chain/buckets.ts';
import { NumberTable } from '../../src/chain/number-table.ts';

/** Few keys, of which many have the same place in any table, and others next to it. */
const key = fc.tuple(fc.nat(6), fc.nat(12)).map(([low, high]) => low + high * 2 ** 20);
const value = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });

describe('a table of numbers', () => {
  test('has what was set last, and nothing that was deleted', () => {
    const steps = fc.array(fc.tuple(key, fc.option(value, { nil: null })), { maxLength: 300 });
    fc.assert(
      fc.property(steps, (all) => {
        const table = new NumberTable();
        const expected = new Map<number, number>();
        for (const [key, value] of all) {
          if (value === null) {
            table.delete(key);
            expected.delete(key);
          } else {
            table.set(key, value);
            expected.set(key, value);
          }
          expect(table.size).toBe(expected.size);
        }
        for (const [key] of all) expect(table.get(key)).toBe(expected.get(key));
      }),
      { numRuns: 500 },
    );
  });

  test('grows and shrinks with what it has', () => {
    const table = new NumberTable();
    const spread = (i: number) => Math.imul(i, 0x9e37_79b1) >>> 2;
    for (let i = 0; i < 100_000; i++) table.set(spread(i), i);
    expect(table.size).toBe(100_000);
    for (let i = 0; i < 100_000; i++) expect(table.get(spread(i))).toBe(i);
    for (let i = 0; i < 99_990; i++) table.delete(spread(i));
    expect(table.size).toBe(10);
    for (let i = 99_980; i < 100_000; i++) expect(table.get(spread(i))).toBe(i < 99_990 ? undefined : i);
  });
});

test('a bucket holds what was put into it and not taken out, in that order', () => {
  const steps = fc.array(fc.tuple(fc.nat(5), fc.nat(20)), { maxLength: 200 });
  fc.assert(
    fc.property(steps, (all) => {
      const buckets = new Buckets();
      const expected = new Map<number, Set<number>>();
      for (const [bucket, number] of all) {
        const known = expected.get(bucket) ?? new Set();
        // What is there already is taken out.
        if (known.has(number)) {
          buckets.take(bucket, number);
          known.delete(number);
        } else {
          // Takes out nothing.
          buckets.take(bucket, number);
          buckets.put(bucket, number);
          known.add(number);
        }
        if (known.size > 0) expected.set(bucket, known);
        else expected.delete(bucket);
        const held = buckets.at(bucket);
        expect(held === undefined ? [] : typeof held === 'number' ? [held] : [...held]).toEqual([...known]);
        expect(buckets.size).toBe(expected.size);
      }
    }),
    { numRuns: 300 },
  );
});
