// Inputs that once broke a parser, found by fuzzing and made small. Enters: test/fuzz/found; leaves: none of them does any more.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { unkeep } from './input.ts';
import { loadTarget } from './targets.ts';

const FOLDER = join(import.meta.dirname, 'found');
/** Microseconds of the processor: what is in proportion to the input takes a hundredth, what hung takes minutes. */
const MOST = 1_500_000;

describe('a finding', () => {
  it.each(readdirSync(FOLDER))('%s is mended', async (name) => {
    const { target, input } = unkeep(readFileSync(join(FOLDER, name), 'utf8'));
    const { run } = await loadTarget(target);
    const begun = process.cpuUsage().user;
    await run(input);
    expect(process.cpuUsage().user - begun).toBeLessThan(MOST);
  });
});
