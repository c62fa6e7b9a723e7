// Judges one mutant. Enters: a policy, a mutant; leaves: what denied it, or what let it pass.

import type { FactReading } from '../../chain/scope.ts';
import { createEngine } from '../../engine.ts';
import type { Evidence } from '../../flow.ts';
import type { PolicyDocument } from '../../policy/document.ts';
import type { ChainRecord, Verdict } from '../../verdict.ts';
import { nameOfBytes, Reader } from '../reader.ts';
import { tokensOf } from '../tokens.ts';
import { denies, type Ending, endingOf } from './honest.ts';
import type { Mutant } from './mutant.ts';
import type { Timeline } from './timeline.ts';

export interface Trial {
  /** The first verdict that denies something; null when nothing does. */
  readonly denied: Verdict | null;
  /** All verdicts, up to the one that denies. */
  readonly verdicts: readonly Verdict[];
  /** How the chains ended; not known when something was denied. */
  readonly ending: Ending;
}

/** Judges the mutant's events up to the first denial. */
export async function judgeMutant(policy: PolicyDocument, mutant: Mutant): Promise<Trial> {
  const tokens = tokensOf(policy);
  const engine = await createEngine({ policies: [policy], containment: 'forward', tokens });
  const verdicts: Verdict[] = [];
  const chains: ChainRecord[] = [];
  for (const event of mutant.timeline().events()) {
    const unverified = tokens.admit(event);
    if (unverified !== null) await unverified;
    for (const output of engine.handle(event)) {
      if (output.kind === 'chain') chains.push(output.record);
      if (output.kind !== 'verdict') continue;
      verdicts.push(output.verdict);
      if (denies(output.verdict)) return { denied: output.verdict, verdicts, ending: endingOf(chains) };
    }
  }
  return { denied: null, verdicts, ending: endingOf(chains) };
}

/** The facts that these bytes, or the answer to them, say in a list of events; null when they are no declared request. */
export function factsSaid(
  policy: PolicyDocument,
  timeline: Timeline,
  about: Evidence,
  kind: 'request' | 'answer',
): readonly FactReading[] | null {
  const reader = new Reader(policy);
  const name = nameOfBytes(about);
  for (const event of timeline.events()) {
    const said = reader.read(event).find((each) => each.kind === kind && nameOfBytes(each.about) === name);
    if (said !== undefined) return said.facts;
  }
  return null;
}
