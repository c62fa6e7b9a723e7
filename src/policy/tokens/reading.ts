// What a verified token says, and at which time it holds. Enters: a reading, a claim, the event's time; leaves: the claim's value, or why not.
import type { Micros } from '../../flow.ts';
import type { Found } from '../match/match.ts';

/** A token whose signature, issuer and audience are right, or why it is none. Times are seconds since 1970, null without limit. */
export type TokenReading =
  | {
      readonly kind: 'verified';
      /** The claims that the policy names, those that are there. */
      readonly claims: ReadonlyMap<string, string>;
      readonly notBefore: number | null;
      readonly expires: number | null;
    }
  | { readonly kind: 'refused'; readonly why: string };

/** What is known of a token; null for one that was never looked at. */
export type TokenLookup = (token: string) => TokenReading | null;

/** Knows no token: without settings for tokens, no claim is clear. */
export const NO_TOKENS: TokenLookup = () => null;

/**
 * A claim at the time of the event (RFC 7519 sections 4.1.4 and 4.1.5).
 * @param skew microseconds by which the issuer's clock may differ
 */
export function findClaim(reading: TokenReading | null, name: string, now: Micros, skew: Micros): Found {
  if (reading === null) return { kind: 'unreadable', why: 'its token was not verified' };
  if (reading.kind === 'refused') return { kind: 'unreadable', why: reading.why };
  if (reading.expires !== null && now - skew >= reading.expires * 1e6)
    return { kind: 'unreadable', why: 'its token has expired' };
  if (reading.notBefore !== null && now + skew < reading.notBefore * 1e6)
    return { kind: 'unreadable', why: 'its token is not valid yet' };
  const value = reading.claims.get(name);
  return value === undefined ? { kind: 'absent' } : { kind: 'value', value };
}
