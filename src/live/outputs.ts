// The journal and the log of the live service, opened, written, reopened and closed together. Enters: entries; leaves: lines.
import { type AuditEntry, auditRecord } from '../audit/entry.ts';
import { createLog, type Log } from '../audit/log.ts';
import { fileTarget, Sink, streamTarget } from '../audit/sink.ts';
import type { Output, ServiceConfig } from '../config/config.ts';
import { FlowTapError } from '../errors.ts';
import type { ServiceParts } from './parts.ts';

/** Bytes of the journal that may wait; above it, nothing more is read of any Zeek. */
const JOURNAL = 8 * 1024 ** 2;
/** Bytes of the log that may wait; above it, lines are dropped and counted. */
const LOG = 1024 ** 2;

type Streams = Pick<ServiceParts, 'stdout' | 'stderr'>;
type Target = ConstructorParameters<typeof Sink>[0];

export class Outputs {
  readonly #journal: Sink;
  readonly #logSink: Sink;
  readonly #passes: boolean;
  readonly log: Log;
  /** Rejects with `service-failed` when the journal cannot be written. A log that cannot be is no reason to stop. */
  readonly failure: Promise<never>;

  #error: FlowTapError | null = null;

  private constructor(config: ServiceConfig, journal: Target, log: Target) {
    let fail: (error: Error) => void = () => {};
    this.failure = new Promise((_, reject) => {
      fail = reject;
    });
    // Somebody waits for it only while the service runs.
    this.failure.catch(() => {});
    this.#journal = new Sink(journal, {
      most: JOURNAL,
      drops: false,
      onFailure: (cause) => {
        const message = `the audit cannot be written: ${cause.message}`;
        this.#error = new FlowTapError('service-failed', message, { cause });
        fail(this.#error);
      },
    });
    this.#logSink = new Sink(log, { most: LOG, drops: true, onFailure: () => {} });
    this.log = createLog(this.#logSink, config.log.level);
    this.#passes = config.audit.passes;
  }

  /** @throws InputError for a file that cannot be written */
  static async open(config: ServiceConfig, streams: Streams): Promise<Outputs> {
    const log = await targetOf(config.log.to, streams);
    const journal = await targetOf(config.audit.to, streams);
    return new Outputs(config, journal, log);
  }

  /** Adds lines to the journal. Whoever adds many asks for `room` after each step. */
  write(entries: readonly AuditEntry[]): void {
    for (const entry of entries) {
      if (!this.#passes && entry.kind === 'verdict' && entry.verdict.kind === 'pass') continue;
      this.#journal.write(`${JSON.stringify(auditRecord(entry))}\n`);
    }
  }

  /** Null when the journal has room for more; else resolves when it has again. */
  room(): Promise<void> | null {
    return this.#journal.room();
  }

  /** Goes on in new files of the same names. */
  async reopen(): Promise<void> {
    await this.#journal.reopen();
    await this.#logSink.reopen();
    this.log.info('files were opened anew');
  }

  /** Resolves when all lines are written. */
  async close(): Promise<void> {
    await this.#journal.close();
    await this.#logSink.close();
  }

  /** @throws FlowTapError `service-failed` when the journal is not whole; to be asked after `close` */
  check(): void {
    if (this.#error !== null) throw this.#error;
  }

  get state(): { readonly pendingBytes: number; readonly full: boolean; readonly logDropped: number } {
    const { pending } = this.#journal;
    return { pendingBytes: pending, full: pending >= JOURNAL, logDropped: this.#logSink.dropped };
  }
}

function targetOf(to: Output, { stdout, stderr }: Streams): Promise<Target> {
  if (to.kind === 'file') return fileTarget(to.path);
  return Promise.resolve(streamTarget(to.kind === 'stdout' ? stdout : stderr));
}
