// Verdicts that change with the policy. Enters: two policies, stories; leaves: assertions on what changes.
import { changesOf, story } from 'flowtap/testing';
import { describe, expect, test } from 'vitest';
import shop from '../../examples/shop/policy.ts';
import type { PolicyDocument } from '../../src/policy/document.ts';

/** The shop without a look at the amount, or with steps that have to come. */
function changed(how: 'blind' | 'strict' | 'audit'): PolicyDocument {
  if (how === 'audit') return { ...shop, mode: 'audit' };
  return {
    ...shop,
    requests:
      how === 'strict'
        ? shop.requests
        : shop.requests.map((request) =>
            request.id === 'POST /users/:user/charge'
              ? { ...request, facts: request.facts.filter(({ fact }) => fact !== 'amount') }
              : request,
          ),
    chains:
      how === 'blind'
        ? shop.chains
        : shop.chains.map(({ root, place, every }) => ({
            every,
            place,
            root: {
              ...root,
              children: root.children.map((child) => ({
                ...child,
                children: child.children.map((step) => ({ ...step, cardinality: 'required' as const })),
              })),
            },
          })),
  };
}

function order(charged: number, debited: boolean) {
  const told = story(shop);
  const asked = told.http('customer', 'orders', 'POST /orders', {
    headers: { 'x-user': 'alice' },
    body: { amount: 5 },
  });
  const billed = told.http('orders', 'billing', 'POST /users/alice/charge', { body: { amount: charged } });
  if (debited)
    told.sql('billing', 'billing-db', 'UPDATE users SET balance = balance - $1 WHERE name = $2', [
      5,
      'alice',
    ]);
  billed.answer(200);
  asked.answer(201);
  return told.wait(50);
}

async function brief(before: PolicyDocument, after: PolicyDocument, source: ReturnType<typeof order>) {
  const { verdicts, chains } = await changesOf(before, after, source);
  return [
    ...verdicts.map(
      ({ kind, before, after }) =>
        `${kind}: ${(after ?? before)?.subject.request.slice(0, 30)}: ${before?.reasons[0].code ?? 'nothing'} -> ${after?.reasons[0].code ?? 'nothing'}`,
    ),
    ...chains.map(({ root, before, after }) => `${root.split(' of ')[0]}: ${before} -> ${after}`),
  ];
}

describe('the changes between two policies', () => {
  test('are none for traffic that both explain', async () => {
    const { verdicts, chains, judged } = await changesOf(shop, changed('strict'), order(5, true));
    expect({ verdicts, chains }).toEqual({ verdicts: [], chains: [] });
    expect(judged).toBeGreaterThan(3);
  });

  test('name what is newly denied, also where the old policy said nothing', async () => {
    expect(await brief(shop, changed('strict'), order(5, false))).toEqual([
      'denied: response 200: nothing -> out-of-order',
    ]);
  });

  test('name what is newly allowed, what follows from it, and chains that end differently', async () => {
    expect(await brief(shop, changed('blind'), order(6, true))).toEqual([
      'allowed: POST /users/alice/charge: fact-differs -> explained',
      'allowed: UPDATE users SET balance = bal: no-open-chain -> explained',
      'POST /orders: incomplete -> complete',
    ]);
  });

  test('count what would be done, not only what is said', async () => {
    expect(await brief(shop, changed('audit'), order(6, true))).toEqual([
      'otherwise: POST /users/alice/charge: fact-differs -> fact-differs',
      'otherwise: UPDATE users SET balance = bal: no-open-chain -> no-open-chain',
    ]);
  });
});
