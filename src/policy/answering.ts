// What an answer means for the request that it answers. Enters: answers of placed requests; leaves: verdicts on what is wrong.
import { nearnessTo } from '../chain/nearest.ts';
import type { FactReading } from '../chain/scope.ts';
import type { Instance, Slot, Ticket } from '../chain/state.ts';
import { assertNever } from '../errors.ts';
import type { Evidence, Micros } from '../flow.ts';
import type { DropCode, Verdict } from '../verdict.ts';
import type { Answer } from './answers.ts';
import type { CompiledPolicy } from './compile.ts';
import { type Chains, codeOfUnmet, storeOf } from './decide.ts';
import type { FlowRecord } from './flows.ts';
import type { Match } from './match/match.ts';
import * as say from './sentences.ts';
import { type About, aboutOf, type Judgement } from './verdicts.ts';
import { lingerOf } from './waiting.ts';

/** An answer that came before what it needs. */
interface EarlyAnswer {
  readonly record: FlowRecord;
  readonly ticket: Ticket;
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

  /** True while the answer that was read from these bytes waits for what has to come before it. */
  waits(evidence: Evidence): boolean {
    return this.#early.some(({ answer }) => answer.evidence === evidence);
  }

  /** Answers that waited long enough for what had to come before them are applied as they are. */
  advance(now: Micros): void {
    while (this.#early[0] !== undefined && this.#early[0].until < now) {
      const early = this.#early.shift();
      const instance = early?.ticket.instance ?? null;
      if (early !== undefined && instance !== null) this.answer(early.record, instance, early.answer, true);
    }
  }

  /** Applies an answer: what it says must agree with its chain, and what had to come before it must have come. */
  answer(record: FlowRecord, instance: Instance, answer: Answer, final = false): void {
    const store = storeOf(this.#chains, instance);
    const trusted = instance.taint === null && instance.chain.tainted === null;
    const about = aboutOf(answer, record.flow, instance.plan.request);
    const match = answer.ok ? (answer.read?.(instance.plan.request) ?? null) : null;
    let complete = true;
    if (answer.ok && trusted) {
      const missing = store.unmetBefore(instance).filter((slot) => slot.notes.denied === null);
      const facts = match?.kind === 'matched' ? match.facts : [];
      // Which chain an earlier request serves may have been a guess, and what shows it to be wrong may be on its way.
      const agrees = store.rearrangeToAgree(instance, facts, answer.ts);
      if (!final && (missing.length > 0 || (!agrees && store.mayYetAgree(instance, facts)))) {
        const until = answer.ts + lingerOf(this.#policy.document.limits);
        this.#early.push({ record, ticket: instance.ticket, answer, until });
        return;
      }
      complete = missing.length === 0;
      if (!complete) this.#denyEarly(record, about, instance, missing);
    }
    const clean = match === null || this.#readAnswer(record, about, instance, match, trusted);
    store.answer(instance, answer.ok, answer.text, answer.ts);
    if (answer.ok && trusted && complete && clean) this.#chains.memories.answered(instance, answer.ts);
  }

  #denyEarly(record: FlowRecord, about: About, instance: Instance, missing: readonly Slot[]): void {
    const text = say.answeredTooEarly(
      about.subject,
      missing.map((slot) => slot.plan.request),
      instance.chain,
    );
    const [slot] = missing;
    const nearest = slot === undefined ? null : nearnessTo(slot, missing);
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

  /** False when the answer says what it may not say, or not clearly what it must. */
  #readAnswer(record: FlowRecord, about: About, instance: Instance, match: Match, trusted: boolean): boolean {
    const judgement =
      match.kind === 'matched' ? this.#settle(about, instance, match.facts) : unclear(about, instance, match);
    if (judgement !== null && trusted) this.#say(record, about, judgement);
    return judgement === null;
  }

  #settle(about: About, instance: Instance, facts: readonly FactReading[]): Judgement | null {
    const differing = facts.flatMap((read) => {
      const settled = instance.scope.fact(read.fact);
      return settled !== undefined && settled.value !== read.value ? [{ read, settled }] : [];
    });
    storeOf(this.#chains, instance).settleFacts(instance, facts);
    const [first] = differing;
    if (first === undefined) return this.#relate(about, instance, facts);
    return denied('response-differs', say.responseDiffers(about.subject, first.read, first.settled));
  }

  /** What the answer says has to be in the relations to its chain that the policy requires. */
  #relate({ subject }: About, { plan, scope }: Instance, facts: readonly FactReading[]): Judgement | null {
    const requirement = plan.requires?.answered ?? null;
    const unmet =
      requirement?.((name) => facts.find(({ fact }) => fact === name) ?? scope.fact(name)) ?? null;
    if (unmet === null) return null;
    return { ...denied(codeOfUnmet(unmet), say.relationFails(subject, unmet)), unmet };
  }
}

function unclear(
  { subject }: About,
  { chain }: Instance,
  match: Exclude<Match, { kind: 'matched' }>,
): Judgement | null {
  switch (match.kind) {
    case 'cannot-read': {
      const cannotTell = { code: 'cannot-read', cause: match.cause } as const;
      return { kind: 'indeterminate', cannotTell, text: say.cannotRead(subject, match.why), chain };
    }
    case 'lacking':
      return denied('fact-missing', say.lacking(subject, match.fact, match.why));
    case 'contradiction':
      return denied('fact-differs', say.contradiction(subject, match.first, match.second));
    /* v8 ignore start -- @preserve an answer is read as that of its request, which is declared */
    case 'undeclared':
      return null;
    default:
      return assertNever(match);
    /* v8 ignore stop -- @preserve */
  }
}

function denied(code: DropCode, text: string): Extract<Judgement, { kind: 'drop' }> {
  return { kind: 'drop', code, decidedBy: 'integrity', text, nearest: null };
}
