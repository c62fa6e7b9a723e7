// The same traffic, arriving in another order. Enters: stories, delays within the reorder window; leaves: equal verdicts.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import policy from '../../policies/dvd-rental.ts';
import type { Event } from '../../src/events/event.ts';
import type { Verdict } from '../../src/verdict.ts';
import { DvdRental, type Rental, rental } from '../support/dvd-rental.ts';
import { judge } from '../support/judge.ts';
import { type Step, steps, weave } from '../support/rental-steps.ts';

const WINDOW = policy.limits.reorder;

/** Events in the order in which they arrive when each is late by up to the window; those of one flow stay in order. */
function arriving(events: readonly Event[], delays: readonly number[]): Event[] {
  const latest = new Map<string, number>();
  return events
    .map((event, i) => {
      const flow = event.kind === 'source-end' ? '' : event.flow.id;
      const own = event.ts + (delays[i % delays.length] ?? 0);
      const at =
        event.kind === 'source-end' ? Number.POSITIVE_INFINITY : Math.max(own, latest.get(flow) ?? 0);
      latest.set(flow, at);
      return { event, at };
    })
    .sort((a, b) => a.at - b.at)
    .map(({ event }) => event);
}

/** What was said of each thing, in the order of the traffic. */
function said(verdicts: readonly Verdict[]): string[] {
  return verdicts
    .map(({ kind, reasons, subject, evidence: [first], ts }) => {
      const where = `${ts} ${subject.what} ${subject.request} ${first?.flow} ${first?.side} ${first?.start}`;
      return `${where}: ${kind} ${reasons[0].code}`;
    })
    .sort();
}

const USERS = ['alice', 'bob', 'carol', 'dave'];
const someRentals = fc.array(fc.boolean(), { minLength: 1, maxLength: 4 }).map((traced): Rental[] =>
  traced.map((has, i) =>
    rental({
      user: USERS[i] ?? 'alice',
      dvd: 10 + i,
      contract: `c-${i}`,
      amount: `${2 + i}.50`,
      trace: has ? String(i).repeat(32) : null,
    }),
  ),
);
const choices = fc.array(fc.nat(3), { maxLength: 44 });
const delays = fc.array(fc.nat(WINDOW), { minLength: 1, maxLength: 120 });

/** Slow enough that a story takes much longer than the window. */
function slowly(): DvdRental {
  const told = new DvdRental();
  told.story.step = WINDOW / 10;
  return told;
}

/** The same, but for some of its parts. */
function replacing(told: DvdRental, parts: Partial<DvdRental>): DvdRental {
  return new Proxy(told, {
    get(target, name) {
      const part: unknown = Reflect.get(name in parts ? parts : target, name);
      return typeof part === 'function' ? part.bind(target) : part;
    },
  });
}

async function compare(told: DvdRental, late: readonly number[]): Promise<void> {
  const events = told.story.end();
  const inOrder = await judge(policy, events);
  const reordered = await judge(policy, arriving(events, late));
  expect(said(reordered.verdicts)).toEqual(said(inOrder.verdicts));
}

/** One of the attacks among honest rentals; `listsOf` says what each of them does. */
async function everyOrder<Attack>(
  attacks: readonly Attack[],
  listsOf: (told: DvdRental, all: readonly Rental[], victim: Rental, attack: Attack) => Step[][],
): Promise<void> {
  await fc.assert(
    fc.asyncProperty(
      someRentals,
      fc.nat(attacks.length - 1),
      choices,
      delays,
      async (all, which, order, late) => {
        const told = slowly();
        const [victim] = all;
        const attack = attacks[which];
        if (victim === undefined || attack === undefined) return;
        for (const step of weave(listsOf(told, all, victim, attack), order)) step();
        await compare(told, late);
      },
    ),
    { numRuns: 200 },
  );
}

describe('events that arrive late by up to the reorder window, each flow in its order', () => {
  test('of honest rentals change no verdict', async () => {
    await fc.assert(
      fc.asyncProperty(someRentals, choices, delays, async (all, order, late) => {
        const told = slowly();
        for (const step of weave(
          all.map((each) => steps(told, each)),
          order,
        ))
          step();
        await compare(told, late);
      }),
      { numRuns: 200 },
    );
  });

  test('of attacks that nothing explains change no verdict, and nobody else is blamed', async () => {
    const attacks: readonly ((told: DvdRental, victim: Rental) => Step[])[] = [
      (told, victim) => [() => told.bill({ ...victim, user: 'mallory' })(401)],
      (told, victim) => [() => told.record({ ...victim, user: 'mallory' })],
      (told, victim) => [() => told.publish({ ...victim, user: 'mallory' })],
      (told) => [() => told.toUserDb.sql('postgres', 'DELETE FROM users')([])],
      (told, victim) => [
        () => told.toShipping.http('POST', '/shipments', { body: { ...victim, contract: 'none' } })(201),
      ],
    ];
    await everyOrder(attacks, (told, all, victim, attack) => [
      ...all.map((each) => steps(told, each)),
      attack(told, victim),
    ]);
  });

  test('of user requests that come as near do not change which one is the nearest', async () => {
    const told = slowly();
    const [one, other] = ['1'.repeat(32), null].map((trace, i) =>
      rental({ user: USERS[i] ?? '', dvd: 10 + i, contract: `c-${i}`, amount: '2.50', trace }),
    ) as [Rental, Rental];
    const begun = [one, other].map((each) => steps(told, each));
    for (const [first] of begun) first?.();
    told.bill({ ...one, user: 'mallory', contract: 'c-9', amount: '9.50', trace: '2'.repeat(32) })(401);
    for (const [, ...rest] of begun) for (const step of rest) step();
    const { length } = told.story.end();
    for (let late = 0; late < Math.min(length, 20); late++)
      await compare(
        told,
        Array.from({ length }, (_, i) => (i === late ? WINDOW : 0)),
      );
  });

  test('of attacks within a rental change no verdict, consequences included', async () => {
    const attacks: readonly ((told: DvdRental, victim: Rental) => Partial<DvdRental>)[] = [
      (told, victim) => ({ bill: (_, over) => told.bill({ ...victim, amount: '99.00' }, over) }),
      (told, victim) => ({ debit: () => told.debit({ ...victim, user: 'mallory' }) }),
      (told, victim) => ({ publish: () => told.publish({ ...victim, dvd: 99 }) }),
      (told, victim) => ({
        record: () => {
          told.record(victim);
          told.record(victim);
        },
      }),
      () => ({ ship: () => {} }),
    ];
    await everyOrder(attacks, (told, all, victim, attack) => {
      const changed = replacing(told, attack(told, victim));
      return all.map((each) => steps(each === victim ? changed : told, each));
    });
  });
});
