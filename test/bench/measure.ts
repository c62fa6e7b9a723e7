// What all measurements share. Enters: work, figures; leaves: processor time, medians.
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Seconds of processor time that this process spends on `work`. */
export async function cost(work: () => unknown): Promise<number> {
  const before = process.cpuUsage();
  await work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1e6;
}

/**
 * Runs a module in a process of its own, where nothing else is in the heap; gives what it prints as JSON. Rejects when the
 * process fails.
 */
export async function inChild<T>(
  url: string | URL,
  args: readonly string[],
  flags: readonly string[] = [],
): Promise<T> {
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, new URL(url).pathname, ...args]);
  return JSON.parse(stdout) as T;
}

/** Medians of the processor time of each work. They take turns, and a first round, which warms all of them up, does not count. */
export async function costsInTurns(
  runs: number,
  ...works: readonly (() => unknown)[]
): Promise<readonly number[]> {
  const times: number[][] = works.map(() => []);
  for (let run = 0; run <= runs; run += 1) {
    for (const [i, work] of works.entries()) {
      const seconds = await cost(work);
      if (run > 0) times[i]?.push(seconds);
    }
  }
  return times.map(median);
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}

export function quantile(values: readonly number[], q: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? Number.NaN;
}
