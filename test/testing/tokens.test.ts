// Claims of JSON Web Tokens as facts, with every way in which a token is none. Enters: tokens; leaves: what is explained, and why not.
import { judge, mutate, story } from 'flowtap/testing';
import {
  CompactSign,
  type CryptoKey,
  exportJWK,
  exportSPKI,
  generateKeyPair,
  type JWK,
  SignJWT,
  UnsecuredJWT,
} from 'jose';
import { describe, expect, test } from 'vitest';
import { createEngine } from '../../src/engine.ts';
import {
  application,
  chain,
  claim,
  cookie,
  header,
  http,
  once,
  query,
  type Source,
  settings,
  type TokenOptions,
} from '../../src/policy/author.ts';
import { checkPolicy } from '../../src/policy/check.ts';
import { differenceOf } from '../../src/policy/difference.ts';
import type { Jwk, PolicyDocument } from '../../src/policy/document.ts';
import { readDocument } from '../../src/policy/read-document.ts';

const signing = await generateKeyPair('ES256', { extractable: true });
const other = await generateKeyPair('ES256', { extractable: true });
const rsa = await generateKeyPair('RS256', { extractable: true });

const jwk = async (key: CryptoKey, kid: string): Promise<Jwk> =>
  ({ ...(await exportJWK(key)), kid }) as unknown as Jwk;
const KEYS = { keys: [await jwk(signing.publicKey, 'one'), await jwk(rsa.publicKey, 'two')] };

const TOKENS: TokenOptions = {
  keys: KEYS,
  algorithms: ['ES256', 'RS256'],
  issuer: 'https://id.example',
  audience: ['front', 'back'],
};

function policyOf(user: Source = claim('sub'), tokens: TokenOptions = TOKENS): PolicyDocument {
  return application('shop', ({ external, service }) => {
    const customer = external('customer');
    const front = service('front', { at: '10.0.0.1', http: 80 });
    const back = service('back', { at: '10.0.0.2', http: 80 });
    const ask = http.post('/orders').from(customer).to(front).facts({ user });
    const bill = http.post('/users/:user/charge').from(front).to(back);
    return [chain(ask, once(bill)), settings({ tokens })];
  });
}

/** Stories begin at this second. */
const NOW = 1_700_000_000;

interface Token {
  readonly claims?: Record<string, unknown>;
  readonly head?: { readonly alg?: string; readonly kid?: string | null };
  readonly key?: CryptoKey | Uint8Array;
}

function signed({ claims = {}, head = {}, key = signing.privateKey }: Token = {}): Promise<string> {
  const payload = { sub: 'alice', iss: 'https://id.example', aud: 'front', exp: NOW + 60, ...claims };
  const { alg = 'ES256', kid = 'one' } = head;
  return new SignJWT(payload).setProtectedHeader(kid === null ? { alg } : { alg, kid }).sign(key);
}

const signedText = (payload: string): Promise<string> =>
  new CompactSign(new TextEncoder().encode(payload))
    .setProtectedHeader({ alg: 'ES256', kid: 'one' })
    .sign(signing.privateKey);

interface Asked {
  readonly policy?: PolicyDocument;
  readonly headers?: Record<string, string | readonly string[]>;
  readonly charged?: string;
  /** Milliseconds that pass first. */
  readonly after?: number;
}

function asked({ policy = policyOf(), headers = {}, charged = 'alice', after = 0 }: Asked) {
  const told = story(policy).wait(after);
  const open = told.http('customer', 'front', 'POST /orders', { headers });
  told.http('front', 'back', `POST /users/${charged}/charge`).answer(200);
  open.answer(201);
  return told;
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

async function judged(course: Asked) {
  const result = await judge(course.policy ?? policyOf(), asked(course));
  return {
    ...result,
    why: result.drops.map(({ reasons }) => `${reasons[0].code}: ${reasons[0].text}`)[0] ?? null,
  };
}

/** What is said of a request whose token is none. */
const lacking = (why: string): string =>
  `fact-missing: The request of customer to front does not clearly say its user: claim sub of the bearer token: ${why}.`;

describe('a claim of a verified token', () => {
  test('is a fact of the chain, and the token is shown nowhere', async () => {
    const token = await signed();
    const honest = await judged({ headers: bearer(token) });
    expect(honest.why).toBeNull();
    expect(honest.chains[0]?.facts).toEqual({ user: 'alice' });
    const attack = await judged({ headers: bearer(token), charged: 'bob' });
    expect(attack.why).toContain('has user alice, not bob');
    const said = JSON.stringify([attack.verdicts, attack.chains]);
    for (const part of token.split('.')) expect(said).not.toContain(part);
  });

  test.each([
    ['an RSA key', { head: { alg: 'RS256', kid: 'two' }, key: rsa.privateKey }],
    ['no kid, where one key fits', { head: { alg: 'RS256', kid: null }, key: rsa.privateKey }],
    ['no end', { claims: { exp: undefined } }],
    ['several audiences', { claims: { aud: ['else', 'back'] } }],
  ] as const)('may have %s', async (_, token) => {
    expect((await judged({ headers: bearer(await signed(token)) })).why).toBeNull();
  });

  test('may stand in a cookie or a header of another name, and deep inside', async () => {
    const token = await signed({ claims: { realm: { user: 'alice' } } });
    const inCookie = policyOf(claim('/realm/user', { of: cookie('token') }));
    expect((await judged({ policy: inCookie, headers: { cookie: `a=1; token=${token}` } })).why).toBeNull();
    const inHeader = policyOf(claim('sub', { of: header('x-token') }));
    expect((await judged({ policy: inHeader, headers: { 'x-token': token } })).why).toBeNull();
    expect((await judged({ policy: inHeader, headers: bearer(token) })).why).toContain(
      'claim sub of header x-token: it is not there',
    );
    expect(() => claim('sub', { of: query('token') })).toThrow(/cookie or a header/);
  });

  test('is not read without whoever verifies it', async () => {
    const policy = policyOf();
    const engine = await createEngine({ policies: [policy], containment: 'forward' });
    const told = asked({ headers: bearer(await signed()) });
    const said = told.events.flatMap((event) => engine.handle(event));
    expect(JSON.stringify(said)).toContain('its token was not verified');
  });

  test('is found by mutation, as any fact is', async () => {
    const report = await mutate(policyOf(), [asked({ headers: bearer(await signed()) })]);
    expect(report.survivors.filter(({ kind }) => kind === 'value')).toEqual([]);
  });
});

async function tampered(): Promise<string> {
  const [head, , signature] = (await signed()).split('.');
  const payload = Buffer.from(JSON.stringify({ sub: 'bob', iss: 'https://id.example', aud: 'front' }));
  return `${head}.${payload.toString('base64url')}.${signature}`;
}

async function confused(): Promise<string> {
  return signed({
    head: { alg: 'HS256', kid: 'two' },
    key: new TextEncoder().encode(await exportSPKI(rsa.publicKey)),
  });
}

async function unsigned(): Promise<string> {
  return new UnsecuredJWT({ sub: 'alice', iss: 'https://id.example', aud: 'front' }).encode();
}

async function withHead(head: string): Promise<string> {
  return [Buffer.from(head).toString('base64url'), ...(await signed()).split('.').slice(1)].join('.');
}

const REFUSED: readonly (readonly [what: string, token: () => Promise<string>, why: string])[] = [
  ['from another payload under the same signature', tampered, 'its token has a wrong signature'],
  [
    'from a token with alg "none"',
    unsigned,
    'its token is signed by an algorithm that the policy does not allow',
  ],
  [
    'from one that takes the public key for a shared one',
    confused,
    'its token is signed by an algorithm that the policy does not allow',
  ],
  [
    'under an unknown kid',
    () => signed({ head: { kid: 'three' } }),
    'its token is signed by a key that the policy does not have',
  ],
  [
    'under the kid of another key',
    () => signed({ key: other.privateKey }),
    'its token has a wrong signature',
  ],
  [
    'of another issuer',
    () => signed({ claims: { iss: 'https://evil.example' } }),
    'its token is of another issuer',
  ],
  ['without issuer', () => signed({ claims: { iss: undefined } }), 'its token is of another issuer'],
  ['for another audience', () => signed({ claims: { aud: 'else' } }), 'its token is for another audience'],
  ['for no audience', () => signed({ claims: { aud: undefined } }), 'its token is for another audience'],
  ['after its end', () => signed({ claims: { exp: NOW - 1 } }), 'its token has expired'],
  ['before its time', () => signed({ claims: { nbf: NOW + 60 } }), 'its token is not valid yet'],
  [
    'with an end that is no number',
    () => signedText(`{"sub":"alice","iss":"https://id.example","aud":"front","exp":"${NOW + 60}"}`),
    'its token has a time that is no number',
  ],
  ['that is not there', () => signed({ claims: { sub: undefined } }), 'it is not there'],
  [
    'that is no single value',
    () => signedText('{"sub":["alice"],"iss":"https://id.example","aud":"front"}'),
    'it is not there',
  ],
  [
    'that stands there twice',
    () => signedText('{"sub":"alice","sub":"bob","iss":"https://id.example","aud":"front"}'),
    'its token is not clean JSON: key "sub" occurs twice',
  ],
  ['from a payload that is no object', () => signedText('["alice"]'), 'its token has no claims'],
  [
    'from a head with a key twice',
    () => withHead('{"alg":"ES256","kid":"one","kid":"two"}'),
    'its token has a head that is not clean JSON: key "kid" occurs twice',
  ],
  [
    'from a head with critical extensions',
    () => withHead('{"alg":"ES256","kid":"one","crit":["exp"]}'),
    'its token has critical extensions',
  ],
  ['from a head without algorithm', () => withHead('{}'), 'its token is no signed JSON Web Token'],
  ['from an encrypted token', async () => 'a.b.c.d.e', 'its token is no signed JSON Web Token'],
  ['from something else', async () => 'hunter2', 'its token is no signed JSON Web Token'],
  ['from a long token', () => signed({ claims: { pad: 'x'.repeat(20_000) } }), 'its token is too long'],
];

describe('no claim is read', () => {
  test.each(REFUSED)('%s', async (_, token, why) => {
    const { why: said } = await judged({ headers: bearer(await token()) });
    expect(said).toBe(lacking(why));
  });

  test('from two authorizations, from another scheme, or from none', async () => {
    const token = await signed();
    const twice = { authorization: [`Bearer ${token}`, `Bearer ${token}`] };
    expect((await judged({ headers: twice })).why).toBe(lacking('its token stands there more than once'));
    const basic = { authorization: 'Basic YWxpY2U6eA==' };
    expect((await judged({ headers: basic })).why).toBe(lacking('its authorization is no bearer token'));
    expect((await judged({})).why).toBe(lacking('it is not there'));
  });

  test('where the token does not say by which of two keys it is signed', async () => {
    const keys = { keys: [...KEYS.keys, await jwk(other.publicKey, 'three')] };
    const policy = policyOf(claim('sub'), { ...TOKENS, keys });
    const token = await new SignJWT({ sub: 'alice' })
      .setProtectedHeader({ alg: 'ES256' })
      .sign(signing.privateKey);
    expect((await judged({ policy, headers: bearer(token) })).why).toBe(
      lacking('its token does not say which of several keys it is signed by'),
    );
  });
});

test('the time of a token is compared with that of each event which shows it', async () => {
  const policy = policyOf();
  const headers = bearer(await signed());
  const told = story(policy);
  told.http('customer', 'front', 'POST /orders', { headers }).answer(400);
  told.wait(59_000);
  told.http('customer', 'front', 'POST /orders', { headers }).answer(400);
  told.wait(2_000);
  told.http('customer', 'front', 'POST /orders', { headers }).answer(400);
  const { drops } = await judge(policy, told);
  expect(drops.map(({ ts }) => Math.floor(ts / 1e6) - NOW)).toEqual([61]);
});

describe('a policy that reads claims', () => {
  test('stays plain: it can be written, read and compared', () => {
    const policy = policyOf();
    expect(readDocument(JSON.parse(JSON.stringify(policy)), 'policy.json')).toEqual(
      JSON.parse(JSON.stringify(policy)),
    );
    const { tokens } = policy;
    const others = { ...policy, tokens: tokens && { ...tokens, issuer: 'https://else.example' } };
    expect(differenceOf(policy, others as PolicyDocument)).toMatchObject([
      { kind: 'changed', path: ['tokens', 'issuer'] },
    ]);
    const cookied = policyOf(claim('sub', { of: cookie('token') }));
    expect(JSON.stringify(differenceOf(policy, cookied))).toContain('user (claim sub cookie token)');
  });

  const problems = (tokens: TokenOptions) =>
    checkPolicy(policyOf(claim('sub'), tokens)).map(({ problem }) => problem);

  test('has public keys only, and says which algorithms they are for', async () => {
    const secret: JWK = await exportJWK(signing.privateKey);
    expect(problems(TOKENS)).toEqual([]);
    expect(problems({ ...TOKENS, keys: { keys: [secret as unknown as Jwk] } })).toEqual([
      'key 1 for tokens is a private or shared one',
    ]);
    expect(problems({ ...TOKENS, keys: { keys: [{ kty: 'oct', kid: 'x' }] } })).toEqual([
      'key "x" for tokens is of no known type',
    ]);
    expect(problems({ ...TOKENS, keys: { keys: [] }, algorithms: [] })).toEqual([
      'tokens are verified by no key',
      'tokens may be signed by no algorithm',
    ]);
  });

  test('says how tokens are verified', () => {
    const { tokens: _, ...without } = policyOf();
    expect(checkPolicy(without)).toMatchObject([
      { problem: 'fact "user" of "POST /orders" is a claim, but nothing says how tokens are verified' },
    ]);
  });
});
