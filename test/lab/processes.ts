// Node processes inside namespaces, with a line to each. Enters: a file of test/lab and its environment; leaves: messages both ways.
import type { ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { LabError, spawnIn, stop } from './system.ts';
import { type HostName, namespace } from './topology.ts';

export class Peer<In extends { kind: string }, Out extends object> {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #listeners = new Set<(message: In) => void>();
  #said = '';
  #ending = false;
  /** Rejects when the process ends before it was asked to. */
  readonly failed: Promise<never>;

  constructor(host: HostName, file: string, env: Record<string, string>) {
    this.#name = `${host} (${file})`;
    const path = fileURLToPath(new URL(file, import.meta.url));
    this.#child = spawnIn(namespace(host), [process.execPath, '--import', 'jiti/register', path], {
      // jiti keeps what it compiled under TMPDIR: the scratch folder, which goes away with the lab.
      env: { TMPDIR: process.env.TMPDIR, NODE_ENV: 'production', ...env },
      ipc: true,
    });
    const listen = (chunk: Buffer): void => {
      this.#said = (this.#said + chunk.toString()).slice(-20_000);
    };
    this.#child.stdout?.on('data', listen);
    this.#child.stderr?.on('data', listen);
    this.#child.on('message', (message) => {
      for (const listener of this.#listeners) listener(message as In);
    });
    this.failed = new Promise<never>((_, reject) => {
      this.#child.once('exit', (code, signal) => {
        if (!this.#ending) reject(new LabError(`${this.#name} ended with ${code ?? signal}:\n${this.#said}`));
      });
    });
    // Whoever waits for something of this process races against `failed`; nobody may be waiting.
    this.failed.catch(() => undefined);
  }

  on(listener: (message: In) => void): void {
    this.#listeners.add(listener);
  }

  tell(message: Out): void {
    this.#child.send(message);
  }

  next(kind: In['kind'], ms = 20_000): Promise<In> {
    let timer: NodeJS.Timeout | undefined;
    const arrived = new Promise<In>((resolve, reject) => {
      timer = setTimeout(() => reject(new LabError(`${this.#name}: no ${kind}:\n${this.#said}`)), ms);
      const listener = (message: In): void => {
        if (message.kind !== kind) return;
        this.#listeners.delete(listener);
        resolve(message);
      };
      this.#listeners.add(listener);
    });
    return Promise.race([arrived, this.failed]).finally(() => clearTimeout(timer));
  }

  /** What it printed, for a person: an honest service prints nothing. */
  get said(): string {
    return this.#said;
  }

  async stop(): Promise<void> {
    this.#ending = true;
    await stop(this.#child, 'SIGTERM');
  }
}
