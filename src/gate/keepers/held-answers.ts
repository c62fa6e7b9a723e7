// Answers to statements that the policy can deny, which are held until they are judged. Enters: verdicts, results; leaves: groups to hold.
import type { EventDraft } from '../../events/event.ts';
import type { Side } from '../../flow.ts';
import type { Verdict } from '../../verdict.ts';
import type { Group } from '../hold.ts';

/** Of one connection, one answer after the other. */
export class HeldAnswers<G extends Group> {
  readonly #isJudged: (verdict: Verdict) => boolean;
  /** Statements that passed, by number, whose results have not come. */
  readonly #requests = new Set<number>();
  #current: G | null = null;

  constructor(isJudged: (verdict: Verdict) => boolean) {
    this.#isJudged = isJudged;
  }

  /** True while an answer is to come that is held. */
  get expected(): boolean {
    return this.#requests.size > 0;
  }

  /** The answer that is under way. */
  get current(): G | null {
    return this.#current;
  }

  /** A statement passed. */
  passed(request: number, verdict: Verdict): void {
    if (this.#isJudged(verdict)) this.#requests.add(request);
  }

  /** Bytes of an answer that is held came. */
  holding(make: () => G): G {
    this.#current ??= make();
    return this.#current;
  }

  /** The answer that a result makes whole; null for everything else. */
  take(side: Side, draft: EventDraft): G | null {
    const answer = this.#current;
    if (draft.kind !== 'sql-result' || side !== 'resp' || answer === null) return null;
    answer.open = false;
    if (draft.last && draft.request !== null) this.#requests.delete(draft.request);
    this.#current = null;
    return answer;
  }
}
