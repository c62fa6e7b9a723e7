// Ranges of a stream that two readers could take differently. Enters: ranges with their ambiguity; leaves: those of a span.
import type { Ambiguity, AmbiguityCode } from '../../events/common.ts';

/** Ranges kept per direction; more are merged, which makes more requests ambiguous and never fewer. */
const MOST_MARKS = 64;

interface Mark {
  readonly code: AmbiguityCode;
  readonly detail: string;
  start: number;
  end: number;
}

export class Marks {
  readonly #marks: Mark[] = [];

  add(code: AmbiguityCode, detail: string, start: number, end: number): void {
    const last = this.#marks.at(-1);
    const same = last?.code === code && start <= last.end && end >= last.start;
    if (last !== undefined && (same || this.#marks.length >= MOST_MARKS)) {
      last.start = Math.min(last.start, start);
      last.end = Math.max(last.end, end);
      return;
    }
    this.#marks.push({ code, detail, start, end });
  }

  /** The ambiguities whose range has a byte in `[start, end)`. */
  find(start: number, end: number): Ambiguity[] {
    if (this.#marks.length === 0) return [];
    return this.#marks
      .filter((mark) => mark.start < end && mark.end > start)
      .map(({ code, detail }) => ({ code, detail }));
  }
}
