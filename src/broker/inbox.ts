// What was received and not read yet, bounded. Enters: frames and states; leaves: them in order, gaps where some were dropped.
import type { StateItem } from './item.ts';

/** Bounds of the inbox; reading stops at either and goes on at half of it. */
export interface InboxLimits {
  readonly frames: number;
  readonly bytes: number;
}

/** Frames are kept as bytes: they are decoded when somebody reads them, hence at the reader's pace. */
export class Inbox {
  readonly #limits: InboxLimits;
  #entries: (Uint8Array | StateItem)[] = [];
  #head = 0;
  #bytes = 0;
  #dropping = false;
  #dropped = 0;

  constructor(limits: InboxLimits) {
    this.#limits = limits;
  }

  get length(): number {
    return this.#entries.length - this.#head;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** At or above the high-water mark. One chunk of the socket may reach over it. */
  get full(): boolean {
    return this.length >= this.#limits.frames || this.#bytes >= this.#limits.bytes;
  }

  /** At or below half of the limits. */
  get low(): boolean {
    return this.length * 2 <= this.#limits.frames && this.#bytes * 2 <= this.#limits.bytes;
  }

  /** From now on frames are counted instead of kept, until the inbox is low. */
  drop(): void {
    this.#dropping = true;
  }

  /** False when the frame was dropped. */
  frame(bytes: Uint8Array): boolean {
    if (this.#dropping) {
      this.#dropped += 1;
      return false;
    }
    this.#entries.push(bytes);
    this.#bytes += bytes.length;
    return true;
  }

  /** A state takes its place among the frames. Attempts that follow one another are one entry, the latest. */
  state(item: StateItem): void {
    this.#gap();
    const last = this.#entries.at(-1);
    const merges = item.kind === 'reconnecting' && this.length > 0 && last !== undefined;
    if (merges && 'kind' in last && last.kind === 'reconnecting') this.#entries.pop();
    this.#entries.push(item);
  }

  shift(): Uint8Array | StateItem | undefined {
    const entry = this.#entries[this.#head];
    if (entry === undefined) return undefined;
    this.#head += 1;
    if (!('kind' in entry)) this.#bytes -= entry.length;
    // The front is cut off when it is half of the array: each entry moves once, on average.
    if (this.#head >= 1024 && this.#head * 2 >= this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
    if (this.#dropping && this.low) {
      this.#gap();
      this.#dropping = false;
    }
    return entry;
  }

  #gap(): void {
    if (this.#dropped === 0) return;
    this.#entries.push({ kind: 'gap', reason: 'overflow', dropped: this.#dropped });
    this.#dropped = 0;
  }
}
