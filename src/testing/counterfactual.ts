// The request that would have agreed with its nearest chain. Enters: a verdict, its policy; leaves: a change to the one event.
import type { Event, FlowEvent } from '../events/event.ts';
import type { PolicyDocument } from '../policy/document.ts';
import type { Normaliser } from '../policy/fact.ts';
import { factOperands, factsByRequest } from '../policy/fact-names.ts';
import { normalise, reshape } from '../policy/normalise.ts';
import type { FactDifference, Verdict } from '../verdict.ts';
import type { Field } from './mutation/field.ts';
import { valuesOf } from './mutation/values.ts';
import { nameOfBytes } from './reader.ts';

/** A change of values, to be judged again: only that tells whether they are all that stands against the request. */
export interface Counterfactual {
  /** The facts that differ, with what the nearest chain has. */
  readonly values: readonly (readonly [fact: string, value: string])[];
  /** The event of the request with these values; every other event as it is. */
  change(event: Event): Event;
  /** True for the verdict on that request. */
  isAbout(verdict: Verdict): boolean;
}

/** Null for a verdict that no values would change. */
export function counterfactualOf(verdict: Verdict, policy: PolicyDocument): Counterfactual | null {
  const [own] = verdict.evidence;
  const differences = changesOf(verdict);
  if (verdict.kind !== 'drop' || verdict.subject.what !== 'request' || own === undefined) return null;
  // What the request does not say itself (it is remembered of an earlier one) is not for it to change.
  const said = factsByRequest({ ...policy, memories: [] }).get(verdict.step ?? '') ?? [];
  if (differences.length === 0 || !differences.every(({ fact }) => said.includes(fact))) return null;
  // Of a secret only the digest is known.
  if (differences.some(({ fact }) => normaliserOf(policy, fact) === 'secret')) return null;
  const name = nameOfBytes(own);
  return {
    values: differences.map(({ fact, expected }) => [fact, expected]),
    change: (event) => {
      if (!('at' in event) || nameOfBytes(event.at) !== name) return event;
      return differences.reduce<Event>((changed, { fact, seen, expected }) => {
        if (seen === null) return changed;
        const as = normaliserOf(policy, fact);
        return scalesOf(policy, fact).reduce(
          (event, scale) => replaced(event, as, scale, seen, expected),
          changed,
        );
      }, event);
    },
    isAbout: ({ subject, evidence: [first] }) =>
      subject.what === 'request' && first !== undefined && nameOfBytes(first) === name,
  };
}

type Change = Pick<FactDifference, 'fact' | 'seen' | 'expected'>;

/** None where a relation would hold with no one value that could be named. */
function changesOf({ nearest, unmet }: Verdict): readonly Change[] {
  const differences = nearest?.differences ?? [];
  if (unmet === undefined) return differences;
  const { fact, seen, expected } = unmet;
  return expected === null ? [] : [...differences, { fact, seen, expected }];
}

/** Wherever the value stands: a request that says it in two places would contradict itself with one of them changed. */
function replaced(event: Event, as: Normaliser, scale: number | null, seen: string, expected: string): Event {
  if (event.kind === 'source-end') return event;
  let changed: FlowEvent = event;
  for (const i of valuesOf(event).keys()) {
    // Each change makes a new event, whose fields are those to change next; their number and order stay.
    const field: Field | undefined = valuesOf(changed)[i];
    if (field === undefined) continue;
    const value = scale === null ? field.value : reshape(field.value, { scale });
    const other = scale === null ? expected : reshape(expected, { scale: -scale });
    if (value !== null && other !== null && normalise(value, as) === seen) changed = field.write(other);
  }
  return changed;
}

/** One place that says how a fact is compared says it for all. */
function normaliserOf({ requests }: PolicyDocument, fact: string): Normaliser {
  const ways = requests.flatMap(({ facts }) => facts.filter((each) => each.fact === fact));
  return ways.find(({ as }) => as !== 'text')?.as ?? 'text';
}

/** How the number is written where it stands: as it is (null), or scaled. */
function scalesOf({ requests }: PolicyDocument, fact: string): readonly (number | null)[] {
  const scales = new Set<number>();
  for (const request of requests) {
    for (const each of request.facts)
      if (each.fact === fact && each.scale !== undefined) scales.add(each.scale);
    if (request.protocol !== 'sql') continue;
    for (const { fact: name, scale } of factOperands(request))
      if (name === fact && scale !== undefined) scales.add(scale);
  }
  return [null, ...scales];
}
