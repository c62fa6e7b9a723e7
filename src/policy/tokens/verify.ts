// Verifies one JSON Web Token (RFC 7515, 7519, 8725). Enters: a token, what the policy asks of it; leaves: its claims, or why it is refused.
import { compactVerify, createLocalJWKSet, errors, type JSONWebKeySet } from 'jose';
import type { TokenSettings } from '../document.ts';
import { readJson, scalarAt } from '../json-value.ts';
import type { TokenReading } from './reading.ts';

/** Bytes of a token; servers refuse longer headers. */
const LONGEST = 16_384;
/** Characters of a claim. */
const LONGEST_CLAIM = 4096;

/** Verifies tokens by the keys of one policy. The time is not looked at: it is that of each event which shows the token. */
export function verifierOf(
  settings: TokenSettings,
  claims: readonly string[],
): (token: string) => Promise<TokenReading> {
  const keys = createLocalJWKSet({ keys: settings.keys } as unknown as JSONWebKeySet);
  const algorithms = [...settings.algorithms];
  return async (token) => {
    const problem = headProblem(token);
    if (problem !== null) return refused(problem);
    try {
      const { payload } = await compactVerify(token, keys, { algorithms });
      return readClaims(payload, settings, claims);
    } catch (error) {
      return refused(reasonOf(error));
    }
  };
}

function refused(why: string): TokenReading {
  return { kind: 'refused', why: `its token ${why}` };
}

/** What readers could take differently before any signature is looked at. */
function headProblem(token: string): string | null {
  if (token.length > LONGEST) return 'is too long';
  const head = /^([\w-]+)\.[\w-]*\.[\w-]*$/.exec(token)?.[1];
  if (head === undefined) return 'is no signed JSON Web Token';
  const read = readJson(Buffer.from(head, 'base64url'));
  if (read.kind === 'unreadable') return `has a head that is not clean JSON: ${read.why}`;
  if (typeof read.value === 'object' && read.value !== null && 'crit' in read.value)
    return 'has critical extensions';
  return null;
}

function reasonOf(error: unknown): string {
  if (error instanceof errors.JOSEAlgNotAllowed)
    return 'is signed by an algorithm that the policy does not allow';
  if (error instanceof errors.JWKSNoMatchingKey) return 'is signed by a key that the policy does not have';
  if (error instanceof errors.JWKSMultipleMatchingKeys)
    return 'does not say which of several keys it is signed by';
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'has a wrong signature';
  return 'is no signed JSON Web Token';
}

function readClaims(payload: Uint8Array, settings: TokenSettings, names: readonly string[]): TokenReading {
  const read = readJson(payload);
  if (read.kind === 'unreadable') return refused(`is not clean JSON: ${read.why}`);
  const set = read.value;
  if (typeof set !== 'object' || set === null || Array.isArray(set)) return refused('has no claims');
  const { issuer, audience } = settings;
  if (issuer !== null && textAt(set, '/iss') !== issuer) return refused('is of another issuer');
  if (
    audience.length > 0 &&
    !audiencesOf(set).some((each) => typeof each === 'string' && audience.includes(each))
  )
    return refused('is for another audience');
  const expires = dateAt(set, 'exp');
  const notBefore = dateAt(set, 'nbf');
  if (expires === 'unclear' || notBefore === 'unclear') return refused('has a time that is no number');
  const claims = new Map<string, string>();
  for (const name of names) {
    const value = scalarAt(set, pointerOf(name))?.text;
    if (value !== undefined && value.length <= LONGEST_CLAIM) claims.set(name, value);
  }
  return { kind: 'verified', claims, expires, notBefore };
}

/** A claim by its name, or by a JSON pointer into the claims. */
function pointerOf(name: string): string {
  return name.startsWith('/') ? name : `/${name.replaceAll('~', '~0').replaceAll('/', '~1')}`;
}

function textAt(set: object, pointer: string): string | null {
  const scalar = scalarAt(set, pointer);
  return scalar?.type === 'string' ? scalar.text : null;
}

/** RFC 7519 section 4.1.3: one text, or a list of them. */
function audiencesOf(set: object): readonly unknown[] {
  const audience = 'aud' in set ? set.aud : undefined;
  return Array.isArray(audience) ? audience : [audience];
}

/** A NumericDate (RFC 7519 section 2); null when it is not there. */
function dateAt(set: object, name: 'exp' | 'nbf'): number | null | 'unclear' {
  if (!(name in set)) return null;
  const scalar = scalarAt(set, `/${name}`);
  const seconds = scalar?.type === 'number' ? Number(scalar.text) : Number.NaN;
  return Number.isFinite(seconds) ? seconds : 'unclear';
}
