// What an answer means for the request that it answers. Enters: answers of placed requests; leaves: verdicts on what is wrong.
import type { Instance, Slot } from '../chain/state.ts';
import type { Micros } from '../flow.ts';
import type { Verdict } from '../verdict.ts';
import type { Answer } from './answers.ts';
import type { CompiledPolicy } from './compile.ts';
import { type Chains, storeOf } from './decide.ts';
import type { FlowRecord } from './flows.ts';
import * as say from './sentences.ts';
import { type About, aboutOf, type Judgement } from './verdicts.ts';
import { lingerOf } from './waiting.ts';

/** An answer that came before what it needs. */
interface EarlyAnswer {
  readonly record: FlowRecord;
  readonly instance: Instance;
  readonly answer: Answer;
  readonly until: Micros;
}

type Say = (record: FlowRecord, about: About, judgement: Judgement) => Verdict;

export class Answering {
  readonly #policy: CompiledPolicy;
  readonly #chains: Chains;
  readonly #say: Say;
  readonly #early: EarlyAnswer[] = [];

  constructor(policy: CompiledPolicy, chains: Chains, say: Say) {
    this.#policy = policy;
    this.#chains = chains;
    this.#say = say;
  }

  /** Answers that waited long enough for what had to come before them are applied as they are. */
  advance(now: Micros): void {
    while (this.#early[0] !== undefined && this.#early[0].until < now) {
      const early = this.#early.shift();
      if (early !== undefined) this.answer(early.record, early.instance, early.answer, true);
    }
  }

  /** Applies an answer: what it says must agree with its chain, and what had to come before it must have come. */
  answer(record: FlowRecord, instance: Instance, answer: Answer, final = false): void {
    const store = storeOf(this.#chains, instance);
    const trusted = instance.taint === null && instance.chain.tainted === null;
    const about = aboutOf(answer, record.flow, instance.plan.request);
    if (answer.ok && trusted) {
      const missing = store.unmetBefore(instance).filter((slot) => slot.notes.denied === null);
      if (missing.length > 0 && !final) {
        this.#early.push({
          record,
          instance,
          answer,
          until: answer.ts + lingerOf(this.#policy.document.limits),
        });
        return;
      }
      if (missing.length > 0) this.#denyEarly(record, about, instance, missing);
    }
    if (answer.ok && answer.read !== null) this.#readAnswer(record, about, instance, answer, trusted);
    store.answer(instance, answer.ok, answer.text, answer.ts);
  }

  #denyEarly(record: FlowRecord, about: About, instance: Instance, missing: readonly Slot[]): void {
    const text = say.answeredTooEarly(
      about.subject,
      missing.map((slot) => slot.plan.request),
      instance.chain,
    );
    const [slot] = missing;
    const nearest =
      slot === undefined
        ? null
        : {
            slot,
            agreeing: 0,
            differing: [],
            named: true,
            contradicted: false,
            state: slot.state,
            blockers: missing,
          };
    const rule = slot === undefined ? {} : { rule: slot.plan.request };
    const verdict = this.#say(
      record,
      { ...about, ...rule },
      {
        kind: 'drop',
        code: 'out-of-order',
        decidedBy: 'request',
        text,
        nearest,
      },
    );
    for (const slot of missing) slot.note({ denied: slot.notes.denied ?? verdict.id });
  }

  #readAnswer(record: FlowRecord, about: About, instance: Instance, answer: Answer, trusted: boolean): void {
    const match = answer.read?.(instance.plan.request) ?? null;
    const store = storeOf(this.#chains, instance);
    if (match === null) return;
    if (match.kind === 'matched') {
      const differing = match.facts.flatMap((read) => {
        const settled = instance.scope.fact(read.fact);
        return settled !== undefined && settled.value !== read.value ? [{ read, settled }] : [];
      });
      store.settleFacts(instance, match.facts);
      const [first] = differing;
      if (first === undefined || !trusted) return;
      const text = say.responseDiffers(about.subject, first.read, first.settled);
      this.#say(record, about, {
        kind: 'drop',
        code: 'response-differs',
        decidedBy: 'integrity',
        text,
        nearest: null,
      });
    } else if (!trusted) {
      return;
    } else if (match.kind === 'cannot-read') {
      const cannotTell = { code: 'cannot-read', cause: match.cause } as const;
      const text = say.cannotRead(about.subject, match.why);
      this.#say(record, about, { kind: 'indeterminate', cannotTell, text, chain: instance.chain });
    } else if (match.kind === 'lacking') {
      const text = say.lacking(about.subject, match.fact, match.why);
      this.#say(record, about, {
        kind: 'drop',
        code: 'fact-missing',
        decidedBy: 'integrity',
        text,
        nearest: null,
      });
    } else if (match.kind === 'contradiction') {
      const text = say.contradiction(about.subject, match.first, match.second);
      this.#say(record, about, {
        kind: 'drop',
        code: 'fact-differs',
        decidedBy: 'integrity',
        text,
        nearest: null,
      });
    }
  }
}
