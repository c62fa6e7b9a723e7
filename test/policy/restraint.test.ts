// Rules that only audit or report, or cut for another time. Enters: attacks on the DVD rental; leaves: verdicts and blocks.
import { describe, expect, test } from 'vitest';
import dvdRental from '../../policies/dvd-rental.ts';
import { amqp, application, chain, http, once, required, sql } from '../../src/policy/author.ts';
import { differenceOf } from '../../src/policy/difference.ts';
import type { PolicyDocument } from '../../src/policy/document.ts';
import { hashOf } from '../../src/policy/hash.ts';
import { readDocument } from '../../src/policy/read-document.ts';
import type { BlockInstruction } from '../../src/verdict.ts';
import { AT, DvdRental, rental } from '../support/dvd-rental.ts';
import { judge } from '../support/judge.ts';

type Words = Pick<PolicyDocument['requests'][number], 'audited' | 'containment'>;

/** The policy with one rule in other words. */
function rule(id: string, words: Words): PolicyDocument {
  expect(dvdRental.requests.map((request) => request.id)).toContain(id);
  return {
    ...dvdRental,
    requests: dvdRental.requests.map((request) => (request.id === id ? { ...request, ...words } : request)),
  };
}

function service(name: string): PolicyDocument {
  return {
    ...dvdRental,
    services: dvdRental.services.map((each) => (each.name === name ? { ...each, audited: true } : each)),
  };
}

/** Bills bob for what alice rents, and asks for what nobody declared. */
function attack(): DvdRental {
  const told = new DvdRental();
  const answer = told.ask(rental());
  told.lookUp(rental());
  const bill = told.bill(rental({ user: 'bob' }));
  told.toUsers.http('DELETE', '/users/alice')(200);
  bill();
  answer(500);
  return told;
}

async function blocksOf(policy: PolicyDocument, told: DvdRental, containment?: 'forward' | 'redirect') {
  const { outputs, drops, indeterminate } = await judge(policy, told.story.end(), containment);
  const blocks = outputs.flatMap((output): readonly BlockInstruction[] =>
    output.kind === 'block' ? [output.block] : [],
  );
  const brief = drops.map(({ subject, action, restraint }) => `${subject.request}: ${action} (${restraint})`);
  return { blocks, brief, drops, indeterminate };
}

const BILL = 'POST /users/:user/charge';

describe('a rule that only audits', () => {
  test('says what it would do and blocks nothing, while others block', async () => {
    const plain = await blocksOf(dvdRental, attack());
    expect(plain.brief).toEqual([
      'DELETE /users/alice: block (null)',
      'POST /users/bob/charge: block (null)',
    ]);
    expect(plain.blocks).toHaveLength(2);
    const { brief, blocks, drops } = await blocksOf(rule(BILL, { audited: true }), attack());
    expect(brief).toEqual(['DELETE /users/alice: block (null)', 'POST /users/bob/charge: observe (request)']);
    expect(blocks.map(({ verdict }) => verdict)).toEqual([drops[0]?.id]);
  });

  test('also decides on a value that is absent', async () => {
    const told = new DvdRental();
    const answer = told.ask(rental());
    told.toUsers.http('POST', '/users/alice/charge', { body: { contract: 'c-1' } })(400);
    answer(500);
    const { brief, blocks } = await blocksOf(rule(BILL, { audited: true }), told);
    expect(brief).toEqual(['POST /users/alice/charge: observe (request)']);
    expect(blocks).toEqual([]);
  });

  test('decides on its own obligation, whoever answers too early', async () => {
    const told = new DvdRental();
    const answer = told.ask(rental());
    told.lookUp(rental());
    const billed = told.bill(rental());
    told.debit(rental());
    billed();
    told.publish(rental());
    answer();
    const tag = told.deliver(rental());
    told.markRented(rental());
    told.ack(tag);
    const { brief, blocks } = await blocksOf(rule('POST /shipments', { audited: true }), told);
    expect(brief).toEqual([expect.stringMatching(/: observe \(request\)$/)]);
    expect(blocks).toEqual([]);
  });

  test('lets a held request go on, whose consequences are then no offence of their makers', async () => {
    const run = (policy: PolicyDocument) => {
      const told = new DvdRental();
      const wrong = rental({ user: 'bob' });
      const answer = told.ask(rental());
      told.lookUp(rental());
      const billed = told.bill(wrong);
      told.story.wait(50_000);
      told.debit(wrong);
      billed();
      answer(500);
      return blocksOf(policy, told, 'redirect');
    };
    const enforced = await run(dvdRental);
    expect(enforced.drops.length).toBeGreaterThan(1);
    const audited = await run(rule(BILL, { audited: true }));
    expect(audited.brief).toEqual(['POST /users/bob/charge: observe (request)']);
    expect(audited.drops[0]?.effect).toBe('detected');
    expect(audited.indeterminate.map(({ reasons }) => reasons[0].code)).toEqual([
      'consequence',
      'consequence',
    ]);
    expect(audited.blocks).toEqual([]);
  });
});

describe('a service that is only audited', () => {
  test('may be denied anything that it asks for without a block, and others may not', async () => {
    const ours = await blocksOf(service('contract-update'), attack());
    expect(ours.brief).toEqual([
      'DELETE /users/alice: observe (service)',
      'POST /users/bob/charge: observe (service)',
    ]);
    expect(ours.blocks).toEqual([]);
    expect((await blocksOf(service('dvd-update'), attack())).blocks).toHaveLength(2);
  });

  test('may open a connection that nobody declared', async () => {
    const told = new DvdRental();
    told.story.connect(AT.shipping, `${AT.userDb}:5432`);
    const { brief, blocks } = await blocksOf(service('shipping'), told);
    expect(brief).toEqual(['connect to port 5432: observe (service)']);
    expect(blocks).toEqual([]);
  });
});

describe('containment of a rule', () => {
  test('cuts for its own time', async () => {
    const { blocks } = await blocksOf(rule(BILL, { containment: { kind: 'cut', lifetime: 7e6 } }), attack());
    expect(blocks.map(({ lifetime }) => lifetime)).toEqual([dvdRental.limits.block, 7e6]);
  });

  test('only reports', async () => {
    const { brief, blocks } = await blocksOf(rule(BILL, { containment: { kind: 'report' } }), attack());
    expect(brief.at(-1)).toBe('POST /users/bob/charge: observe (report)');
    expect(blocks).toHaveLength(1);
  });
});

describe('the words', () => {
  const policy = (words: boolean): PolicyDocument =>
    application('shop', (tools) => {
      const customer = tools.external('customer', words ? { mode: 'audit' } : {});
      const orders = tools.service('orders', {
        at: '10.2.0.11',
        http: 80,
        ...(words ? { mode: 'audit' } : {}),
      });
      const db = tools.service('db', { at: '10.2.0.12', postgres: 5432, amqp: 5672, mode: 'enforce' });
      const order = http.post('/orders').from(customer).to(orders);
      const insert = sql.insert('orders').from(orders).to(db);
      const purge = amqp.purgeQueue('x').from(orders).to(db);
      return words
        ? chain(order.audited(), required(insert.contained('10m')), once(purge.contained('report').audited()))
        : chain(order, required(insert), once(purge));
    });

  test('are in the document, its hash, and its difference to one without them', () => {
    const [plain, worded] = [policy(false), policy(true)];
    expect(readDocument(JSON.parse(JSON.stringify(worded)), 'policy.json')).toEqual(worded);
    expect(hashOf(worded)).not.toBe(hashOf(plain));
    expect(JSON.stringify(plain)).not.toMatch(/audited|containment/);
    expect(
      differenceOf(plain, worded).map(({ kind, path, after }) => [kind, path.join(' > '), after]),
    ).toEqual([
      ['added', 'services > customer > audited', true],
      ['added', 'services > orders > audited', true],
      ['added', 'requests > POST /orders > audited', true],
      ['added', 'requests > insert orders > containment', { kind: 'cut', lifetime: 600_000_000 }],
      ['added', 'requests > purge queue x > audited', true],
      ['added', 'requests > purge queue x > containment', { kind: 'report' }],
    ]);
  });

  test('refuse a time that is none', () => {
    expect(() =>
      application('shop', (tools) => {
        const one = tools.service('one', { at: '10.2.0.11', http: 80 });
        return chain(http.get('/').from(one).to(one).contained('never'));
      }),
    ).toThrowError(/restraint\.test\.ts:\d+:\d+: .*"never" is no duration/);
  });
});
