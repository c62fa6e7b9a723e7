// Judges the traffic of one application, event by event. Enters: events of its flows; leaves: verdicts, chain records, blocks.
// Longer than other files because all that is said about an application meets here, in the order in which it is judged.
import type { Instance } from '../chain/state.ts';
import type { ChainNews } from '../chain/store.ts';
import { ChainStore } from '../chain/store.ts';
import { assertNever } from '../errors.ts';
import type { FlowEvent } from '../events/event.ts';
import { type Evidence, type Flow, formatEndpoint, type Micros } from '../flow.ts';
import type { EngineOutput, Verdict, VerdictId } from '../verdict.ts';
import { Answering } from './answering.ts';
import { AnswerBook } from './answers.ts';
import type { CompiledPolicy } from './compile.ts';
import {
  type Chains,
  type Decision,
  decide,
  isNear,
  originOf,
  type Stage,
  storeOf,
  takeActivated,
} from './decide.ts';
import { FlowBook, type FlowRecord } from './flows.ts';
import { Jobs } from './jobs.ts';
import { chainsOf, judgementOf } from './judgement.ts';
import { LostChains } from './lost-chains.ts';
import { Memories } from './memories.ts';
import type { AnswerName, Observation, ObservedRequest } from './observe/observation.ts';
import { observe } from './observe/observe.ts';
import { overdueOf, recordOf } from './reports.ts';
import * as say from './sentences.ts';
import { Transactions } from './transactions.ts';
import { type About, aboutOf, type Judgement, lifetimeOf, passedUnread, verdictOf } from './verdicts.ts';
import { lingerOf, WaitingRequests } from './waiting.ts';
import type { Witness } from './witness.ts';

/** What a monitor shares with the monitors of other applications. */
export interface Shared {
  /** True for a flow whose requests are held until their verdicts (redirect). */
  readonly held: (flow: Flow) => boolean;
  readonly nextVerdict: (about: About, denied: boolean) => VerdictId;
  /** Counts chains. */
  readonly nextChain: () => number;
  /** Null when nobody wants to judge these events again. */
  readonly witness: Witness | null;
  /** Open chains up to which none is packed. */
  readonly unpackedChains: number;
}

/** Requests of each kind that are tried before their time, since another one waits for what may be theirs. */
const MOST_HURRIED = 64;

export class Monitor {
  readonly policy: CompiledPolicy;
  readonly chains: Chains;
  readonly flows: FlowBook;
  /** Open chains of which too little is known to judge by them. */
  readonly lost: LostChains;
  readonly #shared: Shared;
  readonly #answers: AnswerBook;
  readonly #waiting: WaitingRequests;
  readonly #answering: Answering;
  #out: EngineOutput[] = [];

  constructor(policy: CompiledPolicy, shared: Shared) {
    const { limits } = policy.document;
    const options = {
      grace: lingerOf(limits),
      skew: limits.skew,
      lifetime: limits.chain,
      capacity: limits.chains,
      unpacked: shared.unpackedChains,
      nextSerial: shared.nextChain,
    };
    this.policy = policy;
    this.chains = {
      honest: new ChainStore(options),
      tainted: new ChainStore(options),
      jobs: new Jobs(policy),
      memories: new Memories(policy),
    };
    this.flows = new FlowBook(policy);
    this.lost = new LostChains(policy);
    this.#shared = shared;
    this.#waiting = new WaitingRequests(limits);
    this.#answers = new AnswerBook(this.chains);
    this.#answering = new Answering(policy, this.chains, (...said) => this.#say(...said));
  }

  /** Takes the next event of a flow; gives what can be said by now. */
  handle(event: FlowEvent): readonly EngineOutput[] {
    this.advance(event.ts);
    const record = this.flows.of(event);
    if (record !== null) this.#follow(record, event);
    this.#retry();
    return this.#flush();
  }

  #follow(record: FlowRecord, event: FlowEvent): void {
    if (record.fresh) this.#judgeConnection(record, event);
    if (record.status === 'declared') {
      const observation = observe(this.policy, record, event);
      if (observation !== null) this.#take(record, observation);
    } else if (event.kind !== 'connection-attempt') this.flows.covered++;
    if (event.kind === 'connection-end') this.#endFlow(record, event.ts);
  }

  /** Lets the traffic's time pass: what waited long enough is decided, and what is overdue is said, in the order of time. */
  advance(now: Micros): void {
    this.chains.memories.advance(now);
    for (let due = this.#waiting.takeDue(now); due !== undefined; due = this.#waiting.takeDue(now)) {
      this.#pass(Math.min(due.until, now));
      this.#decide(due.record, due.observed, 'final');
      this.#retry();
    }
    this.#pass(now);
  }

  #pass(now: Micros): void {
    this.#answering.advance(now);
    for (const news of this.chains.honest.advance(now)) this.#report(news);
    this.chains.tainted.advance(now);
  }

  /** Time passes without an event; gives what can be said by `now`. */
  pass(now: Micros): readonly EngineOutput[] {
    this.advance(now);
    this.#retry();
    return this.#flush();
  }

  /** The source ended at `now`: everything that waits is decided, and every chain ends. */
  finish(now: Micros): readonly EngineOutput[] {
    this.advance(now + lingerOf(this.policy.document.limits) + 1);
    for (const news of this.chains.honest.finish(now)) this.#report(news);
    this.chains.tainted.finish(now);
    return this.#flush();
  }

  /** True while what was read from these bytes is not decided, since something may still explain it. */
  waits(evidence: Evidence): boolean {
    return this.#waiting.has(evidence) || this.#answering.waits(evidence);
  }

  #flush(): readonly EngineOutput[] {
    for (const { instance, from } of this.chains.honest.takeMoved())
      this.#shared.witness?.moved(instance.evidence, from, instance.chain);
    const out = this.#out;
    if (out.length > 0) this.#out = [];
    return out;
  }

  #judgeConnection(record: FlowRecord, event: FlowEvent): void {
    record.fresh = false;
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
    const offered = this.policy.serves(ends.server) ? protocol !== null : null;
    const text = say.connectionDenied(ends.client, ends.server, formatEndpoint(event.flow.resp), offered);
    this.#say(record, about, {
      kind: 'drop',
      code: 'connection-not-declared',
      decidedBy: 'connection',
      text,
      nearest: null,
    });
  }

  #take(record: FlowRecord, observation: Observation): void {
    switch (observation.kind) {
      case 'request':
        if (observation.awaits !== null) this.#expect(record, observation, observation.awaits);
        this.#decide(record, observation, 'waiting');
        return;
      case 'answer':
        for (const name of observation.of) {
          record.transactions?.answer(name, observation);
          const instance = this.#answers.arrive(record, name, observation);
          if (instance !== null) this.#answering.answer(record, instance, observation);
        }
        return;
      case 'loss':
        for (const name of observation.of) this.#answers.lose(record, name, observation.ts);
        return;
      case 'offence':
        this.#say(record, aboutOf(observation, record.flow, null), {
          kind: 'drop',
          code: observation.code,
          decidedBy: observation.decidedBy,
          text: observation.text,
          nearest: null,
        });
        return;
      case 'blindness': {
        const cannotTell = { code: 'cannot-read', cause: observation.cause } as const;
        this.#say(record, aboutOf(observation, record.flow, null), {
          kind: 'indeterminate',
          cannotTell,
          text: observation.text,
          chain: null,
        });
        return;
      }
      /* v8 ignore next 2 -- @preserve the types rule it out, and no test can get here past them */
      default:
        assertNever(observation);
    }
  }

  #decide(record: FlowRecord, observed: ObservedRequest, stage: Stage): void {
    const witness = this.#shared.witness;
    witness?.judging(observed.evidence);
    const decision = this.#judge(observed, this.#waiting.patience === 0 ? 'final' : stage);
    if (decision.kind === 'wait') {
      witness?.waits(observed.evidence);
      this.#waiting.add(record, observed);
      return;
    }
    const { match } = observed;
    const step = match.kind === 'matched' ? match.id : null;
    const about = aboutOf(observed, record.flow, step);
    const verdict = this.#say(record, about, judgementOf(decision));
    const instance =
      'instance' in decision ? decision.instance : this.#taint(record, decision, observed, verdict);
    witness?.placed(observed.evidence, chainsOf(decision, instance));
    if (observed.awaits === null) return;
    if (instance !== null) record.transactions?.place(observed.awaits, instance);
    const answer = this.#answers.settle(record, observed.awaits, instance);
    if (answer !== null && instance !== null) this.#answering.answer(record, instance, answer);
  }

  #expect(record: FlowRecord, observed: ObservedRequest, name: AnswerName): void {
    this.#answers.expect(record, name);
    if (record.protocol !== 'postgres' && record.protocol !== 'mysql') return;
    record.transactions ??= new Transactions((instance, at) =>
      storeOf(this.chains, instance).undo(instance, at),
    );
    record.transactions.see(observed);
    if (observed.control !== undefined) this.#shared.witness?.controls(observed.control);
  }

  /** What only a chain could have explained of which too little is known is not denied. */
  #judge(observed: ObservedRequest, stage: Stage): Decision {
    let decision = decide(this.policy, this.chains, observed, stage);
    if (stage === 'final' && this.#hurry(decision)) {
      this.#shared.witness?.judging(observed.evidence);
      decision = decide(this.policy, this.chains, observed, stage);
    }
    return this.lost.excuse(decision);
  }

  /**
   * What has to come first has been taken for another chain, and the request that belongs there waits. All that was made before
   * has arrived by now, so that it need not wait on where its keys say whose place it is. True when such requests were tried.
   */
  #hurry(decision: Decision): boolean {
    if (decision.kind !== 'drop' || decision.code !== 'out-of-order') return false;
    const missing = new Set(decision.nearest?.blockers.map(({ plan }) => plan.request));
    const waiting = this.#waiting.take(missing, MOST_HURRIED);
    for (const { record, observed } of waiting) this.#decide(record, observed, 'early');
    return waiting.length > 0;
  }

  /**
   * A denied request that had already arrived will have consequences that are not their makers' fault: they are named as
   * such. A held request that is blocked has none, since it never arrives.
   */
  #taint(
    record: FlowRecord,
    decision: Decision,
    observed: ObservedRequest,
    verdict: Verdict,
  ): Instance | null {
    const held =
      this.#shared.held(record.flow) && (verdict.action === 'block' || verdict.action === 'refuse');
    if (decision.kind !== 'drop' || decision.request === null || held) return null;
    const { nearest, request } = decision;
    if (nearest !== null && isNear(nearest) && nearest.slot.state !== 'spent')
      nearest.slot.note({ denied: nearest.slot.notes.denied ?? verdict.id });
    const plan = nearest?.slot.plan ?? this.policy.steps.get(request.request);
    return plan === undefined
      ? null
      : this.chains.tainted.begin(plan, request, originOf(observed), verdict.id);
  }

  /** Places opened or facts were settled: requests that wait for these are tried again, in the order in which they came. */
  #retry(): void {
    for (;;) {
      const activated = takeActivated(this.chains);
      if (activated.size === 0) return;
      for (const { record, observed } of this.#waiting.take(activated))
        this.#decide(record, observed, 'waiting');
    }
  }

  #endFlow(record: FlowRecord, now: Micros): void {
    this.#answers.loseAll(record, now);
    record.transactions?.lose(now);
    this.flows.end(record);
  }

  #report(news: ChainNews): void {
    if (news.kind === 'ended') {
      this.#out.push({ kind: 'chain', record: recordOf(this.policy, news) });
      return;
    }
    const { parent } = news.slot;
    const record = this.flows.byId(parent.evidence.flow);
    if (record === null || news.slot.notes.denied !== null || parent.taint !== null) return;
    const overdue = overdueOf(this.policy, record, news);
    if (overdue !== null) this.#say(record, overdue.about, overdue.judgement);
  }

  #say(record: FlowRecord, about: About, judgement: Judgement): Verdict {
    const verdict = verdictOf(
      this.policy,
      this.#shared.nextVerdict,
      about,
      judgement,
      this.#shared.held(record.flow),
    );
    this.#out.push({ kind: 'verdict', verdict });
    if (passedUnread(verdict)) this.chains.memories.missed(record.ends.server, about.ts);
    if (verdict.action === 'block') {
      this.#out.push({
        kind: 'block',
        block: {
          flow: record.flow,
          verdict: verdict.id,
          cause: verdict.reasons[0].text,
          owner: this.policy.document.application,
          from: about.ts,
          lifetime: lifetimeOf(this.policy, about),
        },
      });
    }
    return verdict;
  }
}
