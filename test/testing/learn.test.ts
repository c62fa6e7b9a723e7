// Policies learnt from honest traffic. Enters: captures, stories; leaves: assertions on what they say, explain and deny.
import { readdirSync } from 'node:fs';
import { judge, learn, matchers, mutate, type Source, story } from 'flowtap/testing';
import { describe, expect, test } from 'vitest';
import shop from '../../examples/shop/policy.ts';
import type { Event } from '../../src/events/event.ts';
import { load } from './load.ts';
import { warehouse } from './warehouse.ts';

expect.extend(matchers);

const CAPTURES = new URL('../../pcaps/', import.meta.url).pathname;
const stories = (prefix: string): readonly string[] =>
  readdirSync(CAPTURES).filter((name) => name.startsWith(prefix) && name.endsWith('.pcap.gz'));

describe("the DVD rental's honest captures", async () => {
  const honest = stories('honest-').map((name) => `${CAPTURES}${name}`);
  const { text, notes, requests } = await learn(honest, { application: 'dvd-rental' });
  const policy = await load(text);

  test('give a policy that a person can read', async () => {
    expect(notes).toEqual([]);
    expect(requests).toBeGreaterThan(3000);
    await expect(text).toMatchFileSnapshot('dvd-rental-learnt.txt');
  });

  test.each(honest)('%s is explained whole by it', async (capture) => {
    const judged = await judge(policy, capture);
    expect(judged).toExplainEverything();
    expect(judged.verdicts.length).toBeGreaterThan(40);
  });

  test('give a policy that denies every attack, at the request that offends', async () => {
    const denied: Record<string, string> = {};
    for (const name of stories('attack-')) {
      const { drops } = await judge(policy, `${CAPTURES}${name}`);
      const [first] = drops;
      denied[name.replace(/^attack-|\.pcap\.gz$/g, '')] =
        first === undefined ? 'nothing' : `${first.reasons[0].code}: ${first.subject.request.slice(0, 40)}`;
    }
    console.log(denied);
    expect(denied).toEqual({
      'acks-without-shipping': 'out-of-order: basic.ack',
      'another-dvd-in-message': 'fact-differs: basic.publish rentals/rental.created',
      'bills-another-amount': 'fact-differs: POST /users/alice/charge',
      'bills-bob-for-alice': 'fact-differs: POST /users/bob/charge',
      'bills-twice': 'already-done: POST /users/alice/charge',
      'bills-without-request': 'no-open-chain: POST /users/bob/charge',
      'connects-outside': 'connection-not-declared: connect to port 8443',
      'debits-bobs-row': 'fact-differs: UPDATE users SET balance = balance - $1 ',
      'dvd-return-connects-to-database': 'connection-not-declared: connect to port 3306',
      'forged-trace-header': 'fact-differs: POST /users/bob/charge',
      'other-protocol-on-allowed-port': 'other-protocol: bytes that were not understood',
      'purges-queue': 'request-not-declared: queue.purge rentals',
      'shipping-connects-to-database': 'connection-not-declared: connect to port 5432',
      'stacked-statement': 'request-not-declared: UPDATE users SET balance = balance - ? W',
      'update-without-where': 'request-not-declared: UPDATE users SET balance = balance - $1',
      'user-create-selects-user': 'request-not-declared: SELECT id, name, email, balance FROM use',
    });
  });

  test('give a policy that lets fewer changes pass than the one that a person wrote', async () => {
    const capture = `${CAPTURES}honest-rental-and-return.pcap.gz`;
    const { default: written } = await import('../../policies/dvd-rental.ts');
    const [learnt, byHand] = [await mutate(policy, [capture]), await mutate(written, [capture])];
    expect(learnt.mutants).toEqual(byHand.mutants);
    expect(learnt.survivors.length).toBeLessThan(byHand.survivors.length);
    const { value } = learnt.denied;
    expect(value).toBeGreaterThan(byHand.denied.value);
  });
});

test('what was learnt from four captures explains the fifth, but for what only the fifth does', async () => {
  const all = stories('honest-').map((name) => `${CAPTURES}${name}`);
  const denied: Record<string, readonly string[]> = {};
  for (const held of all) {
    const { text } = await learn(all.filter((capture) => capture !== held));
    const { drops } = await judge(await load(text, false), held);
    denied[held.replace(/^.*honest-|\.pcap\.gz$/g, '')] = drops.map(({ subject }) => subject.request);
  }
  expect(denied).toEqual({
    '200-rentals': [],
    // Nobody else was refused, and nobody else tried again.
    'failed-payment': ['ROLLBACK'],
    'pooled-connections': [],
    'rental-and-return': [],
    'retry-after-timeout': [
      'POST /users/alice/charge',
      'basic.publish rentals/rental.created',
      'response 201',
    ],
  });
});

test('one rental is enough to know who pays for what', async () => {
  const { text } = await learn([`${CAPTURES}honest-rental-and-return.pcap.gz`]);
  const policy = await load(text);
  for (const attack of [
    'bills-bob-for-alice',
    'bills-another-amount',
    'another-dvd-in-message',
    'debits-bobs-row',
  ])
    expect(await judge(policy, `${CAPTURES}attack-${attack}.pcap.gz`)).toDrop({ code: 'fact-differs' });
});

/** Orders of the warehouse, each as a test wants it. */
function orders(
  ...all: readonly { user: string; looks?: number; refused?: boolean; gift?: boolean; color?: string }[]
) {
  const told = story(warehouse);
  for (const { user, looks = 1, refused = false, gift = false, color } of all) {
    const asked = told.http('customer', 'orders', 'POST /orders', {
      headers: { 'x-user': user, host: 'shop.example' },
    });
    for (let i = 0; i < looks; i++)
      told.http('orders', 'stock', `GET /stock${color === undefined ? '' : `?color=${color}`}`).answer(200);
    if (refused) told.http('orders', 'stock', 'POST /reservations', { body: { user } }).answer(503);
    told.http('orders', 'stock', 'POST /reservations', { body: { user } }).answer(201);
    if (gift) told.http('orders', 'stock', 'POST /gifts').answer(201);
    told.publish('orders', 'broker', 'orders', 'created', { body: { user } });
    asked.answer(201);
    const message = told.deliver('broker', 'stock', 'orders', { body: { user } });
    told
      .http('stock', 'orders', 'POST /parcels', { body: { user }, headers: { host: 'orders' } })
      .answer(201);
    message.ack();
    told.wait(50);
  }
  return told;
}

/** The chains of a learnt policy, without spaces and line ends. */
async function chainsOf(...sources: readonly Source[]): Promise<string> {
  const { text } = await learn(sources);
  const policy = await load(text);
  for (const source of sources) expect(await judge(policy, source)).toExplainEverything();
  return text.split('return [')[1]?.replaceAll(/\s+/g, '').replaceAll(',)', ')') ?? '';
}

describe('cardinalities', () => {
  test('what came each time, before the answer, is required; what a message causes comes once', async () => {
    expect(await chainsOf(orders({ user: 'alice' }, { user: 'bob' }))).toContain(
      'chain(postOrders,inOrder(required(getStock),required(postReservations),required(publishOrdersCreated,once(deliverOrders,required(postParcels)))))',
    );
  });

  test('what did not come each time is optional, what came several times is many', async () => {
    const told = orders({ user: 'alice', looks: 2, gift: true }, { user: 'bob', looks: 1 });
    const chains = await chainsOf(told);
    expect(chains).toContain('many(getStock)');
    expect(chains).toContain('optional(postGifts)');
  });

  test('what came again after it failed is retried', async () => {
    expect(await chainsOf(orders({ user: 'alice', refused: true }, { user: 'bob' }))).toContain(
      'required(postReservations).retried(1)',
    );
  });

  test('what comes in changing order is in none', async () => {
    const told = story(shop);
    for (const first of [0, 1]) {
      const asked = told.http('customer', 'orders', 'POST /orders');
      const calls = ['POST /a', 'POST /b'];
      for (const i of [first, 1 - first]) told.http('orders', 'billing', calls[i] ?? '').answer(200);
      asked.answer(200);
      told.wait(50);
    }
    const chains = await chainsOf(told);
    expect(chains).not.toContain('inOrder');
    expect(chains).toContain('chain(postOrders,required(postA),required(postB))');
  });
});

describe('requests', () => {
  test('have parameters where ids stand, and words that stand as values elsewhere', async () => {
    const told = story(shop);
    for (const user of ['alice', 'bob']) {
      const asked = told.http('customer', 'orders', 'POST /orders', { body: { user } });
      told.http('orders', 'billing', `PUT /users/${user}/orders/4711${user.length}/state?dry=no`).answer(204);
      asked.answer(200);
      told.wait(50);
    }
    const { text } = await learn([told]);
    expect(text).toContain(".put('/users/:user/orders/:order/state')");
    expect(text).toContain(".query('dry')");
    expect(await judge(await load(text), told)).toExplainEverything();
  });

  test('have facts in cookies, forms, headers of answers, and in answers that are not always whole', async () => {
    const told = story(shop);
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    for (const [i, session] of ['s-11111111', 's-22222222', 's-33333333'].entries()) {
      const asked = told.http('customer', 'orders', 'POST /orders', {
        headers: { cookie: `a=b; sid=${session}; flag` },
      });
      told
        .http('orders', 'billing', 'POST /holds', { headers: form, body: `session=${session}&kind=hold` })
        .answer(201, { headers: { 'x-hold': `h-4711000${i}` }, body: i === 0 ? {} : { session } });
      told.http('orders', 'billing', `DELETE /holds/h-4711000${i}?session=${session}`).answer(204);
      asked.answer(200, { headers: { location: session } });
      told.wait(50);
    }
    const { text, notes } = await learn([told]);
    expect(notes).toEqual([]);
    expect(text).toContain("cookie('sid')");
    expect(text).toContain("form('session')");
    expect(text).toContain("query('session')");
    expect(text).toContain("responseHeader('location')");
    expect(text).toContain("responseHeader('x-hold')");
    expect(text).toContain(".delete('/holds/:hold')");
    expect(text).toContain("maybe(response('/session'))");
    const policy = await load(text);
    expect(await judge(policy, told)).toExplainEverything();
    const { survivors } = await mutate(policy, [told]);
    expect(survivors.filter(({ kind, what }) => kind === 'value' && !/kind|flag|cookie/.test(what))).toEqual(
      [],
    );
  });

  test('with a parameter that changes within one chain are explained, each by itself', async () => {
    const told = story(shop);
    const asked = told.http('customer', 'orders', 'POST /orders');
    for (const item of [4711, 4712]) told.http('orders', 'billing', `GET /items/${item}`).answer(200);
    asked.answer(200);
    const { notes, text } = await learn([told]);
    expect(notes).toEqual([]);
    expect(text).toContain('many(');
    expect(await judge(await load(text), told)).toExplainEverything();
  });

  test('of SQL have facts, constants of the code, and anything else that changes', async () => {
    const told = story(shop);
    for (const [i, user] of ['alice', 'bob', 'carol'].entries()) {
      const asked = told.http('customer', 'billing', 'POST /pay', { body: { user, amount: 3.5 + i } });
      const db = (text: string, values: readonly (string | number | null)[], rows: readonly object[] = []) =>
        told.sql('billing', 'billing-db', text, values, { rows: rows as readonly Record<string, string>[] });
      db(
        'SELECT name, rest FROM accounts WHERE name = $1 AND closed IS NULL AND rest > $2',
        [user, 0],
        [{ name: user }],
      );
      db("UPDATE accounts SET rest = rest - $1, seen = $2, state = 'used', note = NULL WHERE name = $3", [
        `${3.5 + i}0`,
        `at ${i}`,
        user,
      ]);
      db('DELETE FROM holds WHERE name = $1 AND kind <> $2 AND amount <= $3', [user, 'fixed', `${3.5 + i}`]);
      asked.answer(200);
      told.wait(50);
    }
    const { text } = await learn([told]);
    expect(text).toContain("amount: decimal(body('/amount'))");
    expect(text).toContain(".where({ name: fact('name'), closed: isNull(), rest: above(0) })");
    expect(text).toContain(
      ".sets({ rest: decreasedBy(fact('amount')), seen: any(), state: 'used', note: null })",
    );
    expect(text).toContain(
      ".where({ name: fact('name'), kind: not('fixed'), amount: atMost(fact('amount')) })",
    );
    expect(text).toContain("result('name')");
    expect(await judge(await load(text), told)).toExplainEverything();
  });

  test('that a policy cannot tell apart are one: columns, literals and values of one place', async () => {
    const told = story(shop);
    for (const user of ['alice', 'bob']) {
      const asked = told.http('customer', 'billing', 'POST /pay', { body: { user } });
      const db = (text: string, values: readonly string[]) => told.sql('billing', 'billing-db', text, values);
      db('SELECT name FROM accounts WHERE name = $1', [user]);
      db('SELECT name, mail FROM accounts WHERE name = $1 ORDER BY mail', [user]);
      db("UPDATE accounts SET state = 'new' WHERE name = $1", [user]);
      db('UPDATE accounts SET state = $2 WHERE name = $1', [user, 'old']);
      asked.answer(200);
      told.wait(50);
    }
    const { text } = await learn([told]);
    expect(text).toContain(".select('accounts', ['name', 'mail'])");
    expect(text).toContain(".allowing('order-by')");
    expect(text).toContain('.sets({ state: any() })');
    expect(await judge(await load(text), told)).toExplainEverything();
  });

  test('that no policy can say are noted, and left out', async () => {
    const told = story(shop);
    const asked = told.http('customer', 'billing', 'POST /pay');
    told.sql('billing', 'billing-db', 'SELECT a.x FROM a JOIN b ON a.id = b.id');
    told.sql('billing', 'billing-db', 'SELECT x FROM a WHERE x IN (1, 2)');
    told.sql('billing', 'billing-db', 'INSERT INTO a (x) VALUES (1), (2)');
    told.sql('billing', 'billing-db', 'SAVEPOINT s');
    asked.answer(200);
    const { notes, text } = await learn([told]);
    expect(notes.map((note) => note.split(': ').at(-1))).toEqual([
      expect.stringMatching(/joins a and b|more than plain comparisons/),
      'its WHERE is more than plain comparisons.',
      'it inserts several rows, or does not name its columns.',
      'there is no word for savepoint.',
    ]);
    expect(text).toContain('// Not declared:');
    expect(await judge(await load(text), told)).toDropOnly({
      code: 'connection-not-declared',
      to: 'postgres',
    });
  });

  test('outside of user requests are allowed at any time', async () => {
    const told = orders({ user: 'alice' }, { user: 'bob' });
    told.http('10.3.9.9', 'stock', 'GET /healthz', { headers: { host: 'stock' } }).answer(200);
    const { text } = await learn([told]);
    expect(text).toContain("const monitor = external('monitor', { at: '10.3.9.9' })");
    expect(text).toContain("http.get('/healthz').from(monitor).to(stock)");
    expect(text).toContain("amqp.consume('orders').from(stock).to(broker)");
    expect(text).toMatch(/const orders = service\('orders', \{ at: '10\.3\.0\.1', http: 8080 \}\)/);
  });
});

describe('principals', () => {
  test('at several addresses are one service when they answer to one name', async () => {
    const told = story(warehouse);
    for (const at of ['10.3.0.7', '10.3.0.8'])
      told.http('10.3.4.4', at === '10.3.0.7' ? 'orders' : 'stock', 'GET /x', {
        headers: { host: 'orders.svc:8080' },
      });
    const { text } = await learn([told]);
    expect(text).toContain("service('orders', { at: ['10.3.0.1', '10.3.1.1'], http: 8080 })");
  });

  test('are called what they are said to be called', async () => {
    const names = new Map([
      ['10.2.0.12', 'accounts'],
      ['10.2.0.30', 'ledger'],
    ]);
    const told = story(shop);
    told.sql('billing', 'billing-db', 'SELECT x FROM a');
    told.http('10.2.0.9', 'billing', 'POST /pay').answer(200);
    const { text } = await learn([told], { application: 'bank', names });
    expect(text).toContain("application('bank'");
    expect(text).toContain("service('accounts', { at: '10.2.0.12', http: 8080 })");
    expect(text).toContain("service('ledger', { at: '10.2.0.30', postgres: 5432 })");
    expect(text).toContain("external('client-10-2-0-9', { at: '10.2.0.9' })");
  });
});

test('requests that two user requests could have caused are no evidence', async () => {
  const told = story(shop);
  const pair = () => {
    const asked = [1, 2].map(() => told.http('customer', 'orders', 'POST /orders'));
    told.http('orders', 'billing', 'POST /a').answer(200);
    told.http('orders', 'billing', 'POST /a').answer(200);
    for (const each of asked) each.answer(200);
    told.wait(50);
  };
  pair();
  const alone = told.http('customer', 'orders', 'POST /orders');
  told.http('orders', 'billing', 'POST /a').answer(200);
  alone.answer(200);
  expect(await chainsOf(told)).toContain('chain(postOrders,required(postA))');
});

test('nothing that the wire says becomes code', async () => {
  const told = story(shop);
  const evil = "x'); process.exit(9); //\n*/`\u2028";
  const asked = told.http('customer', 'orders', `DELETE /${encodeURIComponent(evil)}/__proto__`, {
    headers: { host: evil, "x-'\n": 'v' },
    body: JSON.stringify({ ['__proto__']: 'alice', [evil]: 'alice', constructor: 'bob-4711' }),
  });
  told
    .http('orders', 'billing', 'M-SEARCH /', { body: { [evil]: 'alice', constructor: 'bob-4711' } })
    .answer(200);
  told.sql('billing', 'billing-db', `SELECT "a\nb" FROM "t\n');x(" JOIN "u\nimport" ON 1 = 1`);
  told.sql('billing', 'billing-db', `INSERT INTO "t" ("__proto__", "it's") VALUES ('bob-4711', 'a\\''b')`);
  asked.answer(200);
  const { text, notes } = await learn([told]);
  const policy = await load(text);
  expect(policy.requests.map(({ id }) => id)).toEqual(['M-SEARCH /', 'insert t']);
  expect(notes).toEqual([
    "Not declared: a request of service-10-2-0-12 to postgres, selectTX: it joins t\n');x( and u\nimport.",
    'Not declared: a request of customer to service-10-2-0-11: its target is not plain: it hides a slash or a control byte behind a percent-encoding.',
  ]);
  for (const line of text.split('\n'))
    if (line.includes('import')) expect(line).toMatch(/^import|^\/\/|^ *'/);
});

test('traffic without a request is refused', async () => {
  const told = story(shop);
  told.connect('customer', 'orders', 8080);
  await expect(learn([told])).rejects.toThrow(/there is no request in this traffic; give captures/);
  const empty: readonly Event[] = [];
  await expect(learn([empty])).rejects.toThrow(/no request/);
});
