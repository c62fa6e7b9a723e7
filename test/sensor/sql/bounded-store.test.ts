// The bounded store. Enters: values with weights; leaves: never more than its bounds, the oldest gone first.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BoundedStore } from '../../../src/sensor/sql/bounded-store.ts';

describe('a bounded store', () => {
  it('forgets the oldest when it is full in number or in weight', () => {
    let evicted = 0;
    const store = new BoundedStore<string, number>(2, 100, () => {
      evicted += 1;
    });
    store.set('a', 1, 10);
    store.set('b', 2, 10);
    store.set('a', 3, 10);
    store.set('c', 4, 10);
    expect([store.get('a'), store.get('b'), store.get('c'), evicted]).toEqual([3, undefined, 4, 1]);
    store.grow('c', 4, 85);
    expect([store.get('a'), store.get('c'), evicted]).toEqual([undefined, 4, 2]);
    store.set('d', 5, 101);
    expect([store.get('c'), store.get('d')]).toEqual([undefined, undefined]);
  });

  it('deletes only the value that is meant', () => {
    const store = new BoundedStore<string, number>(9, 99, () => {});
    store.set('a', 1, 1);
    store.deleteIf('a', 2);
    store.grow('a', 2, 1000);
    expect(store.get('a')).toBe(1);
    store.deleteIf('a', 1);
    expect(store.get('a')).toBeUndefined();
  });

  it('keeps its bounds whatever is done', () => {
    const step = fc.record({ key: fc.nat({ max: 20 }), weight: fc.nat({ max: 40 }), grow: fc.boolean() });
    fc.assert(
      fc.property(fc.array(step), (steps) => {
        const store = new BoundedStore<number, number>(5, 60, () => {});
        const weights = new Map<number, number>();
        for (const { key, weight, grow } of steps) {
          if (grow && store.get(key) !== undefined) {
            weights.set(key, (weights.get(key) ?? 0) + weight);
            store.grow(key, key, weight);
          } else if (!grow) {
            weights.set(key, weight);
            store.set(key, key, weight);
          }
          const held = [...weights.keys()].filter((each) => store.get(each) !== undefined);
          expect(held.length).toBeLessThanOrEqual(5);
          expect(held.reduce((sum, each) => sum + (weights.get(each) ?? 0), 0)).toBeLessThanOrEqual(60);
        }
      }),
    );
  });
});
