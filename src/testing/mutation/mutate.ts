// Which changes to honest traffic a policy lets pass. Enters: a policy, honest sources; leaves: the mutants that survive, and why.
import type { Event } from '../../events/event.ts';
import type { Micros } from '../../flow.ts';
import type { PolicyDocument } from '../../policy/document.ts';
import type { Verdict } from '../../verdict.ts';
import { requireSound, runEngine } from '../judge.ts';
import { eventsOf, type Source } from '../source.ts';
import { changeCount, changeOrder, changeSource } from './change-course.ts';
import { changeTarget, changeValues } from './change-values.ts';
import { type Honest, type HonestRequest, pathOf, takeApart } from './honest.ts';
import type { Mutant, MutationKind } from './mutant.ts';
import { Random } from './random.ts';
import { reasonOf } from './reason.ts';
import { judgeMutant, type Trial } from './trial.ts';

export interface MutateOptions {
  /** Which requests of a kind are changed, and to whose values; the same seed makes the same mutants. 1 by default. */
  readonly seed?: number;
  /** How many requests of each kind are changed; 1 by default. */
  readonly samples?: number;
  /** Told how many mutants were judged, of how many. */
  readonly onProgress?: (done: number, total: number) => void;
  /** Ends the trials early; the report is then about those that were made. */
  readonly signal?: AbortSignal;
}

/** A mutant that nothing denied. */
export interface Survivor {
  readonly kind: MutationKind;
  /** The source that was changed: its path, or its number. */
  readonly source: string;
  /** The declared request that was changed, who makes it, and to whom. */
  readonly request: string;
  readonly from: string;
  readonly to: string;
  /** When the honest request came. */
  readonly at: Micros;
  /** What was changed: `body /amount "3.50" becomes "4.50"`. */
  readonly what: string;
  /** `passed`: nobody noticed. `recorded`: the record of its chain says something else than that of the honest one. */
  readonly outcome: 'passed' | 'recorded';
  /** Why it survives, and what would deny it. */
  readonly why: string;
}

export interface MutationReport {
  readonly application: string;
  readonly mutants: Readonly<Record<MutationKind, number>>;
  readonly denied: Readonly<Record<MutationKind, number>>;
  readonly survivors: readonly Survivor[];
}

/**
 * Changes honest traffic one request at a time, and judges each change by the policy that explains the honest traffic.
 * Sources are taken from the shortest to the longest; a request that stood in as many samples already is left as it is.
 * @throws InputError for a policy with errors, a capture that cannot be read, or traffic that the policy denies
 */
export async function mutate(
  policy: PolicyDocument,
  sources: readonly Source[],
  { seed = 1, samples = 1, onProgress, signal }: MutateOptions = {},
): Promise<MutationReport> {
  requireSound(policy);
  const random = new Random(seed);
  const taken = new Map<string, number>();
  const work: Work[] = [];
  for (const { name, events } of await byLength(policy, sources)) {
    const honest = await takeApart(policy, events, name);
    const verdicts: Verdict[] = [];
    await runEngine(policy, events, {}, (output) => {
      if (output.kind === 'verdict') verdicts.push(output.verdict);
    });
    const mutants = chosen(honest, taken, samples, random).flatMap((request) =>
      mutantsOf(policy, honest, request, random),
    );
    work.push(...mutants.map((mutant) => ({ name, honest, verdicts, mutant })));
  }
  const mutants = counts();
  const denied = counts();
  const survivors: Survivor[] = [];
  for (const [done, each] of work.entries()) {
    if (signal?.aborted === true) break;
    onProgress?.(done, work.length);
    const trial = await judgeMutant(policy, each.mutant);
    mutants[each.mutant.kind]++;
    if (trial.denied === null) survivors.push(survivorOf(policy, each, trial));
    else denied[each.mutant.kind]++;
  }
  return { application: policy.application, mutants, denied, survivors };
}

interface Work {
  readonly name: string;
  readonly honest: Honest;
  readonly verdicts: readonly Verdict[];
  readonly mutant: Mutant;
}

interface Named {
  readonly name: string;
  readonly events: readonly Event[];
}

async function byLength(policy: PolicyDocument, sources: readonly Source[]): Promise<readonly Named[]> {
  const named: Named[] = [];
  for (const [i, source] of sources.entries()) {
    const name = typeof source === 'string' ? source : `source ${i + 1}`;
    named.push({ name, events: await eventsOf(source, policy) });
  }
  return named.sort((a, b) => a.events.length - b.events.length);
}

/** Samples of each kind of request, by its place in its chain, and by whether it went well. */
function chosen(
  { requests }: Honest,
  taken: Map<string, number>,
  samples: number,
  random: Random,
): readonly HonestRequest[] {
  const kinds = new Map<string, HonestRequest[]>();
  for (const request of requests) {
    const kind = [String(request.ok), ...pathOf(request)].join('\n');
    kinds.set(kind, [...(kinds.get(kind) ?? []), request]);
  }
  return [...kinds].flatMap(([kind, alike]) => {
    const before = taken.get(kind) ?? 0;
    const picked = random.sample(alike, samples - before);
    taken.set(kind, before + picked.length);
    return picked;
  });
}

function mutantsOf(
  policy: PolicyDocument,
  honest: Honest,
  request: HonestRequest,
  random: Random,
): readonly Mutant[] {
  return [
    ...changeValues(policy, honest, request, random),
    ...changeTarget(policy, honest, request),
    ...changeOrder(policy, honest, request),
    ...changeCount(honest, request),
    ...changeSource(policy, honest, request),
  ];
}

function survivorOf(
  policy: PolicyDocument,
  { name, honest, verdicts, mutant }: Work,
  trial: Trial,
): Survivor {
  const { of, kind, what } = mutant;
  const same =
    trial.ending.size === honest.ending.size &&
    [...honest.ending].every(([outcome, count]) => trial.ending.get(outcome) === count);
  return {
    kind,
    source: name,
    request: of.request,
    from: of.from,
    to: of.to,
    at: of.event.ts,
    what,
    // A second user request makes a second chain, which is no sign of anything.
    outcome: same || (mutant.way.kind === 'twice' && of.parent === null) ? 'passed' : 'recorded',
    why: reasonOf({ policy, events: honest.events, mutant, trial, honest: verdicts }),
  };
}

function counts(): Record<MutationKind, number> {
  return { value: 0, target: 0, order: 0, count: 0, source: 0 };
}
