// What is wrong with how a policy verifies tokens. Enters: a document; leaves: problems.
import type { Jwk, PolicyDocument } from '../document.ts';
import type { PolicyProblem } from '../problem.ts';
import { problem } from './problem.ts';

/** Members of private and of symmetric keys (RFC 7518 section 6). */
const PRIVATE = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k'];
const KEY_TYPES: readonly unknown[] = ['RSA', 'EC', 'OKP'];

/** Claims that nothing verifies, and keys that do not belong into a policy. */
export function* checkTokens(document: PolicyDocument): Generator<PolicyProblem> {
  const { tokens, requests, services } = document;
  for (const request of requests) {
    const claim = request.facts.find(({ source }) => source.in === 'claim');
    if (claim === undefined) continue;
    if (tokens === undefined) {
      const text = `fact "${claim.fact}" of "${request.id}" is a claim, but nothing says how tokens are verified`;
      yield problem('malformed', request, text, 'say settings({ tokens: { keys, algorithms } })');
    }
    if (request.protocol !== 'http') {
      const text = `fact "${claim.fact}" of "${request.id}" is a claim, but only HTTP requests show tokens`;
      yield problem('malformed', request, text, 'read it from the HTTP request');
    }
  }
  if (tokens === undefined) return;
  const at = { place: services[0]?.place ?? null };
  if (tokens.keys.length === 0)
    yield problem('malformed', at, 'tokens are verified by no key', 'give the keys of their issuer');
  if (tokens.algorithms.length === 0)
    yield problem(
      'malformed',
      at,
      'tokens may be signed by no algorithm',
      'name those of their issuer, such as RS256',
    );
  for (const [i, key] of tokens.keys.entries()) yield* checkKey(key, i, at);
}

function* checkKey(key: Jwk, index: number, at: Parameters<typeof problem>[1]): Generator<PolicyProblem> {
  const name = typeof key.kid === 'string' ? `"${key.kid}"` : String(index + 1);
  const secret = PRIVATE.some((member) => member in key);
  if (secret) {
    const text = `key ${name} for tokens is a private or shared one`;
    yield problem('malformed', at, text, 'give public keys only: whoever reads the policy could make tokens');
  } else if (!KEY_TYPES.includes(key.kty)) {
    yield problem(
      'malformed',
      at,
      `key ${name} for tokens is of no known type`,
      'its "kty" is RSA, EC or OKP',
    );
  }
}
