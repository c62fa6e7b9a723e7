// Runs a Zeek with our scripts. Enters: a capture or an interface; leaves: where it listens, its end, what it complains of.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { InputError } from '../errors.ts';
import { findZeek, scriptsFolder } from './find.ts';
import { compiledGrammars } from './grammars.ts';

export interface LaunchOptions {
  /** Zeek's binary; found by `findZeek` when it is not named. */
  readonly zeek?: string;
  /** Names this Zeek in its reports. */
  readonly node: string;
  /** One of these two. */
  readonly interface?: string;
  readonly capture?: string;
  /** A loopback port; a free one when it is not named. */
  readonly port?: number;
  /** More scripts, packages or options for Zeek. */
  readonly extra?: readonly string[];
  /** Told what Zeek writes, a line each. */
  readonly onLog: (line: string) => void;
}

export interface ZeekEnd {
  readonly code: number | null;
  readonly signal: string | null;
  /** The last lines that it wrote to standard error. */
  readonly errors: string;
}

export interface ZeekLaunch {
  /** Where its WebSocket API will be. */
  readonly url: string;
  readonly pid: number | null;
  readonly exited: Promise<ZeekEnd>;
  /** Asks it to end, and ends it when it does not within some seconds. */
  stop(): Promise<void>;
}

/** What Zeek writes of itself when our scripts let it wait, go on, and end; and that it listens. */
const EXPECTED = /: (?:processing (?:suspended|continued)|received termination signal)$|^listening on /;
/** Lines of standard error that are kept. */
const MOST_LINES = 20;
const LONGEST_LINE = 1000;
const PATIENCE_MS = 5000;

/**
 * Starts Zeek in a folder of its own, which goes when it ends.
 * @throws InputError when there is no Zeek, or its grammars do not compile
 */
export async function launchZeek(options: LaunchOptions): Promise<ZeekLaunch> {
  const zeek = options.zeek ?? findZeek();
  if (zeek === null)
    throw new InputError(
      'usage',
      null,
      'Zeek is not installed here',
      'install Zeek 8, name it with ZEEK_BIN, or use --sensor embedded',
    );
  const scripts = scriptsFolder();
  const module = await compiledGrammars({
    zeek,
    scripts,
    onCompile: () => options.onLog('compiling the grammars for this Zeek, once: this takes minutes'),
  });
  const port = options.port ?? (await freePort());
  const folder = mkdtempSync(join(tmpdir(), 'flowtap-zeek-'));
  const replay = options.capture !== undefined;
  const source = replay ? ['-r', resolve(options.capture ?? '')] : ['-i', options.interface ?? ''];
  const args = [
    '-b',
    '-C',
    ...source,
    module,
    scripts,
    ...(options.extra ?? []),
    'Log::default_writer=Log::WRITER_NONE',
  ];
  const child = spawn(zeek, args, {
    cwd: folder,
    env: {
      ...process.env,
      FLOWTAP_NODE: options.node,
      FLOWTAP_PORT: String(port),
      FLOWTAP_REPLAY: replay ? '1' : '',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const errors: string[] = [];
  eachLine(child.stdout, options.onLog);
  eachLine(child.stderr, (line) => {
    if (EXPECTED.test(line)) return;
    errors.push(line);
    if (errors.length > MOST_LINES) errors.shift();
    options.onLog(line);
  });
  const exited = ended(child).then(({ code, signal }) => {
    rmSync(folder, { recursive: true, force: true });
    return { code, signal, errors: errors.join('\n') };
  });
  return {
    url: `ws://127.0.0.1:${port}`,
    pid: child.pid ?? null,
    exited,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS);
      await exited;
      clearTimeout(timer);
    },
  };
}

async function ended(child: ChildProcess): Promise<{ code: number | null; signal: string | null }> {
  return await new Promise((resolve) => {
    child.once('error', () => resolve({ code: null, signal: null }));
    child.once('close', (code, signal) => resolve({ code, signal }));
  });
}

function eachLine(stream: NodeJS.ReadableStream | null, take: (line: string) => void): void {
  let rest = '';
  stream?.setEncoding('utf8');
  stream?.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = (lines.pop() ?? '').slice(-LONGEST_LINE);
    for (const line of lines) if (line !== '') take(line.slice(0, LONGEST_LINE));
  });
  stream?.on('end', () => {
    if (rest !== '') take(rest);
  });
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}
