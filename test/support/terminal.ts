// A terminal that remembers what was written. Enters: what a command writes; leaves: texts.
import { Writable } from 'node:stream';
import pc from 'picocolors';
import type { Terminal } from '../../src/cli/terminal.ts';

export interface FakeTerminal extends Terminal {
  readonly written: { out: string; err: string };
  /** Milliseconds that its clock shows. */
  time: number;
  readonly interrupt: () => void;
}

function sink(take: (text: string) => void): Writable {
  return new Writable({
    write(chunk, _encoding, done) {
      take(String(chunk));
      done();
    },
  });
}

export function fakeTerminal(
  given: { live?: boolean; colour?: boolean; columns?: number } = {},
): FakeTerminal {
  const stop = new AbortController();
  const written = { out: '', err: '' };
  const terminal: FakeTerminal = {
    written,
    time: 0,
    interrupt: () => stop.abort(),
    out: (text) => {
      written.out += text;
    },
    err: (text) => {
      written.err += text;
    },
    colours: pc.createColors(given.colour ?? false),
    live: given.live ?? false,
    columns: given.columns ?? 80,
    stdout: sink((text) => terminal.out(text)),
    stderr: sink((text) => terminal.err(text)),
    stop: stop.signal,
    onHangUp: () => () => {},
    now: () => terminal.time,
    folder: new URL('../..', import.meta.url).pathname,
  };
  return terminal;
}
