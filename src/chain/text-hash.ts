// Numbers for texts that an attacker chooses. Enters: texts; leaves: numbers that nobody outside can foresee.
import { randomInt } from 'node:crypto';

/** Hashes of 30 bits: such a number takes no room of its own. */
const BITS = 30;

/** Whoever sends requests chooses their values, and must not know which of them share a number: each of these has a seed of its own. */
export class TextHash {
  readonly #seed = randomInt(2 ** 32);
  readonly #factor = randomInt(2 ** 31) * 2 + 1;

  /** Of no text yet. */
  begin(salt: number): number {
    return this.#seed ^ salt;
  }

  /** Of one text more. */
  add(hash: number, text: string): number {
    const factor = this.#factor;
    let next = Math.imul(hash ^ text.length, factor);
    for (let at = 0; at < text.length; at++) {
      next = Math.imul(next ^ text.charCodeAt(at), factor);
      next ^= next >>> 15;
    }
    return next;
  }

  /** Of one number more, such as what `add` gave of a text. */
  join(hash: number, number: number): number {
    const next = Math.imul(hash ^ number, this.#factor);
    return next ^ (next >>> 15);
  }

  /** The number of all texts that were added. */
  end(hash: number): number {
    return hash >>> (32 - BITS);
  }
}
