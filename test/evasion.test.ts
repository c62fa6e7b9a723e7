// The corpus of evasions by the embedded sensor. Enters: test/cases/evasion; leaves: each attack unexplained, each control passed.
import { describe, expect, test } from 'vitest';
import { checkPolicy } from '../src/policy/check.ts';
import { eventsOfCapture } from './support/capture.ts';
import { POLICIES } from './support/evasion/capture.ts';
import { testVariants } from './support/evasion/check.ts';
import { readCorpus } from './support/evasion/corpus.ts';

const variants = readCorpus();
const attacks = variants.filter(({ expect: expected }) => expected !== null);

describe('the corpus of evasions', () => {
  test('has at least 300 attacks, each with a name of its own, and says what each hopes for', () => {
    expect(attacks.length).toBeGreaterThanOrEqual(300);
    expect(new Set(variants.map(({ name }) => name)).size).toBe(variants.length);
    expect(variants.filter(({ why }) => why === '')).toEqual([]);
    // Two attacks that send the same at the same place are one.
    const sent = attacks.map(({ policy, at, turns }) => JSON.stringify([policy, at, turns]));
    expect(sent.filter((each, i) => sent.indexOf(each) !== i)).toEqual([]);
  });

  test('has an honest control in every group, and no attack that passes', () => {
    const controlled = variants.filter(({ expect: expected }) => expected === null).map(({ group }) => group);
    expect(new Set(controlled)).toEqual(new Set(variants.map(({ group }) => group)));
    const denials = /^(drop|cannot-read) [a-z0-9-]+$|^silent$/;
    expect(attacks.filter(({ expect: expected }) => !denials.test(expected ?? ''))).toEqual([]);
  });

  test('is judged by policies without errors', () => {
    for (const policy of Object.values(POLICIES))
      expect(checkPolicy(policy).filter(({ severity }) => severity === 'error')).toEqual([]);
  });
});

describe('read by the embedded sensor', () => {
  testVariants(variants, {
    read: eventsOfCapture,
    expected: ({ expect: expected }) => expected,
  });
});
