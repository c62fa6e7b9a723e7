// A rental as steps that other rentals may come between. Enters: rentals, choices; leaves: steps in an order, or their events.
import type { Event } from '../../src/events/event.ts';
import { DvdRental, type Rental } from './dvd-rental.ts';

export type Step = () => void;

/** The steps of one rental, of which `billed` is what contract-update bills. */
export function steps(told: DvdRental, each: Rental, billed: Rental = each): Step[] {
  let answer: ((status?: number) => void) | null = null;
  let charged: ((status?: number) => void) | null = null;
  let tag = 0n;
  return [
    () => {
      answer = told.ask(each);
    },
    () => told.lookUp(each),
    () => {
      charged = told.bill(billed);
    },
    () => told.debit(billed),
    () => charged?.(),
    () => told.publish(each),
    () => {
      tag = told.deliver(each);
    },
    () => answer?.(),
    () => told.ship(each),
    () => told.markRented(each),
    () => told.ack(tag),
  ];
}

/** Weaves lists into one, each keeping its order; `choices` say whose turn it is. */
export function weave(lists: readonly Step[][], choices: readonly number[]): Step[] {
  const woven: Step[] = [];
  const rest = lists.map((list) => [...list]);
  for (const choice of choices) {
    const open = rest.filter((list) => list.length > 0);
    const step = open[choice % Math.max(1, open.length)]?.shift();
    if (step !== undefined) woven.push(step);
  }
  return [...woven, ...rest.flat()];
}

/** Honest rentals, woven into each other. */
export function tellWoven(all: readonly Rental[], choices: readonly number[]): readonly Event[] {
  const told = new DvdRental();
  const lists = all.map((each) => steps(told, each));
  for (const step of weave(lists, choices)) step();
  return told.story.end();
}
