// Where the facts of a chain are settled. Enters: readings; leaves: what is settled at a place, and by whom.
import { type Evidence, type Micros, otherSide } from '../flow.ts';
import { sharedText } from './own-text.ts';
import type { Reader, Writer } from './packing.ts';
import { type StepPlan, textsOf } from './plan.ts';

/** A value read from one request or response. */
export interface FactReading {
  readonly fact: string;
  /** Normalised: two readings agree when these are equal. */
  readonly value: string;
  /** For a person: `POST /contracts, header x-user`. */
  readonly source: string;
  readonly evidence: Evidence;
}

/** Who settled a fact: a request, by itself or by its answer. */
export interface Speaker {
  /** The facts that are settled for it. */
  readonly scope: Scope;
  /** When it was made; it stays the same wherever it is put. */
  readonly ts: Micros;
  readonly evidence: Evidence;
}

/** Where a packed fact was said: with the request, with its answer, or somewhere else. */
const AS_ASKED = 0;
const AS_ANSWERED = 1;
const ELSEWHERE = 2;

/** A reading that was settled, with the one that was settled before it: a chain has a handful, too few for a map. */
export class Settled implements FactReading {
  readonly fact: string;
  readonly value: string;
  readonly source: string;
  readonly by: Speaker;
  readonly before: Settled | null;
  /** Null where the request itself says it: there is no need to keep it twice. */
  readonly #at: Evidence | AnswerEvidence | null;

  private constructor(
    { fact, value, source }: Omit<FactReading, 'evidence'>,
    by: Speaker,
    before: Settled | null,
    at: Evidence | AnswerEvidence | null,
  ) {
    this.fact = fact;
    this.value = value;
    this.source = source;
    this.by = by;
    this.before = before;
    this.#at = at;
  }

  static of({ fact, value, source, evidence }: FactReading, by: Speaker, before: Settled | null): Settled {
    return new Settled({ fact, value: sharedText(value), source }, by, before, brief(evidence, by));
  }

  /** Writes it down, as said by a request of this plan. */
  write(out: Writer, plan: StepPlan): void {
    const at = this.#at;
    const fact = plan.speaks.indexOf(this.fact);
    out.number(fact);
    if (fact < 0) out.text(this.fact);
    out.text(this.source, textsOf(plan).sources);
    out.text(this.value);
    out.number(at === null ? AS_ASKED : at instanceof AnswerEvidence ? AS_ANSWERED : ELSEWHERE);
    if (at instanceof AnswerEvidence) at.write(out);
    else if (at !== null) out.reference(at);
  }

  static read(input: Reader, by: Speaker, plan: StepPlan, before: Settled | null): Settled {
    const fact = plan.speaks[input.number()] ?? input.text();
    const source = input.text(textsOf(plan).sources);
    const value = input.text();
    const where = input.number();
    const at =
      where === AS_ASKED
        ? null
        : where === AS_ANSWERED
          ? AnswerEvidence.read(input)
          : input.reference<Evidence>();
    return new Settled({ fact, value, source }, by, before, at);
  }

  get evidence(): Evidence {
    const at = this.#at;
    if (at === null) return this.by.evidence;
    return at instanceof AnswerEvidence ? at.of(this.by) : at;
  }
}

/** The bytes of an answer, on the flow of its request. */
class AnswerEvidence {
  readonly #start: number;
  readonly #end: number;
  /** Microseconds from the request. */
  readonly #after: number;

  constructor(start: number, end: number, after: number) {
    this.#start = start;
    this.#end = end;
    this.#after = after;
  }

  write(out: Writer): void {
    out.number(this.#start);
    out.number(this.#end - this.#start);
    out.number(this.#after);
  }

  static read(input: Reader): AnswerEvidence {
    const start = input.number();
    return new AnswerEvidence(start, start + input.number(), input.number());
  }

  of({ evidence, ts }: Speaker): Evidence {
    const { flow, side } = evidence;
    return {
      flow,
      side: otherSide(side),
      start: this.#start,
      end: this.#end,
      ts: ts + this.#after,
      capture: null,
      packets: [],
    };
  }
}

/** Evidence in as little room as it needs beside that of its speaker. */
function brief(evidence: Evidence, by: Speaker): Evidence | AnswerEvidence | null {
  const own = by.evidence;
  const { flow, side, start, end, ts, capture, packets } = evidence;
  if (evidence === own) return null;
  if (flow !== own.flow || capture !== null || packets.length > 0) return evidence;
  if (side !== own.side) return new AnswerEvidence(start, end, ts - by.ts);
  const same = start === own.start && end === own.end && ts === own.ts;
  return same && own.capture === null && own.packets.length === 0 ? null : evidence;
}

/**
 * A part of a chain with facts of its own. The chain itself is one; each request of a step that may come any number of
 * times is another, for the facts that only it and what it causes speak of: two look-ups of two items are not one item.
 */
export abstract class Scope {
  /** The scope around it; null for the chain. */
  abstract readonly outer: Scope | null;
  /** The facts that are settled here and not further out; null for all. */
  abstract readonly owns: ReadonlySet<string> | null;
  /** What was settled last; what was settled before it follows. */
  protected abstract last: Settled | null;

  /** What is settled here, in the order of settling. */
  get own(): readonly Settled[] {
    const own: Settled[] = [];
    for (let at = this.last; at !== null; at = at.before) own.push(at);
    return own.reverse();
  }

  /** The settled fact of this name, here or further out. */
  fact(name: string): Settled | undefined {
    for (let scope: Scope | null = this; scope !== null; scope = scope.outer) {
      for (let at = scope.last; at !== null; at = at.before) if (at.fact === name) return at;
    }
    return undefined;
  }

  /** Where a fact of this name is settled. */
  ownerOf(name: string): Scope {
    let at: Scope = this;
    while (at.owns !== null && !at.owns.has(name) && at.outer !== null) at = at.outer;
    return at;
  }

  /** Settles facts that are owned here and not settled yet. */
  settle(readings: readonly FactReading[], by: Speaker): void {
    for (const reading of readings) this.last = Settled.of(reading, by, this.last);
  }

  /** What is settled here now, for `reset`. */
  get mark(): Settled | null {
    return this.last;
  }

  /** Goes back to what was settled at a mark; with null to nothing. */
  reset(mark: Settled | null): void {
    this.last = mark;
  }
}

/** What one request of a step that may come often settles for itself and for what it causes. */
export class LocalScope extends Scope {
  /** Another one when the request that it belongs to is put into another chain. */
  outer: Scope;
  readonly owns: ReadonlySet<string>;
  protected last: Settled | null = null;

  constructor(outer: Scope, owns: ReadonlySet<string>) {
    super();
    this.outer = outer;
    this.owns = owns;
  }
}
