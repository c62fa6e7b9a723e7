// The built program as it runs, line by line. Enters: arguments; leaves: promises of what it says, and of how it ends.
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

type Line = Readonly<Record<string, unknown>>;

const ROOT = new URL('../..', import.meta.url).pathname;
export const PROGRAM = join(ROOT, 'dist/src/cli/main.js');

/** Lines of JSON, those that came and those that will. */
class Lines {
  readonly all: Line[] = [];
  readonly texts: string[] = [];
  #waiting: { readonly wanted: (line: Line) => boolean; readonly resolve: (line: Line) => void }[] = [];

  constructor(stream: Readable) {
    createInterface({ input: stream }).on('line', (text) => {
      this.texts.push(text);
      const line = parse(text);
      if (line === null) return;
      this.all.push(line);
      for (const { wanted, resolve } of this.#waiting) if (wanted(line)) resolve(line);
      this.#waiting = this.#waiting.filter(({ wanted }) => !wanted(line));
    });
  }

  /** The first line that has all of these fields. */
  with(fields: Line): Promise<Line> {
    const wanted = (line: Line): boolean =>
      Object.entries(fields).every(([name, value]) => line[name] === value);
    const found = this.all.find(wanted);
    if (found !== undefined) return Promise.resolve(found);
    return new Promise((resolve) => this.#waiting.push({ wanted, resolve }));
  }
}

/** Null for what is no JSON: the line of a failure, or one that is cut since the program was killed. */
function parse(text: string): Line | null {
  try {
    return JSON.parse(text) as Line;
  } catch {
    return null;
  }
}

export class Running {
  readonly #child: ChildProcess;
  readonly out: Lines;
  readonly err: Lines;
  readonly ended: Promise<{ readonly code: number | null; readonly signal: string | null }>;

  constructor(...argv: readonly string[]) {
    const child = spawn(process.execPath, [PROGRAM, ...argv], {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#child = child;
    this.out = new Lines(child.stdout);
    this.err = new Lines(child.stderr);
    this.ended = new Promise((resolve) => {
      child.once('close', (code, signal) => resolve({ code, signal }));
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends it, however it is. */
  async end(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.ended;
  }
}
