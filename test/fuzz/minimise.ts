// Makes a failing input small. Enters: an input, whether one still fails; leaves: the smallest that was found.
import type { Input, Piece } from './input.ts';

/** Gives up after so many tries, and then gives the smallest until there. */
export async function minimise(
  input: Input,
  fails: (input: Input) => Promise<boolean>,
  tries = 3000,
): Promise<Input> {
  let best = input;
  let left = tries;
  const attempt = async (candidate: Input): Promise<boolean> => {
    if (left-- <= 0 || !(await fails(candidate))) return false;
    best = candidate;
    return true;
  };
  for (let before = -1; before !== weight(best) && left > 0; ) {
    before = weight(best);
    for (let size = best.length; size >= 1; size = Math.floor(size / 2))
      for (let at = 0; at < best.length; ) if (!(await attempt(best.toSpliced(at, size)))) at += size;
    for (let index = 0; index < best.length; index++) {
      const current = (): Piece => best[index] as Piece;
      for (let size = current().bytes.length; size >= 1; size = Math.floor(size / 2)) {
        for (let at = 0; at < current().bytes.length; ) {
          const { tag, bytes } = current();
          const shorter = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + size)]);
          if (!(await attempt(best.with(index, { tag, bytes: shorter })))) at += size;
        }
      }
    }
  }
  return best;
}

function weight(input: Input): number {
  return input.reduce((sum, { bytes }) => sum + bytes.length + 1, 0);
}
