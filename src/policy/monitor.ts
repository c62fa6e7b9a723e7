// Judges the traffic of one application, event by event. Enters: events of its flows; leaves: verdicts, chain records, blocks.

import type { Instance, Slot } from '../chain/state.ts';
import type { ChainNews } from '../chain/store.ts';
import { ChainStore } from '../chain/store.ts';
import { factValues } from '../chain/view.ts';
import { assertNever } from '../errors.ts';
import type { FlowEvent } from '../events/event.ts';
import type { Micros } from '../flow.ts';
import type { ChainId, EngineOutput, Verdict, VerdictId } from '../verdict.ts';
import { type Answer, AnswerBook } from './answers.ts';
import type { CompiledPolicy } from './compile.ts';
import { type Chains, type Decision, decide, isNear } from './decide.ts';
import { FlowBook, type FlowRecord } from './flows.ts';
import type { Observation, ObservedRequest } from './observe/observation.ts';
import { observe } from './observe/observe.ts';
import * as say from './sentences.ts';
import { type About, type Judgement, verdictOf } from './verdicts.ts';

/** What a monitor shares with the monitors of other applications. */
export interface Shared {
  /** True when requests are held until their verdicts (redirect). */
  readonly held: boolean;
  readonly nextVerdict: () => VerdictId;
  readonly nextChain: () => ChainId;
}

/** A request that nothing explains yet. */
interface Pending {
  readonly record: FlowRecord;
  readonly observed: ObservedRequest;
  readonly until: Micros;
}

/** An answer that came before what it needs. */
interface EarlyAnswer {
  readonly record: FlowRecord;
  readonly instance: Instance;
  readonly answer: Answer;
  readonly until: Micros;
}

/** Requests that wait at once; the oldest is decided as it stands when there are more. */
const MOST_PENDING = 10_000;

export class Monitor {
  readonly policy: CompiledPolicy;
  readonly chains: Chains;
  readonly flows: FlowBook;
  readonly #shared: Shared;
  readonly #answers: AnswerBook;
  #pending: Pending[] = [];
  #early: EarlyAnswer[] = [];
  #out: EngineOutput[] = [];

  constructor(policy: CompiledPolicy, shared: Shared) {
    const { limits } = policy.document;
    const options = {
      grace: limits.reorder,
      lifetime: limits.chain,
      capacity: limits.chains,
      nextId: shared.nextChain,
    };
    this.policy = policy;
    this.chains = { honest: new ChainStore(options), tainted: new ChainStore(options) };
    this.flows = new FlowBook(policy);
    this.#shared = shared;
    this.#answers = new AnswerBook(this.chains);
  }

  /** Takes the next event of a flow; gives what can be said by now. */
  handle(event: FlowEvent): readonly EngineOutput[] {
    this.advance(event.ts);
    const record = this.flows.of(event);
    if (record.fresh) this.#judgeConnection(record, event);
    if (record.status === 'declared') {
      const observation = observe(this.policy, record.ends, record.amqp, event);
      if (observation !== null) this.#take(record, observation);
    } else if (record.status === 'denied' && event.kind !== 'connection-attempt') this.flows.covered++;
    if (event.kind === 'connection-end') this.#endFlow(record, event.ts);
    this.#retry();
    return this.#flush();
  }

  /** Lets the traffic's time pass: what waited long enough is decided, and what is overdue is said. */
  advance(now: Micros): void {
    while (
      this.#pending[0] !== undefined &&
      (this.#pending[0].until < now || this.#pending.length > MOST_PENDING)
    ) {
      const pending = this.#pending.shift();
      if (pending !== undefined) this.#decide(pending.record, pending.observed, true);
      this.#retry();
    }
    while (this.#early[0] !== undefined && this.#early[0].until < now) {
      const early = this.#early.shift();
      if (early !== undefined) this.#answer(early.record, early.instance, early.answer, true);
    }
    for (const news of this.chains.honest.advance(now)) this.#report(news);
    this.chains.tainted.advance(now);
  }

  /** The source ended at `now`: everything that waits is decided, and every chain ends. */
  finish(now: Micros): readonly EngineOutput[] {
    this.advance(Number.POSITIVE_INFINITY === now ? now : now + this.policy.document.limits.reorder + 1);
    for (const news of this.chains.honest.finish(now)) this.#report(news);
    this.chains.tainted.finish(now);
    return this.#flush();
  }

  #flush(): readonly EngineOutput[] {
    const out = this.#out;
    if (out.length > 0) this.#out = [];
    return out;
  }

  #judgeConnection(record: FlowRecord, event: FlowEvent): void {
    record.fresh = false;
    if (record.status === 'foreign') return;
    const { ends, protocol } = record;
    const subject = {
      what: 'connection',
      protocol: 'tcp',
      request: `connect to port ${event.flow.resp.port}`,
      from: ends.client,
      to: ends.server,
    } as const;
    const about: About = { subject, flow: event.flow, ts: event.ts, evidence: event.at, step: null };
    if (record.status === 'declared') {
      const text = say.connectionDeclared(ends.client, ends.server, protocol ?? 'tcp');
      this.#say(record, about, {
        kind: 'pass',
        code: 'connection-declared',
        decidedBy: 'connection',
        text,
        chain: null,
        candidates: 0,
      });
      return;
    }
    const text = say.connectionDenied(ends.client, ends.server, event.flow.resp.port, protocol !== null);
    this.#say(record, about, {
      kind: 'drop',
      code: 'connection-not-declared',
      decidedBy: 'connection',
      text,
      nearest: null,
    });
  }

  #take(record: FlowRecord, observation: Observation): void {
    const about: About = { ...observation, flow: record.flow, step: null };
    switch (observation.kind) {
      case 'request':
        if (observation.awaits !== null) this.#answers.expect(record, observation.awaits);
        this.#decide(record, observation, false);
        return;
      case 'answer':
        for (const name of observation.of) {
          const instance = this.#answers.arrive(record, name, observation);
          if (instance !== null) this.#answer(record, instance, observation, false);
        }
        return;
      case 'loss':
        for (const name of observation.of) this.#answers.lose(record, name, observation.ts);
        return;
      case 'offence':
        this.#say(record, about, { ...observation, kind: 'drop', nearest: null });
        return;
      case 'blindness': {
        const cannotTell = { code: 'cannot-read', cause: observation.cause } as const;
        this.#say(record, about, { kind: 'indeterminate', cannotTell, text: observation.text, chain: null });
        return;
      }
      default:
        assertNever(observation);
    }
  }

  #decide(record: FlowRecord, observed: ObservedRequest, final: boolean): void {
    const decision = decide(this.policy, this.chains, observed, final);
    if (decision.kind === 'wait') {
      this.#pending.push({ record, observed, until: observed.ts + this.policy.document.limits.reorder });
      return;
    }
    const step = observed.match.kind === 'matched' ? observed.match.id : null;
    const about: About = { ...observed, flow: record.flow, step };
    const verdict = this.#say(record, about, judgementOf(decision));
    const instance = 'instance' in decision ? decision.instance : this.#taint(decision, verdict);
    if (observed.awaits === null) return;
    const answer = this.#answers.settle(record, observed.awaits, instance);
    if (answer !== null && instance !== null) this.#answer(record, instance, answer, false);
  }

  /**
   * A denied request that had already arrived will have consequences that are not their makers' fault: they are named as
   * such. A held request has none, since it never arrives.
   */
  #taint(decision: Decision, verdict: Verdict): Instance | null {
    if (decision.kind !== 'drop' || decision.request === null || this.#shared.held) return null;
    const { nearest, request } = decision;
    if (nearest !== null && isNear(nearest) && nearest.slot.state !== 'spent')
      nearest.slot.denied ??= verdict.id;
    const plan = nearest?.slot.plan ?? this.policy.steps.get(request.request);
    return plan === undefined
      ? null
      : this.chains.tainted.begin(plan, request, `consequences of ${verdict.id}`, verdict.id);
  }

  /** Applies an answer: what it says must agree with its chain, and what had to come before it must have come. */
  #answer(record: FlowRecord, instance: Instance, answer: Answer, final: boolean): void {
    const store = instance.chain.tainted === null ? this.chains.honest : this.chains.tainted;
    const trusted = instance.taint === null && instance.chain.tainted === null;
    const about: About = { ...answer, flow: record.flow, step: instance.plan.request };
    if (answer.ok && trusted) {
      const missing = store.unmetBefore(instance).filter((slot) => slot.denied === null);
      if (missing.length > 0 && !final) {
        this.#early.push({
          record,
          instance,
          answer,
          until: answer.ts + this.policy.document.limits.reorder,
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
        : { slot, agreeing: 0, differing: [], named: true, contradicted: false, blockers: missing };
    const verdict = this.#say(record, about, {
      kind: 'drop',
      code: 'out-of-order',
      decidedBy: 'request',
      text,
      nearest,
    });
    for (const slot of missing) slot.denied ??= verdict.id;
  }

  #readAnswer(record: FlowRecord, about: About, instance: Instance, answer: Answer, trusted: boolean): void {
    const match = answer.read?.(instance.plan.request) ?? null;
    const store = instance.chain.tainted === null ? this.chains.honest : this.chains.tainted;
    if (match === null) return;
    if (match.kind === 'matched') {
      const differing = match.facts.flatMap((read) => {
        const settled = instance.chain.facts.get(read.fact);
        return settled !== undefined && settled.value !== read.value ? [{ read, settled }] : [];
      });
      store.settleFacts(instance.chain, match.facts);
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

  /** Places opened or facts were settled: requests that wait for these are tried again, in the order in which they came. */
  #retry(): void {
    for (;;) {
      const honest = this.chains.honest.takeActivated();
      const tainted = this.chains.tainted.takeActivated();
      if (this.#pending.length === 0 || (honest.size === 0 && tainted.size === 0)) return;
      const waiting = this.#pending;
      this.#pending = [];
      for (const { record, observed, until } of waiting) {
        const { match } = observed;
        const touched = match.kind === 'matched' && (honest.has(match.id) || tainted.has(match.id));
        if (touched) this.#decide(record, observed, false);
        else this.#pending.push({ record, observed, until });
      }
    }
  }

  #endFlow(record: FlowRecord, now: Micros): void {
    this.#answers.loseAll(record, now);
    this.flows.end(record);
  }

  #report(news: ChainNews): void {
    if (news.kind === 'overdue') {
      this.#reportOverdue(news.slot, news.at);
      return;
    }
    const { chain, outcome, missing } = news;
    this.#out.push({
      kind: 'chain',
      record: {
        id: chain.id,
        application: this.policy.document.application,
        root: chain.title,
        opened: chain.opened,
        ended: chain.ended ?? chain.opened,
        outcome,
        missing,
        requests: chain.requests,
        facts: factValues(chain),
      },
    });
  }

  #reportOverdue(slot: Slot, at: Micros): void {
    const { parent } = slot;
    const record = this.flows.byId(parent.evidence.flow);
    const request = this.policy.requests.get(parent.plan.request);
    if (slot.denied !== null || parent.taint !== null || record === null || request === undefined) return;
    const subject = {
      what: 'obligation',
      protocol: record.protocol ?? 'tcp',
      request: `${slot.plan.request}, after ${parent.summary}`,
      from: request.to,
      to: this.policy.requests.get(slot.plan.request)?.to ?? 'unknown',
    } as const;
    const about: About = {
      subject,
      flow: record.flow,
      ts: at,
      evidence: parent.evidence,
      step: slot.plan.request,
    };
    const text = say.overdue(slot.plan.request, slot.plan.within ?? 0, slot.chain);
    const nearest = { slot, agreeing: 0, differing: [], named: true, contradicted: false, blockers: [] };
    this.#say(record, about, { kind: 'drop', code: 'overdue', decidedBy: 'request', text, nearest });
  }

  #say(record: FlowRecord, about: About, judgement: Judgement): Verdict {
    const verdict = verdictOf(this.policy, this.#shared.nextVerdict(), about, judgement, this.#shared.held);
    this.#out.push({ kind: 'verdict', verdict });
    if (verdict.action === 'block') {
      this.#out.push({
        kind: 'block',
        block: {
          flow: record.flow,
          verdict: verdict.id,
          cause: verdict.reasons[0].text,
          owner: this.policy.document.application,
          from: about.ts,
          lifetime: this.policy.document.limits.block,
        },
      });
    }
    return verdict;
  }
}

function judgementOf(decision: Exclude<Decision, { kind: 'wait' }>): Judgement {
  switch (decision.kind) {
    case 'pass':
      return { ...decision, decidedBy: 'request', chain: decision.instance?.chain ?? null };
    case 'consequence': {
      const cannotTell = { code: 'consequence', of: decision.of } as const;
      return { kind: 'indeterminate', cannotTell, text: decision.text, chain: decision.instance.chain };
    }
    case 'cannot-read': {
      const cannotTell = { code: 'cannot-read', cause: decision.cause } as const;
      return { kind: 'indeterminate', cannotTell, text: decision.text, chain: null };
    }
    case 'drop':
      return decision;
    default:
      return assertNever(decision);
  }
}
