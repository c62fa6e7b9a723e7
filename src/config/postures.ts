// What is done when a Zeek is slow, gone, restarted, or skips a number. Enters: the section "on"; leaves: postures.
import type { Value } from './reader.ts';

/** What is done when a Zeek is slow, gone, restarted, or skips a number. Times in milliseconds. */
export interface Postures {
  /** Its events come faster than they are judged. `drop`: after so long, the newest are dropped and counted. */
  readonly slow:
    | { readonly kind: 'pause' }
    | { readonly kind: 'drop'; readonly afterMs: number }
    | { readonly kind: 'fail' };
  /** It has been out of reach for `afterMs`. `unseen`: what its open flows do is unknown from then on. */
  readonly gone: { readonly does: 'pass' | 'unseen'; readonly afterMs: number };
  readonly restarted: 'unseen' | 'note';
  readonly skipped: 'unseen' | 'note';
}

const ON = ['slow', 'gone', 'restarted', 'skipped'];

/** What holds where nothing is said. */
export const DEFAULT_POSTURES: Postures = {
  slow: { kind: 'pause' },
  gone: { does: 'unseen', afterMs: 10_000 },
  restarted: 'unseen',
  skipped: 'unseen',
};

/** A posture is a word, or `{ do: word, after: duration }` where it waits. @throws InputError with the place of what is wrong */
export function readPostures(value: Value | undefined, defaults: Postures): Postures {
  if (value === undefined) return defaults;
  const section = value.section(ON);
  const slow = section.get('slow');
  const gone = section.get('gone');
  return {
    slow: slow === undefined ? defaults.slow : slowness(slow),
    gone:
      gone === undefined
        ? defaults.gone
        : timed(gone, ['pass', 'unseen'], defaults.gone.does, defaults.gone.afterMs),
    restarted: section.get('restarted')?.word(['unseen', 'note']) ?? defaults.restarted,
    skipped: section.get('skipped')?.word(['unseen', 'note']) ?? defaults.skipped,
  };
}

function slowness(value: Value): Postures['slow'] {
  const { does, afterMs } = timed(value, ['pause', 'drop', 'fail'], 'pause', 2000);
  if (does === 'drop') return { kind: 'drop', afterMs };
  if (value.isSection && value.section(['do', 'after']).get('after') !== undefined)
    throw value.wrong(`"after" does not go with ${does}`, 'remove it, or write drop');
  return { kind: does };
}

function timed<T extends string>(
  value: Value,
  words: readonly T[],
  word: T,
  milliseconds: number,
): { readonly does: T; readonly afterMs: number } {
  if (!value.isSection) return { does: value.word(words), afterMs: milliseconds };
  const section = value.section(['do', 'after']);
  return {
    does: section.get('do')?.word(words) ?? word,
    afterMs: section.get('after')?.duration() ?? milliseconds,
  };
}
