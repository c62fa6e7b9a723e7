// What a chain may consist of, as the chain logic needs it. Enters: nothing; leaves: types.
import { KnownTexts } from './packing.ts';
import type { Requirement } from './request.ts';

/** The relations of one request: those that hold when it comes, and those about what its answer says. */
export interface Requirements {
  readonly asked: Requirement | null;
  readonly answered: Requirement | null;
}

/** How often a step comes. */
export type Cardinality =
  /** Exactly once; a chain without it is recorded as incomplete. */
  | 'once'
  /** At most once. */
  | 'optional'
  /** Any number of times. */
  | 'many'
  /** Exactly once, and before its parent is answered with success. */
  | 'required'
  /** Exactly once, within `within` of its parent. */
  | 'eventually';

/** One step of a chain, linked both ways. */
export interface StepPlan {
  /** Id of the declared request. */
  readonly request: string;
  readonly cardinality: Cardinality;
  /** Microseconds from its parent within which it has to come, if at all; null for as long as its parent is served. */
  readonly within: number | null;
  /** For `many`: how often it has to come, and how often it may; null for any number. */
  readonly least: number;
  readonly most: number | null;
  /** Further attempts after one failed or was never answered. */
  readonly retries: number;
  readonly order: 'any' | 'in-order';
  /** Names of the facts that such a request can carry, sorted. */
  readonly facts: readonly string[];
  /** Names of the facts that such a request or its answer can speak of, sorted. */
  readonly speaks: readonly string[];
  /** What must hold between its facts and those of its chain; null for nothing. */
  readonly requires: Requirements | null;
  /** For `many`: the facts that only such a request and what it causes speak of. Each such request settles its own. */
  readonly owns: ReadonlySet<string>;
  /** True when what it causes may come long after it was answered: a message waits in its queue. */
  readonly staysOpen: boolean;
  readonly parent: StepPlan | null;
  /** Place among its parent's children. */
  readonly position: number;
  readonly children: readonly StepPlan[];
}

/** Texts that are said of requests of one step again and again: a packed chain has their numbers. */
export interface StepTexts {
  readonly summaries: KnownTexts;
  readonly answers: KnownTexts;
  readonly sources: KnownTexts;
  readonly keys: KnownTexts;
}

const texts = new WeakMap<StepPlan, StepTexts>();

export function textsOf(plan: StepPlan): StepTexts {
  const known = texts.get(plan);
  if (known !== undefined) return known;
  const made = {
    summaries: new KnownTexts(plan.request),
    answers: new KnownTexts(),
    sources: new KnownTexts(),
    keys: new KnownTexts(),
  };
  texts.set(plan, made);
  return made;
}

/** How a person reads a cardinality. */
export function describeCardinality(plan: StepPlan): string {
  const within = plan.within === null ? '' : `, within ${plan.within / 1e6} s`;
  const retried = plan.retries > 0 ? `, up to ${plan.retries} retries` : '';
  return `${oftenness(plan)}${within}${retried}`;
}

function oftenness(plan: StepPlan): string {
  switch (plan.cardinality) {
    case 'once':
    case 'eventually':
      return 'once';
    case 'optional':
      return 'at most once';
    case 'many':
      return describeNumber(plan.least, plan.most);
    case 'required':
      return 'once, before its parent is answered';
  }
}

/** How often a step that may come often comes. */
export function describeNumber(least: number, most: number | null): string {
  if (most === null) return least === 0 ? 'any number of times' : `at least ${least} times`;
  return least === 0 ? `at most ${most} times` : `${least} to ${most} times`;
}
