// MySQL's and MariaDB's commands. Enters: a command byte; leaves: its name and what kind of answer it gets.

/**
 * `result`: OK, an error, or result sets. `simple`: OK, EOF or an error. `string`: one packet of text. `fields`: column
 * definitions. `prepare`, `fetch`, `login`: of their own kind. `stream`: packets without an end. `none`: no answer.
 */
export type AnswerKind =
  | 'result'
  | 'simple'
  | 'string'
  | 'fields'
  | 'prepare'
  | 'fetch'
  | 'login'
  | 'stream'
  | 'none';

export const COM_INIT_DB = 0x02;
export const COM_QUERY = 0x03;
export const COM_FIELD_LIST = 0x04;
export const COM_CREATE_DB = 0x05;
export const COM_DROP_DB = 0x06;
export const COM_PROCESS_KILL = 0x0c;
export const COM_CHANGE_USER = 0x11;
export const COM_STMT_PREPARE = 0x16;
export const COM_STMT_EXECUTE = 0x17;
export const COM_STMT_SEND_LONG_DATA = 0x18;
export const COM_STMT_CLOSE = 0x19;
export const COM_STMT_RESET = 0x1a;
export const COM_SET_OPTION = 0x1b;
export const COM_STMT_FETCH = 0x1c;
export const COM_RESET_CONNECTION = 0x1f;
export const COM_STMT_BULK_EXECUTE = 0xfa;

/** MySQL documentation, "Command Phase"; MariaDB documentation, "Text protocol" and "COM_STMT_BULK_EXECUTE". */
const COMMANDS: ReadonlyMap<number, readonly [name: string, answer: AnswerKind]> = new Map<
  number,
  readonly [string, AnswerKind]
>([
  [0x00, ['COM_SLEEP', 'simple']],
  [0x01, ['COM_QUIT', 'none']],
  [COM_INIT_DB, ['COM_INIT_DB', 'simple']],
  [COM_QUERY, ['COM_QUERY', 'result']],
  [COM_FIELD_LIST, ['COM_FIELD_LIST', 'fields']],
  [COM_CREATE_DB, ['COM_CREATE_DB', 'simple']],
  [COM_DROP_DB, ['COM_DROP_DB', 'simple']],
  [0x07, ['COM_REFRESH', 'simple']],
  [0x08, ['COM_SHUTDOWN', 'simple']],
  [0x09, ['COM_STATISTICS', 'string']],
  [0x0a, ['COM_PROCESS_INFO', 'result']],
  [0x0b, ['COM_CONNECT', 'simple']],
  [COM_PROCESS_KILL, ['COM_PROCESS_KILL', 'simple']],
  [0x0d, ['COM_DEBUG', 'simple']],
  [0x0e, ['COM_PING', 'simple']],
  [0x0f, ['COM_TIME', 'simple']],
  [0x10, ['COM_DELAYED_INSERT', 'simple']],
  [COM_CHANGE_USER, ['COM_CHANGE_USER', 'login']],
  [0x12, ['COM_BINLOG_DUMP', 'stream']],
  [0x13, ['COM_TABLE_DUMP', 'stream']],
  [0x14, ['COM_CONNECT_OUT', 'simple']],
  [0x15, ['COM_REGISTER_SLAVE', 'simple']],
  [COM_STMT_PREPARE, ['COM_STMT_PREPARE', 'prepare']],
  [COM_STMT_EXECUTE, ['COM_STMT_EXECUTE', 'result']],
  [COM_STMT_SEND_LONG_DATA, ['COM_STMT_SEND_LONG_DATA', 'none']],
  [COM_STMT_CLOSE, ['COM_STMT_CLOSE', 'none']],
  [COM_STMT_RESET, ['COM_STMT_RESET', 'simple']],
  [COM_SET_OPTION, ['COM_SET_OPTION', 'simple']],
  [COM_STMT_FETCH, ['COM_STMT_FETCH', 'fetch']],
  [0x1d, ['COM_DAEMON', 'simple']],
  [0x1e, ['COM_BINLOG_DUMP_GTID', 'stream']],
  [COM_RESET_CONNECTION, ['COM_RESET_CONNECTION', 'simple']],
  [0x20, ['COM_CLONE', 'stream']],
  [0x21, ['COM_SUBSCRIBE_GROUP_REPLICATION_STREAM', 'stream']],
  [COM_STMT_BULK_EXECUTE, ['COM_STMT_BULK_EXECUTE', 'result']],
]);

/** The command's name; `COM_0x..` for a byte that is none, which a server answers with an error. */
export function commandName(command: number): string {
  return COMMANDS.get(command)?.[0] ?? `COM_0x${command.toString(16).padStart(2, '0')}`;
}

export function answerKind(command: number): AnswerKind {
  return COMMANDS.get(command)?.[1] ?? 'simple';
}
