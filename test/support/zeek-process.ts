// A real Zeek for tests. Enters: a script and its environment; leaves: a process on a port of its own, and its end.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Below what systems give to outgoing connections, so that none of those takes a port between the look and its use. */
const PORTS = { first: 15_000, count: 16_000 };
/** Where this process looks next: apart from where others that test at the same time do. */
let nextPort = (process.pid * 97) % PORTS.count;

/** A port on which nobody listens, another one each time. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < PORTS.count; tries += 1) {
    nextPort = (nextPort + 1) % PORTS.count;
    const port = PORTS.first + nextPort;
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => resolve(true));
    });
    if (!free) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
  throw new Error('no port is free');
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
