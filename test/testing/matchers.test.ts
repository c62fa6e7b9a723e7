// The matchers and what they say when they fail. Enters: stories and captures; leaves: assertions on passes and messages.
import { judge, matchers, story } from 'flowtap/testing';
import { describe, expect, test } from 'vitest';
import shop from '../../examples/shop/policy.ts';
import dvdRental from '../../policies/dvd-rental.ts';

expect.extend(matchers);

const CAPTURES = new URL('../../pcaps/', import.meta.url).pathname;
const honest = await judge(dvdRental, `${CAPTURES}honest-rental-and-return.pcap.gz`);
const attacked = await judge(dvdRental, [`${CAPTURES}attack-bills-bob-for-alice.pcap.gz`]);

/** The message with which an expectation fails. */
function failure(expectation: () => void): string {
  try {
    expectation();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  throw new Error('the expectation holds');
}

describe('toExplainEverything', () => {
  test('passes on an honest capture', () => {
    expect(honest).toExplainEverything();
    expect(failure(() => expect(honest).not.toExplainEverything())).toMatch(/but all \d+ verdicts pass/);
  });

  test('tells the story of what is not explained: the reason, what differed, the chain, packets and bytes', () => {
    const message = failure(() => expect(attacked).toExplainEverything());
    expect(message).toMatch(/of \d+ verdicts do not pass/);
    expect(message).toContain(
      'DROP v28, fact-differs: contract-update to user-update: POST /users/bob/charge',
    );
    expect(message).toContain(
      'user is "bob" (POST /users/:user/charge, path :user), expected "alice" (POST /contracts, header x-user)',
    );
    expect(message).toMatch(/packet 134 of \S+bob-for-alice\.pcap\.gz, bytes \d+ to \d+ of the client/);
    expect(message).toMatch(
      / {6}denied POST \/users\/:user\/charge \(once, up to 2 retries\): has not come <- here/,
    );
    expect(message).toMatch(/user = "alice" from POST \/contracts, header x-user, packet 109/);
    expect(message).toContain('CANNOT TELL');
  });
});

describe('toDrop', () => {
  test('passes when one drop is of this kind', () => {
    expect(attacked).toDrop({ from: 'contract-update', to: 'user-update', fact: 'user', seen: 'bob' });
    expect(attacked).toDrop({ request: /^POST \/users\/\w+\/charge$/, expected: 'alice' });
    expect(attacked).toDrop({
      step: 'POST /users/:user/charge',
      code: 'fact-differs',
      decidedBy: 'integrity',
    });
    expect(attacked).toDrop({});
  });

  test.each([
    { from: 'user-update' },
    { to: 'queue' },
    { request: 'POST /users/alice/charge' },
    { request: /alice/ },
    { step: 'POST /contracts' },
    { code: 'overdue' },
    { decidedBy: 'request' },
    { fact: 'amount' },
    { seen: 'alice' },
    { expected: 'bob' },
  ] as const)('fails for %o, and says what is dropped instead', (expected) => {
    expect(attacked).not.toDrop(expected);
    expect(failure(() => expect(attacked).toDrop(expected))).toMatch(/these 1 are:[\s\S]*bob/);
  });

  test('says so when nothing is dropped, and what was when nothing should have been', () => {
    expect(failure(() => expect(honest).toDrop({ code: 'overdue' }))).toMatch(
      /expected a drop with code overdue, but nothing is dropped/,
    );
    expect(failure(() => expect(attacked).not.toDrop({ fact: 'user' }))).toMatch(/but there is:\n\nDROP v28/);
  });
});

describe('toDropOnly', () => {
  /** Three charges that no order needs. */
  const charges = async () => {
    const told = story(shop);
    for (const user of ['alice', 'bob', 'carol']) {
      told.http('orders', 'billing', `POST /users/${user}/charge`, { body: { amount: 5 } }).answer(200);
      told.wait(100);
    }
    return judge(shop, told);
  };

  test('pairs each expectation with a drop of its own, whatever their order', async () => {
    const judged = await charges();
    const bob = { request: 'POST /users/bob/charge' };
    expect(judged).toDropOnly({ to: 'billing' }, { code: 'no-open-chain' }, bob);
    expect(judged).toDropOnly({ request: /alice|bob/ }, { request: /alice/ }, { request: /carol/ });
    expect(judged).not.toDropOnly(bob, bob, {});
    expect(failure(() => expect(judged).not.toDropOnly({}, {}, {}))).toMatch(/expected other drops than/);
  });

  test('names what is missing, and tells what nobody expected', async () => {
    const message = failure(() => expect(honest).toDropOnly({ fact: 'user' }));
    expect(message).toMatch(/there is no drop with fact user; nothing is dropped/);
    const judged = await charges();
    const other = failure(() => expect(judged).toDropOnly({ request: /alice/ }, { fact: 'user' }));
    expect(other).toMatch(
      /expected 2 drops; there is no drop with fact user; nobody expected 2 of the drops/,
    );
    expect(other).not.toContain('/alice/');
  });

  test('passes without expectations when nothing is dropped', () => {
    expect(honest).toDropOnly();
  });
});

test('a matcher says when it is given something else', () => {
  expect(failure(() => expect(judge(shop, [])).toExplainEverything())).toMatch(/write await before judge/);
  expect(failure(() => expect('judged').toDrop({}))).toMatch(/"await judge\(policy, source\)" gives/);
});

test('a long list of drops is cut', async () => {
  const told = story(shop);
  for (let i = 0; i < 14; i++)
    told.http('orders', 'billing', `POST /users/u${i}/charge`, { body: { amount: 5 } });
  const judged = await judge(shop, told);
  expect(failure(() => expect(judged).toExplainEverything())).toContain('and 4 more');
});
