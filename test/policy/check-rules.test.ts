// Rules that cannot work as their author meant them, each found with its line. Enters: declarations; leaves: problems.
import { describe, expect, test } from 'vitest';
import dvdRental from '../../policies/dvd-rental.ts';
import {
  amqp,
  any,
  application,
  body,
  chain,
  eventually,
  fact,
  form,
  header,
  http,
  inOrder,
  integer,
  many,
  maybe,
  once,
  optional,
  outside,
  property,
  type Rule,
  required,
  response,
  routingKey,
  type Source,
  settings,
  sql,
} from '../../src/policy/author.ts';
import { checkPolicy } from '../../src/policy/check.ts';
import { warehouse } from '../testing/warehouse.ts';

/** A shop with all kinds of services; those that a test has no use for are no problem of it. */
function shop() {
  return {
    get: (path: string) => http.get(path).from('user').to('shop'),
    order: () =>
      http
        .post('/orders')
        .from('user')
        .to('shop')
        .facts({ user: header('x-user') }),
    charge: () => http.post('/charges').from('shop').to('bank'),
    publish: () => amqp.publish('orders', 'created').from('shop').to('broker'),
    deliver: () => amqp.deliver('orders').from('broker').to('bank'),
    consume: () => outside(amqp.consume('orders').from('bank').to('broker')),
    select: () => sql.select('items', ['id']).from('shop').to('db'),
  };
}

function problemsOf(define: (words: ReturnType<typeof shop>) => Rule | readonly Rule[]) {
  const document = application('test', ({ external, service }) => {
    external('user');
    service('shop', { at: '10.0.0.1', http: 80 });
    service('bank', { at: '10.0.0.2', http: 80 });
    service('broker', { at: '10.0.0.3', amqp: 5672 });
    service('db', { at: '10.0.0.4', postgres: 5432 });
    return define(shop());
  });
  const problems = checkPolicy(document).filter(
    ({ code }) => code !== 'unused-service' && code !== 'service-begins',
  );
  for (const { place, remedy } of problems) {
    expect(place).toMatchObject({ file: expect.stringContaining('check-rules'), line: expect.any(Number) });
    expect(remedy).not.toBe('');
  }
  return problems.map(({ severity, code, problem }) => `${severity} ${code}: ${problem}`);
}

test('the policies that come with the project have neither errors nor warnings', () => {
  expect(checkPolicy(dvdRental)).toEqual([]);
  expect(checkPolicy(warehouse)).toEqual([]);
});

describe('a rule is shadowed', () => {
  test('when a wider one stands before it, and only warned of when it stands after it', () => {
    const wideFirst = problemsOf(({ get }) => outside(get('/users/:id'), get('/users/me')));
    expect(wideFirst[0]).toMatch(
      /^error shadowed-rule: "GET \/users\/me" and "GET \/users\/:id" \(line \d+\)/,
    );
    const narrowFirst = problemsOf(({ get }) => outside(get('/users/me'), get('/users/:id')));
    expect(narrowFirst).toHaveLength(1);
    expect(narrowFirst[0]).toMatch(/^warning shadowed-rule: .* both match GET \/users\/me/);
    expect(problemsOf(({ get }) => outside(get('/users/:id/x'), get('/users/me/:y')))[0]).toMatch(
      /^error overlapping-steps/,
    );
  });

  test('when a root stands outside, and warned of when a step does', () => {
    expect(
      problemsOf(({ get }) => {
        const root = get('/');
        return [chain(root), outside(root)];
      }),
    ).toEqual([
      expect.stringMatching(/^error shadowed-rule: "GET \/" begins a chain and is declared outside/),
    ]);
    expect(
      problemsOf(({ get, charge }) => {
        const step = charge();
        return [chain(get('/'), once(step)), outside(step)];
      }),
    ).toEqual([expect.stringMatching(/^warning shadowed-rule: .*passes all the same/)]);
  });

  test('not by statements that read, return, call or allow something else, when none is both', () => {
    const select = (first: readonly string[], second: readonly string[]) =>
      problemsOf(() =>
        outside(
          sql.select('items', first).from('shop').to('db'),
          sql.select('items', second).from('shop').to('db'),
        ),
      ).map((text) => text.split(':')[0]);
    expect(select(['id'], ['price'])).toEqual([]);
    expect(select(['id'], ['id', 'price'])).toEqual(['warning shadowed-rule']);
    expect(select(['id', 'price'], ['id'])).toEqual(['error shadowed-rule']);
    expect(select(['id', 'price'], ['id', 'name'])).toEqual(['error overlapping-steps']);
  });
});

describe('a step is unreachable', () => {
  test('after one that is never answered, in order', () => {
    const found = problemsOf(({ get, charge }) =>
      chain(get('/'), inOrder(once(amqp.purgeQueue('q').from('shop').to('broker')), once(charge()))),
    );
    expect(found).toEqual([
      expect.stringMatching(
        /^error unreachable-step: "POST \/charges" comes after "purge queue q" \(line \d+\) in order/,
      ),
      expect.stringMatching(/^warning unanswered-step: nothing answers "purge queue q"/),
    ]);
  });

  test('but not after any number of others', () => {
    expect(
      problemsOf(({ get, charge, select }) => chain(get('/'), inOrder(many(select()), once(charge())))),
    ).toEqual([]);
  });

  test('below a statement or a method of a broker that brings no message', () => {
    expect(
      problemsOf(({ get, select }) =>
        chain(get('/'), once(select(), once(http.get('/hook').from('db').to('bank')))),
      ),
    ).toEqual([expect.stringMatching(/^warning unreachable-step: .*a database makes no requests/)]);
    expect(
      problemsOf(({ get, publish, consume }) => [
        chain(get('/'), once(publish(), once(http.get('/hook').from('broker').to('bank')))),
        consume(),
      ]),
    ).toContainEqual(expect.stringMatching(/^warning unreachable-step: .*a broker only delivers/));
  });

  test('when its facts stand where it cannot have them', () => {
    const requests = [
      () =>
        http
          .get('/')
          .from('user')
          .to('shop')
          .facts({ id: property('message-id') }),
      () =>
        amqp
          .purgeQueue('q')
          .from('shop')
          .to('broker')
          .facts({ id: body('/id') }),
      () =>
        http
          .post('/')
          .from('user')
          .to('shop')
          .facts({ a: body('/a'), b: form('b') }),
    ];
    for (const make of requests)
      expect(problemsOf(() => outside(make()))).toEqual([expect.stringMatching(/^error unreadable-fact/)]);
    expect(
      problemsOf(() =>
        outside(
          http
            .get('/')
            .from('user')
            .to('shop')
            .facts({ id: maybe(property('type')) }),
        ),
      ),
    ).toEqual([expect.stringMatching(/^warning unreadable-fact/)]);
  });

  test('when its routing key can never agree with that of another step', () => {
    const publish = (key: string) =>
      amqp.publish('orders', key).from('shop').to('broker').facts({ kind: routingKey() });
    const found = problemsOf(({ get }) => chain(get('/'), once(publish('a')), once(publish('b'))));
    expect(found).toContainEqual(
      expect.stringMatching(/^error unreachable-step: .* always has kind "b", and .* "a"$/),
    );
    const either = problemsOf(({ get }) => chain(get('/'), optional(publish('a')), optional(publish('b'))));
    expect(either).toContainEqual(expect.stringMatching(/^warning unreachable-step: .* always has kind "b"/));
  });

  test('when its destination is external, which answers nowhere', () => {
    expect(problemsOf(() => outside(http.get('/').from('shop').to('user')))).toEqual([
      expect.stringMatching(/^error wrong-protocol: .*external and answers on no port/),
    ]);
  });
});

describe('a fact', () => {
  test('that SQL compares before anything can have settled it is warned of', () => {
    const compare = (select: ReturnType<ReturnType<typeof shop>['select']>) =>
      select.where({ user: fact('user') });
    expect(problemsOf(({ order, select }) => chain(order(), once(compare(select()))))).toEqual([]);
    const late = problemsOf(({ get, charge, select }) =>
      chain(get('/'), inOrder(once(compare(select())), once(charge().facts({ user: body('/user') })))),
    );
    expect(late).toEqual([
      expect.stringMatching(
        /^warning unset-fact: "select items" compares with fact "user", which nothing before/,
      ),
    ]);
    expect(
      problemsOf(({ get, charge, select }) =>
        chain(get('/'), once(compare(select())), once(charge().facts({ user: body('/user') }))),
      ),
    ).toEqual([]);
  });

  test('of an answer is known to what comes after the answer only', () => {
    const policy = (below: boolean) =>
      problemsOf(({ get, charge }) => {
        const bill = charge().facts({ id: response('/id') });
        const read = sql
          .select('bills', ['id'])
          .from(below ? 'bank' : 'shop')
          .to('db')
          .where({ id: fact('id') });
        return chain(get('/'), ...(below ? [once(bill, once(read))] : [inOrder(once(bill), once(read))]));
      });
    expect(policy(false)).toEqual([]);
    expect(policy(true)).toEqual([expect.stringMatching(/^warning unset-fact/)]);
  });

  test('that only one place mentions is warned of, unless it stands in a path or its request repeats', () => {
    expect(problemsOf(({ order }) => chain(order()))).toEqual([
      expect.stringMatching(/^warning lonely-fact: only "POST \/orders" mentions fact "user"/),
    ]);
    expect(problemsOf(({ get }) => chain(get('/items/:item')))).toEqual([]);
    const charged = (again: boolean) =>
      problemsOf(({ get, charge }) => {
        const step = charge().facts({ user: body('/user') });
        return chain(get('/'), again ? once(step).retried(1) : many(step));
      });
    expect(charged(true)).toEqual([]);
    // Each of many says it anew.
    expect(charged(false)).toEqual([expect.stringMatching(/^warning lonely-fact/)]);
  });

  test('outside of every chain is compared with nothing', () => {
    expect(
      problemsOf(({ order, charge, select }) => [
        chain(order(), once(charge().facts({ user: body('/user') }))),
        outside(select().where({ user: fact('user') })),
      ]),
    ).toEqual([expect.stringMatching(/^warning unset-fact: .*stands outside of every chain/)]);
  });
});

describe('a request in two chains', () => {
  const two = (facts: boolean) =>
    problemsOf(({ get, charge }) => {
      const step = facts ? charge().facts({ user: header('x-user') }) : charge();
      const root = (path: string) => get(path).facts({ user: header('x-user') });
      const steps = [
        once(step),
        once(
          sql
            .select('t', ['a'])
            .from('shop')
            .to('db')
            .where({ u: fact('user') }),
        ),
      ];
      return [chain(root('/a'), ...steps), chain(root('/b'), once(step))];
    }).filter((text) => text.includes('shared-step'));

  test('is noted with both chains and the facts that tell them apart', () => {
    expect(two(true)).toEqual([
      expect.stringMatching(
        /^note shared-step: "POST \/charges" is a step of 2 chains: "GET \/a" \(line \d+\) and "GET \/b" \(line \d+\); "user" tell them apart/,
      ),
    ]);
  });

  test('is warned of when no fact tells them apart', () => {
    expect(two(false)).toEqual([
      expect.stringMatching(
        /^warning shared-step: .*and no fact tells them apart: in "GET \/a" \(line \d+\) any/,
      ),
    ]);
  });

  test('is warned of when it begins one of them', () => {
    expect(
      problemsOf(({ charge, get }) => {
        const step = charge();
        return [chain(get('/'), once(step)), chain(step)];
      }),
    ).toEqual([
      expect.stringMatching(/^warning shared-step: .*it does not begin "POST \/charges" \(line \d+\)/),
    ]);
  });
});

describe('an obligation', () => {
  test.each<[string, (words: ReturnType<typeof shop>) => Rule[], RegExp]>([
    [
      'before the answer to a publish',
      ({ get, publish, deliver, consume }) => [
        chain(get('/'), once(publish(), required(deliver()))),
        consume(),
      ],
      /is required before "publish orders\/created" is answered, which it never is/,
    ],
    [
      'of what nothing answers',
      ({ get }) => [chain(get('/'), required(amqp.purgeQueue('q').from('shop').to('broker')))],
      /nothing answers "purge queue q", so required\(\) can never be met/,
    ],
    [
      'to come more often than it may',
      ({ get, charge }) => [chain(get('/'), many(charge()).times(3, 2))],
      /has to come 3 times, and may come 2 times/,
    ],
    [
      'within no time',
      ({ get, charge }) => [chain(get('/'), eventually(charge(), '0s'))],
      /"POST \/charges" has to follow within no time at all/,
    ],
    [
      'that outlives its chain',
      ({ get, charge }) => [chain(get('/'), eventually(charge(), '2h'))],
      /has 7200 s, but a chain is given up after 600 s/,
    ],
  ])('%s cannot be met', (_, define, text) => {
    const errors = problemsOf(define).filter((line) => line.startsWith('error'));
    expect(errors).toEqual([expect.stringMatching(text)]);
    expect(errors[0]).toMatch(/^error unmet-obligation/);
  });

  test('can be met in a chain that lives long enough', () => {
    expect(
      problemsOf(({ get, charge }) => [
        chain(get('/'), eventually(charge(), '2h')),
        settings({ chainLifetime: '3h' }),
      ]),
    ).toEqual([]);
  });
});

describe('a queue', () => {
  test('brings its messages below a get, and none below a method that only asks for them', () => {
    const below = (asks: 'get' | 'purgeQueue') =>
      problemsOf(({ get, charge, publish, deliver }) => {
        const method = amqp[asks]('orders').from('bank').to('broker');
        return [
          chain(get('/'), once(publish()), once(charge(), once(method, once(deliver())))),
          outside(amqp.consume('orders').from('bank').to('broker')),
        ];
      }).filter((text) => text.includes('unreachable-step'));
    expect(below('get')).toEqual([]);
    expect(below('purgeQueue')).toEqual([
      'warning unreachable-step: "deliver orders" is a delivery below "purge queue orders", which brings no message',
    ]);
  });

  test('whose declared routing key is not of the kind of a fact that is read from it is refused', () => {
    const keyed = (source: Source) =>
      problemsOf(({ get, publish, consume, deliver }) => [
        chain(get('/'), once(publish().facts({ key: source }), once(deliver()))),
        consume(),
      ]).filter((text) => text.includes('unreadable-fact'));
    expect(keyed(routingKey())).toEqual([]);
    expect(keyed(integer(routingKey()))).toEqual([
      'error unreadable-fact: fact "key" of "publish orders/created" is always "created", which is not of its kind',
    ]);
  });

  test('that nobody consumes is warned of', () => {
    expect(problemsOf(({ get, publish }) => chain(get('/'), once(publish())))).toEqual([
      expect.stringMatching(
        /^warning unconsumed-queue: nobody gets the messages of "publish orders\/created"/,
      ),
    ]);
    expect(
      problemsOf(({ get, publish, deliver, consume }) => [
        chain(get('/'), once(publish(), once(deliver()))),
        consume(),
      ]),
    ).toEqual([]);
  });

  test('that the consumer may not consume from, or that no binding leads to, is warned of', () => {
    const found = (...binds: readonly [queue: string, key: string][]) =>
      problemsOf(({ get, publish, deliver, consume }) => [
        chain(get('/'), once(publish(), once(deliver()))),
        consume(),
        outside(
          ...binds.map(([queue, key]) => amqp.bindQueue(queue, 'orders', key).from('bank').to('broker')),
        ),
      ]);
    expect(found(['orders', 'created'])).toEqual([]);
    expect(found(['orders', '#'], ['other', 'deleted'])).toEqual([]);
    expect(found(['other', 'created'])).toEqual([
      expect.stringMatching(/^warning unreachable-step: no declared binding leads .* to queue "orders"/),
    ]);
    expect(
      problemsOf(({ get, publish, deliver }) => chain(get('/'), once(publish(), once(deliver())))),
    ).toEqual([expect.stringMatching(/^warning unreachable-step: "bank" may neither consume nor get/)]);
  });

  test('whose delivery begins a chain is warned of when a publish to that broker is declared', () => {
    expect(
      problemsOf(({ get, publish, deliver, consume }) => [
        chain(get('/'), once(publish())),
        chain(deliver()),
        consume(),
      ]),
    ).toEqual([expect.stringMatching(/^warning unreachable-step: .*begins a chain, so nothing ties it/)]);
  });
});

test('services and externals that no request names are warned of', () => {
  const document = application('test', ({ external, service }) => {
    const user = external('user');
    external('nobody', { at: '192.0.2.1' });
    service('idle', { at: '10.0.0.9' });
    const one = service('one', { at: '10.0.0.1', http: 80, postgres: 5432 });
    return outside(http.get('/').from(user).to(one), sql.delete('t').from(one).to(one).where({ a: any() }));
  });
  expect(checkPolicy(document).map(({ severity, code, problem }) => [severity, code, problem])).toEqual([
    ['warning', 'unused-service', 'no request is of or to "nobody"'],
    ['warning', 'unused-service', 'no request is of or to "idle", so it may not be talked to'],
  ]);
});
