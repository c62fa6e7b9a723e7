// Tests of the shop's policy, as its author writes them. Enters: stories; leaves: what the policy must say of them.
import { coverage, coverageTable, judge, matchers, story } from 'flowtap/testing';
import { expect, test } from 'vitest';
import shop from './policy.ts';

expect.extend(matchers);

/** One order of Alice's; somebody else may be charged for it. */
function order(charged = 'alice') {
  const told = story(shop);
  const asked = told.http('customer', 'orders', 'POST /orders', {
    headers: { 'x-user': 'alice' },
    body: { amount: 5 },
  });
  const billed = told.http('orders', 'billing', `POST /users/${charged}/charge`, {
    body: { amount: '5.00' },
  });
  told.sql('billing', 'billing-db', 'UPDATE users SET balance = balance - $1 WHERE name = $2', [5, charged]);
  billed.answer(200);
  asked.answer(201);
  return told;
}

test('an order is charged', async () => {
  const judged = await judge(shop, order());
  expect(judged).toExplainEverything();
  expect(judged.chains.map(({ outcome }) => outcome)).toEqual(['complete']);
});

test('nobody is charged for the order of somebody else', async () => {
  expect(await judge(shop, order('bob'))).toDropOnly({
    from: 'orders',
    to: 'billing',
    request: 'POST /users/bob/charge',
    fact: 'user',
    seen: 'bob',
    expected: 'alice',
  });
});

test('these tests exercise the whole policy', async () => {
  const report = await coverage(shop, [order(), order('bob')]);
  expect(coverageTable(report)).toContain('request 3/3, step 3/3');
  expect(report.unexercised).toEqual([]);
});
