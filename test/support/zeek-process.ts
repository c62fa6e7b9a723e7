// A real Zeek for tests. Enters: a script and its environment; leaves: a process on a port of its own, and its end.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
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

/** A port that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  return typeof address === 'object' && address !== null ? address.port : 0;
}

export class ZeekProcess {
  readonly exited: Promise<number | null>;
  readonly #child: ChildProcess;
  readonly #folder: string;
  #output = '';

  /** Runs in a folder of its own, where its logs go. */
  constructor(path: string, args: readonly string[], env: Readonly<Record<string, string>>) {
    this.#folder = mkdtempSync(join(tmpdir(), 'zeek-'));
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

  /** What it wrote so far, for assertions that fail. */
  get output(): string {
    return this.#output;
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.kill();
    await this.exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
