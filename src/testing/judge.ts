// Judges a source by a policy, for a test. Enters: a policy, a source; leaves: all that the engine said, ready to be asserted on.
import { type Containment, createEngine, type Engine, type EngineStatistics } from '../engine.ts';
import { InputError } from '../errors.ts';
import type { Event } from '../events/event.ts';
import { checkPolicy } from '../policy/check.ts';
import type { PolicyDocument } from '../policy/document.ts';
import type { ChainRecord, ChainView, EngineOutput, Verdict, VerdictId } from '../verdict.ts';
import { eventsOf, type Source } from './source.ts';
import { tokensOf } from './tokens.ts';

export interface JudgeOptions {
  /** `forward` (default) judges copies; `redirect` holds each request until its verdict. */
  readonly containment?: Containment;
}

/** What a policy said of a source. */
export interface Judged {
  readonly policy: PolicyDocument;
  readonly verdicts: readonly Verdict[];
  readonly drops: readonly Verdict[];
  /** What could not be told, whatever its posture. */
  readonly untold: readonly Verdict[];
  /** How the chains ended. */
  readonly chains: readonly ChainRecord[];
  readonly statistics: EngineStatistics;
  /** The chain that explains a verdict or came closest, as it stood when the verdict fell; kept for those that do not pass. */
  chainOf(verdict: Verdict): ChainView | null;
}

/** Chains drawn for verdicts that do not pass; a failure message shows fewer. */
const MOST_VIEWS = 1000;

/**
 * Judges a story, events or captures by one policy. Gives the same every time.
 * @throws InputError for a policy with errors or a capture that cannot be read
 */
export async function judge(
  policy: PolicyDocument,
  source: Source,
  options: JudgeOptions = {},
): Promise<Judged> {
  requireSound(policy);
  const verdicts: Verdict[] = [];
  const chains: ChainRecord[] = [];
  const views = new Map<VerdictId, ChainView>();
  const engine = await runEngine(policy, await eventsOf(source, policy), options, (output, engine) => {
    if (output.kind === 'chain') chains.push(output.record);
    if (output.kind !== 'verdict') return;
    const { verdict } = output;
    verdicts.push(verdict);
    const chain = verdict.chain ?? verdict.nearest;
    if (verdict.kind === 'pass' || chain === null || views.size >= MOST_VIEWS) return;
    const view = engine.view(chain.id);
    if (view !== null) views.set(verdict.id, view);
  });
  return {
    policy,
    verdicts,
    drops: verdicts.filter(({ kind }) => kind === 'drop'),
    untold: verdicts.filter(({ kind }) => kind === 'indeterminate'),
    chains,
    statistics: engine.statistics,
    chainOf: ({ id }) => views.get(id) ?? null,
  };
}

/** Gives each output while the engine is as it was when it said it. */
export async function runEngine(
  policy: PolicyDocument,
  events: readonly Event[],
  { containment = 'forward' }: JudgeOptions,
  take: (output: EngineOutput, engine: Engine) => void,
): Promise<Engine> {
  const tokens = tokensOf(policy);
  const engine = await createEngine({ policies: [policy], containment, tokens });
  for (const event of events) {
    const unverified = tokens.admit(event);
    if (unverified !== null) await unverified;
    for (const output of engine.handle(event)) take(output, engine);
  }
  return engine;
}

/** The command line refuses a policy with errors; so does a test. */
export function requireSound(policy: PolicyDocument): void {
  const [first] = checkPolicy(policy).filter(({ severity }) => severity === 'error');
  if (first !== undefined) throw new InputError('policy-invalid', first.place, first.problem, first.remedy);
}
