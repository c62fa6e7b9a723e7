// SQL messages of the corpus. Enters: statements as data; leaves: what client and server then say, turn by turn.
import * as mysql from '../mysql-bytes.ts';
import * as postgres from '../postgres-bytes.ts';

/** A bound value: its text, or its bytes in hexadecimal with the type or format that goes with them. */
export type BoundValue =
  | string
  | null
  | { readonly hex: string; readonly type?: number; readonly format?: number; readonly unsigned?: boolean };

export interface SqlMessage {
  /** The text of a simple query. */
  readonly statement?: string;
  /** The same, each character a byte. */
  readonly latin1?: boolean;
  /** The text of a prepared statement, and what is bound to it. */
  readonly prepared?: string;
  readonly values?: readonly BoundValue[];
  /** Types that Parse declares (PostgreSQL). */
  readonly oids?: readonly number[];
  /** How often it is executed. */
  readonly times?: number;
  /** A typed message (PostgreSQL): its letter and its body in hexadecimal. */
  readonly typed?: readonly [letter: string, hex: string];
  /** A command (MySQL): its number and its argument. */
  readonly command?: readonly [code: number, argument: string];
}

type Turn = readonly ['client' | 'server', Buffer];

/** What goes over a PostgreSQL connection; null for a message of another protocol. */
export function postgresTurns(message: SqlMessage): readonly Turn[] | null {
  if (message.statement !== undefined) {
    const text = Buffer.from(message.statement, message.latin1 === true ? 'latin1' : 'utf8');
    const done = Buffer.concat([postgres.complete('UPDATE 1'), postgres.ready()]);
    return [
      ['client', postgres.query(text)],
      ['server', done],
    ];
  }
  if (message.typed !== undefined) {
    const [letter, hex] = message.typed;
    return [['client', postgres.message(letter, Buffer.from(hex.replaceAll(' ', ''), 'hex'))]];
  }
  if (message.prepared === undefined) return null;
  const values = message.values ?? [];
  const bind = postgres.bind({
    values: values.map((value) =>
      typeof value === 'object' && value !== null ? Buffer.from(value.hex, 'hex') : value,
    ),
    formats: values.map((value) => (typeof value === 'object' && value !== null ? (value.format ?? 1) : 0)),
  });
  const times = message.times ?? 1;
  const once = [bind, postgres.execute()];
  const done = [postgres.BOUND, postgres.complete('UPDATE 1')];
  return [
    [
      'client',
      Buffer.concat([
        postgres.parse('', message.prepared, message.oids ?? []),
        ...Array.from({ length: times }, () => once).flat(),
        postgres.SYNC,
      ]),
    ],
    [
      'server',
      Buffer.concat([postgres.PARSED, ...Array.from({ length: times }, () => done).flat(), postgres.ready()]),
    ],
  ];
}

/** What goes over a MySQL connection; null for a message of another protocol. */
export function mysqlTurns(message: SqlMessage): readonly Turn[] | null {
  if (message.statement !== undefined) {
    const text = Buffer.from(message.statement, message.latin1 === true ? 'latin1' : 'utf8');
    return [
      ['client', mysql.query(text)],
      ['server', mysql.ok(1, { affected: 1 })],
    ];
  }
  if (message.command !== undefined) {
    const [code, argument] = message.command;
    return [
      ['client', mysql.command(code, Buffer.from(argument, 'latin1'))],
      ['server', mysql.ok(1)],
    ];
  }
  if (message.prepared === undefined) return null;
  const values = message.values ?? [];
  const bound = values.map((value) => {
    if (value === null) return { type: 253, bytes: null };
    if (typeof value === 'string') return { type: 253, bytes: mysql.lenenc(value) };
    const { hex, type = 253, unsigned = false } = value;
    return { type, unsigned, bytes: Buffer.from(hex, 'hex') };
  });
  const executions = Array.from({ length: message.times ?? 1 }, (): readonly Turn[] => [
    ['client', mysql.execute(7, bound)],
    ['server', mysql.ok(1, { affected: 1 })],
  ]);
  return [
    ['client', mysql.prepare(message.prepared)],
    ['server', mysql.prepared(7, values.length)],
    ...executions.flat(),
  ];
}
