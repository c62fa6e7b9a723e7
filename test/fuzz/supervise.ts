// Watches a child that fuzzes. Enters: a target, a seed, seconds; leaves: its last progress, and what was found, also when it died.
import { type ChildProcess, fork } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Progress, Report } from './child.ts';
import type { Finding } from './fuzzer.ts';
import { decodeInput, encodeInput, type Input } from './input.ts';
import { minimise } from './minimise.ts';

/** Milliseconds without a word after which a child hangs: it speaks each second. */
const HANGS = 20_000;
/** Milliseconds for one input in a child of its own, with the loading of the target. */
const ONE_HANGS = 12_000;
/** Bytes of memory in all, also outside of the heap, whose limit is below. */
const MOST_RSS = 2 ** 31;
const ARGUMENTS = ['--expose-gc', '--max-old-space-size=768'];
/** Tries to make an input smaller that hangs, since each costs seconds. */
const TRIES = 30;

export type Found = Omit<Finding, 'kind'> & { readonly kind: Finding['kind'] | 'hang' | 'death' };

export interface Outcome {
  readonly progress: Progress | null;
  readonly found: readonly Found[];
}

const CHILD = new URL('./child.js', import.meta.url).pathname;

/** Fuzzes one target; a child that hangs or dies is replaced until the time is up. */
export async function supervise(
  target: string,
  seed: number,
  seconds: number,
  onProgress: (progress: Progress) => void,
): Promise<Outcome> {
  const folder = mkdtempSync(join(tmpdir(), 'flowtap-fuzz-'));
  const current = join(folder, 'current');
  const found: Found[] = [];
  let progress: Progress | null = null;
  let executions = 0;
  try {
    for (let run = 0, left = seconds; run < 5 && left > 0; run++) {
      const begun = process.hrtime.bigint();
      const child = start([target, String(seed + run), String(left), current]);
      const end = await watch(child, (report) => {
        if (report.kind === 'alive') return;
        if (report.kind === 'finding') {
          const input = decodeInput(Buffer.from(report.input, 'base64'));
          if (!found.some(({ signature }) => signature === report.finding.signature))
            found.push({ ...report.finding, input });
          return;
        }
        progress = { ...report, executions: executions + report.executions };
        onProgress(progress);
      });
      executions = (progress as Progress | null)?.executions ?? 0;
      if (end === 'done') break;
      found.push(await explain(target, end, current, folder));
      left -= Number(process.hrtime.bigint() - begun) / 1e9;
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return { progress, found };
}

function start(argv: readonly string[]): ChildProcess {
  return fork(CHILD, [...argv], { execArgv: ARGUMENTS, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
}

type End = 'done' | { readonly kind: 'hang' | 'death'; readonly why: string };

function watch(child: ChildProcess, onReport: (report: Report) => void): Promise<End> {
  return new Promise((resolve) => {
    let end: End | null = null;
    const stop = (kind: 'hang' | 'death', why: string): void => {
      end = { kind, why };
      child.kill('SIGKILL');
    };
    const hangs = (): NodeJS.Timeout => setTimeout(() => stop('hang', `silent for ${HANGS} ms`), HANGS);
    let timer = hangs();
    child.on('message', (report: Report) => {
      clearTimeout(timer);
      timer = hangs();
      onReport(report);
      if (report.kind !== 'progress') return;
      if (report.done) end = 'done';
      else if (report.rss > MOST_RSS) stop('death', `${report.rss} bytes of memory`);
    });
    child.on('exit', (code, signal) => {
      clearTimeout(timer);
      resolve(end ?? { kind: 'death', why: `exit ${code ?? signal}` });
    });
  });
}

/** The input at which a child hung or died, made smaller where another child does the same. */
async function explain(
  target: string,
  end: Exclude<End, 'done'>,
  current: string,
  folder: string,
): Promise<Found> {
  if (!existsSync(current)) throw new Error(`${target} cannot be loaded: ${end.why}`);
  const bytes = readFileSync(current);
  const input = bytes.length < 4 ? [] : decodeInput(bytes.subarray(4, 4 + bytes.readUInt32LE(0)));
  const fails = async (candidate: Input): Promise<boolean> =>
    (await endAlone(target, candidate, folder)) === end.kind;
  const small = (await fails(input)) ? await minimise(input, fails, TRIES) : input;
  return { kind: end.kind, signature: end.kind, detail: end.why, input: small };
}

/** How a child ends that is given one input. What is thrown is told as a finding, and is neither. */
async function endAlone(target: string, input: Input, folder: string): Promise<'hang' | 'death' | 'well'> {
  const file = join(folder, 'one');
  writeFileSync(file, encodeInput(input));
  const child = start([target, '0', '0', '', file]);
  return new Promise((resolve) => {
    let hung = false;
    const timer = setTimeout(() => {
      hung = true;
      child.kill('SIGKILL');
    }, ONE_HANGS);
    child.on('exit', (code) => {
      clearTimeout(timer);
      resolve(hung ? 'hang' : code === 0 ? 'well' : 'death');
    });
  });
}
