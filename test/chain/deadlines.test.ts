// The queue of deadlines against a sorted list. Enters: random times; leaves: the same order.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { Deadlines } from '../../src/chain/deadlines.ts';

test('items leave in the order of their times, equal times in the order in which they came, and none before its time', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(20), { maxLength: 60 }), fc.nat(20), (times, now) => {
      const deadlines = new Deadlines<number>();
      for (const [i, at] of times.entries()) deadlines.add(at, i);
      const taken: number[] = [];
      for (let item = deadlines.takeDue(now); item !== undefined; item = deadlines.takeDue(now))
        taken.push(item);
      const expected = times
        .map((at, i) => ({ at, i }))
        .filter(({ at }) => at <= now)
        .sort((a, b) => a.at - b.at || a.i - b.i)
        .map(({ i }) => i);
      expect(taken).toEqual(expected);
      expect(deadlines.size).toBe(times.length - expected.length);
    }),
  );
});
