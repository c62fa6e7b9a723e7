// A decision in the form in which it is said. Enters: decisions; leaves: judgements.
import type { ChainState } from '../chain/chain-state.ts';
import type { Instance } from '../chain/state.ts';
import { assertNever } from '../errors.ts';
import type { Decision } from './decide.ts';
import type { Judgement } from './verdicts.ts';

/** What a decision that was made says of its request. */
export function judgementOf(decision: Exclude<Decision, { kind: 'wait' }>): Judgement {
  switch (decision.kind) {
    case 'pass':
      return {
        kind: 'pass',
        code: decision.code,
        decidedBy: 'request',
        text: decision.text,
        chain: decision.instance?.chain ?? null,
        candidates: decision.candidates,
      };
    case 'consequence': {
      const cannotTell = { code: 'consequence', of: decision.of } as const;
      return { kind: 'indeterminate', cannotTell, text: decision.text, chain: decision.instance.chain };
    }
    case 'cannot-read': {
      const cannotTell = { code: 'cannot-read', cause: decision.cause } as const;
      return {
        kind: 'indeterminate',
        cannotTell,
        text: decision.text,
        chain: decision.instance?.chain ?? null,
      };
    }
    case 'drop':
      return decision;
    default:
      return assertNever(decision);
  }
}

/** The chains whose state a decided request is part of: its own, and that whose place it came closest to. */
export function chainsOf(decision: Decision, instance: Instance | null): readonly ChainState[] {
  const own = instance === null ? [] : [instance.chain];
  const nearest = decision.kind === 'drop' ? (decision.nearest?.slot.chain ?? null) : null;
  return nearest === null ? own : [...own, nearest];
}
