// Memory of open chains, and what an event costs among them. Enters: numbers of open chains; leaves: bytes a chain, time an event.
import policy from '../../policies/dvd-rental.ts';
import { createEngine, type Engine } from '../../src/engine.ts';
import type { Event } from '../../src/events/event.ts';
import { Random } from '../../src/testing/mutation/random.ts';
import { inChild, median } from './measure.ts';
import { OpenRental, RentalTraffic } from './rental-traffic.ts';

/** Open chains at which both are measured; the first is what the others are compared with. */
export const SIZES = [1000, 100_000, 1_000_000] as const;
/** Events of one measured round, and rounds; the median counts. */
const EVENTS = 40_000;
const ROUNDS = 5;
/** Events that are made before they are handled: few, since those that wait for long are work for the collector which no engine has. */
const BATCH = 250;
/** Chains with something to do, where the others have been opened and rest. */
export const BUSY = 1000;
/** Rentals that go on at a time, where each goes on for a while and rests for long. */
const AT_ONCE = 200;
/** What a child may use; far above the aim, so that a figure that misses it is still measured. */
const HEAP_MIB = 14_000;

export interface ChainFigures {
  readonly open: number;
  /** Bytes for each open chain, in the heap after a collection and outside of it. */
  readonly bytes: number;
  /** Microseconds of processor time for each event: steps and answers of random open chains, and new chains. */
  readonly micros: number;
  /** The same where events are drawn from a fixed number of rentals only, as where most open chains wait for something. */
  readonly microsBusy: number;
  /** The same where a rental that rested goes on to its end and a new one until it rests, as rentals do; so many at a time. */
  readonly microsInTurn: number;
}

/** Each number in a process of its own, because what one leaves in the heap would count for the next; null when its memory did not suffice. */
export async function measureChains(): Promise<readonly (ChainFigures | null)[]> {
  const figures: (ChainFigures | null)[] = [];
  for (const size of SIZES) {
    const flags = ['--expose-gc', `--max-old-space-size=${HEAP_MIB}`];
    const measured = inChild<ChainFigures>(import.meta.url, ['measure', String(size)], flags);
    figures.push(await measured.catch(() => null));
  }
  return figures;
}

async function measure(open: number): Promise<ChainFigures> {
  const document = { ...policy, limits: { ...policy.limits, chains: 1_100_000 } };
  const engine = await createEngine({ policies: [document], containment: 'forward' });
  const traffic = new RentalTraffic();
  const random = new Random(1);
  const rentals: OpenRental[] = [];
  // The parsers and the connections are there before the first chain counts.
  warmUp(engine, traffic);
  const before = heap();
  for (let i = 0; i < open; i++) {
    const rental = new OpenRental(traffic);
    rentals.push(rental);
    for (let steps = 1 + Math.floor(random.next() * OpenRental.WAITING); steps > 0; steps--)
      engine.handle(rental.next());
  }
  // What the generator itself keeps of each rental is not the engine's.
  const own = sizeOfRentals(open);
  const bytes = (heap() - before) / open - own;
  const busy = rentals.slice(0, BUSY);
  const microsBusy = timeOf(engine, mix(busy, traffic, random));
  const microsInTurn = timeOf(engine, turns(rentals, traffic, random));
  const micros = timeOf(engine, mix(rentals, traffic, random));
  const { verdicts, chainsEvicted } = engine.statistics;
  if (verdicts.drop + verdicts.indeterminate + chainsEvicted > 0)
    throw new Error(`not honest: ${JSON.stringify({ verdicts, chainsEvicted })}`);
  return { open, bytes, micros, microsBusy, microsInTurn };
}

/** Microseconds of processor time an event, all threads of the collector included; the first round does not count. */
function timeOf(engine: Engine, next: () => Event): number {
  const times: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    let micros = 0;
    for (let count = 0; count < EVENTS; count += BATCH) {
      const made = Array.from({ length: BATCH }, next);
      const started = process.cpuUsage();
      for (const event of made) engine.handle(event);
      const { user, system } = process.cpuUsage(started);
      micros += user + system;
    }
    if (round > 0) times.push(micros / EVENTS);
  }
  return median(times);
}

/** The next event of a rental drawn at random; one that has ended makes room for a new one. */
function mix(rentals: OpenRental[], traffic: RentalTraffic, random: Random): () => Event {
  return () => {
    const at = Math.floor(random.next() * rentals.length);
    let rental = rentals[at];
    if (rental === undefined || rental.ended) {
      rental = new OpenRental(traffic);
      rentals[at] = rental;
    }
    return rental.next();
  };
}

/** Rentals of which each ends one that rested and brings another one as far as that, a few of them at a time. */
function turns(rentals: OpenRental[], traffic: RentalTraffic, random: Random): () => Event {
  const below = (most: number): number => Math.floor(random.next() * most);
  const going = Array.from({ length: AT_ONCE }, () => ({ at: 0, left: 0 }));
  return () => {
    const own = below(AT_ONCE);
    const turn = going[own] as { at: number; left: number };
    if (turn.left === 0) {
      // No two have the same one in hands.
      turn.at = own + AT_ONCE * below(rentals.length / AT_ONCE);
      turn.left = Number.POSITIVE_INFINITY;
    }
    let rental = rentals[turn.at] as OpenRental;
    if (rental.ended) {
      rental = new OpenRental(traffic);
      rentals[turn.at] = rental;
      turn.left = 1 + below(OpenRental.WAITING);
    }
    turn.left--;
    return rental.next();
  };
}

function warmUp(engine: Engine, traffic: RentalTraffic): void {
  for (const event of traffic.greet()) engine.handle(event);
  for (let i = 0; i < 3000; i++) {
    const rental = new OpenRental(traffic);
    while (!rental.ended) engine.handle(rental.next());
  }
}

/** Bytes of the generator for each rental that it keeps. */
function sizeOfRentals(count: number): number {
  const traffic = new RentalTraffic();
  const before = heap();
  const rentals = Array.from({ length: count }, () => new OpenRental(traffic));
  return (heap() - before) / rentals.length;
}

function heap(): number {
  for (let i = 0; i < 3; i++) globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

if (process.argv[2] === 'measure')
  process.stdout.write(`${JSON.stringify(await measure(Number(process.argv[3])))}\n`);
