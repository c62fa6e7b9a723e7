// Which verdicts two policies give differently. Enters: two policies, a source; leaves: the verdicts that change.
import type { PolicyDocument } from '../policy/document.ts';
import type { ChainRecord, Verdict } from '../verdict.ts';
import { type JudgeOptions, judge } from './judge.ts';
import { denies } from './mutation/honest.ts';
import { nameOfBytes } from './reader.ts';
import { eventsOf, type Source } from './source.ts';

/** One thing that the traffic did, and what each policy says of it; null where one has nothing to say. */
export interface VerdictChange {
  /** `denied`: the old policy lets it pass, the new one denies it. `allowed`: the other way round. `otherwise`: the same for another reason. */
  readonly kind: 'denied' | 'allowed' | 'otherwise';
  readonly before: Verdict | null;
  readonly after: Verdict | null;
}

/** A user request whose chain ends differently. */
export interface ChainChange {
  readonly root: string;
  readonly before: ChainRecord['outcome'] | null;
  readonly after: ChainRecord['outcome'] | null;
}

export interface Changes {
  readonly verdicts: readonly VerdictChange[];
  readonly chains: readonly ChainChange[];
  /** Verdicts of the new policy. */
  readonly judged: number;
}

/**
 * Judges a source by both policies. Captures are read with the ports that the new one declares.
 * @throws InputError for a policy with errors, or a capture that cannot be read
 */
export async function changesOf(
  before: PolicyDocument,
  after: PolicyDocument,
  source: Source,
  options: JudgeOptions = {},
): Promise<Changes> {
  const events = await eventsOf(source, after);
  const [old, young] = [await judge(before, events, options), await judge(after, events, options)];
  const verdicts: VerdictChange[] = [];
  for (const [first, second] of paired(old.verdicts, young.verdicts, verdictNames, ({ ts }) => ts)) {
    const same =
      first !== null &&
      second !== null &&
      first.kind === second.kind &&
      first.action === second.action &&
      first.reasons[0].code === second.reasons[0].code;
    if (!same) verdicts.push({ kind: kindOf(first, second), before: first, after: second });
  }
  const chains: ChainChange[] = [];
  for (const [first, second] of paired(old.chains, young.chains, chainNames, ({ opened }) => opened)) {
    if (first?.outcome !== second?.outcome)
      chains.push({
        root: first?.root ?? second?.root ?? '',
        before: first?.outcome ?? null,
        after: second?.outcome ?? null,
      });
  }
  return { verdicts, chains, judged: young.verdicts.length };
}

function kindOf(before: Verdict | null, after: Verdict | null): VerdictChange['kind'] {
  const [was, is] = [before !== null && denies(before), after !== null && denies(after)];
  if (was === is) return 'otherwise';
  return is ? 'denied' : 'allowed';
}

/** Things of both lists that have one name, in the order of time; of those that only one list has, too. */
function paired<T>(
  before: readonly T[],
  after: readonly T[],
  namesOf: (all: readonly T[]) => ReadonlyMap<string, T>,
  time: (thing: T) => number,
): readonly (readonly [T | null, T | null])[] {
  const [old, young] = [namesOf(before), namesOf(after)];
  return [...new Set([...old.keys(), ...young.keys()])]
    .map((name) => [old.get(name) ?? null, young.get(name) ?? null] as const)
    .sort(([a, b], [c, d]) => {
      const [left, right] = [a ?? b, c ?? d];
      return left === null || right === null ? 0 : time(left) - time(right);
    });
}

/** By what they are about and the bytes that they rest on; several about the same bytes are counted. */
function verdictNames(verdicts: readonly Verdict[]): ReadonlyMap<string, Verdict> {
  return counted(verdicts, ({ subject, evidence: [own] }) => {
    return `${subject.what} ${own === undefined ? '' : nameOfBytes(own)}`;
  });
}

function chainNames(chains: readonly ChainRecord[]): ReadonlyMap<string, ChainRecord> {
  return counted(chains, ({ root, opened }) => `${root} ${opened}`);
}

function counted<T>(all: readonly T[], nameOf: (thing: T) => string): ReadonlyMap<string, T> {
  const counts = new Map<string, number>();
  return new Map(
    all.map((thing) => {
      const name = nameOf(thing);
      const count = (counts.get(name) ?? 0) + 1;
      counts.set(name, count);
      return [`${name} ${count}`, thing];
    }),
  );
}
