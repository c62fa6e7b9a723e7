// Everything that a command may touch of the process that it runs in. Enters: the process; leaves: writing, colours, the wish to stop.
import { performance } from 'node:perf_hooks';
import type { Writable } from 'node:stream';
import pc from 'picocolors';
import { EXIT } from './exit-codes.ts';

export type Colours = ReturnType<typeof pc.createColors>;

export interface Terminal {
  /** Results, on standard output. */
  out(text: string): void;
  /** Everything else, on standard error. */
  err(text: string): void;
  /** The same as streams, for whoever writes more than may wait in memory. */
  readonly stdout: Writable;
  readonly stderr: Writable;
  /** For standard output: does nothing unless a person looks at it. */
  readonly colours: Colours;
  /** True when standard error is a terminal: progress may be drawn there. */
  readonly live: boolean;
  /** Characters in a line of standard error. */
  readonly columns: number;
  /** Aborted when the user interrupts, or when nobody reads standard output any more. */
  readonly stop: AbortSignal;
  /** Calls back whenever the terminal hangs up (SIGHUP), which does not end the process then; the result ends that. */
  onHangUp(run: () => void): () => void;
  /** Milliseconds of a steady clock, for progress only. */
  now(): number;
  /** The folder that paths are shown relative to. */
  readonly folder: string;
}

/** https://no-color.org, and FORCE_COLOR as its opposite. */
export function wantsColour(environment: NodeJS.ProcessEnv, isTerminal: boolean): boolean {
  if ((environment.NO_COLOR ?? '') !== '') return false;
  if ((environment.FORCE_COLOR ?? '0') !== '0') return true;
  return isTerminal && environment.TERM !== 'dumb';
}

/** The terminal of this process. A second interrupt ends it at once. */
export function processTerminal(): Terminal {
  const stop = new AbortController();
  const interrupt = (): void => {
    process.off('SIGINT', interrupt);
    process.off('SIGTERM', interrupt);
    stop.abort();
  };
  process.on('SIGINT', interrupt);
  process.on('SIGTERM', interrupt);
  let open = true;
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    open = false;
    stop.abort();
    // A reader such as `head` has gone: that is no failure, there is only no more to say.
    if (error.code === 'EPIPE') return;
    process.stderr.write(`flowtap: standard output cannot be written (${error.code}); give it room\n`);
    process.exit(EXIT.unusable);
  });
  return {
    out: (text) => {
      if (open) process.stdout.write(text);
    },
    err: (text) => void process.stderr.write(text),
    colours: pc.createColors(wantsColour(process.env, process.stdout.isTTY === true)),
    live: process.stderr.isTTY === true,
    columns: process.stderr.columns ?? 80,
    stdout: process.stdout,
    stderr: process.stderr,
    stop: stop.signal,
    onHangUp: (run) => {
      process.on('SIGHUP', run);
      return () => process.off('SIGHUP', run);
    },
    now: () => performance.now(),
    folder: process.cwd(),
  };
}
