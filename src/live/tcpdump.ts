// Runs tcpdump on an interface. Enters: an interface; leaves: a pcap stream as it grows, counts when asked for, its end.
import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable } from 'node:stream';
import { InputError } from '../errors.ts';

export interface TcpdumpOptions {
  /** Names the source in messages. */
  readonly name: string;
  readonly interface: string;
  readonly program: string;
  /** Of the kernel, where packets wait until they are read. */
  readonly bufferKiB: number;
  /** In the language of pcap-filter(7); null for all packets. */
  readonly filter: string | null;
  readonly onCounts: (counts: TcpdumpCounts) => void;
}

/** Since it began. */
export interface TcpdumpCounts {
  /** That it wrote. */
  readonly captured: number;
  /** That the kernel had for it, also those that it has not read yet, and those that were lost. */
  readonly received: number;
  /** That were lost, since it did not read fast enough. */
  readonly dropped: number;
}

export interface TcpdumpEnd {
  readonly code: number | null;
  readonly signal: string | null;
  /** The last line that it wrote to standard error, but for counts. */
  readonly error: string;
}

export interface Tcpdump {
  readonly pid: number | null;
  /** What it says when it listens: the interface and its link type. */
  readonly listens: string;
  readonly stream: Readable;
  readonly exited: Promise<TcpdumpEnd>;
  /**
   * Asks for counts. Only while it has nothing to write: a signal that breaks off its writing loses bytes of the stream.
   */
  ask(): void;
  /** Ends it, and at once when it does not end within some seconds. What it had read is in the stream before. */
  stop(): Promise<void>;
}

/**
 * Bytes of a packet at most: no IP packet is longer. In immediate mode the kernel has room for so much in each place of the buffer,
 * unless the interface does no offloading: then a place is as large as its MTU.
 */
const SNAP_LENGTH = 65_535;

const COUNTS = /(\d+) packets? captured, (\d+) packets? received by filter, (\d+) packets? dropped by kernel/;
const LAST = /^(\d+) packets? (captured|received by filter|dropped by (?:kernel|interface))$/;
const LISTENS = /^(?:.*: )?listening on (.*)$/;
const LONGEST_LINE = 1000;
const PATIENCE_MS = 5000;

/**
 * Starts tcpdump, and resolves when it listens.
 * @throws InputError `tcpdump-unusable` when it ends before: there is no such program or interface, or it may not
 */
export async function launchTcpdump(options: TcpdumpOptions): Promise<Tcpdump> {
  const { name, program, filter } = options;
  const args = [
    '-i',
    options.interface,
    '-n',
    '--immediate-mode',
    '-U',
    '-s',
    `${SNAP_LENGTH}`,
    '-B',
    `${options.bufferKiB}`,
  ];
  // tcpdump gives up root for a user of its own where the distribution says so; a pipe of ours does not mind.
  const child = spawn(program, [...args, '-w', '-', ...(filter === null ? [] : ['--', filter])], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let error = '';
  let said: (listens: string) => void = () => {};
  const listening = new Promise<string>((resolve) => {
    said = resolve;
  });
  const last = new Map<string, number>();
  eachLine(child, (line) => {
    const counts = COUNTS.exec(line);
    const one = LAST.exec(line);
    const listens = LISTENS.exec(line);
    if (counts !== null) {
      const [captured = 0, received = 0, dropped = 0] = counts.slice(1).map(Number);
      options.onCounts({ captured, received, dropped });
    } else if (one !== null) {
      last.set(one[2] ?? '', Number(one[1]));
      const [captured, received] = [last.get('captured'), last.get('received by filter')];
      const dropped = last.get('dropped by kernel');
      if (captured !== undefined && received !== undefined && dropped !== undefined)
        options.onCounts({ captured, received, dropped });
    } else if (listens !== null) said(listens[1] ?? '');
    else error = line;
  });
  const exited = new Promise<TcpdumpEnd>((resolve) => {
    child.once('error', (cause) => resolve({ code: null, signal: null, error: cause.message }));
    child.once('close', (code, signal) => resolve({ code, signal, error }));
  });
  const early = exited.then((end) => {
    const why = end.error === '' ? `it ended with ${end.signal ?? `code ${end.code}`}` : end.error;
    throw new InputError(
      'tcpdump-unusable',
      null,
      `capture ${name}: ${program} cannot listen on ${options.interface}: ${why}`,
      'is it installed, is the interface there, and may this service capture (CAP_NET_RAW)?',
    );
  });
  const listens = await Promise.race([listening, early]);
  early.catch(() => {});
  return {
    pid: child.pid ?? null,
    listens,
    stream: child.stdout,
    exited,
    ask: () => {
      if (child.exitCode === null && child.signalCode === null) child.kill('SIGUSR1');
    },
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGINT');
      const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
      await exited;
      clearTimeout(timer);
    },
  };
}

function eachLine(child: ChildProcess, take: (line: string) => void): void {
  let rest = '';
  child.stderr?.setEncoding('utf8');
  child.stderr?.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = (lines.pop() ?? '').slice(-LONGEST_LINE);
    for (const line of lines) if (line !== '') take(line.slice(0, LONGEST_LINE));
  });
  child.stderr?.on('end', () => {
    if (rest !== '') take(rest);
  });
}
