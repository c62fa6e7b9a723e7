// Memory that all flows share. Enters: bytes held and given back; leaves: whether it is too much, so that flows together stay bounded.

/** A number of bytes that may be held at once. */
export class Budget {
  readonly #most: number;
  #held = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** True while more is held than should be. */
  get over(): boolean {
    return this.#held > this.#most;
  }

  /** Counts bytes that are held in any case; negative when they are given back. */
  add(bytes: number): void {
    this.#held += bytes;
  }
}
