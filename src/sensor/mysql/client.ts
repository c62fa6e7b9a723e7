// What the client of a MySQL connection commands. Enters: its messages; leaves: statement and command events.
import type { Ambiguity } from '../../events/common.ts';
import type { SqlValue } from '../../events/sql.ts';
import type { Span } from '../../flow.ts';
import { ByteReader } from '../sql/byte-reader.ts';
import { ByteStore } from '../sql/byte-store.ts';
import { decodeText } from '../sql/text.ts';
import * as command from './commands.ts';
import type { Connection } from './connection.ts';
import type { Message } from './framing.ts';
import { readChangeUser } from './handshake.ts';
import { type Binding, readBulk, readExecute, skipAttributes } from './parameters.ts';
import { countPlaceholders } from './placeholders.ts';
import type { Pending, PreparedStatement } from './state.ts';
import { NO_EFFECTS, type TextEffects, textEffects } from './text-effects.ts';

/** MariaDB: the statement that was prepared last on this connection. */
const LAST_PREPARED = 0xffff_ffff;
const BULK_TYPES = 128;

export class Client {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    this.#connection = connection;
  }

  /** A message that begins with a command byte. */
  message(message: Message): void {
    const reader = new ByteReader(message.body);
    const code = reader.u8();
    if (!reader.ok) {
      this.#connection.malformed('orig', message.start, message.end, 'a command without a command byte');
      return;
    }
    if (message.state === 'cut') {
      this.#connection.note(
        'limit',
        spanOf(message),
        `${command.commandName(code)} of ${message.length} bytes`,
      );
    }
    switch (code) {
      case command.COM_QUERY:
        this.#query(message, reader);
        break;
      case command.COM_STMT_PREPARE:
        this.#prepare(message, reader);
        break;
      case command.COM_STMT_EXECUTE:
        this.#execute(message, reader);
        break;
      case command.COM_STMT_BULK_EXECUTE:
        this.#bulk(message, reader);
        break;
      case command.COM_STMT_SEND_LONG_DATA:
        this.#longData(message, reader);
        break;
      case command.COM_STMT_FETCH:
        this.#fetch(message, reader);
        break;
      case command.COM_CHANGE_USER:
        this.#changeUser(message, reader);
        break;
      default:
        this.#other(message, code, reader);
    }
  }

  #query(message: Message, reader: ByteReader): void {
    const request = this.#connection.nextRequest();
    const { queryAttributes } = this.#connection.capabilities;
    // Where the login was not seen: no SQL begins with a control character, attributes always do.
    const attributes = queryAttributes ?? (message.body[1] ?? 32) < 9;
    if (attributes && !skipAttributes(reader)) {
      this.#connection.malformed(
        'orig',
        message.start,
        message.end,
        'a query whose attributes cannot be read',
      );
      return;
    }
    const entry = { message, command: command.COM_QUERY, requests: [request] };
    if (message.state === 'cut') {
      this.#await({ ...entry, effects: { database: null, charset: 'other' } });
      return;
    }
    const { text, ambiguities } = this.#connection.characters(reader.rest());
    this.#emitStatement(message, 'text', request, text, [], ambiguities);
    this.#await({ ...entry, effects: textEffects(text) });
  }

  #prepare(message: Message, reader: ByteReader): void {
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
    this.#await({ message, command: command.COM_STMT_PREPARE, requests: [], statement });
  }

  #execute(message: Message, reader: ByteReader): void {
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
    this.#emitStatement(
      message,
      'bound',
      request,
      statement?.text ?? null,
      values,
      this.#withCharset(ambiguities, values),
    );
    this.#await({
      message,
      command: command.COM_STMT_EXECUTE,
      requests: [request],
      statement,
      effects: statement?.effects ?? NO_EFFECTS,
    });
  }

  /** One event for each row, as each is an execution. */
  #bulk(message: Message, reader: ByteReader): void {
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
      this.#emitStatement(message, 'bound', request, statement?.text ?? null, values, sure);
      return request;
    });
    this.#await({
      message,
      command: command.COM_STMT_BULK_EXECUTE,
      requests,
      statement,
      effects: statement?.effects ?? NO_EFFECTS,
    });
  }

  #longData(message: Message, reader: ByteReader): void {
    const id = reader.u32le();
    const index = reader.u16le();
    const statement = this.#find(id);
    const data = reader.rest();
    this.#emitCommand(message, command.COM_STMT_SEND_LONG_DATA, `${id} ${index}`);
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

  #fetch(message: Message, reader: ByteReader): void {
    const id = reader.u32le();
    const statement = this.#find(id);
    const request = statement?.request ?? this.#connection.nextRequest();
    this.#emitCommand(message, command.COM_STMT_FETCH, String(id), request);
    this.#await({ message, command: command.COM_STMT_FETCH, requests: [request], statement });
  }

  #changeUser(message: Message, reader: ByteReader): void {
    const login = readChangeUser(reader.rest(), this.#connection.flags);
    if (login === null) {
      this.#connection.malformed('orig', message.start, message.end, 'a COM_CHANGE_USER that is none');
      return;
    }
    const request = this.#emitCommand(message, command.COM_CHANGE_USER, login.user);
    this.#connection.forgetStatements();
    this.#await({ message, command: command.COM_CHANGE_USER, requests: [request], login });
  }

  #other(message: Message, code: number, reader: ByteReader): void {
    const connection = this.#connection;
    const argument = readArgument(code, reader);
    const request = this.#emitCommand(message, code, argument);
    let effects = NO_EFFECTS;
    if (code === command.COM_INIT_DB) effects = { database: argument, charset: undefined };
    if (code === command.COM_STMT_CLOSE) this.#close(Number(argument));
    if (code === command.COM_STMT_RESET) {
      const statement = this.#find(Number(argument));
      if (statement !== null) this.#dropLong(statement);
    }
    if (code === command.COM_RESET_CONNECTION) {
      // The character set becomes the server's own default, which is not on the wire.
      connection.forgetStatements();
      effects = { database: undefined, charset: 'other' };
    }
    if (command.answerKind(code) === 'none') return;
    this.#await({ message, command: code, requests: [request], effects });
  }

  #close(id: number): void {
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

  #emitStatement(
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

  #emitCommand(message: Message, code: number, argument: string | null, of: number | null = null): number {
    const request = of ?? this.#connection.nextRequest();
    const { user, database } = this.#connection;
    this.#connection.emit(spanOf(message), {
      kind: 'sql-command',
      dialect: 'mysql',
      request,
      command: command.commandName(code),
      argument,
      user,
      database,
    });
    return request;
  }

  #await(
    entry: Pick<Pending, 'command' | 'requests'> &
      Partial<Pick<Pending, 'statement' | 'login'>> & {
        readonly message: Message;
        readonly effects?: TextEffects;
      },
  ): void {
    const { message, effects = NO_EFFECTS, statement = null, login = null } = entry;
    const binary = entry.command !== command.COM_QUERY;
    const pending: Pending = {
      command: entry.command,
      answer: command.answerKind(entry.command),
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

const UNKNOWN: Ambiguity = { code: 'sql-unknown-statement', detail: 'the statement was prepared unseen' };

/** What a command is about, where it says so in a form worth knowing; never credentials. */
function readArgument(code: number, reader: ByteReader): string | null {
  switch (code) {
    case command.COM_INIT_DB:
    case command.COM_CREATE_DB:
    case command.COM_DROP_DB:
      return decodeText(reader.rest()).text;
    case command.COM_FIELD_LIST:
      return decodeText(reader.untilZero()).text;
    case command.COM_STMT_CLOSE:
    case command.COM_STMT_RESET:
    case command.COM_PROCESS_KILL:
      return String(reader.u32le());
    case command.COM_SET_OPTION:
      return String(reader.u16le());
    default:
      return null;
  }
}

function spanOf(message: Message): Span {
  return { side: 'orig', start: message.start, end: message.end };
}
