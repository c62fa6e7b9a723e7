// One verdict of a run with the whole chain behind it, as JSON. Enters: a verdict, its chain; leaves: a record.
import type { ChainView, StepView, Verdict } from '../verdict.ts';
import { rangeRecord } from './evidence.ts';
import { type ExplanationRecord, type FactRecord, SCHEMA, type StepRecord } from './record.ts';
import { timestamp } from './timestamp.ts';
import { verdictRecord } from './verdict-record.ts';

/**
 * `chain` is the one that explains the verdict's request, or that came closest; null when there is none. `wouldPass`: whether
 * the request was judged again with the values of its nearest chain, and passed; null when it was not.
 */
export function explanationRecord(
  verdict: Verdict,
  block: string | null,
  chain: ChainView | null,
  wouldPass: boolean | null,
): ExplanationRecord {
  const would = counterfactual(verdict);
  return {
    schema: SCHEMA,
    record: 'explanation',
    time: timestamp(verdict.ts),
    verdict: verdictRecord(verdict, block),
    would_agree_with: would.length === 0 ? null : Object.fromEntries(would),
    would_pass: wouldPass,
    chain:
      chain === null
        ? null
        : {
            id: chain.id,
            root: chain.root,
            opened: timestamp(chain.opened),
            keys: chain.keys,
            facts: factRecords(chain.origins),
            tree: stepRecord(chain.tree),
          },
  };
}

/** The values with which a request would have agreed with its nearest chain, when values are all that stands against it. */
function counterfactual({ kind, reasons, nearest }: Verdict): readonly (readonly [string, string])[] {
  if (kind !== 'drop' || reasons[0].code !== 'fact-differs' || nearest === null) return [];
  return nearest.differences.map(({ fact, expected }) => [fact, expected]);
}

function factRecords(origins: ChainView['origins']): readonly FactRecord[] {
  return Object.entries(origins).map(([fact, { value, source, evidence }]) => ({
    fact,
    value,
    source,
    range: rangeRecord(evidence),
  }));
}

function stepRecord({ step, expected, state, seen, children }: StepView): StepRecord {
  return {
    step,
    expected,
    state,
    seen: seen.map(({ request, ts, evidence, answered, origins }) => ({
      request,
      time: timestamp(ts),
      answered,
      range: rangeRecord(evidence),
      facts: factRecords(origins),
    })),
    children: children.map(stepRecord),
  };
}
