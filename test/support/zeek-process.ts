// A real Zeek for tests. Enters: a script and its environment; leaves: a process on a port of its own, and its end.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

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
