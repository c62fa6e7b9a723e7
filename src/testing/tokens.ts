// The tokens that were verified for a policy, whoever judges by it. Enters: a policy; leaves: its tokens, the same ones each time.
import type { PolicyDocument } from '../policy/document.ts';
import { Tokens } from '../policy/tokens/tokens.ts';

const TOKENS = new WeakMap<PolicyDocument, Tokens>();

/** What a signature is worth does not change: mutants of one story verify its tokens once, and a reader finds them verified. */
export function tokensOf(policy: PolicyDocument): Tokens {
  const known = TOKENS.get(policy) ?? new Tokens([policy]);
  TOKENS.set(policy, known);
  return known;
}
