// How long an input may take, by how long the others of the same run took. Enters: times and sizes; leaves: which are too slow.
import type { Input } from './input.ts';

/** Times that an average input's cost a byte, and an average input's cost as such, may be exceeded. */
const FACTOR = 40;
/** Milliseconds below which nothing is slow, so that noise is no finding. */
const LEAST = 40;
/** Inputs before anything is judged. */
const CALIBRATION = 100;

/** Milliseconds a byte above which an input is too slow, whatever a part of it takes: the longest SQL text would take a second. */
const MOST_PER_BYTE = 0.016;
/** What half of an input takes at least, where time is in proportion to length; a quarter, where it grows as the square. */
const PROPORTIONAL = 0.3;

/** Halves of an input: without its middle, its beginning, its end. What remains of one of them is often well-formed still. */
export function halvesOf(input: Input): readonly Input[] {
  const cut = (parts: (bytes: Uint8Array) => readonly Uint8Array[]): Input =>
    input.map(({ tag, bytes }) => ({ tag, bytes: Buffer.concat(parts(bytes)) }));
  return [
    cut((bytes) => [bytes.subarray(0, bytes.length >> 2), bytes.subarray(-(bytes.length >> 2))]),
    cut((bytes) => [bytes.subarray(0, bytes.length >> 1)]),
    cut((bytes) => [bytes.subarray(bytes.length >> 1)]),
  ];
}

/** True when an input costs much for each byte, but no more than each byte of half of it. */
export function isProportional(milliseconds: number, bytes: number, halves: readonly number[]): boolean {
  return milliseconds <= MOST_PER_BYTE * bytes && halves.some((half) => half >= PROPORTIONAL * milliseconds);
}

export class Pace {
  #milliseconds = 0;
  #bytes = 0;
  #inputs = 0;

  add(milliseconds: number, bytes: number): void {
    this.#milliseconds += milliseconds;
    this.#bytes += bytes;
    this.#inputs += 1;
  }

  isSlow(milliseconds: number, bytes: number): boolean {
    if (this.#inputs < CALIBRATION || milliseconds < LEAST) return false;
    return milliseconds > LEAST + FACTOR * (this.#perInput + this.#perByte * bytes);
  }

  describe(): string {
    const perByte = (this.#perByte * 1e6).toFixed(0);
    return `${this.#inputs} inputs took ${this.#perInput.toFixed(2)} ms each, ${perByte} ns a byte`;
  }

  get #perInput(): number {
    return this.#milliseconds / this.#inputs;
  }

  get #perByte(): number {
    return this.#milliseconds / this.#bytes;
  }
}
