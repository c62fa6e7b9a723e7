// Faults in policies, each found before any traffic. Enters: declarations; leaves: problems with their line and remedy.
import { describe, expect, test } from 'vitest';
import { InputError } from '../../src/errors.ts';
import {
  amqp,
  application,
  chain,
  fact,
  header,
  http,
  many,
  once,
  outside,
  type Rule,
  sql,
  type Tools,
} from '../../src/policy/author.ts';
import { checkPolicy } from '../../src/policy/check.ts';
import { derivedConnections } from '../../src/policy/connections.ts';
import { hashOf } from '../../src/policy/hash.ts';

/** What is wrong, but for principals of `PAIR` that a test has no use for. */
function problemsOf(define: (tools: Tools) => Rule | readonly Rule[]) {
  return checkPolicy(application('test', define)).filter(({ code }) => code !== 'unused-service');
}

/** A policy that only declares principals. */
const nothing = (..._principals: readonly unknown[]): Rule => outside();

const PAIR = ({ external, service }: Tools) => ({
  user: external('user'),
  shop: service('shop', { at: '10.0.0.1', http: 80 }),
  db: service('db', { at: '10.0.0.2', postgres: 5432 }),
});

describe('checkPolicy', () => {
  test('finds nothing wrong with a plain policy, and derives its connections', () => {
    const document = application('test', (tools) => {
      const { user, shop, db } = PAIR(tools);
      const buy = http.post('/buy/:item').from(user).to(shop);
      const store = sql
        .insert('orders')
        .from(shop)
        .to(db)
        .values({ item: fact('item') });
      return chain(buy, once(store));
    });
    expect(checkPolicy(document)).toEqual([]);
    expect(derivedConnections(document)).toEqual([
      { from: 'user', to: 'shop', protocol: 'http', ports: [80], requests: ['POST /buy/:item'] },
      { from: 'shop', to: 'db', protocol: 'postgres', ports: [5432], requests: ['insert orders'] },
    ]);
  });

  test('an unknown service is named with its line and the name that was probably meant', () => {
    const problems = problemsOf((tools) => {
      const { user } = PAIR(tools);
      return chain(http.get('/').from(user).to('shpo'));
    });
    expect(problems).toMatchObject([
      { severity: 'error', code: 'unknown-service', remedy: 'did you mean "shop"?' },
    ]);
    expect(problems[0]?.place).toMatchObject({
      file: expect.stringContaining('check.test.ts'),
      line: expect.any(Number),
    });
  });

  test('two steps that match the same request are refused, both named, with the request', () => {
    const problems = problemsOf((tools) => {
      const { user, shop } = PAIR(tools);
      return [
        chain(http.get('/items/:item').from(user).to(shop)),
        chain(http.get('/items/new').from(user).to(shop)),
      ];
    });
    expect(problems).toMatchObject([{ severity: 'error', code: 'shadowed-rule' }]);
    expect(problems[0]?.problem).toMatch(
      /"GET \/items\/new" and "GET \/items\/:item" \(line \d+\) both match GET \/items\/new/,
    );
  });

  test('statements that only a literal tells apart do not overlap, and others do', () => {
    const declare = (first: string, second: string | ReturnType<typeof fact>) =>
      problemsOf((tools) => {
        const { user, shop, db } = PAIR(tools);
        const set = (value: string | ReturnType<typeof fact>) =>
          sql
            .update('items')
            .from(shop)
            .to(db)
            .where({ id: fact('id') })
            .sets({ state: value });
        return chain(http.post('/:id/:state').from(user).to(shop), set(first), set(second));
      }).map(({ code }) => code);
    expect(declare('sold', 'free')).toEqual([]);
    expect(declare('sold', 'sold')).toEqual(['overlapping-steps']);
    expect(declare('sold', fact('state'))).toEqual(['shadowed-rule']);
  });

  test.each<[string, (tools: Tools) => Rule | readonly Rule[]]>([
    [
      'duplicate-service',
      ({ service }) => nothing(service('a', { at: '10.0.0.1' }), service('a', { at: '10.0.0.2' })),
    ],
    [
      'overlapping-address',
      ({ service }) => nothing(service('a', { at: '10.0.0.1' }), service('b', { at: '10.0.0.1' })),
    ],
    ['overlapping-address', ({ external }) => nothing(external('a'), external('b'))],
    ['service-without-address', ({ service }) => nothing(service('a', { at: [] }))],
    ['wrong-protocol', (tools) => outside(amqp.publish('x', 'y').from(PAIR(tools).shop).to('db'))],
    ['wrong-protocol', ({ service }) => nothing(service('a', { at: '10.0.0.1', http: 80, amqp: 80 }))],
    ['bad-path', (tools) => outside(http.get('no-slash').from(PAIR(tools).user).to('shop'))],
    ['bad-path', (tools) => outside(http.get('/:a/:a').from(PAIR(tools).user).to('shop'))],
    ['bad-path', (tools) => outside(http.get('/a?b=c').from(PAIR(tools).user).to('shop'))],
    [
      'unknown-fact',
      (tools) =>
        outside(
          sql
            .delete('t')
            .from(PAIR(tools).shop)
            .to('db')
            .where({ id: fact('nobody') }),
        ),
    ],
    [
      'duplicate-chain',
      (tools) => {
        const get = http.get('/').from(PAIR(tools).user).to('shop');
        return [chain(get), chain(get)];
      },
    ],
    [
      'unreachable-step',
      (tools) => {
        const { user, shop, db } = PAIR(tools);
        return chain(http.get('/').from(user).to(shop), once(sql.begin().from(db).to(db)));
      },
    ],
    [
      'overlapping-steps',
      (tools) => {
        const { user, shop, db } = PAIR(tools);
        const begin = sql.begin().from(shop).to(db);
        return chain(http.get('/').from(user).to(shop), once(begin), many(begin));
      },
    ],
  ])('%s is an error', (code, define) => {
    const errors = problemsOf(define).filter(
      ({ severity, code: found }) => severity === 'error' && found !== 'empty',
    );
    expect(errors.map(({ code: found }) => found)).toContain(code);
    for (const { remedy } of errors) expect(remedy).not.toBe('');
  });

  test('a request that nothing uses is a warning, and an application without chains an error', () => {
    const problems = problemsOf((tools) => {
      const { user, shop } = PAIR(tools);
      http.get('/').from(user).to(shop);
      return [];
    });
    expect(problems.map(({ severity, code }) => [severity, code])).toEqual([
      ['error', 'empty'],
      ['warning', 'unused-request'],
    ]);
  });
});

describe('the authoring words', () => {
  test.each<[string, (tools: Tools) => Rule]>([
    ['no IP address', ({ service }) => nothing(service('a', { at: 'ten' }))],
    ['not a declared request', () => outside({ kind: 'request' } as never)],
  ])('say "%s" with the line of the author', (text, define) => {
    expect(() => application('test', define)).toThrowError(InputError);
    expect(() => application('test', define)).toThrowError(
      new RegExp(`check\\.test\\.ts:\\d+:\\d+: .*${text}`),
    );
  });

  test('a request declared outside of application is refused', () => {
    expect(() => http.get('/').from('a').to('b')).toThrowError(/outside application\(\)/);
  });

  test('the document is plain data, and its hash does not depend on where its lines stand', () => {
    const make = () =>
      application('test', (tools) => {
        const { user, shop } = PAIR(tools);
        return chain(
          http
            .get('/')
            .from(user)
            .to(shop)
            .facts({ user: header('x-user') }),
        );
      });
    const [first, second] = [make(), make()];
    expect(JSON.parse(JSON.stringify(first))).toEqual(first);
    expect(hashOf(second)).toBe(
      hashOf({ ...first, services: first.services.map((each) => ({ ...each, place: null })) }),
    );
    expect(hashOf({ ...first, mode: 'audit' })).not.toBe(hashOf(first));
  });
});
