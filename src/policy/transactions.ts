// What a rolled-back transaction undoes. Enters: statements of one connection and their answers; leaves: requests that count as failed.
import type { Instance, Ticket } from '../chain/state.ts';
import type { Micros } from '../flow.ts';
import type { AnswerName, ObservedAnswer, ObservedRequest } from './observe/observation.ts';

/** Statements of one transaction that are remembered; of a longer one the first. */
const MOST = 10_000;

interface Transaction {
  readonly instances: Ticket[];
  /** PostgreSQL takes a COMMIT after an error for a ROLLBACK, unless a savepoint was gone back to. */
  broken: boolean;
}

/** MySQL rolls a whole transaction back when it was chosen as a deadlock's victim (ER_LOCK_DEADLOCK). */
const DEADLOCK = 'error 1213';

/** The transactions of one connection, one after the other. */
export class Transactions {
  readonly #undo: (instance: Instance, at: Micros) => void;
  #open: Transaction | null = null;
  /** The transaction that each statement without an answer stands in. */
  readonly #within = new Map<AnswerName, Transaction>();
  /** Statements that end a transaction, and are not answered yet. */
  readonly #ending = new Map<AnswerName, { readonly how: 'commit' | 'rollback'; readonly of: Transaction }>();

  constructor(undo: (instance: Instance, at: Micros) => void) {
    this.#undo = undo;
  }

  /** A statement was seen. */
  see(observed: ObservedRequest): void {
    const { awaits, control } = observed;
    if (awaits === null) return;
    switch (control) {
      case 'begin':
        this.#open ??= { instances: [], broken: false };
        return;
      case 'commit':
      case 'rollback':
        if (this.#open !== null) this.#ending.set(awaits, { how: control, of: this.#open });
        this.#open = null;
        return;
      case 'rollback-to':
        // Which statements a savepoint takes back is not followed; they stay as they are.
        if (this.#open !== null) this.#open.broken = false;
        return;
      default:
        if (this.#open !== null) this.#within.set(awaits, this.#open);
    }
  }

  /** A statement has its place in a chain. */
  place(name: AnswerName, instance: Instance): void {
    const transaction = this.#within.get(name);
    if (transaction !== undefined && transaction.instances.length < MOST)
      transaction.instances.push(instance.ticket);
  }

  /** An answer came. It is to be told before the statement that it answers is. */
  answer(name: AnswerName, { ok, text, subject, ts }: ObservedAnswer): void {
    const transaction = this.#within.get(name);
    this.#within.delete(name);
    if (transaction !== undefined && !ok) {
      if (subject.protocol === 'postgres') transaction.broken = true;
      else if (text === DEADLOCK) this.#undoAll(transaction, ts);
    }
    const ending = this.#ending.get(name);
    if (ending === undefined) return;
    this.#ending.delete(name);
    if (!ok || ending.how === 'rollback' || ending.of.broken) this.#undoAll(ending.of, ts);
  }

  /** The connection ended: what was not committed is rolled back. */
  lose(at: Micros): void {
    if (this.#open !== null) this.#undoAll(this.#open, at);
    for (const { of, how } of this.#ending.values()) {
      // Whether a COMMIT without an answer was done cannot be told; what it committed counts as done.
      if (how === 'rollback') this.#undoAll(of, at);
    }
    this.#open = null;
    this.#ending.clear();
    this.#within.clear();
  }

  #undoAll({ instances }: Transaction, at: Micros): void {
    for (const { instance } of instances.splice(0)) if (instance !== null) this.#undo(instance, at);
  }
}
