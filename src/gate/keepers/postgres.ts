// PostgreSQL in the path. Enters: messages of both sides; leaves: batches as groups, and refusals that the server keeps in order.
import type { EventDraft } from '../../events/event.ts';
import type { Side, Span } from '../../flow.ts';
import type { Verdict } from '../../verdict.ts';
import { Cutter, type Prefix } from '../cutter.ts';
import { Group, type Unit } from '../hold.ts';
import type { Hands, Keeper, Refusal } from '../keeper.ts';
import { HeldAnswers } from './held-answers.ts';
import { postgresError, postgresParse, postgresQuery } from './sql-messages.ts';

const STARTUP: Prefix = { length: 4, total: (first) => first.readUInt32BE(0) };
const TYPED: Prefix = { length: 5, total: (first) => 1 + first.readUInt32BE(1) };
const BYTE: Prefix = { length: 1, total: () => 1 };
const SSL_REQUEST = 80_877_103;
const GSS_REQUEST = 80_877_104;
const PROTOCOL_3 = 3;
/** Messages of the extended protocol, up to the one that ends a group. */
const BATCH = 'PBDECHS';
const ENDS_GROUP = 'EHS';
/** Messages that an answer to a statement consists of. */
const ANSWER = 'TDCIsE';
const NOTHING = new Uint8Array(0);

class PostgresGroup extends Group {
  /** From one Sync to the next: what fails takes the rest with it. */
  readonly batch: number | null;
  refused = false;

  constructor(open: boolean, batch: number | null) {
    super(open);
    this.batch = batch;
  }
}

interface Message extends Unit {
  readonly group: PostgresGroup;
  readonly type: string;
}

/**
 * A denied statement is replaced by one that fails (its text is a word of ours that no grammar knows), so that the server
 * itself keeps the order of answers and the state of the transaction; its error becomes ours on the way back.
 */
export class PostgresKeeper implements Keeper {
  readonly #hands: Hands;
  readonly #token: string;
  readonly #answers: HeldAnswers<PostgresGroup>;
  readonly #cutters: Readonly<Record<Side, Cutter>>;
  #mode: 'startup' | 'typed' = 'startup';
  /** Requests for encryption that the server has not answered with a byte. */
  #replies = 0;
  #group: PostgresGroup | null = null;
  #batch = 0;
  /** The batch of which something was denied: the rest up to its Sync is dropped. */
  readonly #failed = new Set<number>();
  /** Errors of ours that the server has not sent. */
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
    return (
      this.#answers.take(side, draft) ?? this.#hands.groupAt(side, end) ?? new PostgresGroup(false, null)
    );
  }

  admits(group: Group | null): boolean {
    return !(group instanceof PostgresGroup) || group.batch === null || !this.#failed.has(group.batch);
  }

  judged(draft: EventDraft, group: Group | null, verdict: Verdict | null): void {
    if (draft.kind !== 'sql-statement' || verdict === null || !(group instanceof PostgresGroup)) return;
    if (group.denial !== null) {
      if (group.batch !== null) this.#failed.add(group.batch);
    } else this.#answers.passed(draft.request, verdict);
  }

  refuse(side: Side, unit: Message): Refusal {
    const { group } = unit;
    if (side === 'resp') {
      if (group.refused) return 'drop';
      if (group !== this.#answers.current && !ANSWER.includes(unit.type)) return 'reset';
      this.#hands.insert('resp', postgresError());
      group.refused = true;
      return 'drop';
    }
    if (group.refused) return 'drop';
    if (group.batch === null && unit.type !== 'Q' && unit.type !== 'F') return 'reset';
    this.#hands.insert(
      'orig',
      group.batch === null ? postgresQuery(this.#token) : postgresParse(this.#token),
    );
    this.#expected += 1;
    group.refused = true;
    return 'drop';
  }

  instead(side: Side, { type, group }: Message, bytes: () => Buffer): Uint8Array | null {
    if (side === 'orig') {
      if (group.batch === null || !this.#failed.has(group.batch)) return null;
      // The server passes over everything up to here (PostgreSQL documentation, "Extended Query").
      if (type !== 'S') return NOTHING;
      this.#failed.delete(group.batch);
      return null;
    }
    if (type !== 'E' || this.#expected === 0 || !bytes().includes(this.#token)) return null;
    this.#expected -= 1;
    return postgresError();
  }

  gone(): void {
    // Groups tell all.
  }

  #cutter(side: Side): Cutter {
    return new Cutter(8, {
      next: () =>
        side === 'orig' ? (this.#mode === 'startup' ? STARTUP : TYPED) : this.#replies > 0 ? BYTE : TYPED,
      begin: (start, first, end) => this.#begin(side, start, first, end),
      end: (_start, first) => this.#end(side, first),
    });
  }

  #begin(side: Side, start: number, first: Buffer, end: number): void {
    const untyped = side === 'orig' ? this.#mode === 'startup' : this.#replies > 0;
    const type = untyped ? '' : String.fromCharCode(first[0] ?? 0);
    const group = side === 'orig' ? this.#asked(type) : this.#answered(type);
    this.#hands.add(side, { start, end: Number.isFinite(end) ? end : null, group, type } as Message);
  }

  #asked(type: string): PostgresGroup {
    if (type === '' || !BATCH.includes(type)) return new PostgresGroup(false, null);
    this.#group ??= new PostgresGroup(true, this.#batch);
    return this.#group;
  }

  #answered(type: string): PostgresGroup {
    if (!this.#answers.expected || type === '' || !ANSWER.includes(type))
      return new PostgresGroup(false, null);
    return this.#answers.holding(() => new PostgresGroup(true, null));
  }

  #end(side: Side, first: Buffer): void {
    if (side === 'resp') {
      if (this.#replies > 0) this.#replies -= 1;
      return;
    }
    if (this.#mode === 'startup') {
      const code = first.length < 8 ? 0 : first.readUInt32BE(4);
      if (code === SSL_REQUEST || code === GSS_REQUEST) this.#replies += 1;
      else if (code >>> 16 === PROTOCOL_3) this.#mode = 'typed';
      return;
    }
    const type = String.fromCharCode(first[0] ?? 0);
    if (this.#group === null || !ENDS_GROUP.includes(type)) return;
    this.#group.open = false;
    this.#group = null;
    if (type === 'S') this.#batch += 1;
  }
}
