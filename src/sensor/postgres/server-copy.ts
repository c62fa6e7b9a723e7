// COPY as the server of a PostgreSQL connection takes part in it. Enters: its messages; leaves: how much it sent.
import type { Connection } from './connection.ts';
import type { Message } from './framing.ts';
import { type Results, requestOf } from './results.ts';
import type { Pending } from './state.ts';

export class ServerCopy {
  readonly #connection: Connection;
  readonly #results: Results;
  #sent: { readonly start: number; bytes: number } | null = null;

  constructor(connection: Connection, results: Results) {
    this.#connection = connection;
    this.#results = results;
  }

  /** CopyInResponse, CopyOutResponse, CopyBothResponse. */
  begin(message: Message): void {
    this.#sent = { start: message.start, bytes: 0 };
    if (message.type === 'H') return;
    // A Sync that came before the end of the client's data was read while the server ignores it.
    let ended = false;
    this.#connection.pending.filter((entry) => {
      ended ||= entry.kind === 'copy-end';
      return ended || entry.kind !== 'sync';
    });
    this.#connection.copyIn = !ended;
  }

  /** CopyData. */
  data(message: Message): void {
    this.#sent ??= { start: message.start, bytes: 0 };
    this.#sent.bytes += message.length;
    this.#results.line(message);
  }

  /** CopyDone. */
  end(message: Message, head: Pending | undefined): void {
    const { user, database } = this.#connection;
    this.#connection.emit(
      { side: 'resp', start: this.#sent?.start ?? message.start, end: message.end },
      {
        kind: 'sql-command',
        dialect: 'postgres',
        request: requestOf(head) ?? 0,
        command: 'CopyData',
        argument: String(this.#sent?.bytes ?? 0),
        user,
        database,
      },
    );
    this.#sent = null;
  }

  /** The command is over, one way or the other. */
  over(): void {
    this.#sent = null;
    this.#connection.copyIn = false;
  }
}
