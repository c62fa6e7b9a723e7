// Why a mutant survives, and what would deny it. Enters: a mutant, its trial; leaves: a sentence for the policy's author.
import { assertNever } from '../../errors.ts';
import type { Event } from '../../events/event.ts';
import type { PolicyDocument, StepDeclaration } from '../../policy/document.ts';
import type { Verdict } from '../../verdict.ts';
import { nameOfBytes } from '../reader.ts';
import { type HonestRequest, pathOf } from './honest.ts';
import type { Mutant } from './mutant.ts';
import { Timeline } from './timeline.ts';
import { factsSaid, type Trial } from './trial.ts';

/** What a reason is made from. */
export interface Case {
  readonly policy: PolicyDocument;
  readonly events: readonly Event[];
  readonly mutant: Mutant;
  readonly trial: Trial;
  /** The verdicts on the honest traffic. */
  readonly honest: readonly Verdict[];
}

/** One or two sentences: why it passes, and what to say in the policy if it should not. */
export function reasonOf(given: Case): string {
  const { mutant } = given;
  const { way, of } = mutant;
  switch (way.kind) {
    case 'request-value':
      return valueReason(given, way.field, 'request');
    case 'answer-value':
      return valueReason(given, way.field, 'answer');
    case 'other-target':
      return `The policy lets ${of.from} ask for this, too${explainedAs(given)}.`;
    case 'swapped':
    case 'before-cause':
    case 'after-answer':
    case 'swapped-in-window':
      return orderReason(given);
    case 'twice':
      return twiceReason(given);
    case 'left-out':
      return leftOutReason(given);
    case 'elsewhere':
      return `${way.by} may make this request as well${explainedAs(given)}.`;
    default:
      return assertNever(way);
  }
}

function valueReason(given: Case, field: string, kind: 'request' | 'answer'): string {
  const { policy, mutant, events } = given;
  const { of } = mutant;
  const speaker = kind === 'request' ? of.from : of.to;
  const before = factsSaid(policy, Timeline.of(events), of.event.at, kind) ?? [];
  const after = factsSaid(policy, mutant.timeline(), of.event.at, kind) ?? [];
  const changed = before.filter(({ fact, value }) =>
    after.every((other) => other.fact !== fact || other.value !== value),
  );
  const [first] = changed;
  if (first === undefined && isKey(policy, field))
    return `"${field}" is a claim that names a chain, and this request begins one: it may claim what it likes.`;
  if (first === undefined)
    return `The policy reads nothing from "${field}": ${speaker} may say anything there. If ${kind === 'request' ? of.to : of.from} acts on it, make it a fact.`;
  if (!of.inChain)
    return `"${of.request}" stands outside of any chain, where facts are compared with nothing.`;
  const other = otherChain(given);
  if (other !== null)
    return `Another open user request explains it: ${other}. Whoever is compromised can act for everybody who has a request open at the same time.`;
  return `Fact "${first.fact}" stands nowhere else in this chain: ${speaker} alone says what it is. Read it from a request or an answer of somebody else, too.`;
}

function orderReason(given: Case): string {
  const { policy, mutant } = given;
  const { of, way } = mutant;
  if (way.kind === 'swapped-in-window' && of.parent !== null && isOrdered(policy, of.parent))
    return `Within the reorder window of ${policy.limits.reorder / 1000} ms order is not judged, for events of several sources can arrive so late.`;
  const other = otherChain(given);
  if (other !== null) return `Another open user request explains it: ${other}.`;
  if (way.kind === 'swapped' || way.kind === 'swapped-in-window')
    return `"${of.request}" and "${way.before.request}" may come in any order. If one has to wait for the other, say inOrder(...).`;
  if (way.kind === 'after-answer' && of.parent !== null)
    return `What "${of.parent.request}" causes may come after its answer: it has a time of its own, or is a message that waits in its queue.`;
  return `Nothing ties it to its cause${explainedAs(given)}.`;
}

function twiceReason(given: Case): string {
  const { policy, mutant } = given;
  const { of } = mutant;
  if (!of.inChain)
    return `"${of.request}" stands outside of any chain: it may come at any time, and as often as it likes.`;
  if (of.parent === null) return 'A user may ask twice: each request begins a chain of its own.';
  const other = otherChain(given);
  if (other !== null) return `Another open user request explains the second one: ${other}.`;
  const step = stepOf(policy, of);
  if (step?.cardinality === 'many') return 'It is declared as many(...), and may come any number of times.';
  return `A second one is explained${explainedAs(given)}.`;
}

function leftOutReason({ policy, mutant, trial }: Case): string {
  const step = stepOf(policy, mutant.of);
  if (step?.cardinality === 'optional' || step?.cardinality === 'many')
    return 'It need not come: it is declared as optional(...) or many(...).';
  const incomplete = trial.ending.get('incomplete') ?? 0;
  const recorded =
    incomplete > 0 ? 'Its chain is recorded as incomplete, but nothing is dropped' : 'Nothing is dropped';
  return `${recorded}: once(...) says that it may come, not that it must. Say required(...) or eventually(...) where its absence does harm.`;
}

/** The root of the chain that explains the mutant, when it is not the one that explained the honest request. */
function otherChain({ mutant, trial, honest }: Case): string | null {
  const name = nameOfBytes(mutant.of.event.at);
  const of = (verdicts: readonly Verdict[]): Verdict | undefined =>
    verdicts.find(({ evidence: [own] }) => own !== undefined && nameOfBytes(own) === name);
  const before = of(honest)?.chain;
  const after = of(trial.verdicts)?.chain;
  if (before === undefined || after === undefined || before === null || after === null) return null;
  return before.id === after.id ? null : after.root;
}

function explainedAs({ mutant, trial }: Case): string {
  const name = nameOfBytes(mutant.of.event.at);
  const verdict = trial.verdicts.find(
    ({ evidence: [own] }) => own !== undefined && nameOfBytes(own) === name,
  );
  if (verdict === undefined) return '';
  if (verdict.kind === 'indeterminate')
    return `: it cannot be told (${verdict.reasons[0].text}), and its posture is "pass"`;
  return verdict.step === null ? '' : `: it is "${verdict.step}" (${verdict.reasons[0].code})`;
}

function isOrdered(policy: PolicyDocument, request: HonestRequest): boolean {
  return stepOf(policy, request)?.order === 'in-order';
}

/** True for the names under which a policy looks for keys, such as traceparent. */
function isKey({ keys }: PolicyDocument, field: string): boolean {
  return keys.some(
    ({ in: place, name }) => field === `${place === 'amqp-property' ? 'property' : 'header'} ${name}`,
  );
}

/** The step of a chain that a request was. */
function stepOf(policy: PolicyDocument, request: HonestRequest): StepDeclaration | null {
  const [first, ...rest] = pathOf(request);
  let step = policy.chains.find(({ root }) => root.request === first)?.root ?? null;
  for (const id of rest) step = step?.children.find((child) => child.request === id) ?? null;
  return step;
}
