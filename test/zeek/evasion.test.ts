// The corpus of evasions by a real Zeek. Enters: test/cases/evasion, a real Zeek; leaves: each attack unexplained, each control passed.
import { beforeEach, describe } from 'vitest';
import { testVariants } from '../support/evasion/check.ts';
import { readCorpus } from '../support/evasion/corpus.ts';
import { needsZeek, runZeek } from '../support/zeek.ts';

describe('the corpus of evasions, read by Zeek', () => {
  beforeEach(needsZeek);

  testVariants(readCorpus(), {
    read: async (file, hints) => (await runZeek(file, hints)).events,
    expected: ({ zeek }) => zeek,
  });
});
