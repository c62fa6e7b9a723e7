// Which requests of a flow still await their answers. Enters: requests and answers by name; leaves: who is answered.
import { type Instance, Ticket } from '../chain/state.ts';
import type { Micros } from '../flow.ts';
import { type Chains, storeOf } from './decide.ts';
import type { FlowRecord } from './flows.ts';
import type { AnswerName, ObservedAnswer } from './observe/observation.ts';

export type Answer = ObservedAnswer;

/** A request that was seen and is not answered: not decided yet, or put into a chain, or in none. */
export type Awaiting = Undecided | Ticket;

interface Undecided {
  answer: Answer | null;
  lost: Micros | null;
}

/** Requests that wait for answers on one flow; more than this and the oldest is forgotten. */
const MOST_AWAITING = 65_536;

export class AnswerBook {
  readonly #chains: Chains;

  constructor(chains: Chains) {
    this.#chains = chains;
  }

  /** A request that will be answered was seen. */
  expect(record: FlowRecord, name: AnswerName): void {
    if (record.awaiting.size >= MOST_AWAITING) {
      const oldest = record.awaiting.keys().next();
      if (oldest.done !== true) record.awaiting.delete(oldest.value);
    }
    record.awaiting.set(name, { answer: null, lost: null });
  }

  /** It was decided: gives the answer that came meanwhile, if one did. */
  settle(record: FlowRecord, name: AnswerName, instance: Instance | null): Answer | null {
    const awaiting = record.awaiting.get(name);
    if (awaiting === undefined || awaiting instanceof Ticket) return null;
    if (instance === null || awaiting.answer !== null) record.awaiting.delete(name);
    else record.awaiting.set(name, instance.ticket);
    if (instance !== null && awaiting.lost !== null) this.#lose(instance, awaiting.lost);
    return awaiting.answer;
  }

  /** An answer came: gives the place of its request, or null when that has none (yet). */
  arrive(record: FlowRecord, name: AnswerName, answer: Answer): Instance | null {
    const awaiting = record.awaiting.get(name);
    if (awaiting === undefined) return null;
    if (!(awaiting instanceof Ticket)) {
      awaiting.answer = answer;
      return null;
    }
    record.awaiting.delete(name);
    return awaiting.instance;
  }

  /** A request will not be answered. */
  lose(record: FlowRecord, name: AnswerName, at: Micros): void {
    const awaiting = record.awaiting.get(name);
    if (awaiting === undefined) return;
    if (!(awaiting instanceof Ticket)) {
      awaiting.lost = at;
      return;
    }
    record.awaiting.delete(name);
    const { instance } = awaiting;
    if (instance !== null) this.#lose(instance, at);
  }

  /** The flow ended: nothing on it will be answered. */
  loseAll(record: FlowRecord, at: Micros): void {
    for (const name of [...record.awaiting.keys()]) this.lose(record, name, at);
  }

  #lose(instance: Instance, at: Micros): void {
    const store = storeOf(this.#chains, instance);
    store.lose(instance, at);
  }
}
