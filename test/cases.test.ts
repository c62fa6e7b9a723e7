// Every story: its capture replayed by its policy. Enters: test/cases/*/case.json; leaves: the verdicts that it must have.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import dvdRental from '../policies/dvd-rental.ts';
import { formatEndpoint } from '../src/flow.ts';
import type { Verdict } from '../src/verdict.ts';
import { eventsOf } from './support/capture.ts';
import { judge } from './support/judge.ts';

interface ExpectedDrop {
  readonly code: string;
  readonly request: string;
  readonly from: string;
  readonly to: string;
  /** A packet that carries the offending bytes, as the services themselves reported them while they were captured. */
  readonly packet: number;
}

interface Case {
  readonly capture: string;
  readonly policy: string;
  readonly drops: readonly ExpectedDrop[];
  /** How many requests could not be told, by cause. */
  readonly indeterminate: Readonly<Record<string, number>>;
  readonly chains: Readonly<Record<string, number>>;
}

interface Offence {
  readonly source: string;
  readonly destination: string;
  readonly packet: number;
}

const ROOT = new URL('..', import.meta.url).pathname;
const POLICIES = new Map([['policies/dvd-rental.ts', dvdRental]]);
const stories = readdirSync(join(ROOT, 'test/cases'), { withFileTypes: true })
  .map(({ name }) => name)
  .filter((name) => existsSync(join(ROOT, 'test/cases', name, 'case.json')));

function read<T>(path: string): T {
  return JSON.parse(readFileSync(join(ROOT, path), 'utf8')) as T;
}

function count(names: readonly string[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

function droppedAs({ reasons, subject }: Verdict): Omit<ExpectedDrop, 'packet'> {
  return { code: reasons[0].code, request: subject.request, from: subject.from, to: subject.to };
}

/** Both ends of the flow that a verdict is about, in the direction of its connection. */
function ends({ subject }: Verdict): string {
  return `${formatEndpoint(subject.flow.orig)} ${formatEndpoint(subject.flow.resp)}`;
}

test('there is a story for every capture, and no other', () => {
  const captures = readdirSync(join(ROOT, 'pcaps')).filter((name) => name.endsWith('.pcap.gz'));
  expect(stories.map((name) => read<Case>(`test/cases/${name}/case.json`).capture).sort()).toEqual(
    captures.map((name) => `pcaps/${name}`).sort(),
  );
});

describe.each(stories)('%s', (story) => {
  const expected = read<Case>(`test/cases/${story}/case.json`);
  const truth = read<{ offending: readonly Offence[] }>(expected.capture.replace('.pcap.gz', '.json'));

  test('is dropped at the offending requests and nowhere else', async () => {
    const policy = POLICIES.get(expected.policy);
    if (policy === undefined) throw new Error(`${expected.policy} is not known to this test`);
    const { drops, indeterminate, chains } = await judge(
      policy,
      await eventsOf(join(ROOT, expected.capture), policy),
    );
    expect(drops.map(droppedAs)).toEqual(expected.drops.map(({ packet: _, ...drop }) => drop));
    for (const [i, drop] of drops.entries())
      expect(drop.evidence[0]?.packets).toContain(expected.drops[i]?.packet);
    expect(
      count(
        indeterminate.map(({ cannotTell }) =>
          cannotTell?.code === 'cannot-read' ? cannotTell.cause : 'consequence',
        ),
      ),
    ).toEqual(expected.indeterminate);
    expect(count(chains.map(({ outcome }) => outcome))).toEqual(expected.chains);

    // What the services reported of themselves, independently of the engine: the same flows, no more and no fewer.
    const offended = new Set(
      truth.offending.flatMap(({ source, destination }) => [`${source} ${destination}`]),
    );
    const reversed = new Set(
      truth.offending.flatMap(({ source, destination }) => [`${destination} ${source}`]),
    );
    for (const drop of drops) expect(offended.has(ends(drop)) || reversed.has(ends(drop))).toBe(true);
    expect(new Set(drops.map(ends)).size).toBe(offended.size);
  });

  test('has verdicts for the honest part of its traffic, too', () => {
    if (story.startsWith('honest')) expect(expected.drops).toEqual([]);
    else expect(expected.drops.length).toBeGreaterThan(0);
    expect(Object.keys(expected.chains).length).toBeGreaterThan(0);
  });
});
