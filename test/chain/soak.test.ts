// Thousands of generated rentals, 200 at a time, with and without traces and attacks. Enters: seeds; leaves: what was dropped and what was not.
import { describe, expect, test } from 'vitest';
import { ATTACKS } from '../soak/attacks.ts';
import { type SoakReport, soak } from '../soak/soak.ts';
import { USERS, type WorldOptions } from '../soak/world.ts';

const RENTALS = 3000;
const WAYS = ['with', 'without', 'half'] as const;
const SEEDS = [1, 2];

const LOOKALIKE = { rentals: RENTALS, atOnce: 200, lookalikes: true, users: USERS } as const;

function run(given: Pick<WorldOptions, 'seed' | 'traces' | 'attackEvery'>): Promise<SoakReport> {
  return soak({ ...LOOKALIKE, ...given });
}

describe.each(WAYS)('rentals %s trace headers', (traces) => {
  test.each(SEEDS)(
    'pass when they are honest, and their chains end as they should (seed %i)',
    async (seed) => {
      const report = await run({ seed, traces, attackEvery: null });
      expect(Object.fromEntries(report.wrong)).toEqual({});
      expect(report.chains).toBeGreaterThan(1.8 * RENTALS);
      expect(report.verdicts).toBeGreaterThan(15 * RENTALS);
    },
  );

  test('pass beside attacks, of which every one is dropped that no open rental explains', async () => {
    const made = new Set<string>();
    for (const seed of SEEDS) {
      const report = await run({ seed, traces, attackEvery: 40 });
      expect(Object.fromEntries(report.wrong)).toEqual({});
      const hidden = [...report.hidden.values()].reduce((sum, count) => sum + count, 0);
      expect(report.dropped + hidden).toBe(report.attacks);
      expect(report.dropped).toBeGreaterThan(0.9 * report.attacks);
      for (const kind of report.kinds.keys()) made.add(kind);
    }
    // Without traces, nobody has one that could be forged.
    const possible = ATTACKS.map(({ name }) => name).filter(
      (name) => traces !== 'without' || name !== 'bills an open rental, its trace',
    );
    expect([...made].sort()).toEqual(possible.sort());
  });
});

test('chains that are packed whenever nothing happens to them are judged as others are', async () => {
  // The newest 512 of each kind are never packed, so that more have to be under way.
  const world = {
    ...LOOKALIKE,
    rentals: 2000,
    atOnce: 1000,
    users: 200,
    seed: 1,
    traces: 'half',
    attackEvery: 40,
  } as const;
  const [packed, unpacked] = [await soak(world, { unpackedChains: 0 }), await soak(world)];
  expect(packed.packed).toBeGreaterThan(100);
  expect(unpacked.packed).toBe(0);
  const comparable = ({ seconds, packed, ...report }: SoakReport): Partial<SoakReport> => report;
  expect(comparable(packed)).toEqual(comparable(unpacked));
});
