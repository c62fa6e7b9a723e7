// Many things that happen at once, on a clock of their own. Enters: what each of them does, as generators; leaves: events in order of time.
import type { Event } from '../../src/events/event.ts';
import type { Micros } from '../../src/flow.ts';
import { Random } from '../../src/testing/mutation/random.ts';

/** What somebody does, step by step: each yield waits for so many microseconds, or for somebody else to have done. */
export type Doing<T = void> = Generator<number | Task, T, void>;

/** Something under way. Others may wait until it is done. */
export class Task {
  done = false;
  readonly waiting: Task[] = [];
  readonly doing: Doing<unknown>;

  constructor(doing: Doing<unknown> = nothing()) {
    this.doing = doing;
  }
}

function* nothing(): Doing {}

interface Entry {
  readonly at: Micros;
  readonly order: number;
  readonly task: Task;
}

/** The same seed gives the same events. Only what is under way is held in memory. */
export class Simulation {
  now: Micros = 1_700_000_000_000_000;
  readonly random: Random;
  readonly #heap: Entry[] = [];
  #order = 0;
  #out: Event[] = [];

  constructor(seed: number) {
    this.random = new Random(seed);
  }

  /** Begins something, `delay` microseconds from now. */
  start(doing: Doing<unknown>, delay = 0): Task {
    const task = new Task(doing);
    this.#add(delay, task);
    return task;
  }

  /** Ends a task that does nothing but let others wait. */
  finish(task: Task): void {
    task.done = true;
    for (const other of task.waiting.splice(0)) this.#add(0, other);
  }

  /** Says what was seen on the wire just now. */
  emit(event: Event): void {
    this.#out.push(event);
  }

  /** Events until nothing is under way any more. */
  *events(): Generator<Event> {
    for (let entry = this.#take(); entry !== undefined; entry = this.#take()) {
      this.now = entry.at;
      this.#resume(entry.task);
      if (this.#out.length === 0) continue;
      const out = this.#out;
      this.#out = [];
      yield* out;
    }
  }

  /** True with this probability. */
  chance(probability: number): boolean {
    return this.random.next() < probability;
  }

  /** Microseconds that something takes: at least `least`, with a long tail, `mean` more on average. */
  latency(least: number, mean: number): number {
    return Math.round(least - mean * Math.log(1 - this.random.next()));
  }

  /** A whole number below `limit`. */
  below(limit: number): number {
    return Math.floor(this.random.next() * limit);
  }

  #resume(task: Task): void {
    const step = task.doing.next();
    if (step.done === true) this.finish(task);
    else if (typeof step.value === 'number') this.#add(step.value, task);
    else if (step.value.done) this.#add(0, task);
    else step.value.waiting.push(task);
  }

  #add(delay: number, task: Task): void {
    const entry = { at: this.now + delay, order: this.#order++, task };
    const heap = this.#heap;
    let i = heap.push(entry) - 1;
    while (i > 0) {
      const up = (i - 1) >> 1;
      const parent = heap[up];
      if (parent === undefined || !isBefore(entry, parent)) break;
      heap[i] = parent;
      i = up;
    }
    heap[i] = entry;
  }

  #take(): Entry | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined || heap.length === 0) return first;
    let i = 0;
    for (;;) {
      const [left, right] = [heap[2 * i + 1], heap[2 * i + 2]];
      if (left === undefined) break;
      const child = right !== undefined && isBefore(right, left) ? right : left;
      if (!isBefore(child, last)) break;
      heap[i] = child;
      i = 2 * i + (child === right ? 2 : 1);
    }
    heap[i] = last;
    return first;
  }
}

function isBefore(a: Entry, b: Entry): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
