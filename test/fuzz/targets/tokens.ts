// JSON Web Tokens. Enters: tokens as they come, and claims to be signed; leaves: a reading, verified only when node:crypto says so, too.
import { createPrivateKey, createPublicKey, sign, verify } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { TokenSettings } from '../../../src/policy/document.ts';
import { verifierOf } from '../../../src/policy/tokens/verify.ts';
import type { Input } from '../input.ts';
import { piece } from '../seeds.ts';
import { Mismatch, type Target } from '../target.ts';
import { weigh } from '../weigh.ts';

/** A key for this target alone, from RFC 8037 appendix A.1. */
const PRIVATE = {
  kty: 'OKP',
  crv: 'Ed25519',
  d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A',
  x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
};
const privateKey = createPrivateKey({ key: PRIVATE, format: 'jwk' });
const publicKey = createPublicKey(privateKey);
const ISSUER = 'https://issuer.example';
const AUDIENCE = 'shop';
const CLAIMS = ['sub', '/roles/0', 'n', 'a/b', 'deep'];

/** A tag says which settings a token is verified by, and what its bytes are: the token itself, or what is signed. */
const WHOLE = 0;
const SIGNED = 1;

const base64url = (text: string | Uint8Array): string => Buffer.from(text).toString('base64url');

function signed(head: string, payload: string | Uint8Array): string {
  const input = `${base64url(head)}.${base64url(payload)}`;
  return `${input}.${sign(null, Buffer.from(input), privateKey).toString('base64url')}`;
}

/** Signature, algorithm and key, by other code than that under test. */
function isGenuine(token: string): boolean {
  const [head = '', payload = '', signature = '', ...more] = token.split('.');
  if (more.length > 0) return false;
  const header: unknown = JSON.parse(Buffer.from(head, 'base64url').toString());
  if (typeof header !== 'object' || header === null || !('alg' in header) || header.alg !== 'EdDSA')
    return false;
  return verify(null, Buffer.from(`${head}.${payload}`), publicKey, Buffer.from(signature, 'base64url'));
}

function holdsClaims(token: string, { issuer, audience }: TokenSettings): boolean {
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as {
    readonly iss?: unknown;
    readonly aud?: unknown;
  };
  const audiences: readonly unknown[] = Array.isArray(claims.aud) ? claims.aud : [claims.aud];
  return (
    (issuer === null || claims.iss === issuer) &&
    (audience.length === 0 || audience.some((each) => audiences.includes(each)))
  );
}

const HEAD = '{"alg":"EdDSA","kid":"k"}';
const GOOD = `{"iss":"${ISSUER}","aud":["${AUDIENCE}"],"sub":"alice","exp":2000000000,"nbf":1,"roles":["x"],"n":1.50}`;

export async function load(): Promise<Target> {
  const { d: _, ...jwk } = PRIVATE;
  const keys = [{ ...jwk, kid: 'k', alg: 'EdDSA', use: 'sig' }];
  const all: readonly TokenSettings[] = [
    { keys, algorithms: ['EdDSA'], issuer: null, audience: [] },
    { keys, algorithms: ['EdDSA', 'RS256', 'ES256'], issuer: ISSUER, audience: [AUDIENCE, 'other'] },
  ];
  const verifiers = all.map((settings) => ({ settings, read: verifierOf(settings, CLAIMS) }));
  return {
    name: 'tokens',
    covers: ['policy/tokens/verify', 'policy/json-value'],
    tags: 4,
    longest: 40_000,
    // A token that is refused still takes a sentence.
    expansion: 400,
    dictionary: [
      ...'.|..|=|-|_|{|}|[|]|"|,|:|null|true|1e999|-1|0.5|1e400|\\u0000|\\ud800|\0|"alg"|"none"|"HS256"|"RS256"|"EdDSA"|"kid"|"crit"|"b64"|"zip"|"jwk"|"jku"|"x5c"|"typ"|"iss"|"aud"|"exp"|"nbf"|"iat"|"sub"|"__proto__"|"constructor"|"roles"'.split(
        '|',
      ),
      base64url('{"alg":"none"}'),
      base64url('{"alg":"HS256"}'),
      base64url(HEAD),
      base64url('{"alg":"EdDSA","crit":["b64"],"b64":false}'),
    ],
    seeds: [
      [piece(signed(HEAD, GOOD), WHOLE)],
      [piece(signed(HEAD, GOOD), WHOLE + 2)],
      [piece(GOOD, SIGNED)],
      [piece(GOOD, SIGNED + 2)],
      [piece(`{"sub":"a","sub":"b","__proto__":{"iss":"${ISSUER}"}}`, SIGNED)],
      [piece('{"deep":'.padEnd(600, '['), SIGNED)],
      [piece(`${base64url('{"alg":"none"}')}.${base64url(GOOD)}.`, WHOLE)],
      [piece(signed('{"alg":"EdDSA","crit":["b64"],"b64":false}', GOOD), WHOLE)],
      [piece(signed('{"alg":"EdDSA","jwk":{"kty":"OKP"},"kid":"other"}', GOOD), WHOLE)],
      [piece(signed('{"alg":"EdDSA"}', '[]'), WHOLE)],
    ],
    run: (input) => read(input, verifiers),
  };
}

async function read(
  input: Input,
  verifiers: readonly {
    readonly settings: TokenSettings;
    readonly read: ReturnType<typeof verifierOf>;
  }[],
): Promise<number> {
  let made = 0;
  for (const { tag, bytes } of input) {
    const verifier = verifiers[(tag >> 1) % verifiers.length];
    if (verifier === undefined) continue;
    const token = tag % 2 === SIGNED ? signed(HEAD, bytes) : Buffer.from(bytes).toString('latin1');
    const reading = await verifier.read(token);
    if (!isDeepStrictEqual(await verifier.read(token), reading))
      throw new Mismatch('verified again, it is another');
    made += weigh(reading);
    if (reading.kind === 'refused') continue;
    if (!isGenuine(token)) throw new Mismatch('it is verified, and node:crypto does not verify it');
    if (!holdsClaims(token, verifier.settings))
      throw new Mismatch('it is verified, and is of another issuer or for another audience');
    for (const name of reading.claims.keys())
      if (!CLAIMS.includes(name)) throw new Mismatch('it has a claim that nobody asked for');
  }
  return made;
}
