// Relations between facts beyond equality. Enters: policies that require them, stories; leaves: who is explained, and why not.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  all,
  application,
  atLeast,
  atMost,
  body,
  chain,
  decimal,
  equals,
  header,
  http,
  instant,
  literal,
  maybe,
  memberOf,
  not,
  once,
  oneOf,
  optional,
  type PolicyDocument,
  productOf,
  response,
  startsWith,
  sumOf,
} from '../../src/policy/author.ts';
import { checkPolicy } from '../../src/policy/check.ts';
import { readDocument } from '../../src/policy/read-document.ts';
import { compareDecimals, multiplyDecimals, sumDecimals } from '../../src/policy/relations/decimals.ts';
import { story } from '../../src/testing/story.ts';
import { brief, judge } from '../support/judge.ts';

type Requires = Parameters<ReturnType<typeof pay>['requires']>;

const pay = () => http.post('/pay').from('orders').to('billing');

/** An order that is paid, if it is in these relations. */
function shop(...relations: Requires): PolicyDocument {
  return application('shop', ({ external, service }) => {
    const customer = external('customer');
    const orders = service('orders', { at: '10.0.0.1', http: 80 });
    const billing = service('billing', { at: '10.0.0.2', http: 80 });
    const number = (name: string) => decimal(body(`/${name}`));
    return chain(
      http
        .post('/orders')
        .from(customer)
        .to(orders)
        .facts({
          limit: maybe(decimal(header('x-limit'))),
          price: maybe(number('price')),
          prices: maybe(all(decimal(body('/items/*/price')))),
          items: maybe(all(body('/items/*/id'))),
          owner: header('x-user'),
          until: maybe(instant(body('/until'))),
        }),
      once(
        http
          .post('/pay')
          .from(orders)
          .to(billing)
          .facts({
            total: number('total'),
            fee: maybe(number('fee')),
            count: maybe(number('count')),
            item: maybe(body('/item')),
            when: maybe(instant(body('/when'))),
            left: maybe(decimal(response('/left'))),
          })
          .requires(...relations),
      ),
      optional(http.get('/').from(orders).to(billing)),
    );
  });
}

interface Order {
  readonly limit?: string;
  readonly order?: object;
  readonly pay: object;
  readonly answer?: object;
}

async function judged(policy: PolicyDocument, { limit, order = {}, pay: paid, answer = {} }: Order) {
  const told = story(policy);
  const headers = { 'x-user': 'alice', ...(limit === undefined ? {} : { 'x-limit': limit }) };
  told.http('customer', 'orders', 'POST /orders', { headers, body: order });
  told.http('orders', 'billing', 'POST /pay', { body: paid }).answer(200, { body: answer });
  const end = { kind: 'source-end', ts: (told.events.at(-1)?.ts ?? 0) + 1e6, source: 'story' } as const;
  return judge(policy, [...told.events, end]);
}

async function dropped(relation: Requires[number], order: Order): Promise<string> {
  const policy = shop(relation);
  expect(checkPolicy(policy).filter(({ severity }) => severity === 'error')).toEqual([]);
  const { drops } = await judged(policy, order);
  return brief(drops)
    .map((drop) => drop.split(' (')[0])
    .join('; ');
}

const FAILS = 'relation-fails: POST /pay';

describe('a request is explained when its values and those of its chain are so', () => {
  test.each<[string, Requires[number], Order, Order]>([
    [
      'at most a fact of the chain',
      atMost('total', 'limit'),
      { limit: '10.0', pay: { total: 10 } },
      { limit: '9.99', pay: { total: 10 } },
    ],
    ['at least a number', atLeast('total', 0.5), { pay: { total: 0.5 } }, { pay: { total: 0.49 } }],
    [
      'above, as numbers and not as texts',
      atLeast('total', 9),
      { pay: { total: 10 } },
      { pay: { total: 8 } },
    ],
    ['other than', not('total', 0), { pay: { total: 1 } }, { pay: { total: '-0.0' } }],
    [
      'equal to another fact',
      equals('total', 'price'),
      { order: { price: '3.50' }, pay: { total: 3.5 } },
      { order: { price: '3.50' }, pay: { total: 3.51 } },
    ],
    ['one of some values', oneOf('total', [1, 2]), { pay: { total: 2 } }, { pay: { total: 3 } }],
    [
      'a sum',
      sumOf('total', ['price', 'fee', 1]),
      { order: { price: 0.1 }, pay: { fee: 0.2, total: 1.3 } },
      { order: { price: 0.1 }, pay: { fee: 0.2, total: 1.31 } },
    ],
    [
      'a sum of all values of a place',
      sumOf('total', ['prices']),
      {
        order: {
          items: [
            { id: 'a', price: 1.5 },
            { id: 'b', price: 2 },
          ],
        },
        pay: { total: 3.5 },
      },
      {
        order: {
          items: [
            { id: 'a', price: 1.5 },
            { id: 'b', price: 2 },
          ],
        },
        pay: { total: 2 },
      },
    ],
    [
      'a product',
      productOf('total', ['price', 'count']),
      { order: { price: 1.1 }, pay: { count: 3, total: 3.3 } },
      { order: { price: 1.1 }, pay: { count: 3, total: 3.4 } },
    ],
    [
      'one of the values of a place',
      memberOf('item', 'items'),
      {
        order: {
          items: [
            { id: 'a', price: 1 },
            { id: 'b', price: 1 },
          ],
        },
        pay: { total: 1, item: 'b' },
      },
      {
        order: {
          items: [
            { id: 'a', price: 1 },
            { id: 'b', price: 1 },
          ],
        },
        pay: { total: 1, item: 'c' },
      },
    ],
    [
      'what begins with a fact',
      startsWith('item', 'owner'),
      { pay: { total: 1, item: 'alice/7' } },
      { pay: { total: 1, item: 'bob/7' } },
    ],
    [
      'what begins with a text',
      startsWith('item', literal('x-')),
      { pay: { total: 1, item: 'x-7' } },
      { pay: { total: 1, item: 'y-7' } },
    ],
    [
      'a moment before another',
      atMost('when', 'until'),
      { order: { until: '2026-01-01T12:00:00Z' }, pay: { total: 1, when: '2026-01-01T12:59:59.5+01:00' } },
      { order: { until: '2026-01-01T12:00:00Z' }, pay: { total: 1, when: '2026-01-01T12:00:00.5Z' } },
    ],
  ])('%s', async (_, relation, good, bad) => {
    expect(await dropped(relation, good)).toBe('');
    expect(await dropped(relation, bad)).toBe(FAILS);
  });

  test('and the reason names both values, where they stood, and what would do', async () => {
    const { drops } = await judged(shop(atMost('total', 'limit')), { limit: '10', pay: { total: 12 } });
    const [drop] = drops;
    expect(drop).toMatchObject({ decidedBy: 'integrity', evidence: [{}, {}] });
    expect(drop?.reasons[0].text).toContain(
      'total 12 (POST /pay, body /total) must be at most limit 10 (POST /orders, header x-limit)',
    );
    expect(drop?.unmet).toMatchObject({
      relation: 'total at most limit',
      seen: '12',
      expected: '10',
    });
  });

  test('what is not known yet fails, unless it may be absent', async () => {
    const policy = shop(atMost('total', 'limit'));
    expect(brief((await judged(policy, { pay: { total: 1 } })).drops)).toEqual([
      'fact-missing: POST /pay (orders to billing)',
    ]);
    expect(await dropped(atMost('fee', 'total'), { pay: { total: 1 } })).toBe('');
  });

  test('what only the answer says is looked at when that comes', async () => {
    expect(await dropped(atLeast('left', 0), { pay: { total: 1 }, answer: { left: 0 } })).toBe('');
    expect(await dropped(atLeast('left', 0), { pay: { total: 1 }, answer: {} })).toBe('');
    expect(await dropped(atLeast('left', 0), { pay: { total: 1 }, answer: { left: -1 } })).toBe(
      'relation-fails: response 200',
    );
  });

  test('another chain with which it holds explains it', async () => {
    const policy = shop(atMost('total', 'limit'));
    const told = story(policy);
    for (const limit of ['5', '50'])
      told.http('customer', 'orders', 'POST /orders', {
        headers: { 'x-user': 'alice', 'x-limit': limit },
        body: {},
      });
    told.http('orders', 'billing', 'POST /pay', { body: { total: 20 } }).answer(200);
    const { verdicts } = await judge(policy, told.events);
    expect(verdicts.find(({ step }) => step === 'POST /pay')).toMatchObject({
      kind: 'pass',
      chain: { id: 'c2' },
      candidates: 1,
    });
  });

  test('too many values of a place are unclear', async () => {
    const items = Array.from({ length: 257 }, (_, i) => ({ id: `i-${i}`, price: 1 }));
    const { drops } = await judged(shop(memberOf('item', 'items')), {
      order: { items },
      pay: { total: 1, item: 'i-1' },
    });
    expect(brief(drops)[0]).toBe('fact-missing: POST /orders (customer to orders)');
  });
});

describe('check', () => {
  const problems = (relation: Requires[number]): string[] =>
    checkPolicy(shop(relation))
      .filter(({ severity }) => severity === 'error')
      .map(({ problem, remedy }) => `${problem}; ${remedy}`);

  test('refuses relations that cannot be', () => {
    expect(problems(atMost('total', 'limits'))).toEqual([
      expect.stringContaining('no request carries "limits"; did you mean "limit"?'),
    ]);
    expect(problems(atMost('item', 3))).toEqual([
      expect.stringContaining('"item" is not compared as a number'),
    ]);
    expect(problems(sumOf('total', ['owner']))).toEqual([
      expect.stringContaining('"owner" is not compared as a number'),
    ]);
    expect(problems(memberOf('item', 'owner'))).toEqual([expect.stringContaining('"owner" is one value')]);
    expect(problems(equals('item', 'items'))).toEqual([
      expect.stringContaining('"items" has several values'),
    ]);
    expect(problems(equals('item', 'total'))).toEqual([
      expect.stringContaining('"total" is compared as decimal'),
    ]);
    expect(problems(oneOf('total', ['a']))).toEqual([
      expect.stringContaining('"a" is not of its kind (decimal)'),
    ]);
  });

  test('takes a document with all of them, read back from JSON', () => {
    const relations = [
      atMost('total', 'limit'),
      memberOf('item', 'items'),
      oneOf('item', ['a']),
      sumOf('total', ['fee', 1]),
      productOf('total', ['price']),
      startsWith('item', 'owner'),
      not('item', literal('x')),
    ];
    const document = JSON.parse(JSON.stringify(shop(...relations)));
    expect(readDocument(document, 'p.json').requests[1]?.requires).toHaveLength(relations.length);
    document.requests[1].requires[0].operator = '~';
    expect(() => readDocument(document, 'p.json')).toThrow('operator');
  });
});

describe('decimal numbers', () => {
  const number = fc
    .tuple(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), fc.nat(6))
    .map(([digits, scale]) => ({ digits, scale }));
  /** The canonical text. */
  const text = ({ digits, scale }: { digits: bigint; scale: number }): string => {
    const plain = String(digits < 0n ? -digits : digits).padStart(scale + 1, '0');
    const fraction = plain.slice(plain.length - scale).replace(/0+$/, '');
    const whole = plain.slice(0, plain.length - scale);
    const sign = digits < 0n ? '-' : '';
    return scale === 0 || fraction === '' ? `${sign}${whole}` : `${sign}${whole}.${fraction}`;
  };
  const scaled = ({ digits, scale }: { digits: bigint; scale: number }, to: number): bigint =>
    digits * 10n ** BigInt(to - scale);

  test('are compared, added and multiplied exactly', () => {
    fc.assert(
      fc.property(fc.array(number, { minLength: 2, maxLength: 5 }), (numbers) => {
        const texts = numbers.map(text);
        const [a, b] = numbers as [(typeof numbers)[0], (typeof numbers)[0]];
        const difference = scaled(a, 6) - scaled(b, 6);
        expect(Math.sign(compareDecimals(texts[0] ?? '', texts[1] ?? ''))).toBe(
          difference === 0n ? 0 : difference < 0n ? -1 : 1,
        );
        expect(sumDecimals(texts)).toBe(
          text({ digits: numbers.reduce((sum, each) => sum + scaled(each, 6), 0n), scale: 6 }),
        );
        const scale = numbers.reduce((sum, each) => sum + each.scale, 0);
        expect(multiplyDecimals(texts)).toBe(
          text({ digits: numbers.reduce((product, each) => product * each.digits, 1n), scale }),
        );
      }),
    );
  });
});
