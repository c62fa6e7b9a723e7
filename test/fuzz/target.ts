// What a fuzz target is. Enters: an input; leaves: how much was made of it; everything thrown is a finding.
import type { Input } from './input.ts';

export interface Target {
  readonly name: string;
  /** Files whose coverage is of interest, as they begin below `src/`. */
  readonly covers: readonly string[];
  /** Tags are below this. */
  readonly tags: number;
  /** Longest input in bytes that is made. */
  readonly longest: number;
  /** Tokens of the protocol; a text is Latin-1. */
  readonly dictionary: readonly (string | Uint8Array)[];
  readonly seeds: readonly Input[];
  /** Bytes that caches may keep for good, by their own bounds. */
  readonly keeps?: number;
  /** Bytes of output for each byte of input, at most. */
  readonly expansion: number;
  /**
   * Gives the input to the parser, from its first byte to its end, and compares what there is to compare.
   * @returns bytes of what came out
   * @throws whatever is not the parser's declared outcome
   */
  run(input: Input): number | Promise<number>;
}

/** Two readings that have to be the same are not. */
export class Mismatch extends Error {}
