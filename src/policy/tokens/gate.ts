// Keeps events in order while tokens of some are verified. Enters: events, as they come; leaves: the same, in the same order, when they may be judged.
import type { Event } from '../../events/event.ts';
import type { Micros } from '../../flow.ts';
import type { Tokens } from './tokens.ts';

interface Waiting {
  readonly ts: Micros;
  readonly event: Event | null;
}

/** Events that went on are let go of, so many at a time. */
const MOST_DONE = 1024;

/** In the common case nothing waits, and an event goes on at once. */
export class TokenGate {
  readonly #tokens: Tokens;
  readonly #onNext: (ts: Micros, event: Event | null) => void;
  readonly #queue: Waiting[] = [];
  #draining: Promise<void> | null = null;

  constructor(tokens: Tokens, onNext: (ts: Micros, event: Event | null) => void) {
    this.#tokens = tokens;
    this.#onNext = onNext;
  }

  /** The next event, or only the time up to which nothing more is to come. */
  offer(ts: Micros, event: Event | null): void {
    const pending = this.#draining !== null || event === null ? null : this.#tokens.admit(event);
    if (this.#draining === null && pending === null) {
      this.#onNext(ts, event);
      return;
    }
    this.#queue.push({ ts, event });
    this.#draining ??= this.#drain(pending);
  }

  /** Null when nothing waits; else done when nothing does any more. */
  idle(): Promise<void> | null {
    return this.#draining;
  }

  /** What is verified leads to output, which needs room in turn. Null when there is room now. */
  room(ofOutput: () => Promise<void> | null): Promise<void> | null {
    return this.#draining === null ? ofOutput() : this.#draining.then(() => ofOutput() ?? undefined);
  }

  /** `first` is what the first event in the queue waits for. */
  async #drain(first: Promise<unknown> | null): Promise<void> {
    let pending = first;
    let next = 0;
    for (;;) {
      if (pending !== null) await pending;
      if (next > MOST_DONE) {
        this.#queue.splice(0, next);
        next = 0;
      }
      const item = this.#queue[next++];
      if (item === undefined) break;
      this.#onNext(item.ts, item.event);
      const following = this.#queue[next]?.event;
      pending = following === undefined || following === null ? null : this.#tokens.admit(following);
    }
    this.#queue.length = 0;
    this.#draining = null;
  }
}
