// `flowtap run` in a security VM. Enters: a configuration; leaves: a process that is up, and what its audit has.
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { LabError, spawnIn, stop, until } from './system.ts';

/** One line of the audit. */
export type AuditLine = Readonly<Record<string, unknown>>;

export interface ProgramOptions {
  readonly namespace: string;
  /** The command's file. */
  readonly program: string;
  /** For its configuration and its audit. */
  readonly folder: string;
  /** The configuration, without the audit's file. */
  readonly config: Readonly<Record<string, unknown>> & { readonly audit: Readonly<Record<string, unknown>> };
  /** It is up when its audit has these, each with its change. */
  readonly up: readonly (readonly [record: string, change: string])[];
}

export class Program {
  readonly #options: ProgramOptions;
  readonly #audit: string;
  #log = '';
  child: ChildProcess | null = null;
  /** Milliseconds since 1970 when it was up last. */
  upAt = 0;

  constructor(options: ProgramOptions) {
    this.#options = options;
    this.#audit = `${options.folder}/audit.jsonl`;
  }

  /** Begins a new audit. */
  async start(): Promise<void> {
    const { namespace, program, folder, config, up } = this.#options;
    const file = `${folder}/flowtap.json`;
    writeFileSync(file, JSON.stringify({ ...config, audit: { ...config.audit, file: this.#audit } }));
    writeFileSync(this.#audit, '');
    const argv = [process.execPath, program, 'run', '--no-typecheck', '--config', file];
    const { HOME, ZEEK_BIN, TMPDIR } = process.env;
    const child = spawnIn(namespace, argv, { env: { HOME, ZEEK_BIN, TMPDIR } });
    this.child = child;
    const keep = (chunk: Buffer): void => {
      this.#log = (this.#log + chunk.toString()).slice(-20_000);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    await until('the engine sees the traffic and reaches the switch', 60_000, () => {
      if (child.exitCode !== null) throw new LabError(`the engine ended:\n${this.#log}`);
      return up.every(([record, change]) => this.said(record, change));
    });
    this.upAt = Date.now();
  }

  /** Does once what a service manager does: starts it again when it was killed. Resolves when it is up. */
  async restarted(): Promise<void> {
    if (this.child !== null && this.child.signalCode === null) await once(this.child, 'exit');
    await this.start();
  }

  /** What the audit has by now. The last line may be half there. */
  lines(): readonly AuditLine[] {
    const lines = readFileSync(this.#audit, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as AuditLine);
  }

  /** The audit has such a record, behind its first `after` lines. */
  said(record: string, change: string, after = 0): boolean {
    return this.lines()
      .slice(after)
      .some((line) => line.record === record && line.change === change);
  }

  /** How often the audit has such a record. */
  count(record: string, change: string): number {
    return this.lines().filter((line) => line.record === record && line.change === change).length;
  }

  async stop(): Promise<void> {
    if (this.child === null) return;
    await stop(this.child, 'SIGTERM', 20_000);
    if (this.child.exitCode !== 0)
      throw new LabError(`the engine ended with ${this.child.exitCode}:\n${this.#log}`);
  }
}
