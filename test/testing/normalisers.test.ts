// How facts are compared, each way in a story. Enters: policies, stories; leaves: what is the same value and what is not.
import { judge, story } from 'flowtap/testing';
import { describe, expect, test } from 'vitest';
import {
  application,
  body,
  cents,
  chain,
  cookie,
  decimal,
  decreasedBy,
  fact,
  header,
  http,
  lowerCase,
  once,
  type Source,
  secret,
  sql,
  trimmed,
  uuid,
} from '../../src/policy/author.ts';
import { checkPolicy } from '../../src/policy/check.ts';
import type { PolicyDocument } from '../../src/policy/document.ts';
import { counterfactualOf } from '../../src/testing/counterfactual.ts';

/** A front that passes one fact on, as `sent`, to a service. */
function relay(asked: Source, sent: Source): PolicyDocument {
  return application('relay', ({ external, service }) => {
    const user = external('user');
    const front = service('front', { at: '10.0.0.1', http: 80 });
    const back = service('back', { at: '10.0.0.2', http: 80 });
    const ask = http
      .post('/ask')
      .from(user)
      .to(front)
      .facts({ who: header('x-user'), it: asked });
    const send = http
      .post('/send')
      .from(front)
      .to(back)
      .facts({ who: header('x-user'), it: sent });
    return chain(ask, once(send));
  });
}

type Parts = Parameters<ReturnType<typeof story>['http']>[3];

async function relayed(policy: PolicyDocument, asked: Parts, sent: Parts) {
  const told = story(policy);
  const who = { 'x-user': 'alice' };
  const open = told.http('user', 'front', 'POST /ask', { ...asked, headers: { ...who, ...asked?.headers } });
  told.http('front', 'back', 'POST /send', { ...sent, headers: { ...who, ...sent?.headers } }).answer(200);
  open.answer(200);
  return { told, ...(await judge(policy, told)) };
}

const codes = ({ drops }: { readonly drops: readonly { readonly reasons: readonly { code: string }[] }[] }) =>
  drops.map(({ reasons }) => reasons[0]?.code);

const json = (it: unknown): Parts => ({ body: { it } });

describe('an amount in cents', () => {
  const policy = relay(decimal(body('/it')), cents(body('/it')));

  test.each([
    [3.5, 350],
    ['3.50', '350'],
    [0.07, 7],
  ])('%j and %j cents are one', async (asked, sent) => {
    expect(codes(await relayed(policy, json(asked), json(sent)))).toEqual([]);
  });

  test('and the amount without the cents is another one', async () => {
    const { drops, told } = await relayed(policy, json(3.5), json(3.5));
    expect(drops[0]?.reasons[0].text).toContain('has it 3.5, not 0.035');
    const would = drops[0] === undefined ? null : counterfactualOf(drops[0], policy);
    const again = await judge(
      policy,
      told.events.map((event) => would?.change(event) ?? event),
    );
    expect(codes(again)).toEqual([]);
  });

  test('may be what a statement says', async () => {
    const shop = application('shop', ({ external, service }) => {
      const user = external('user');
      const front = service('front', { at: '10.0.0.1', http: 80 });
      const db = service('db', { at: '10.0.0.2', postgres: 5432 });
      const buy = http
        .post('/buy')
        .from(user)
        .to(front)
        .facts({ user: header('x-user'), amount: decimal(body('/amount')) });
      const debit = sql
        .update('users')
        .from(front)
        .to(db)
        .where({ name: fact('user') })
        .sets({ cents: decreasedBy(fact('amount', { scale: -2 })) });
      return chain(buy, once(debit));
    });
    const bought = (cents: number) => {
      const told = story(shop);
      const parts = { headers: { 'x-user': 'alice' }, body: { amount: 3.5 } };
      told.http('user', 'front', 'POST /buy', parts);
      told.sql('front', 'db', 'UPDATE users SET cents = cents - $1 WHERE name = $2', [cents, 'alice']);
      return judge(shop, told);
    };
    expect(codes(await bought(350))).toEqual([]);
    expect(codes(await bought(3.5))).toEqual(['fact-differs']);
  });
});

describe('a JSON value', () => {
  test('is the same as a string and as a number, unless the policy says which', async () => {
    const any = relay(decimal(body('/it')), body('/it'));
    expect(codes(await relayed(any, json(1), json('1.0')))).toEqual([]);
    expect(codes(await relayed(any, { body: '{"it":1e0}', headers: JSON_HEADERS }, json(1)))).toEqual([]);
    const typed = relay(body('/it', { type: 'boolean' }), body('/it'));
    expect(codes(await relayed(typed, json(false), json(false)))).toEqual([]);
    const { drops } = await relayed(typed, json('false'), json('false'));
    expect(drops[0]?.reasons[0].text).toContain('it is a JSON string, not a boolean');
  });
});

const JSON_HEADERS = { 'content-type': 'application/json' };

test('white space, case and the spelling of a UUID mean nothing where the policy says so', async () => {
  const padded = relay(trimmed(lowerCase(body('/it'))), body('/it'));
  expect(codes(await relayed(padded, json(' Alice\n'), json('alice')))).toEqual([]);
  expect(codes(await relayed(padded, json('Alice'), json(' alice')))).toEqual(['fact-differs']);
  const id = relay(uuid(body('/it')), header('x-id'));
  const upper = '{9F0C1E1A-3B1D-4C2E-8A5F-0123456789AB}';
  const plain = { headers: { 'x-id': '9f0c1e1a-3b1d-4c2e-8a5f-0123456789ab' } };
  expect(codes(await relayed(id, json(upper), plain))).toEqual([]);
});

describe('a secret', () => {
  const policy = relay(secret(cookie('sid')), secret(cookie('sid')));
  const sent = (sid: string): Parts => ({ headers: { cookie: `sid=${sid}` } });

  test('is compared, and shown nowhere', async () => {
    expect(codes(await relayed(policy, sent('hunter2'), sent('hunter2')))).toEqual([]);
    const judged = await relayed(policy, sent('hunter2'), sent('swordfish'));
    expect(codes(judged)).toEqual(['fact-differs']);
    const [drop] = judged.drops;
    const said = JSON.stringify([judged.verdicts, judged.chains, drop && judged.chainOf(drop)]);
    expect(said).not.toMatch(/hunter2|swordfish/);
    expect(drop && counterfactualOf(drop, policy)).toBeNull();
  });

  test('may not stand where verdicts show it', () => {
    const shown = application('shown', ({ external, service }) => {
      const front = service('front', { at: '10.0.0.1', http: 80 });
      const ask = http
        .get('/sessions/:sid')
        .from(external('user'))
        .to(front)
        .facts({ sid: secret(cookie('sid')) });
      return chain(ask);
    });
    expect(checkPolicy(shown)).toMatchObject([
      { code: 'malformed', problem: expect.stringContaining('fact "sid" is secret, but stands in the path') },
    ]);
  });
});

test('a fact that is scaled and not compared as a number is a mistake', () => {
  const policy = relay(body('/it'), lowerCase(cents(body('/it'))));
  expect(checkPolicy(policy)).toMatchObject([
    { problem: 'fact "it" is scaled in "POST /send", but compared as lower' },
  ]);
});
