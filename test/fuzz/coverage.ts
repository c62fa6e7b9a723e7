// Which blocks of our code ran. Enters: V8's precise coverage; leaves: whether new ones did, and how much of some files.
import { type Profiler, Session } from 'node:inspector';

/** A function: itself first, then the blocks in it whose count is another. */
export interface Ran {
  readonly url: string;
  readonly ranges: readonly Profiler.CoverageRange[];
}

interface Covered {
  readonly url: string;
  readonly start: number;
  /** One byte for each character of the function: whether it ran. */
  readonly ran: Uint8Array;
}

/** Has to begin before the code is loaded. */
export class Coverage {
  readonly #session = new Session();
  readonly #functions = new Map<string, Covered>();
  readonly #wanted: RegExp;

  /** @param wanted what URLs of our code are like */
  constructor(wanted: RegExp) {
    this.#wanted = wanted;
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.start();
  }

  start(): void {
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  /** Code runs faster until the next `start`. */
  stop(): void {
    this.#session.post('Profiler.stopPreciseCoverage');
  }

  /** What ran since the last call. */
  take(): readonly Ran[] {
    const ran: Ran[] = [];
    this.#session.post('Profiler.takePreciseCoverage', (error, taken) => {
      if (error !== null) throw error;
      for (const { url, functions } of taken.result)
        if (this.#wanted.test(url)) for (const { ranges } of functions) ran.push({ url, ranges });
    });
    return ran;
  }

  /** Whether any of it never ran before. */
  isNew(taken: readonly Ran[]): boolean {
    return taken.some((ran) => this.#look(ran, false));
  }

  add(taken: readonly Ran[]): void {
    for (const ran of taken) this.#look(ran, true);
  }

  /** True when some of it did not run before. */
  #look({ url, ranges }: Ran, adding: boolean): boolean {
    const [whole, ...blocks] = ranges;
    if (whole === undefined) return false;
    const { startOffset: start, endOffset: end } = whole;
    const key = `${url}:${start}:${end}`;
    const known = this.#functions.get(key);
    if (known === undefined && !adding) return whole.count > 0;
    const { ran } = known ?? { ran: new Uint8Array(end - start) };
    if (known === undefined) this.#functions.set(key, { url, start, ran });
    if (whole.count === 0) return false;
    const now = new Uint8Array(end - start).fill(1);
    for (const { startOffset, endOffset, count } of blocks)
      now.fill(count > 0 ? 1 : 0, startOffset - start, endOffset - start);
    let found = false;
    for (let at = 0; at < now.length; at++) {
      if (now[at] === 0 || ran[at] === 1) continue;
      if (!adding) return true;
      ran[at] = 1;
      found = true;
    }
    return found;
  }

  /** Characters of the functions in some files, and how many of them ran. */
  share(of: (url: string) => boolean): { readonly ran: number; readonly all: number } {
    const files = new Map<string, Covered[]>();
    for (const each of this.#functions.values())
      if (of(each.url)) files.set(each.url, [...(files.get(each.url) ?? []), each]);
    let [ran, all] = [0, 0];
    for (const functions of files.values()) {
      // Inner functions after those that they stand in.
      functions.sort((a, b) => b.ran.length - a.ran.length);
      const file = new Uint8Array(Math.max(...functions.map((each) => each.start + each.ran.length)));
      for (const each of functions) file.set(each.ran, each.start);
      all += file.length;
      for (const byte of file) ran += byte;
    }
    return { ran, all };
  }
}
