// The index of waiting places against a plain search. Enters: random chains and requests; leaves: equal answers.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ChainState } from '../../src/chain/chain-state.ts';
import { Packer, UNPACKED } from '../../src/chain/packer.ts';
import type { StepPlan } from '../../src/chain/plan.ts';
import type { ChainRequest } from '../../src/chain/request.ts';
import type { FactReading } from '../../src/chain/scope.ts';
import { SlotIndex } from '../../src/chain/slot-index.ts';
import { Instance, Slot } from '../../src/chain/state.ts';
import type { Evidence, FlowId } from '../../src/flow.ts';

const FACTS = ['amount', 'dvd', 'user'] as const;
const EVIDENCE: Evidence = {
  flow: 'f' as FlowId,
  side: 'orig',
  start: 0,
  end: 1,
  ts: 0,
  capture: null,
  packets: [],
};

const PLAN: StepPlan = {
  request: 'bill',
  cardinality: 'once',
  within: null,
  least: 0,
  most: null,
  owns: new Set(),
  retries: 0,
  order: 'any',
  facts: [...FACTS],
  speaks: [],
  requires: null,
  staysOpen: false,
  parent: null,
  position: 0,
  children: [],
};

function readings(values: Readonly<Record<string, string | undefined>>): FactReading[] {
  return Object.entries(values).flatMap(([fact, value]) =>
    value === undefined ? [] : [{ fact, value, source: 'test', evidence: EVIDENCE }],
  );
}

function slotOf(id: number, values: Readonly<Record<string, string | undefined>>): Slot {
  const chain = new ChainState(
    id,
    { from: 'customer', address: '192.0.2.1' },
    id,
    null,
    new Packer(UNPACKED),
  );
  const root = new Instance(chain, PLAN, null, requestOf({}), null);
  chain.settle(readings(values), root);
  return new Slot(root, PLAN, 0);
}

function requestOf(values: Readonly<Record<string, string | undefined>>): ChainRequest {
  const facts = readings(values);
  return {
    request: 'bill',
    facts,
    keys: new Map(),
    ts: 0,
    evidence: EVIDENCE,
    summary: 'bill',
    requires: null,
    unanswered: false,
  };
}

/** Values with separators in them, so that names of buckets could be confused if they were built carelessly. */
const value = fc.option(fc.constantFrom('1', '11', '1:1', '1|', '', '2:11', 'a'), { nil: undefined });
const values = fc.record({ amount: value, dvd: value, user: value });

function agrees(slot: Slot, request: ChainRequest): boolean {
  return request.facts.every((read) => {
    const settled = slot.fact(read.fact);
    return settled === undefined || settled.value === read.value;
  });
}

describe('the slot index', () => {
  test('finds exactly the places that a plain search finds', () => {
    fc.assert(
      fc.property(
        fc.array(values, { maxLength: 20 }),
        fc.array(values, { maxLength: 3 }),
        values,
        fc.array(fc.nat(19)),
        (chains, before, asked, removed) => {
          const index = new SlotIndex();
          const slots = chains.map((each, i) => slotOf(i, each));
          // Look-ups in between: what they leave out makes the index keep further tables.
          for (const [i, slot] of slots.entries()) {
            const early = before[i % 4];
            if (early !== undefined) [...index.matching(requestOf(early))];
            index.add(slot);
          }
          for (const i of removed) {
            const slot = slots[i];
            if (slot !== undefined) index.remove(slot);
          }
          const request = requestOf(asked);
          const found = [...index.matching(request)].map(({ slot }) => slot.chain.id);
          const expected = slots
            .filter((slot, i) => !removed.includes(i) && agrees(slot, request))
            .map((slot) => slot.chain.id);
          expect([...found].sort()).toEqual([...expected].sort());
        },
      ),
    );
  });

  test('finds each of very many places of one chain, whichever of them are gone', () => {
    const steps = fc.array(fc.tuple(fc.boolean(), fc.nat(29)), { minLength: 60, maxLength: 100 });
    fc.assert(
      fc.property(steps, (all) => {
        const index = new SlotIndex();
        const first = slotOf(1, { user: 'alice' });
        const slots = [first, ...Array.from({ length: 29 }, () => new Slot(first.parent, PLAN, 0))];
        const waiting = new Set<Slot>();
        for (const [adds, at] of all) {
          const slot = slots[at] as Slot;
          if (adds && !waiting.has(slot)) index.add(slot);
          else if (!adds) index.remove(slot);
          if (adds) waiting.add(slot);
          else waiting.delete(slot);
          const found = [...index.matching(requestOf({ user: 'alice' }))].map((match) => match.slot);
          expect(found.every((slot) => waiting.has(slot))).toBe(true);
          expect(found).toHaveLength(waiting.size);
        }
      }),
    );
  });

  test('offers places with more settled facts in agreement first', () => {
    const index = new SlotIndex();
    index.add(slotOf(1, {}));
    index.add(slotOf(2, { user: 'alice', dvd: '7' }));
    index.add(slotOf(3, { user: 'alice' }));
    const found = [...index.matching(requestOf({ user: 'alice', dvd: '7', amount: '3' }))];
    expect(found.map(({ slot, agreeing }) => [slot.chain.id, agreeing])).toEqual([
      ['c2', 2],
      ['c3', 1],
      ['c1', 0],
    ]);
  });
});
