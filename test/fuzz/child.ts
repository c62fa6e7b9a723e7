// Fuzzes one target in a process of its own. Enters: target, seed, seconds, a file; leaves: reports to the parent.
import { openSync, readFileSync, writeSync } from 'node:fs';
import { Coverage } from './coverage.ts';
import { type Finding, Fuzzer } from './fuzzer.ts';
import { decodeInput, encodeInput, type Input } from './input.ts';
import { loadTarget } from './targets.ts';

/** What the parent is told each second, and at the end. */
export interface Progress {
  readonly kind: 'progress';
  readonly executions: number;
  readonly kept: number;
  readonly slowest: { readonly milliseconds: number; readonly bytes: number };
  /** Characters of the target's code, and those that ran. */
  readonly covered: { readonly ran: number; readonly all: number };
  /** Bytes held after a collection of garbage beyond those of the beginning, without what is kept on purpose. */
  readonly growth: number;
  /** Bytes that the target's caches may have grown to. */
  readonly allowed: number;
  readonly rss: number;
  readonly done: boolean;
}

export type Report =
  | Progress
  /** For when an input is being made smaller, which takes long. */
  | { readonly kind: 'alive' }
  | { readonly kind: 'finding'; readonly finding: Omit<Finding, 'input'>; readonly input: string };

/** Retained bytes that are no growth: code that was compiled, and tables that were made on the way. */
const NOISE = 24 << 20;
/** Seconds between two measurements of memory. */
const MEASURE_EVERY = 10;
/** Inputs before memory is compared. */
const WARM = 3000;
/** Nanoseconds: how long code runs without being counted between two looks at the coverage. */
const LOOK = 4_000_000_000n;
const RUN = 6_000_000_000n;

const [name = '', seed = '1', seconds = '10', current = '', replay = ''] = process.argv.slice(2);

function held(): number {
  globalThis.gc?.();
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

function tell(report: Report): void {
  process.send?.(report);
}

async function main(): Promise<void> {
  const coverage = new Coverage(/\/src\/.*\.[jt]s$/);
  const target = await loadTarget(name);
  const file = current === '' ? null : openSync(current, 'w');
  let spoke = process.hrtime.bigint();
  const onInput = (input: Input): void => {
    const now = process.hrtime.bigint();
    if (now - spoke > 2_000_000_000n) {
      spoke = now;
      tell({ kind: 'alive' });
    }
    if (file === null) return;
    const bytes = encodeInput(input);
    const head = Buffer.alloc(4);
    head.writeUInt32LE(bytes.length);
    writeSync(file, Buffer.concat([head, bytes]), 0, undefined, 0);
  };
  const options = { target, seed: Number(seed), clock: () => process.hrtime.bigint(), onInput };
  // Looks at the coverage in turn with running at full speed: what both keep is the same.
  const fuzzer = new Fuzzer({ ...options, coverage });
  const begun = process.hrtime.bigint();
  const until = begun + BigInt(Math.round(Number(seconds) * 1e9));
  const wanted = (url: string): boolean => target.covers.some((path) => url.includes(`/src/${path}`));
  let base: number | null = null;
  let growth = 0;
  let measured = 0;
  let told = 0;
  let looked = begun;

  const progress = (done: boolean): void =>
    tell({
      kind: 'progress',
      executions: fuzzer.executions,
      kept: fuzzer.kept,
      slowest: fuzzer.slowest,
      covered: coverage.share(wanted),
      growth,
      allowed: NOISE + (target.keeps ?? 0),
      rss: process.memoryUsage.rss(),
      done,
    });
  const announce = (findings: readonly Finding[]): void => {
    for (const { input, ...finding } of findings)
      tell({ kind: 'finding', finding, input: encodeInput(input).toString('base64') });
  };
  const measure = (): void => {
    const now = held() - fuzzer.keptBytes;
    base ??= fuzzer.executions >= WARM ? now : null;
    if (base !== null) growth = now - base;
  };

  announce(await fuzzer.begin());
  for (let now = begun; now < until; now = process.hrtime.bigint()) {
    announce(await fuzzer.step());
    if (fuzzer.looking && now - looked > LOOK) {
      coverage.stop();
      fuzzer.looking = false;
      looked = now;
    } else if (!fuzzer.looking && now - looked > RUN) {
      coverage.start();
      fuzzer.looking = true;
      looked = now;
    }
    const second = Number((now - begun) / 1_000_000_000n);
    if (second - measured >= MEASURE_EVERY || (base === null && fuzzer.executions >= WARM)) {
      measured = second;
      measure();
    }
    if (second > told) {
      told = second;
      progress(false);
      // The channel needs a turn.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
  measure();
  progress(true);
}

/** Runs one input. What it throws is of no interest: only whether this process lives on. */
async function once(): Promise<void> {
  const target = await loadTarget(name);
  try {
    await target.run(decodeInput(readFileSync(replay)));
  } catch {
    return;
  }
}

await (replay === '' ? main() : once());
process.disconnect?.();
