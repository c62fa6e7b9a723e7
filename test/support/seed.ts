// The seed of property tests that have none of their own. Enters: PROPERTY_SEED; leaves: fast-check's configuration.
import { randomInt } from 'node:crypto';
import fc from 'fast-check';

/** Where nothing is said every run tries the same values, so that a commit that passed once passes again. */
const USUAL = 1;

/** `random`, or an integer such as a failure names it. */
function seedOf(said: string | undefined): number {
  if (said === undefined) return USUAL;
  if (said === 'random') return randomInt(2 ** 31);
  const seed = Number(said);
  if (!Number.isInteger(seed)) throw new Error(`PROPERTY_SEED is neither "random" nor an integer: ${said}`);
  return seed;
}

fc.configureGlobal({ seed: seedOf(process.env.PROPERTY_SEED) });
