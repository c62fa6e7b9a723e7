// Memory that all flows share. Enters: requests for bytes; leaves: granted or not, so that many flows together stay bounded.

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

  /** Grants `bytes` when they still fit. */
  take(bytes: number): boolean {
    if (this.#held + bytes > this.#most) return false;
    this.#held += bytes;
    return true;
  }

  /** Counts bytes that are held in any case; negative when they are given back. */
  add(bytes: number): void {
    this.#held += bytes;
  }
}
