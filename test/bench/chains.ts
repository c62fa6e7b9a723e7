// Memory of open chains, and what an event costs among them. Enters: numbers of open chains; leaves: bytes a chain, time an event.
import { type ChildProcess, fork } from 'node:child_process';
import { median } from './measure.ts';

/** Open chains at which both are measured; the first is what the others are compared with. */
export const SIZES = [1000, 100_000, 1_000_000] as const;
/** Chains with something to do, where the others have been opened and rest. */
export const BUSY = 1000;
/** Rounds; the median counts. A first one, which warms up, does not. */
const ROUNDS = 7;
/** What a child may use; far above the aim, so that a figure that misses it is still measured. */
const HEAP_MIB = 14_000;

/**
 * Which of the open chains each event is of: one of a fixed few, as where most open chains wait for something; one of those
 * that go on at a time, each until it rests, as rentals do; any of them. For comparison: a look-up of any of as many
 * entries of a `Map`, and a change of what is there.
 */
export const LOADS = ['busy', 'inTurn', 'any', 'lookUp'] as const;
export type Load = (typeof LOADS)[number];

/** What a child is asked for: the memory, or one round of a load. */
export type Question = 'memory' | Load;

export interface ChainFigures {
  /** Bytes for each open chain, in the heap after a collection and outside of it. */
  readonly bytes: number;
  /** Microseconds of processor time for each event, all threads of the collector included. */
  readonly micros: Readonly<Record<Load, number>>;
  /** The same divided by that of the first size: the median of what rounds gave that followed each other at once. */
  readonly ratios: Readonly<Record<Load, number>>;
}

/**
 * Each number in a process of its own, because what one leaves in the heap would count for the next; null when its memory did
 * not suffice. Their rounds take turns: whatever else the machine does is the same for all of them.
 */
export async function measureChains(): Promise<readonly (ChainFigures | null)[]> {
  const module = new URL('./open-chains.js', import.meta.url);
  const execArgv = ['--expose-gc', `--max-old-space-size=${HEAP_MIB}`];
  const children = SIZES.map((size) => fork(module, [String(size)], { execArgv }));
  try {
    const bytes: (number | null)[] = [];
    for (const child of children) bytes.push(await ask(child, 'memory'));
    const rounds = new Map<Load, (number | null)[][]>();
    for (const load of LOADS) rounds.set(load, await inTurns(children, load));
    return children.map((_, i) => {
      const bytesHere = bytes[i] ?? null;
      const timed = LOADS.map((load) => [load, figuresOf(rounds.get(load) ?? [], i)] as const);
      if (bytesHere === null || timed.some(([, figures]) => figures === null)) return null;
      const of = (which: 'micros' | 'ratio'): Record<Load, number> =>
        Object.fromEntries(timed.map(([load, figures]) => [load, figures?.[which]])) as Record<Load, number>;
      return { bytes: bytesHere, micros: of('micros'), ratios: of('ratio') };
    });
  } finally {
    for (const child of children) child.kill();
  }
}

/** What each child gave in each round. */
async function inTurns(children: readonly ChildProcess[], load: Load): Promise<(number | null)[][]> {
  const rounds: (number | null)[][] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const times: (number | null)[] = [];
    for (const child of children) times.push(await ask(child, load));
    if (round > 0) rounds.push(times);
  }
  return rounds;
}

function figuresOf(
  rounds: readonly (readonly (number | null)[])[],
  child: number,
): { readonly micros: number; readonly ratio: number } | null {
  const times: number[] = [];
  const ratios: number[] = [];
  for (const round of rounds) {
    const [first] = round;
    const own = round[child];
    if (first == null || own == null) return null;
    times.push(own);
    ratios.push(own / first);
  }
  return { micros: median(times), ratio: median(ratios) };
}

/** Its answer; null when it has ended. Rejects when it says what is wrong. */
async function ask(child: ChildProcess, question: Question): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return null;
  return new Promise((resolve, reject) => {
    const ended = (): void => resolve(null);
    child.once('exit', ended);
    child.once('message', (answer) => {
      child.off('exit', ended);
      if (typeof answer === 'number') resolve(answer);
      else reject(new Error(String(answer)));
    });
    child.send(question);
  });
}
