// Relations in what is told of a policy: counterfactuals, coverage, differences, the journal. Enters: stories; leaves: what is said.
import { coverage, coverageTable, judge, type Story, story } from 'flowtap/testing';
import { describe, expect, test } from 'vitest';
import { verdictRecord } from '../../src/audit/verdict-record.ts';
import { describePolicy } from '../../src/cli/report/policy.ts';
import { describeVerdict } from '../../src/cli/report/violation.ts';
import {
  application,
  atMost,
  body,
  cents,
  chain,
  decimal,
  header,
  http,
  not,
  once,
  type Requires,
} from '../../src/policy/author.ts';
import { differenceOf } from '../../src/policy/difference.ts';
import type { PolicyDocument } from '../../src/policy/document.ts';
import { counterfactualOf } from '../../src/testing/counterfactual.ts';
import { fakeTerminal } from '../support/terminal.ts';

const { colours } = fakeTerminal();

function shop(...relations: Requires[]): PolicyDocument {
  return application('shop', ({ external, service }) => {
    const customer = external('customer');
    const orders = service('orders', { at: '10.0.0.1', http: 80 });
    const billing = service('billing', { at: '10.0.0.2', http: 80 });
    const order = http
      .post('/orders')
      .from(customer)
      .to(orders)
      .facts({ user: header('x-user'), limit: decimal(body('/limit')) });
    const pay = http
      .post('/pay')
      .from(orders)
      .to(billing)
      .facts({ user: body('/user'), total: cents(body('/cents')) })
      .requires(...relations);
    return chain(order, once(pay));
  });
}

const LIMITED = shop(atMost('total', 'limit'));

function paid(policy: PolicyDocument, cents: number): Story {
  const told = story(policy);
  const order = { headers: { 'x-user': 'alice' }, body: { limit: 10 } };
  const asked = told.http('customer', 'orders', 'POST /orders', order);
  told.http('orders', 'billing', 'POST /pay', { body: { user: 'alice', cents } }).answer(200);
  asked.answer(200);
  return told;
}

async function onlyDrop(policy: PolicyDocument, told: Story) {
  const { drops } = await judge(policy, told);
  const [drop] = drops;
  if (drop === undefined || drops.length > 1) throw new Error(`${drops.length} drops`);
  return drop;
}

describe('a relation that fails', () => {
  test('holds with the bound, written as it is written there', async () => {
    const told = paid(LIMITED, 1250);
    const drop = await onlyDrop(LIMITED, told);
    const would = counterfactualOf(drop, LIMITED);
    expect(would?.values).toEqual([['total', '10']]);
    const again = told.events.map((event) => would?.change(event) ?? event);
    expect((await judge(LIMITED, again)).drops).toEqual([]);
  });

  test('that no one value would mend has no counterfactual', async () => {
    const policy = shop(not('total', 'limit'));
    expect(counterfactualOf(await onlyDrop(policy, paid(policy, 1000)), policy)).toBeNull();
  });

  test('is in the journal and in the report', async () => {
    const drop = await onlyDrop(LIMITED, paid(LIMITED, 1250));
    expect(verdictRecord(drop, null).unmet).toEqual({
      relation: 'total at most limit',
      fact: 'total',
      seen: '12.5',
      seen_at: 'POST /pay, body /cents',
      would_hold_with: '10',
    });
    expect(describeVerdict(drop, null, colours)).toContain(
      'requires total at most limit; total is 12.5 (POST /pay, body /cents)',
    );
  });
});

describe('a policy with relations', () => {
  test('says them', () => {
    expect(describePolicy(LIMITED, 'forward', colours)).toContain('requires total at most limit');
  });

  test('differs from one without by their words', () => {
    expect(differenceOf(shop(not('total', 'limit')), LIMITED)).toMatchObject([
      { kind: 'added', path: ['requests', 'POST /pay', 'requires', 'total at most limit'] },
      { kind: 'removed', path: ['requests', 'POST /pay', 'requires', 'total other than limit'] },
    ]);
  });

  test('is covered when each has held, and has denied something', async () => {
    const rowOf = async (...sources: Story[]) => {
      const report = await coverage(LIMITED, sources);
      expect(coverageTable(report)).toContain('relation ');
      return report.rows.find(({ kind }) => kind === 'relation');
    };
    const what = 'total at most limit, of POST /pay';
    expect(await rowOf(paid(LIMITED, 900))).toMatchObject({ what, explained: 1, denied: 0 });
    expect(await rowOf(paid(LIMITED, 900), paid(LIMITED, 1001))).toMatchObject({ explained: 1, denied: 1 });
  });
});
