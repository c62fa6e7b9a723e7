// A real Zeek for tests. Enters: a script and its environment; leaves: a process on a port of its own, and its end.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** Where Zeek is: ZEEK_BIN, PATH or /opt/zeek; null where there is none. */
export function findZeek(): string | null {
  const named = process.env.ZEEK_BIN;
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/opt/zeek/bin'];
  const candidates = [
    ...(named === undefined ? [] : [named]),
    ...folders.map((folder) => join(folder, 'zeek')),
  ];
  return candidates.find((path) => existsSync(path)) ?? null;
}

/** Ports that were given out: the system gives a free one again at once. */
const given = new Set<number>();

/** A port that was free a moment ago, another one each time. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  if (given.has(port)) return await freePort();
  given.add(port);
  return port;
}

export class ZeekProcess {
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcess;
  readonly #folder: string;
  #output = '';

  /** Runs in a folder of its own, which has `files` and gets its logs; `.` is where Zeek looks for scripts first. */
  constructor(
    path: string,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
    files: Readonly<Record<string, string>> = {},
  ) {
    this.#folder = mkdtempSync(join(tmpdir(), 'zeek-'));
    for (const [name, content] of Object.entries(files)) writeFileSync(join(this.#folder, name), content);
    this.#child = spawn(path, args, {
      cwd: this.#folder,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (data: Buffer) => {
        this.#output += data.toString();
      });
    this.exited = once(this.#child, 'exit').then(([code]) => (typeof code === 'number' ? code : null));
  }

  /** What it wrote so far, on both streams. */
  get output(): string {
    return this.#output;
  }

  /** A file of its folder; empty while there is none. */
  file(name: string): string {
    const path = join(this.#folder, name);
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Stands still, as a machine does that hangs: the kernel still takes what is sent to it. */
  halt(): void {
    this.#child.kill('SIGSTOP');
  }

  goOn(): void {
    this.#child.kill('SIGCONT');
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.kill();
    await this.exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
