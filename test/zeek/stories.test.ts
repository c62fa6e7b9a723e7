// Every story by both sensors. Enters: test/cases, pcaps, a real Zeek; leaves: the same events, and so the same verdicts.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import dvdRental from '../../policies/dvd-rental.ts';
import { formatEndpoint } from '../../src/flow.ts';
import { hintsOf } from '../../src/policy/hints.ts';
import type { Verdict } from '../../src/verdict.ts';
import { eventsOf } from '../support/capture.ts';
import { judge } from '../support/judge.ts';
import { differences, normalise } from '../support/normalise.ts';
import { needsZeek, runZeek } from '../support/zeek.ts';

const ROOT = new URL('../..', import.meta.url).pathname;
const stories = readdirSync(join(ROOT, 'test/cases')).filter((name) =>
  existsSync(join(ROOT, 'test/cases', name, 'case.json')),
);

function captureOf(story: string): string {
  const { capture } = JSON.parse(readFileSync(join(ROOT, 'test/cases', story, 'case.json'), 'utf8')) as {
    capture: string;
  };
  return join(ROOT, capture);
}

/** What a verdict says, without the packet numbers that only a capture has. */
function said({ kind, reasons, subject, ts, effect, action, step, candidates }: Verdict): string {
  const ends = `${formatEndpoint(subject.flow.orig)} ${formatEndpoint(subject.flow.resp)}`;
  return JSON.stringify([
    ts,
    kind,
    reasons[0],
    subject.request,
    subject.from,
    subject.to,
    ends,
    effect,
    action,
    step,
    candidates,
  ]);
}

describe.each(stories)('%s, read by Zeek', (story) => {
  beforeEach(needsZeek);

  test('is the same to both sensors, event by event and verdict by verdict', async () => {
    const capture = captureOf(story);
    const [ours, zeek] = [await eventsOf(capture, dvdRental), await runZeek(capture, hintsOf([dvdRental]))];
    expect(
      zeek.notices.map(({ kind }) => kind).filter((kind) => kind !== 'hello' && kind !== 'lost'),
    ).toEqual([]);
    expect(zeek.statistics).toMatchObject({ late: 0, malformed: 0, skipped: 0, strangers: 0 });
    expect(differences(normalise(ours), normalise(zeek.events))).toEqual([]);
    const [one, two] = [await judge(dvdRental, ours), await judge(dvdRental, zeek.events)];
    expect(two.verdicts.map(said)).toEqual(one.verdicts.map(said));
    expect(two.chains.map(({ outcome, root }) => `${root} ${outcome}`)).toEqual(
      one.chains.map(({ outcome, root }) => `${root} ${outcome}`),
    );
  });
});
