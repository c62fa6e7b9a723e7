// What is held of a stream, and what is held together. Enters: nothing; leaves: types and the account of held bytes.
import type { Verdict } from '../verdict.ts';

/** Bytes that are passed on together or not at all: a request, the messages of a batch, the frames of a content. */
export class Group {
  /** More of it is to come before it can be judged. */
  open: boolean;
  /** Events read from it that are not decided. */
  holds = 0;
  /** Once it is decided, what is still to come of it is passed on as it comes. */
  flowing = false;
  /** Some of it has been passed on. */
  leaked = false;
  /** Its size was told to the engine. */
  overflown = false;
  denial: Verdict | null = null;

  constructor(open = false) {
    this.open = open;
  }

  get decided(): boolean {
    return this.holds === 0 && !this.open;
  }
}

/** A piece of a stream that has a meaning: a message, a frame. `end` is null while it is not known where it ends. */
export interface Unit {
  readonly start: number;
  end: number | null;
  readonly group: Group;
}

/** Bytes that are held in all connections together. */
export class Account {
  #bytes = 0;
  #most = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** The most that were held at once. */
  get most(): number {
    return this.#most;
  }

  add(bytes: number): void {
    this.#bytes += bytes;
    this.#most = Math.max(this.#most, this.#bytes);
  }
}
