// The client's half of MySQL's prepared statements. Enters: its commands; leaves: statements with their bound values.
import type { Ambiguity } from '../../events/common.ts';
import type { SqlValue } from '../../events/sql.ts';
import type { ByteReader } from '../sql/byte-reader.ts';
import { ByteStore } from '../sql/byte-store.ts';
import * as command from './commands.ts';
import type { Connection } from './connection.ts';
import type { Message } from './framing.ts';
import { type Binding, readBulk, readExecute } from './parameters.ts';
import { countPlaceholders } from './placeholders.ts';
import { type Requests, spanOf } from './requests.ts';
import type { PreparedStatement } from './state.ts';
import { NO_EFFECTS, textEffects } from './text-effects.ts';

/** MariaDB: the statement that was prepared last on this connection. */
const LAST_PREPARED = 0xffff_ffff;
const BULK_TYPES = 128;
const UNKNOWN: Ambiguity = { code: 'sql-unknown-statement', detail: 'the statement was prepared unseen' };

/** Prepared statements of one connection. */
export class Prepared {
  readonly #connection: Connection;
  readonly #requests: Requests;

  constructor(connection: Connection, requests: Requests) {
    this.#connection = connection;
    this.#requests = requests;
  }

  /** COM_STMT_PREPARE: the event comes with the answer, which numbers it. */
  prepare(message: Message, reader: ByteReader): void {
    const known = message.state === 'whole';
    const { text, ambiguities } = this.#connection.characters(reader.rest());
    const statement: PreparedStatement = {
      text: known ? text : null,
      ambiguities,
      effects: known ? textEffects(text) : { database: null, charset: 'other' },
      span: spanOf(message),
      id: null,
      parameters: null,
      columns: [],
      types: null,
      long: new Map(),
      request: null,
    };
    this.#connection.lastPrepared = statement;
    this.#requests.await({ message, command: command.COM_STMT_PREPARE, requests: [], statement });
  }

  /** COM_STMT_EXECUTE. */
  execute(message: Message, reader: ByteReader): void {
    const statement = this.#find(reader.u32le());
    const flags = reader.u8();
    reader.u32le();
    const request = this.#connection.nextRequest();
    const ambiguities: Ambiguity[] = [...(statement?.ambiguities ?? [])];
    let values: readonly SqlValue[] = [];
    if (statement?.text === undefined || statement.text === null) ambiguities.push(UNKNOWN);
    else {
      const binding = this.#binding(statement);
      const reading =
        binding === null || message.state === 'cut' || !reader.ok
          ? ({ kind: 'unsure', why: 'the bound values were not read' } as const)
          : readExecute(reader.rest(), flags, binding);
      if (reading.kind === 'unsure') ambiguities.push({ code: 'sql-parameters', detail: reading.why });
      else {
        values = reading.bound.values;
        statement.types = reading.bound.types;
      }
    }
    if (statement !== null) {
      this.#dropLong(statement);
      statement.request = request;
    }
    this.#requests.emitStatement(
      message,
      'bound',
      request,
      statement?.text ?? null,
      values,
      this.#withCharset(ambiguities, values),
    );
    this.#requests.await({
      message,
      command: command.COM_STMT_EXECUTE,
      requests: [request],
      statement,
      effects: statement?.effects ?? NO_EFFECTS,
    });
  }

  /** COM_STMT_BULK_EXECUTE: one event for each row, as each is an execution. */
  bulk(message: Message, reader: ByteReader): void {
    const statement = this.#find(reader.u32le());
    const flags = reader.u16le();
    const binding = statement === null ? null : this.#binding(statement);
    const reading =
      binding === null || message.state === 'cut'
        ? ({ kind: 'unsure', why: 'the bound values were not read' } as const)
        : readBulk(reader, (flags & BULK_TYPES) !== 0, binding, this.#connection.limits.pipeline);
    const rows = reading.kind === 'read' ? reading.bound.rows : [[]];
    const ambiguities = [...(statement?.ambiguities ?? [])];
    if (statement?.text === undefined || statement.text === null) ambiguities.push(UNKNOWN);
    else if (reading.kind === 'unsure') ambiguities.push({ code: 'sql-parameters', detail: reading.why });
    if (statement !== null && reading.kind === 'read') statement.types = reading.bound.types;
    const requests = rows.map((values) => {
      const request = this.#connection.nextRequest();
      const sure = this.#withCharset(ambiguities, values);
      this.#requests.emitStatement(message, 'bound', request, statement?.text ?? null, values, sure);
      return request;
    });
    this.#requests.await({
      message,
      command: command.COM_STMT_BULK_EXECUTE,
      requests,
      statement,
      effects: statement?.effects ?? NO_EFFECTS,
    });
  }

  /** COM_STMT_SEND_LONG_DATA: a value, or a piece of one, ahead of its execution. */
  longData(message: Message, reader: ByteReader): void {
    const id = reader.u32le();
    const index = reader.u16le();
    const statement = this.#find(id);
    const data = reader.rest();
    this.#requests.emitCommand(message, command.COM_STMT_SEND_LONG_DATA, `${id} ${index}`);
    if (statement === null) return;
    const connection = this.#connection;
    const full = connection.longBytes + data.length > connection.limits.statement;
    if (message.state === 'cut' || full || statement.long.get(index) === null) {
      const held = statement.long.get(index)?.length ?? 0;
      connection.longBytes -= held;
      statement.long.set(index, null);
      return;
    }
    const store = statement.long.get(index) ?? new ByteStore();
    store.append(data);
    statement.long.set(index, store);
    connection.longBytes += data.length;
  }

  /** COM_STMT_FETCH: more rows of what was executed. */
  fetch(message: Message, reader: ByteReader): void {
    const id = reader.u32le();
    const statement = this.#find(id);
    const request = statement?.request ?? this.#connection.nextRequest();
    this.#requests.emitCommand(message, command.COM_STMT_FETCH, String(id), request);
    this.#requests.await({ message, command: command.COM_STMT_FETCH, requests: [request], statement });
  }

  /** COM_STMT_RESET: what came ahead is dropped. */
  reset(id: number): void {
    const statement = this.#find(id);
    if (statement !== null) this.#dropLong(statement);
  }

  /** COM_STMT_CLOSE. */
  close(id: number): void {
    const statement = this.#find(id);
    if (statement === null) return;
    this.#dropLong(statement);
    if (this.#connection.lastPrepared === statement) this.#connection.lastPrepared = null;
    this.#connection.statements.delete(statement.id ?? id);
  }

  #find(id: number): PreparedStatement | null {
    const { statements, lastPrepared } = this.#connection;
    return id === LAST_PREPARED ? lastPrepared : (statements.get(id) ?? null);
  }

  /** Null where the number of values is not known: the server has not said it, and the text does not tell for sure. */
  #binding({ text, parameters, types, long }: PreparedStatement): Binding | null {
    const count = parameters ?? (text === null ? null : countPlaceholders(text));
    return count === null
      ? null
      : { count, types, long, attributes: this.#connection.capabilities.queryAttributes };
  }

  #dropLong(statement: PreparedStatement): void {
    for (const store of statement.long.values()) this.#connection.longBytes -= store?.length ?? 0;
    statement.long.clear();
  }

  #withCharset(ambiguities: readonly Ambiguity[], values: readonly SqlValue[]): readonly Ambiguity[] {
    if (this.#connection.charset === 'utf8') return ambiguities;
    const unsure = values.some(
      (value) => value.type === 'text' && Buffer.byteLength(value.text) !== value.text.length,
    );
    const detail = 'a bound value is in a character set other than UTF-8, or unknown';
    return unsure ? [...ambiguities, { code: 'sql-encoding', detail }] : ambiguities;
  }
}
