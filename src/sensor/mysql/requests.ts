// What all commands of a MySQL client have in common. Enters: messages and what was read of them; leaves: events.
import type { Ambiguity } from '../../events/common.ts';
import type { SqlValue } from '../../events/sql.ts';
import type { Span } from '../../flow.ts';
import { answerKind, COM_STMT_BULK_EXECUTE, COM_STMT_EXECUTE, commandName } from './commands.ts';
import type { Connection } from './connection.ts';
import type { Message } from './framing.ts';
import type { Pending } from './state.ts';
import { NO_EFFECTS, type TextEffects } from './text-effects.ts';

/** Requests of one connection. */
export class Requests {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** A statement is executed. */
  emitStatement(
    message: Message,
    via: 'text' | 'bound',
    request: number,
    text: string | null,
    parameters: readonly SqlValue[],
    ambiguities: readonly Ambiguity[],
  ): void {
    const { user, database } = this.#connection;
    this.#connection.emit(spanOf(message), {
      kind: 'sql-statement',
      dialect: 'mysql',
      request,
      via,
      text,
      parameters,
      user,
      database,
      ambiguities,
    });
  }

  /** A command that is no statement; `of` is the request that it continues. Returns its number. */
  emitCommand(message: Message, code: number, argument: string | null, of: number | null = null): number {
    const request = of ?? this.#connection.nextRequest();
    const { user, database } = this.#connection;
    this.#connection.emit(spanOf(message), {
      kind: 'sql-command',
      dialect: 'mysql',
      request,
      command: commandName(code),
      argument,
      user,
      database,
    });
    return request;
  }

  /** The server will answer this command. */
  await(
    entry: Pick<Pending, 'command' | 'requests'> &
      Partial<Pick<Pending, 'statement' | 'login'>> & {
        readonly message: Message;
        readonly effects?: TextEffects;
      },
  ): void {
    const { message, effects = NO_EFFECTS, statement = null, login = null } = entry;
    const binary = entry.command === COM_STMT_EXECUTE || entry.command === COM_STMT_BULK_EXECUTE;
    const pending: Pending = {
      command: entry.command,
      answer: answerKind(entry.command),
      requests: entry.requests,
      next: (message.last + 1) & 0xff,
      binary,
      effects,
      doubt: this.#connection.doubtful(effects) || login !== null,
      statement,
      login,
    };
    this.#connection.await(pending, spanOf(message));
  }
}

/** The bytes of a client's message. */
export function spanOf(message: Message): Span {
  return { side: 'orig', start: message.start, end: message.end };
}
