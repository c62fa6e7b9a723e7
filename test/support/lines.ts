// Lines of JSON that a stream in this process gets. Enters: text; leaves: lines, those that came and those that will.
import { Writable } from 'node:stream';

export type Line = Readonly<Record<string, unknown>>;

/** Lines of JSON, those that came and those that will. */
export class Lines extends Writable {
  readonly all: Line[] = [];
  /** When each came, in microseconds since 1970. */
  readonly times: number[] = [];
  #waiting: (() => void)[] = [];

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    for (const text of String(chunk).trimEnd().split('\n')) {
      this.all.push(JSON.parse(text) as Line);
      this.times.push((performance.timeOrigin + performance.now()) * 1000);
    }
    for (const wake of this.#waiting.splice(0)) wake();
    done();
  }

  /** The first line from the `from`th on that has all of these fields, as soon as it is there. */
  async with(fields: Line, from = 0): Promise<Line> {
    for (;;) {
      const found = this.all
        .slice(from)
        .find((line) => Object.entries(fields).every(([name, value]) => line[name] === value));
      if (found !== undefined) return found;
      await new Promise<void>((resolve) => {
        this.#waiting = [...this.#waiting, resolve];
      });
    }
  }
}
