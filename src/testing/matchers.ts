// Matchers for vitest: `expect.extend(matchers)`. Enters: what a policy said of a source; leaves: pass or fail, with the story of the verdicts.
// Its types alone, so that they can be added to: nothing of it is loaded.
import type {} from 'vitest';
import type { DropCode, FactDifference, PolicyKind, Verdict } from '../verdict.ts';
import type { Judged } from './judge.ts';
import { tellVerdict } from './verdict-story.ts';

/** What of a drop is asked for; what is left out may be anything. */
export interface ExpectedDrop {
  readonly from?: string;
  readonly to?: string;
  /** One line, as verdicts have it: `POST /users/bob/charge`. */
  readonly request?: string | RegExp;
  /** The declared request that it matched. */
  readonly step?: string;
  readonly code?: DropCode;
  readonly decidedBy?: PolicyKind;
  /** A fact that differs from its chain's. */
  readonly fact?: string;
  /** The value of that fact in the request, and in the chain. */
  readonly seen?: string;
  readonly expected?: string;
}

/** What a matcher of vitest (and of Jest) gives. */
export interface MatcherAnswer {
  readonly pass: boolean;
  readonly message: () => string;
}

declare module 'vitest' {
  // Its type parameter has to be named as vitest names it.
  interface Matchers<T> {
    /** Every verdict passes: nothing was dropped, and nothing could not be told. */
    toExplainEverything(): T;
    /** At least one drop is of this kind. */
    toDrop(expected: ExpectedDrop): T;
    /** There are these drops, each once, in any order, and no other. */
    toDropOnly(...expected: ExpectedDrop[]): T;
  }
}

/** Verdicts told in one message. */
const MOST_TOLD = 10;

/** For `expect.extend(matchers)`. All of them take what `await judge(policy, source)` gave. */
export const matchers = {
  toExplainEverything(received: unknown): MatcherAnswer {
    const judged = requireJudged(received);
    const others = judged.verdicts.filter(({ kind }) => kind !== 'pass');
    return {
      pass: others.length === 0,
      message: () =>
        others.length === 0
          ? `expected something not to be explained, but all ${judged.verdicts.length} verdicts pass`
          : `expected everything to be explained, but ${others.length} of ${judged.verdicts.length} verdicts do not pass:\n\n${tell(judged, others)}`,
    };
  },

  toDrop(received: unknown, expected: ExpectedDrop): MatcherAnswer {
    const judged = requireJudged(received);
    const found = judged.drops.filter((drop) => fits(drop, expected));
    return {
      pass: found.length > 0,
      message: () =>
        found.length > 0
          ? `expected no drop with ${describe(expected)}, but there is:\n\n${tell(judged, found)}`
          : `expected a drop with ${describe(expected)}, but ${dropped(judged)}`,
    };
  },

  toDropOnly(received: unknown, ...expected: ExpectedDrop[]): MatcherAnswer {
    const judged = requireJudged(received);
    const { missing, surplus } = pair(judged.drops, expected);
    const pass = missing.length === 0 && surplus.length === 0;
    const parts = [
      ...missing.map((one) => `there is no drop with ${describe(one)}`),
      ...(surplus.length === 0
        ? []
        : [`nobody expected ${surplus.length} of the drops:\n\n${tell(judged, surplus)}`]),
    ];
    return {
      pass,
      message: () =>
        pass
          ? `expected other drops than ${expected.map(describe).join(' and ')}`
          : `expected ${expected.length} drops; ${parts.join('; ')}${surplus.length === 0 ? `; ${dropped(judged)}` : ''}`,
    };
  },
} as const;

function requireJudged(received: unknown): Judged {
  if (typeof received === 'object' && received !== null && 'verdicts' in received && 'chainOf' in received)
    return received as Judged;
  const hint = received instanceof Promise ? 'it is a promise: write await before judge' : 'it is not';
  throw new TypeError(`this matcher takes what "await judge(policy, source)" gives, and ${hint}`);
}

function fits({ subject, reasons, step, decidedBy, nearest }: Verdict, expected: ExpectedDrop): boolean {
  const { request } = expected;
  const asked: readonly (readonly [unknown, unknown])[] = [
    [expected.from, subject.from],
    [expected.to, subject.to],
    [expected.step, step],
    [expected.code, reasons[0].code],
    [expected.decidedBy, decidedBy],
  ];
  if (asked.some(([wanted, has]) => wanted !== undefined && wanted !== has)) return false;
  if (typeof request === 'string' && request !== subject.request) return false;
  if (request instanceof RegExp && subject.request.search(request) < 0) return false;
  if (expected.fact === undefined && expected.seen === undefined && expected.expected === undefined)
    return true;
  return nearest?.differences.some((difference) => differsSo(difference, expected)) === true;
}

function differsSo({ fact, seen, expected }: FactDifference, wanted: ExpectedDrop): boolean {
  return (
    (wanted.fact === undefined || wanted.fact === fact) &&
    (wanted.seen === undefined || wanted.seen === seen) &&
    (wanted.expected === undefined || wanted.expected === expected)
  );
}

/** The largest pairing (augmenting paths): a wide expectation gives up a drop that only a narrow one fits. */
function pair(
  drops: readonly Verdict[],
  expected: readonly ExpectedDrop[],
): { readonly missing: readonly ExpectedDrop[]; readonly surplus: readonly Verdict[] } {
  const holder = new Map<Verdict, ExpectedDrop>();
  const place = (one: ExpectedDrop, tried: Set<Verdict>): boolean => {
    for (const drop of drops) {
      if (tried.has(drop) || !fits(drop, one)) continue;
      tried.add(drop);
      const before = holder.get(drop);
      if (before === undefined || place(before, tried)) {
        holder.set(drop, one);
        return true;
      }
    }
    return false;
  };
  const missing = expected.filter((one) => !place(one, new Set()));
  return { missing, surplus: drops.filter((drop) => !holder.has(drop)) };
}

function describe(expected: ExpectedDrop): string {
  const parts = Object.entries(expected).map(([name, value]) => `${name} ${String(value)}`);
  return parts.length === 0 ? 'anything in it' : parts.join(', ');
}

function dropped(judged: Judged): string {
  if (judged.drops.length === 0)
    return `nothing is dropped: ${judged.verdicts.length} verdicts pass or could not be told`;
  return `these ${judged.drops.length} are:\n\n${tell(judged, judged.drops)}`;
}

function tell(judged: Judged, verdicts: readonly Verdict[]): string {
  const told = verdicts.slice(0, MOST_TOLD).map((verdict) => tellVerdict(verdict, judged.chainOf(verdict)));
  const more = verdicts.length - told.length;
  return `${told.join('\n\n')}${more > 0 ? `\n\nand ${more} more` : ''}\n`;
}
