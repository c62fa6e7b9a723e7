// Requests judged again with the values of their nearest chains. Enters: stories; leaves: whether they would have passed.
import { judge, type Source, story } from 'flowtap/testing';
import { describe, expect, test } from 'vitest';
import shop from '../../examples/shop/policy.ts';
import type { PolicyDocument } from '../../src/policy/document.ts';
import { counterfactualOf } from '../../src/testing/counterfactual.ts';
import { eventsOf } from '../../src/testing/source.ts';
import { warehouse } from './warehouse.ts';

/** The first drop, and the verdict on the same request with other values. */
async function retried(policy: PolicyDocument, source: Source) {
  const events = await eventsOf(source, policy);
  const [drop] = (await judge(policy, events)).drops;
  const would = drop === undefined ? null : counterfactualOf(drop, policy);
  if (would === null) return null;
  const again = await judge(
    policy,
    events.map((event) => would.change(event)),
  );
  const verdict = again.verdicts.find((each) => would.isAbout(each));
  return { values: Object.fromEntries(would.values), says: verdict?.reasons[0].code };
}

function order() {
  const told = story(shop);
  told.http('customer', 'orders', 'POST /orders', { headers: { 'x-user': 'alice' }, body: { amount: 5 } });
  return told;
}

describe('a request with the values of its nearest chain', () => {
  test('passes when values are all that stands against it, however they are written', async () => {
    const told = order();
    told.http('orders', 'billing', 'POST /users/bob/charge', { body: { amount: '7.00' } });
    expect(await retried(shop, told)).toEqual({ values: { user: 'alice', amount: '5' }, says: 'explained' });
  });

  test('is changed wherever the value stands, or it would contradict itself', async () => {
    const told = order();
    told.http('orders', 'billing', 'POST /users/alice/charge', { body: { amount: 5 } });
    told.sql('billing', 'billing-db', 'UPDATE users SET balance = balance - $1 WHERE name = $2', [
      6,
      'alice',
    ]);
    expect(await retried(shop, told)).toEqual({ values: { amount: '5' }, says: 'explained' });
    const message = story(warehouse);
    message.http('customer', 'orders', 'POST /orders', { headers: { 'x-user': 'alice' } });
    message.http('orders', 'stock', 'POST /reservations', { body: { user: 'mallory', again: 'mallory' } });
    expect(await retried(warehouse, message)).toEqual({ values: { user: 'alice' }, says: 'explained' });
  });

  test('does not pass when something else stands against it, too', async () => {
    const told = order();
    told.http('orders', 'billing', 'POST /users/alice/charge', { body: { amount: 5 } });
    told.http('orders', 'billing', 'POST /users/bob/charge', { body: { amount: 5 } });
    expect(await retried(shop, told)).toEqual({ values: { user: 'alice' }, says: 'already-done' });
  });

  test('is not asked for where no values differ', async () => {
    const told = story(shop);
    told.http('orders', 'billing', 'POST /users/bob/charge', { body: { amount: 5 } });
    expect(await retried(shop, told)).toBeNull();
    expect(await retried(shop, order())).toBeNull();
  });
});
