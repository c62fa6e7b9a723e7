// Rentals of several customers, woven into each other at random. Enters: an order of steps; leaves: who is explained.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import policy from '../../policies/dvd-rental.ts';
import { DvdRental, type Rental, rental } from '../support/dvd-rental.ts';
import { brief, judge } from '../support/judge.ts';
import { steps, tellWoven, weave } from '../support/rental-steps.ts';

const USERS = ['alice', 'bob', 'carol', 'dave', 'erin'];

function rentals(traced: readonly boolean[]): Rental[] {
  return traced.map((has, i) =>
    rental({
      user: USERS[i] ?? `user-${i}`,
      dvd: 10 + i,
      contract: `c-${i}`,
      amount: `${2 + i}.50`,
      trace: has ? String(i).repeat(32) : null,
    }),
  );
}

const someRentals = fc.array(fc.boolean(), { minLength: 1, maxLength: 5 }).map(rentals);
const choices = fc.array(fc.nat(4), { maxLength: 60 });

describe('rentals of several customers at once, traced or not', () => {
  test('every order in which honest rentals can interleave is explained whole', async () => {
    await fc.assert(
      fc.asyncProperty(someRentals, choices, async (all, order) => {
        const { drops, indeterminate, chains } = await judge(policy, tellWoven(all, order));
        expect(brief(drops)).toEqual([]);
        expect(brief(indeterminate)).toEqual([]);
        expect(chains.map(({ outcome }) => outcome)).toEqual(all.map(() => 'complete'));
      }),
      { numRuns: 60 },
    );
  });

  test('a bill for somebody who rents nothing is the only drop, wherever it hides', async () => {
    await fc.assert(
      fc.asyncProperty(someRentals, choices, async (all, order) => {
        const told = new DvdRental();
        const [first, ...others] = all;
        if (first === undefined) return;
        const lists = [
          steps(told, first, { ...first, user: 'mallory' }),
          ...others.map((each) => steps(told, each)),
        ];
        for (const step of weave(lists, order)) step();
        const { drops } = await judge(policy, told.story.end());
        expect(drops.map(({ subject }) => subject.request)).toEqual(['POST /users/mallory/charge']);
      }),
      { numRuns: 60 },
    );
  });
});
