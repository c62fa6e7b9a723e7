// Whether an open chain explains a request. Enters: an observed request, the open chains; leaves: a decision with its reason.
import { unmetAt } from '../chain/agreement.ts';
import type { Nearness } from '../chain/nearest.ts';
import type { ChainRequest, Origin, Unmet } from '../chain/request.ts';
import type { Instance } from '../chain/state.ts';
import type { Candidate, ChainStore } from '../chain/store.ts';
import { assertNever } from '../errors.ts';
import type { LostCause } from '../events/lost.ts';
import type { DropCode, PassCode, PolicyKind, VerdictId } from '../verdict.ts';
import type { CompiledPolicy } from './compile.ts';
import type { Jobs } from './jobs.ts';
import { type Match, matched } from './match/match.ts';
import type { Memories } from './memories.ts';
import type { ObservedRequest } from './observe/observation.ts';
import * as say from './sentences.ts';

/** The chains of user requests, and those that only name the consequences of denied requests. */
export interface Chains {
  readonly honest: ChainStore;
  readonly tainted: ChainStore;
  readonly jobs: Jobs;
  /** What earlier chains have taught. */
  readonly memories: Memories;
}

/** Where a request's chain is kept. */
export function storeOf(chains: Chains, instance: Instance): ChainStore {
  return instance.chain.tainted === null ? chains.honest : chains.tainted;
}

/** Kinds of request that may be explained now and were not before. */
export function takeActivated({ honest, tainted, memories }: Chains): ReadonlySet<string> {
  const opened = honest.takeActivated();
  const [also, learned] = [tainted.takeActivated(), memories.takeLearned()];
  return also.size === 0 && learned.size === 0 ? opened : new Set([...opened, ...also, ...learned]);
}

export type Decision =
  | {
      readonly kind: 'pass';
      readonly code: PassCode;
      readonly text: string;
      readonly instance: Instance | null;
      readonly candidates: number;
    }
  | {
      readonly kind: 'consequence';
      readonly of: VerdictId;
      readonly text: string;
      readonly instance: Instance;
    }
  | {
      readonly kind: 'drop';
      readonly code: DropCode;
      readonly decidedBy: PolicyKind;
      readonly text: string;
      /** The declared request that it is, when it is one. */
      readonly request: ChainRequest | null;
      readonly nearest: Nearness | null;
      readonly unmet?: Unmet;
    }
  | {
      readonly kind: 'cannot-read';
      readonly cause: Exclude<LostCause, 'other-protocol'> | 'body' | 'unremembered';
      readonly text: string;
      /** Its place, when it is let pass and what follows from it must be explained. */
      readonly instance: Instance | null;
    }
  /** Nothing explains it yet; something that is still on its way may. */
  | { readonly kind: 'wait' };

/** Whether a request may wait for what explains it: it may; it may, but another one waits for it that may not; it may not. */
export type Stage = 'waiting' | 'early' | 'final';

/** Decides on a request (design: "What explains a request"). It changes the chains when it explains the request. */
export function decide(
  policy: CompiledPolicy,
  chains: Chains,
  observed: ObservedRequest,
  stage: Stage,
): Decision {
  const { match, subject } = observed;
  switch (match.kind) {
    case 'undeclared':
      return drop('request-not-declared', 'request', say.undeclared(subject, match.why));
    case 'lacking':
      return drop('fact-missing', 'integrity', say.lacking(subject, match.fact, match.why));
    case 'contradiction':
      return drop('fact-differs', 'integrity', say.contradiction(subject, match.first, match.second));
    case 'cannot-read':
      return {
        kind: 'cannot-read',
        cause: match.cause,
        text: say.cannotRead(subject, match.why),
        instance: null,
      };
    case 'matched':
      return recall(policy, chains, observed, match, stage);
    default:
      return assertNever(match);
  }
}

/** Takes what is remembered to what the request says itself, and lets the chains decide. */
function recall(
  policy: CompiledPolicy,
  chains: Chains,
  observed: ObservedRequest,
  { id, facts }: Extract<Match, { kind: 'matched' }>,
  stage: Stage,
): Decision {
  const { subject, ts } = observed;
  const recalled = chains.memories.recall(id, facts, ts);
  if (recalled.kind === 'recalled') {
    const all = recalled.facts.length === 0 ? matched(id, facts) : matched(id, [...recalled.facts, ...facts]);
    if (all.kind === 'contradiction')
      return drop('fact-differs', 'integrity', say.contradiction(subject, all.first, all.second));
    const known = all.kind === 'matched' ? all.facts : facts;
    return explain(policy, chains, observed, requestOf(policy, observed, id, known), stage);
  }
  // What teaches it may be on its way.
  if (stage !== 'final') return { kind: 'wait' };
  if (recalled.kind === 'gone')
    return drop('fact-missing', 'integrity', say.lacking(subject, recalled.fact, recalled.why));
  const text = say.cannotRead(subject, recalled.why);
  const untold = { kind: 'cannot-read', cause: 'unremembered', text } as const;
  if (policy.document.postures.unremembered === 'drop') return { ...untold, instance: null };
  const decision = explain(policy, chains, observed, requestOf(policy, observed, id, facts), 'final');
  return decision.kind === 'pass' ? { ...untold, instance: decision.instance } : decision;
}

function drop(code: DropCode, decidedBy: PolicyKind, text: string): Extract<Decision, { kind: 'drop' }> {
  return { kind: 'drop', code, decidedBy, text, request: null, nearest: null };
}

function requestOf(
  policy: CompiledPolicy,
  observed: ObservedRequest,
  id: string,
  facts: ChainRequest['facts'],
): ChainRequest {
  return {
    request: id,
    facts,
    requires: policy.requirements.get(id)?.asked ?? null,
    keys: observed.keys,
    ts: observed.ts,
    evidence: observed.evidence,
    summary: observed.subject.request,
    unanswered: observed.unanswered,
  };
}

/** Whose request this is. */
export function originOf(observed: ObservedRequest): Origin {
  return { from: observed.subject.from, address: observed.source };
}

function explain(
  policy: CompiledPolicy,
  chains: Chains,
  observed: ObservedRequest,
  request: ChainRequest,
  stage: Stage,
): Decision {
  const found = chains.honest.find(request);
  if (found !== null) return explainedBy(chains, observed, request, found);
  const root = policy.roots.get(request.request);
  const outside = policy.outside.has(request.request);
  // Nothing but its own facts is there to be compared.
  const unmet = root !== undefined || outside ? unmetAt(request, () => undefined) : null;
  if (unmet !== null) return failing(observed, request, unmet);
  if (root !== undefined) {
    const last = chains.jobs.begin(request.request, request.ts);
    if (last !== null)
      return drop(
        'too-soon',
        'request',
        say.tooSoon(observed.subject, policy.intervals.get(root.request) ?? 0),
      );
    const instance = chains.honest.begin(root, request, originOf(observed), null);
    return {
      kind: 'pass',
      code: 'chain-opened',
      text: policy.intervals.has(root.request) ? say.begun(observed.subject) : say.opened(observed.subject),
      instance,
      candidates: 1,
    };
  }
  if (outside) {
    return {
      kind: 'pass',
      code: 'outside-chain',
      text: say.outside(observed.subject),
      instance: null,
      candidates: 0,
    };
  }
  return unexplained(chains, observed, request, stage);
}

function explainedBy(
  chains: Chains,
  observed: ObservedRequest,
  request: ChainRequest,
  { slot, chains: candidates, moved }: Candidate,
): Decision {
  const { taint } = slot.parent;
  const instance = chains.honest.accept(slot, request, null);
  if (taint !== null)
    return { kind: 'consequence', of: taint, text: say.consequence(observed.subject, taint), instance };
  const text = say.explained(observed.subject, slot.chain, candidates, moved);
  return { kind: 'pass', code: 'explained', text, instance, candidates };
}

function unexplained(
  chains: Chains,
  observed: ObservedRequest,
  request: ChainRequest,
  stage: Stage,
): Decision {
  // Whether somebody reacts to what was denied can be told only when nothing honest can arrive any more that explains it.
  if (stage === 'waiting' || (stage === 'early' && !chains.honest.isNamed(request))) return { kind: 'wait' };
  const found = chains.honest.rearrangeFor(request);
  if (found !== null) return explainedBy(chains, observed, request, found);
  if (stage === 'early') return { kind: 'wait' };
  const tainted = chains.tainted.find(request);
  if (tainted !== null) {
    const of = tainted.slot.chain.tainted;
    const instance = chains.tainted.accept(tainted.slot, request, of);
    if (of !== null)
      return { kind: 'consequence', of, text: say.consequence(observed.subject, of), instance };
  }
  const nearest = chains.honest.nearest(request);
  const denied = deniedPredecessor(nearest);
  if (nearest !== null && denied !== null) {
    const instance = chains.honest.accept(nearest.slot, request, denied);
    return { kind: 'consequence', of: denied, text: say.consequence(observed.subject, denied), instance };
  }
  const code = codeOf(nearest);
  const text = say.unexplained(observed.subject, request, code, nearest);
  const decidedBy = INTEGRITY.has(code) ? 'integrity' : 'request';
  return { kind: 'drop', code, decidedBy, text, request, nearest };
}

const INTEGRITY: ReadonlySet<DropCode> = new Set(['fact-differs', 'fact-missing', 'relation-fails']);

function failing({ subject }: ObservedRequest, request: ChainRequest, unmet: Unmet): Decision {
  const code = codeOfUnmet(unmet);
  return { ...drop(code, 'integrity', say.relationFails(subject, unmet)), request, unmet };
}

/** What is not known is missing; what is known fails. */
export function codeOfUnmet({ missing }: Unmet): DropCode {
  return missing === null ? 'relation-fails' : 'fact-missing';
}

/** The verdict that denied what this request had to wait for, when that is all that stands against it. */
function deniedPredecessor(nearest: Nearness | null): VerdictId | null {
  if (nearest === null || nearest.differing.length > 0 || nearest.contradicted) return null;
  if (nearest.unmet !== null) return null;
  if (nearest.state !== 'blocked' || nearest.blockers.length === 0) return null;
  const verdicts = nearest.blockers.map(({ notes, attempts }) => {
    const last = attempts.at(-1);
    return last === undefined ? notes.denied : last.taint;
  });
  return verdicts.every((verdict) => verdict !== null) ? (verdicts[0] ?? null) : null;
}

/** A chain is near when they share a key or a fact; else the request has no chain at all. */
export function isNear(nearest: Nearness): boolean {
  if (nearest.unmet !== null && nearest.differing.length === 0) return true;
  return nearest.named || nearest.agreeing > 0 || nearest.slot.plan.facts.length === 0;
}

function codeOf(nearest: Nearness | null): DropCode {
  if (nearest === null) return 'no-open-chain';
  if (!isNear(nearest)) return nearest.contradicted ? 'key-names-no-chain' : 'no-open-chain';
  if (nearest.differing.length > 0) return 'fact-differs';
  if (nearest.contradicted) return 'key-names-no-chain';
  if (nearest.unmet !== null) return codeOfUnmet(nearest.unmet);
  switch (nearest.state) {
    case 'spent':
      return 'already-done';
    case 'blocked':
      return 'out-of-order';
    case 'waiting':
    case 'closed':
      return 'no-open-chain';
  }
}
