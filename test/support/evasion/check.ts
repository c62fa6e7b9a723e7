// The tests of the corpus, for either sensor. Enters: variants, how a capture is read; leaves: one test a variant.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { Protocol } from '../../../src/events/common.ts';
import type { Event } from '../../../src/events/event.ts';
import { hintsOf } from '../../../src/policy/hints.ts';
import { captureOf, type Outcome, outcomesOf, POLICIES } from './capture.ts';
import type { Variant } from './corpus.ts';

export interface Reader {
  read(file: string, hints: ReadonlyMap<string, Protocol>): Promise<readonly Event[]>;
  /** `drop CODE`, `cannot-read CAUSE` or `silent`; null for a control. */
  expected(variant: Variant): string | null;
}

/** One capture of all variants, read once, and a test for each of them. */
export function testVariants(variants: readonly Variant[], reader: Reader): void {
  const folder = mkdtempSync(join(tmpdir(), 'flowtap-evasion-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  let judged: Promise<ReadonlyMap<string, Outcome>> | null = null;

  async function judge(): Promise<ReadonlyMap<string, Outcome>> {
    const capture = captureOf(variants);
    const file = join(folder, 'evasion.pcap');
    writeFileSync(file, capture.bytes);
    const events = await reader.read(file, hintsOf(Object.values(POLICIES)));
    const found = await outcomesOf(variants, capture, events);
    return new Map(found.map((outcome, i) => [variants[i]?.name ?? '', outcome]));
  }

  test.each(variants)('$group: $name', async (variant) => {
    judged ??= judge();
    const outcome = (await judged).get(variant.name);
    // An attack on a story that would not pass anyway proves nothing.
    expect(outcome?.before).toEqual([]);
    const denied = outcome?.denied[0] ?? (variant.expect === null ? null : 'silent');
    expect({ denied, passed: outcome?.passed }, outcome?.said.join('\n')).toEqual({
      denied: reader.expected(variant),
      passed: variant.passes,
    });
  });
}
