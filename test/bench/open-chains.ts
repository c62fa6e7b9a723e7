// An engine with many open chains, in a process of its own. Enters: how many, and by messages what to measure; leaves: one figure a message.
import policy from '../../policies/dvd-rental.ts';
import { createEngine, type Engine } from '../../src/engine.ts';
import type { Event } from '../../src/events/event.ts';
import { Random } from '../../src/testing/mutation/random.ts';
import { BUSY, type Load, type Question } from './chains.ts';
import { OpenRental, RentalTraffic } from './rental-traffic.ts';

/** Events of one measured round. */
const EVENTS = 40_000;
/** Events that are made before they are handled: few, since those that wait for long are work for the collector which no engine has. */
const BATCH = 250;
/** Rentals that go on at a time, where each goes on for a while and rests for long. */
const AT_ONCE = 200;

async function prepare(open: number): Promise<(question: Question) => number> {
  const document = { ...policy, limits: { ...policy.limits, chains: 1_100_000 } };
  const engine = await createEngine({ policies: [document], containment: 'forward' });
  const traffic = new RentalTraffic();
  const random = new Random(1);
  // The parsers and the connections are there before the first chain counts, and so is what the generator itself keeps.
  warmUp(engine, traffic);
  const rentals = Array.from({ length: open }, () => new OpenRental(traffic));
  const before = heap();
  for (const rental of rentals) {
    for (let steps = 1 + Math.floor(random.next() * OpenRental.WAITING); steps > 0; steps--)
      engine.handle(rental.next());
  }
  const bytes = (heap() - before) / open;
  const loads: Record<Exclude<Load, 'lookUp'>, () => Event> = {
    busy: mix(rentals.slice(0, BUSY), traffic, random),
    inTurn: turns(rentals, traffic, random),
    any: mix(rentals, traffic, random),
  };
  let lookUp: (() => () => void) | null = null;
  return (question) => {
    if (question === 'memory') return bytes;
    if (question === 'lookUp') {
      lookUp ??= lookUps(open, random);
      return timeOf(lookUp, (look) => look());
    }
    const time = timeOf(loads[question], (event) => void engine.handle(event));
    const { verdicts, chainsEvicted } = engine.statistics;
    if (verdicts.drop + verdicts.indeterminate + chainsEvicted > 0)
      throw new Error(`not honest: ${JSON.stringify({ verdicts, chainsEvicted })}`);
    return time;
  };
}

/** Microseconds of processor time for each of a round, all threads of the collector included. */
function timeOf<T>(next: () => T, handle: (item: T) => void): number {
  let micros = 0;
  for (let count = 0; count < EVENTS; count += BATCH) {
    const made = Array.from({ length: BATCH }, next);
    const started = process.cpuUsage();
    for (const item of made) handle(item);
    const { user, system } = process.cpuUsage(started);
    micros += user + system;
  }
  return micros / EVENTS;
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

/** Looks up any of as many names, and changes what it finds. */
function lookUps(count: number, random: Random): () => () => void {
  const entries = new Map<string, { steps: number; last: { readonly at: number } | null }>();
  for (let i = 0; i < count; i++) entries.set(`user-${i}`, { steps: 0, last: null });
  return () => {
    const name = `user-${Math.floor(random.next() * count)}`;
    return () => {
      const entry = entries.get(name);
      if (entry !== undefined) entry.last = { at: ++entry.steps };
    };
  };
}

function warmUp(engine: Engine, traffic: RentalTraffic): void {
  for (const event of traffic.greet()) engine.handle(event);
  for (let i = 0; i < 3000; i++) {
    const rental = new OpenRental(traffic);
    while (!rental.ended) engine.handle(rental.next());
  }
}

function heap(): number {
  for (let i = 0; i < 3; i++) globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** Made when the first question comes, so that children do not prepare at the same time. */
let prepared: ReturnType<typeof prepare> | null = null;
process.on('message', (question: Question) => {
  prepared ??= prepare(Number(process.argv[2]));
  prepared
    .then((answer) => process.send?.(answer(question)))
    .catch((error: unknown) => process.send?.(String(error)));
});
process.on('disconnect', () => process.exit());
