// The answer to a COM_STMT_PREPARE. Enters: its messages; leaves: the statement with its number, parameters and columns.
import { COLUMN_WEIGHT, type Connection } from './connection.ts';
import type { Message } from './framing.ts';
import { type Column, isEof, readColumn, readPrepareOk } from './replies.ts';
import type { PreparedStatement } from './state.ts';

/** `done`: nothing more of this answer comes. */
export type Progress = 'more' | 'done' | 'malformed';

/** Follows the definitions of parameters, then of columns, each perhaps ended by an EOF packet. */
export class Definitions {
  readonly #connection: Connection;
  #statement: PreparedStatement | null = null;
  #of: 'parameters' | 'columns' = 'parameters';
  /** Definitions that are still to come, and of columns after these. */
  #left = 0;
  #columnsLeft = 0;
  #columns: Column[] = [];

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** True when all that is certain has come, and an EOF packet may follow or not. */
  get perhapsDone(): boolean {
    return this.#left === 0 && this.#connection.capabilities.deprecateEof === null;
  }

  /** COM_STMT_PREPARE_OK: the statement has a number now. */
  begin(message: Message, statement: PreparedStatement | null): Progress {
    const reply = readPrepareOk(message.body, this.#connection.capabilities);
    if (reply === null || statement === null) return 'malformed';
    this.#statement = statement;
    statement.id = reply.id;
    statement.parameters = reply.parameters;
    const weight =
      statement.span.end - statement.span.start + (reply.parameters + reply.columns) * COLUMN_WEIGHT;
    this.#connection.statements.set(reply.id, statement, weight);
    if (statement.text !== null) {
      this.#connection.emit(statement.span, {
        kind: 'sql-prepare',
        dialect: 'mysql',
        name: String(reply.id),
        text: statement.text,
        ambiguities: statement.ambiguities,
      });
    }
    this.#columns = [];
    this.#of = 'parameters';
    this.#left = reply.definitions ? reply.parameters : 0;
    this.#columnsLeft = reply.definitions ? reply.columns : 0;
    return this.#left > 0 ? 'more' : this.next();
  }

  /** A definition, or the EOF packet behind the last one. */
  message(message: Message): Progress {
    if (this.#left === 0) return isEof(message) ? this.next() : 'malformed';
    const { capabilities } = this.#connection;
    const column = readColumn(message.body, capabilities);
    if (column === null) return 'malformed';
    if (this.#of === 'columns') this.#columns.push(column);
    this.#left -= 1;
    return this.#left === 0 && capabilities.deprecateEof === true ? this.next() : 'more';
  }

  /** After the parameters come the columns, where there are any; then the answer is over. */
  next(): Progress {
    this.#left = this.#columnsLeft;
    this.#columnsLeft = 0;
    this.#of = 'columns';
    if (this.#left > 0) return 'more';
    if (this.#statement !== null) this.#statement.columns = this.#columns;
    return 'done';
  }
}
