// The row of one bridge in OVSDB, read and changed by a command. Enters: a database socket, changes; leaves: external_ids, or why not.
import { InputError } from '../../errors.ts';
import type { Clock } from './clock.ts';
import { mapOf } from './ovsdb/ports.ts';
import { isRecord } from './ovsdb/rpc.ts';
import { type Answer, RpcLink } from './rpc-link.ts';

/** A text to set, or null to remove the key. */
export type IdChanges = ReadonlyMap<string, string | null>;

/** One connection for one command: it does not come back. */
export class BridgeRow {
  readonly #link: RpcLink;
  readonly #bridge: string;
  readonly #database: string;
  readonly #opened: Promise<string | null>;
  #locked: () => void = () => {};

  constructor(database: string, bridge: string, clock: Clock) {
    this.#bridge = bridge;
    this.#database = database;
    let settle: (why: string | null) => void = () => {};
    this.#opened = new Promise((resolve) => {
      settle = resolve;
    });
    const handler = {
      up: () => settle(null),
      down: (why: string) => settle(why),
      news: (method: string) => {
        if (method === 'locked') this.#locked();
      },
    };
    this.#link = new RpcLink(
      () => database,
      handler,
      clock,
      () => 0,
    );
  }

  /**
   * Waits until no other command changes this bridge (RFC 7047 section 4.1.8), since each brings the switch to what it read:
   * a slow one would take out what a later one had set. The lock ends with the connection.
   * @throws InputError `switch-unreachable`
   */
  async lock(): Promise<void> {
    const why = await this.#opened;
    if (why !== null) throw unreachable(why);
    const granted = new Promise<void>((resolve) => {
      this.#locked = resolve;
    });
    const answer = await this.#link.ask('lock', [`flowtap_${this.#bridge.replaceAll(/\W/g, '_')}`]);
    if (answer === 'lost') throw unreachable(`${this.#database}: the connection ended`);
    if (!isRecord(answer.result) || answer.result.locked !== true) await granted;
  }

  /** @throws InputError `switch-unreachable`; `usage` for a bridge that does not exist */
  async read(): Promise<ReadonlyMap<string, string>> {
    const why = await this.#opened;
    if (why !== null) throw unreachable(why);
    const where = [['name', '==', this.#bridge]];
    const select = { op: 'select', table: 'Bridge', where, columns: ['external_ids'] };
    const [result] = await this.#transact([select]);
    const rows = isRecord(result) && Array.isArray(result.rows) ? (result.rows as readonly unknown[]) : [];
    const [row] = rows;
    if (!isRecord(row))
      throw new InputError(
        'usage',
        null,
        `there is no bridge "${this.#bridge}" at ${this.#database}`,
        'ovs-vsctl list-br shows those that there are',
      );
    return mapOf(row.external_ids);
  }

  /**
   * Changes keys if all are still as `before` says, so that two who ask at once cannot both be granted what overlaps.
   * @throws InputError `switch-refused`
   */
  async change(before: ReadonlyMap<string, string>, changes: IdChanges): Promise<void> {
    const where = [['name', '==', this.#bridge]];
    const rows = [{ external_ids: ['map', [...before]] }];
    const wait = {
      op: 'wait',
      table: 'Bridge',
      where,
      columns: ['external_ids'],
      until: '==',
      rows,
      timeout: 0,
    };
    const added = [...changes].filter(([, text]) => text !== null);
    const mutations = [
      ['external_ids', 'delete', ['set', [...changes.keys()]]],
      ['external_ids', 'insert', ['map', added]],
    ];
    const results = await this.#transact([wait, { op: 'mutate', table: 'Bridge', where, mutations }]);
    const failed = results.find((result) => isRecord(result) && typeof result.error === 'string');
    if (failed === undefined) return;
    const error = isRecord(failed) ? String(failed.error) : '';
    throw error === 'timed out'
      ? new InputError(
          'switch-refused',
          null,
          `somebody else changed bridge "${this.#bridge}" at the same moment`,
          'look at "flowtap list" and try again',
        )
      : new InputError(
          'switch-refused',
          null,
          `OVSDB refused the change: ${error}`,
          'see the log of ovsdb-server',
        );
  }

  stop(): void {
    this.#link.stop();
  }

  async #transact(operations: readonly object[]): Promise<readonly unknown[]> {
    const answer: Answer = await this.#link.ask('transact', ['Open_vSwitch', ...operations]);
    if (answer === 'lost') throw unreachable(`${this.#database}: the connection ended`);
    if (answer.error !== null || !Array.isArray(answer.result))
      throw new InputError(
        'switch-refused',
        null,
        `OVSDB refused: ${JSON.stringify(answer.error).slice(0, 200)}`,
        'see the log of ovsdb-server',
      );
    return answer.result as readonly unknown[];
  }
}

/** @param why names the socket and the reason */
export function unreachable(why: string): InputError {
  return new InputError(
    'switch-unreachable',
    null,
    `Open vSwitch cannot be reached: ${why}`,
    'is it running, may you use its sockets, and is --rundir its run directory?',
  );
}
