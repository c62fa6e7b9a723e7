// Values that are not clearly there, and answers that say too little or too much. Enters: requests, statements, answers; leaves: verdicts.
import { describe, expect, test } from 'vitest';
import type { Body } from '../../src/events/common.ts';
import type { HttpRequest } from '../../src/events/http.ts';
import {
  amqp,
  application,
  body,
  chain,
  cookie,
  decimal,
  decreasedBy,
  eventually,
  fact,
  header,
  http,
  increasedBy,
  lowerCase,
  once,
  outside,
  type PolicyDocument,
  query,
  response,
  responseHeader,
  result,
  routingKey,
  type Source,
  sql,
} from '../../src/policy/author.ts';
import { checkPolicy } from '../../src/policy/check.ts';
import { compile } from '../../src/policy/compile.ts';
import { normalise } from '../../src/policy/normalise.ts';
import { brief, judge } from '../support/judge.ts';
import { type HttpParts, Story } from '../support/story.ts';

function front(facts: Record<string, Source>, more: Record<string, Source> = {}): PolicyDocument {
  return application('front', ({ external, service }) => {
    const user = external('user');
    const shop = service('front', { at: '10.0.0.1', http: 80 });
    return chain(http.post('/').from(user).to(shop).facts(facts).facts(more));
  });
}

async function asked(
  policy: PolicyDocument,
  parts: HttpParts,
  answer: HttpParts = {},
  change?: Partial<Body>,
) {
  const story = new Story();
  const respond = story.connect('192.0.2.1', '10.0.0.1:80').http('POST', '/', parts);
  const request = story.events.at(-1) as HttpRequest;
  if (change !== undefined) Object.assign(request, { body: { ...request.body, ...change } });
  respond(200, answer);
  return judge(policy, story.end());
}

describe('a request', () => {
  test.each([
    ['truncated', 'longer than the body limit'],
    ['undecodable', 'cannot be decoded'],
    ['lost', 'bytes of the body are missing'],
  ] as const)('whose body is %s cannot be told, for that reason', async (state, why) => {
    const { indeterminate } = await asked(front({ id: body('/id') }), { body: { id: 7 } }, {}, { state });
    expect(brief(indeterminate)).toEqual(['cannot-read: POST / (user to front)']);
    expect(indeterminate[0]?.reasons[0].text).toContain(why);
  });

  test('that says one fact twice, and differently, is dropped with both', async () => {
    const policy = front({ id: header('x-id') }, { id: body('/id') });
    const { drops } = await asked(policy, { headers: { 'x-id': '7' }, body: { id: 8 } });
    expect(brief(drops)).toEqual(['fact-differs: POST / (user to front)']);
    expect(drops[0]?.reasons[0].text).toMatch(/id is 7 \(.*header x-id\) and 8 \(.*body \/id\)/);
  });

  test('may have a header in UTF-8, or in no encoding at all, byte by byte', async () => {
    const policy = front({ name: header('x-name') });
    for (const [sent, name] of [
      ['caf\u00c3\u00a9', 'café'],
      ['caf\u00e9', 'caf\u00e9'],
    ] as const) {
      const { chains } = await asked(policy, { headers: { 'x-name': sent } });
      expect(chains[0]?.facts).toEqual({ name });
    }
  });

  test('in HTTP has no values of SQL or AMQP', async () => {
    const { drops } = await asked(front({ id: result('id') }), {});
    expect(brief(drops)).toEqual(['fact-missing: response 200 (front to user)']);
    expect(drops[0]?.reasons[0].text).toContain('result column id: it is not there');
    const queued = await asked(front({ id: routingKey() }), {});
    expect(brief(queued.drops)).toEqual(['fact-missing: POST / (user to front)']);
    expect(queued.drops[0]?.reasons[0].text).toContain('routing key: it is not there');
  });

  test('in AMQP has no values of HTTP', async () => {
    const policy = application('queue', ({ service }) => {
      const shop = service('front', { at: '10.0.0.1' });
      const queue = service('queue', { at: '10.0.0.2', amqp: 5672 });
      return outside(
        amqp
          .publish('x', 'k')
          .from(shop)
          .to(queue)
          .facts({ id: cookie('id') }),
      );
    });
    const story = new Story();
    const method = { exchange: 'x', routingKey: 'k', mandatory: false, immediate: false } as const;
    story.connect('10.0.0.1', '10.0.0.2:5672').amqp('orig', { name: 'basic.publish', ...method }, {});
    const { drops } = await judge(policy, story.end());
    expect(drops[0]?.reasons[0].text).toContain('cookie id: it is not there');
  });

  test('is compared without case where the policy says so', async () => {
    const policy = front({ id: lowerCase(header('x-id')) });
    const { chains } = await asked(policy, { headers: { 'x-id': 'ALICE' } });
    expect(chains[0]?.facts).toEqual({ id: 'alice' });
    expect(normalise('İ', 'lower')).toBe(normalise('i̇', 'lower'));
  });
});

describe('an answer', () => {
  test('that says one fact twice, and differently, is dropped', async () => {
    const policy = front({ id: responseHeader('x-id') }, { id: response('/id') });
    const { drops } = await asked(policy, {}, { headers: { 'x-id': '7' }, body: { id: 8 } });
    expect(brief(drops)).toEqual(['fact-differs: response 200 (front to user)']);
  });

  test('whose body is not seen cannot be told', async () => {
    const story = new Story();
    story.connect('192.0.2.1', '10.0.0.1:80').http('POST', '/')(200, { body: { id: 7 } });
    const answer = story.events.at(-1) as unknown as HttpRequest;
    Object.assign(answer, { body: { ...answer.body, state: 'truncated' } });
    const { indeterminate } = await judge(front({ id: response('/id') }), story.end());
    expect(brief(indeterminate)).toEqual(['cannot-read: response 200 (front to user)']);
  });
});

const STORED = application('stored', ({ external, service }) => {
  const user = external('user');
  const shop = service('front', { at: '10.0.0.1', http: 80 });
  const db = service('db', { at: '10.0.0.2', postgres: 5432 });
  const ask = http
    .get('/')
    .from(user)
    .to(shop)
    .facts({ amount: decimal(query('a')), id: query('i') });
  const read = sql
    .select('prices', ['price'])
    .from(shop)
    .to(db)
    .facts({ amount: decimal(result('price')) });
  const debit = sql
    .update('users')
    .from(shop)
    .to(db)
    .where({ id: fact('id') })
    .sets({ n: decreasedBy(fact('amount')) });
  const store = sql
    .insert('orders')
    .from(shop)
    .to(db)
    .values({ id: fact('id') });
  return chain(ask, once(read), once(debit), once(store));
});

async function said(
  text: string,
  rows: readonly Record<string, string>[] = [],
  policy: PolicyDocument = STORED,
) {
  const story = new Story();
  const answer = story.connect('192.0.2.1', '10.0.0.1:80').http('GET', '/?a=1&i=7');
  story.connect('10.0.0.1', '10.0.0.2:5432').sql('postgres', text)(rows);
  answer(200);
  const { drops } = await judge(policy, story.end());
  return drops.map(({ reasons }) => reasons[0].text).join('\n');
}

describe('a statement', () => {
  test.each([
    ['SELECT price FROM prices', [{ price: 'much' }], "result column price: not of the fact's kind"],
    ['SELECT price FROM prices', [{ cost: '1' }], 'result column price: it is not there'],
    ['UPDATE users SET n = n - 1 WHERE id IN (7, 8)', [], 'does not compare id by ='],
    ["UPDATE users SET n = n - 'x' WHERE id = 7", [], "not of the fact's kind"],
    ['INSERT INTO orders (id, id) VALUES (7, 7)', [], 'its columns and values do not agree'],
    ['INSERT INTO orders (id, x) VALUES (7)', [], 'its columns and values do not agree'],
  ] as const)('that does not clearly say its facts is dropped: %s', async (text, rows, why) => {
    expect(await said(text, rows as readonly Record<string, string>[])).toContain(why);
  });

  test('of two places that add and take away, or by other amounts, is none that another would match', () => {
    const overlaps = (one: Parameters<typeof increasedBy>[0], other: 'more' | 'less') => {
      const document = application('test', ({ service }) => {
        const shop = service('front', { at: '10.0.0.1' });
        const db = service('db', { at: '10.0.0.2', postgres: 5432 });
        const update = () => sql.update('t').from(shop).to(db);
        return outside(
          update().sets({ n: increasedBy(1) }),
          update()
            .sets({ n: other === 'more' ? increasedBy(one) : decreasedBy(one) })
            .named('other'),
        );
      });
      return checkPolicy(document).some(({ code }) => code === 'overlapping-steps');
    };
    expect(overlaps(1, 'more')).toBe(true);
    expect(overlaps(2, 'more')).toBe(false);
    expect(overlaps(1, 'less')).toBe(false);
  });
});

test('a list of values is not compared with one value, whatever operator a document asks for', async () => {
  const policy = structuredClone(STORED) as PolicyDocument;
  const debit = policy.requests.find(({ id }) => id === 'update users');
  Object.assign((debit as { where?: object[] } | undefined)?.where?.[0] ?? {}, { operator: 'in' });
  expect(await said('UPDATE users SET n = n - 1 WHERE id IN (7, 8)', [], policy)).toContain(
    'its WHERE compares id with several values',
  );
});

describe('a step', () => {
  const policy = application('late', ({ external, service }) => {
    const user = external('user');
    const shop = service('front', { at: '10.0.0.1', http: 80 });
    const back = service('back', { at: '10.0.0.2', http: 80 });
    const bill = http
      .get('/bill/:id')
      .from(shop)
      .to(back)
      .facts({ amount: response('/amount') });
    const ship = http.get('/ship/:id').from(shop).to(back);
    return chain(http.get('/:id').from(user).to(shop), once(bill), eventually(ship, '1m'));
  });

  test('comes too late when the user was answered, though the chain still waits for another', async () => {
    const story = new Story();
    story.connect('192.0.2.1', '10.0.0.1:80').http('GET', '/7')(200);
    story.wait(5_000_000);
    story.connect('10.0.0.1', '10.0.0.2:80').http('GET', '/bill/7')(200, { body: { amount: 1 } });
    const { drops } = await judge(policy, story.end());
    expect(drops[0]?.reasons[0].text).toContain('has already been answered');
  });

  test('that was denied is not denied once more for what its answer lacks', async () => {
    const story = new Story();
    const answer = story.connect('192.0.2.1', '10.0.0.1:80').http('GET', '/7');
    story.connect('10.0.0.1', '10.0.0.2:80').http('GET', '/bill/8')(200, { body: {} });
    answer(200);
    const { drops } = await judge(policy, story.end());
    expect(brief(drops)).toEqual(['no-open-chain: GET /bill/8 (front to back)']);
  });
});

test('who logs in, and what is prepared, asks for nothing yet', async () => {
  const story = new Story();
  const db = story.connect('10.0.0.1', '10.0.0.2:5432');
  const said = { dialect: 'postgres', user: 'app', database: 'shop' } as const;
  db.add('orig', { kind: 'sql-session', ...said, parameters: new Map() });
  db.add('orig', { kind: 'sql-login-failed', ...said, code: '28P01' });
  const text = 'DROP TABLE orders';
  db.add('orig', { kind: 'sql-prepare', dialect: 'postgres', name: 's', text, ambiguities: [] });
  const { verdicts } = await judge(STORED, story.end());
  expect(verdicts.map(({ reasons }) => reasons[0].code)).toEqual(['connection-declared']);
});

describe('an application under load', () => {
  const policy = application('busy', ({ external, service }) => {
    const user = external('user');
    const shop = service('front', { at: '10.0.0.1', http: 80 });
    const back = service('back', { at: '10.0.0.2', http: 80 });
    return [
      chain(http.get('/').from(user).to(shop), once(http.get('/a').from(shop).to(back))),
      outside(http.get('/health').from(user).to(shop)),
    ];
  });

  test('forgets the oldest of requests that wait for answers without end', async () => {
    const story = new Story();
    const user = story.connect('192.0.2.1', '10.0.0.1:80');
    const late = user.http('GET', '/');
    for (let count = 0; count < 65_536; count++) user.http('GET', '/');
    late(200);
    const { drops, chains } = await judge(policy, story.end());
    // Its answer comes to nothing, so that the chain stays open until the source ends.
    expect(brief(drops)).toEqual([]);
    expect(new Set(chains.map(({ outcome }) => outcome))).toEqual(new Set(['abandoned']));
  });

  test('forgets the oldest of flows that ended', async () => {
    const story = new Story();
    const first = story.connect('192.0.2.1', '10.0.0.1:80');
    first.http('GET', '/health')(200);
    first.close();
    for (let count = 0; count < 10_001; count++) story.connect('192.0.2.2', '10.0.0.1:80').close();
    first.http('GET', '/nothing')(200);
    const { drops } = await judge(policy, story.end());
    expect(brief(drops)).toEqual(['request-not-declared: GET /nothing (user to front)']);
  });

  test('takes a request whose connection ends before it is explained for one without an answer', async () => {
    const story = new Story(10);
    const back = story.connect('10.0.0.1', '10.0.0.2:80');
    // The events of two sources come in another order than the requests were made in.
    back.http('GET', '/a');
    back.close('rst');
    const answer = story.connect('192.0.2.1', '10.0.0.1:80').http('GET', '/');
    answer(200);
    const { drops, chains } = await judge(policy, story.end());
    expect(brief(drops)).toEqual([]);
    expect(chains.map(({ missing }) => missing)).toEqual([['GET /a']]);
  });
});

test('a compiled policy knows how facts are made comparable', () => {
  expect(compile(STORED).normalisers.get('amount')).toBe('decimal');
});
