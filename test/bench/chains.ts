// Memory of open chains, and what an event costs among them. Enters: numbers of open chains; leaves: bytes a chain, time an event.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import policy from '../../policies/dvd-rental.ts';
import { createEngine, type Engine } from '../../src/engine.ts';
import type { Event } from '../../src/events/event.ts';
import { Random } from '../../src/testing/mutation/random.ts';
import { median } from './measure.ts';
import { OpenRental, RentalTraffic } from './rental-traffic.ts';

/** Open chains at which both are measured; the first is what the others are compared with. */
export const SIZES = [1000, 100_000, 1_000_000] as const;
/** Events of one measured round, and rounds; the median counts. */
const EVENTS = 40_000;
const ROUNDS = 5;
/** Chains with something to do, where the others have been opened and rest. */
export const BUSY = 1000;
/** What a child may use; far above the aim, so that a figure that misses it is still measured. */
const HEAP_MIB = 14_000;

export interface ChainFigures {
  readonly open: number;
  /** Bytes of heap for each open chain, after a collection. */
  readonly bytes: number;
  /** Microseconds of processor time for each event: steps and answers of random open chains, and new chains. */
  readonly micros: number;
  /** The same where events are drawn from a fixed number of rentals only, as where most open chains wait for something. */
  readonly microsBusy: number;
}

/** Each number in a process of its own, because what one leaves in the heap would count for the next; null when its memory did not suffice. */
export async function measureChains(): Promise<readonly (ChainFigures | null)[]> {
  const figures: (ChainFigures | null)[] = [];
  for (const size of SIZES) {
    const args = ['--expose-gc', `--max-old-space-size=${HEAP_MIB}`, new URL(import.meta.url).pathname];
    const ran = promisify(execFile)(process.execPath, [...args, 'measure', String(size)]);
    figures.push(
      await ran.then(
        ({ stdout }) => JSON.parse(stdout) as ChainFigures,
        () => null,
      ),
    );
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
  const microsBusy = timeOf(engine, () => mix(busy, traffic, random));
  const micros = timeOf(engine, () => mix(rentals, traffic, random));
  const { verdicts, chainsEvicted } = engine.statistics;
  if (verdicts.drop + verdicts.indeterminate + chainsEvicted > 0)
    throw new Error(`not honest: ${JSON.stringify({ verdicts, chainsEvicted })}`);
  return { open, bytes, micros, microsBusy };
}

/** Microseconds of processor time an event, all threads of the collector included; the first round does not count. */
function timeOf(engine: Engine, events: () => readonly Event[]): number {
  const times: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const made = events();
    const started = process.cpuUsage();
    for (const event of made) engine.handle(event);
    const { user, system } = process.cpuUsage(started);
    if (round > 0) times.push((user + system) / made.length);
  }
  return median(times);
}

/** One event each of rentals drawn at random; one that has ended makes room for a new one. */
function mix(rentals: OpenRental[], traffic: RentalTraffic, random: Random): readonly Event[] {
  return Array.from({ length: EVENTS }, () => {
    const at = Math.floor(random.next() * rentals.length);
    let rental = rentals[at];
    if (rental === undefined || rental.ended) {
      rental = new OpenRental(traffic);
      rentals[at] = rental;
    }
    return rental.next();
  });
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
  return process.memoryUsage().heapUsed;
}

if (process.argv[2] === 'measure')
  process.stdout.write(`${JSON.stringify(await measure(Number(process.argv[3])))}\n`);
