// MySQL and MariaDB in the path. Enters: packets of both sides; leaves: commands as groups, and refusals that the server keeps in order.
import type { EventDraft } from '../../events/event.ts';
import type { Side, Span } from '../../flow.ts';
import type { Verdict } from '../../verdict.ts';
import { Cutter, type Prefix } from '../cutter.ts';
import { Group, type Unit } from '../hold.ts';
import type { Hands, Keeper, Refusal } from '../keeper.ts';
import { HeldAnswers } from './held-answers.ts';
import { mysqlError, mysqlInitDb } from './sql-messages.ts';

const PACKET: Prefix = { length: 4, total: (first) => 4 + first.readUIntLE(0, 3) };
const LONGEST = 0xff_ffff;
const ERROR = 0xff;
/** After a failed COM_CHANGE_USER the server ends the connection: no other error stands for it. */
const CHANGE_USER = 0x11;

class MysqlGroup extends Group {
  readonly sequence: number;
  packets = 0;
  command = 0;
  refused = false;

  constructor(open: boolean, sequence: number) {
    super(open);
    this.sequence = sequence;
  }
}

interface Packet extends Unit {
  readonly group: MysqlGroup;
  readonly sequence: number;
}

/**
 * A denied command is replaced by one that fails (it chooses a database that does not exist), so that the server keeps the
 * order of answers; its error becomes ours on the way back. No error of a statement ends a transaction.
 */
export class MysqlKeeper implements Keeper {
  readonly #hands: Hands;
  readonly #token: string;
  readonly #answers: HeldAnswers<MysqlGroup>;
  readonly #cutters: Readonly<Record<Side, Cutter>>;
  readonly #current: Record<Side, MysqlGroup | null> = { orig: null, resp: null };
  #continued: Record<Side, boolean> = { orig: false, resp: false };
  #expected = 0;

  constructor(hands: Hands, token: string, isJudged: (verdict: Verdict) => boolean) {
    this.#hands = hands;
    this.#token = token;
    this.#answers = new HeldAnswers(isJudged);
    this.#cutters = { orig: this.#cutter('orig'), resp: this.#cutter('resp') };
  }

  read(side: Side, offset: number, bytes: Buffer): void {
    this.#cutters[side].read(offset, bytes);
  }

  groupOf(side: Side, { end }: Span, draft: EventDraft): Group | null {
    return this.#answers.take(side, draft) ?? this.#hands.groupAt(side, end) ?? new MysqlGroup(false, 0);
  }

  admits(): boolean {
    return true;
  }

  judged(draft: EventDraft, group: Group | null, verdict: Verdict | null): void {
    if (draft.kind !== 'sql-statement' || verdict === null || group?.denial != null) return;
    this.#answers.passed(draft.request, verdict);
  }

  refuse(side: Side, { group, sequence }: Packet): Refusal {
    if (group.refused) return 'drop';
    if (side === 'resp') this.#hands.insert('resp', mysqlError(sequence));
    else {
      // What the answer is numbered follows from the command's last packet.
      if (group.packets > 1 || group.sequence !== 0 || group.command === CHANGE_USER) return 'reset';
      this.#hands.insert('orig', mysqlInitDb(this.#token));
      this.#expected += 1;
    }
    group.refused = true;
    return 'drop';
  }

  instead(side: Side, { sequence }: Packet, bytes: () => Buffer): Uint8Array | null {
    if (side === 'orig' || this.#expected === 0) return null;
    const packet = bytes();
    if (packet[4] !== ERROR || !packet.includes(this.#token)) return null;
    this.#expected -= 1;
    return mysqlError(sequence);
  }

  gone(): void {
    // Groups tell all.
  }

  #cutter(side: Side): Cutter {
    return new Cutter(5, {
      next: () => PACKET,
      begin: (start, first, end) => this.#begin(side, start, first, end),
      end: (_start, first) => {
        const group = this.#current[side];
        if (group !== null && group.packets === 1) group.command = first[4] ?? 0;
        this.#continued[side] = first.readUIntLE(0, 3) === LONGEST;
        if (group !== null && group !== this.#answers.current) group.open = this.#continued[side];
      },
    });
  }

  #begin(side: Side, start: number, first: Buffer, end: number): void {
    const sequence = first[3] ?? 0;
    const held = side === 'resp' && this.#answers.expected;
    const own = this.#continued[side] ? this.#current[side] : null;
    const begin = (): MysqlGroup => new MysqlGroup(true, sequence);
    const group = held ? this.#answers.holding(begin) : (own ?? begin());
    group.packets += 1;
    this.#current[side] = group;
    const unit: Packet = { start, end, group, sequence };
    this.#hands.add(side, unit);
  }
}
