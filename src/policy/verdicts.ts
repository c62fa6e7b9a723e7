// Puts decisions into verdicts. Enters: a decision and what it is about; leaves: a verdict.
import type { ChainState } from '../chain/chain-state.ts';
import type { Nearness } from '../chain/nearest.ts';
import type { Unmet } from '../chain/request.ts';
import type { Evidence, Flow, Micros } from '../flow.ts';
import type {
  DropCode,
  IndeterminateCode,
  NearestChain,
  PassCode,
  PolicyKind,
  UnmetRelation,
  Verdict,
  VerdictId,
} from '../verdict.ts';
import type { CompiledPolicy } from './compile.ts';
import type { PostureCause, RequestDeclaration } from './document.ts';
import type { Match } from './match/match.ts';
import type { ObservedSubject } from './observe/observation.ts';

/** What a verdict is about. */
export interface About {
  readonly subject: ObservedSubject;
  readonly flow: Flow;
  readonly ts: Micros;
  readonly evidence: Evidence;
  readonly step: string | null;
  /** The declared request whose rule decides, where that is neither `declared` nor `step`. */
  readonly rule?: string;
  /** The declaration that fits it, also when it lacks a value; absent where `step` says all. */
  readonly declared?: string | null;
}

export type Judgement =
  | {
      readonly kind: 'pass';
      readonly code: PassCode;
      readonly decidedBy: PolicyKind;
      readonly text: string;
      readonly chain: ChainState | null;
      readonly candidates: number;
    }
  | {
      readonly kind: 'drop';
      readonly code: DropCode;
      readonly decidedBy: PolicyKind;
      readonly text: string;
      readonly nearest: Nearness | null;
      /** For what fails without a chain to compare it with. */
      readonly unmet?: Unmet;
    }
  | {
      readonly kind: 'indeterminate';
      readonly cannotTell: IndeterminateCode;
      readonly text: string;
      readonly chain: ChainState | null;
    };

/** What a verdict on something observed is about. */
export function aboutOf(
  observed: Pick<About, 'subject' | 'ts' | 'evidence'> & { readonly match?: Match },
  flow: Flow,
  step: string | null,
): About {
  const { subject, ts, evidence, match } = observed;
  const declared =
    match === undefined || match.kind === 'undeclared' || match.kind === 'cannot-read' ? null : match.id;
  return { subject, flow, ts, evidence, step, declared };
}

/** Makes the verdict. `held` is true when the request is held until its verdict (redirect). */
export function verdictOf(
  policy: CompiledPolicy,
  nameOf: (about: About, denied: boolean) => VerdictId,
  about: About,
  judgement: Judgement,
  held: boolean,
): Verdict {
  const denied =
    judgement.kind === 'drop' ||
    (judgement.kind === 'indeterminate' && dropsBlind(policy, judgement.cannotTell));
  const nearest = judgement.kind === 'drop' ? judgement.nearest : null;
  const chain = judgement.kind === 'drop' ? null : judgement.chain;
  const code = judgement.kind === 'indeterminate' ? judgement.cannotTell.code : judgement.code;
  const restraint = denied ? restraintOf(policy, about) : null;
  const enforced = restraint === null;
  const preventable = held && about.subject.what !== 'obligation';
  const unmet = unmetOf(judgement);
  const blocked = preventable && answerable(policy, about, judgement) ? 'refuse' : 'block';
  // Field by field, as in all that is made for each request: a spread costs as much as the rest of the verdict.
  const verdict: Verdict = {
    id: nameOf(about, denied),
    kind: judgement.kind,
    ts: about.ts,
    application: policy.document.application,
    policy: policy.hash,
    subject: subjectOf(about),
    decidedBy: judgement.kind === 'indeterminate' ? 'request' : judgement.decidedBy,
    reasons: [{ code, text: judgement.text }],
    cannotTell: judgement.kind === 'indeterminate' ? judgement.cannotTell : null,
    step: about.step,
    chain: chain?.reference ?? null,
    nearest: nearest === null ? null : nearestChain(nearest),
    candidates: judgement.kind === 'pass' ? judgement.candidates : 0,
    action: denied ? (enforced ? blocked : 'observe') : 'none',
    restraint,
    effect: !denied ? 'none' : enforced && preventable ? 'prevented' : 'detected',
    evidence:
      judgement.kind === 'drop' ? [about.evidence, ...evidenceOf(about, judgement)] : [about.evidence],
  };
  return unmet === null ? verdict : { ...verdict, unmet };
}

function subjectOf({ subject: { what, protocol, request, from, to }, flow }: About): Verdict['subject'] {
  return { what, protocol, request, from, to, flow };
}

/** The declared request whose rule decides. */
function deciding(policy: CompiledPolicy, { rule, declared, step }: About): RequestDeclaration | undefined {
  return policy.requests.get(rule ?? declared ?? step ?? '');
}

/** What keeps a denied request from being blocked: the widest of it. */
function restraintOf(policy: CompiledPolicy, about: About): Verdict['restraint'] {
  if (policy.document.mode === 'audit') return 'application';
  if (policy.audited.has(about.subject.from)) return 'service';
  const declared = deciding(policy, about);
  if (declared?.audited === true) return 'request';
  return declared?.containment?.kind === 'report' ? 'report' : null;
}

/** Microseconds that the flow of what this denied is cut. */
export function lifetimeOf(policy: CompiledPolicy, about: About): number {
  const containment = deciding(policy, about)?.containment;
  return containment?.kind === 'cut' ? containment.lifetime : policy.document.limits.block;
}

/** What is no request of its own, or can be taken for several, has no answer that is right. */
function answerable(policy: CompiledPolicy, about: About, judgement: Judgement): boolean {
  const { what } = about.subject;
  if ((what !== 'request' && what !== 'response') || judgement.kind === 'pass') return false;
  if (judgement.kind === 'drop' && judgement.code === 'ambiguous-bytes') return false;
  const id = about.declared ?? about.step;
  const declared = id === null ? undefined : policy.requests.get(id)?.refused;
  return (declared ?? policy.document.refuse) === 'answer';
}

function dropsBlind(policy: CompiledPolicy, cannotTell: IndeterminateCode): boolean {
  const cause: PostureCause = cannotTell.code === 'consequence' ? 'consequence' : cannotTell.cause;
  return policy.document.postures[cause] === 'drop';
}

/** Where it stands what the request contradicts, or is not in the relation to that it should. */
function evidenceOf(
  { evidence }: About,
  judgement: Extract<Judgement, { kind: 'drop' }>,
): readonly Evidence[] {
  const differing = judgement.nearest?.differing.map(({ settled }) => settled.evidence) ?? [];
  const unmet =
    (judgement.unmet ?? judgement.nearest?.unmet)?.readings.map((reading) => reading.evidence) ?? [];
  return [...differing, ...unmet.filter((each) => each !== evidence)];
}

function unmetOf(judgement: Judgement): UnmetRelation | null {
  const unmet = judgement.kind === 'drop' ? (judgement.unmet ?? judgement.nearest?.unmet ?? null) : null;
  if (unmet === null || unmet.about === null) return null;
  const { relation, about, expected } = unmet;
  return { relation, fact: about.fact, seen: about.value, seenAt: about.source, expected };
}

function nearestChain(nearest: Nearness): NearestChain {
  return {
    ...nearest.slot.chain.reference,
    differences: nearest.differing.map(({ settled, read }) => ({
      fact: settled.fact,
      expected: settled.value,
      expectedFrom: settled.source,
      seen: read.value,
      seenAt: read.source,
    })),
  };
}

/** True for what nobody could read and that was let pass. */
export function passedUnread({ cannotTell, action }: Verdict): boolean {
  return cannotTell?.code === 'cannot-read' && cannotTell.cause !== 'unremembered' && action === 'none';
}
