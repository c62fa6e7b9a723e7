// How long an input may take, by how long the others of the same run took. Enters: times and sizes; leaves: which are too slow.

/** Times that an average input's cost a byte, and an average input's cost as such, may be exceeded. */
const FACTOR = 40;
/** Milliseconds below which nothing is slow, so that noise is no finding. */
const LEAST = 40;
/** Inputs before anything is judged. */
const CALIBRATION = 100;

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
