// The words of the policy language one by one, and what an author may get wrong. Enters: declarations; leaves: documents, or faults with a line.
import { runInThisContext } from 'node:vm';
import { describe, expect, test } from 'vitest';
import { InputError } from '../../src/errors.ts';
import { callSite } from '../../src/policy/author/context.ts';
import {
  application,
  chain,
  cookie,
  eventually,
  header,
  http,
  integer,
  isNotNull,
  isNull,
  many,
  not,
  once,
  optional,
  outside,
  type Rule,
  sql,
  type Tools,
} from '../../src/policy/author.ts';
import { checkPolicy } from '../../src/policy/check.ts';

const PAIR = ({ external, service }: Tools) => ({
  user: external('user'),
  shop: service('shop', { at: '10.0.0.1', http: 80 }),
  db: service('db', { at: '10.0.0.2', postgres: 5432, mysql: 3306 }),
});

function faultOf(define: (tools: Tools) => Rule | readonly Rule[]): InputError {
  try {
    application('test', define);
  } catch (error) {
    if (error instanceof InputError) return error;
    throw error;
  }
  throw new Error('nothing is wrong with it');
}

describe('the words', () => {
  test('for HTTP give each method its own request', () => {
    const { requests } = application('test', (tools) => {
      const { user, shop } = PAIR(tools);
      const words = [http.head('/'), http.get('/'), http.put('/'), http.patch('/'), http.delete('/')];
      return outside(...words.map((word) => word.from(user).to(shop)));
    });
    expect(requests.map(({ id }) => id)).toEqual(['HEAD /', 'GET /', 'PUT /', 'PATCH /', 'DELETE /']);
  });

  test('for SQL give each verb its own request, settings in lower case', () => {
    const { requests } = application('test', (tools) => {
      const { shop, db } = PAIR(tools);
      const words = [
        sql.begin(),
        sql.commit(),
        sql.rollback(),
        sql.set('TimeZone'),
        sql.show('Server_Version'),
        sql.use('Shop'),
      ];
      const gone = sql
        .delete('a')
        .from(shop)
        .to(db)
        .where({ x: not(1), y: isNull(), z: isNotNull() });
      return outside(...words.map((word) => word.from(shop).to(db)), gone);
    });
    const sqls = requests.flatMap((each) => (each.protocol === 'sql' ? [each] : []));
    expect(sqls.slice(1).map(({ verb, setting }) => [verb, setting])).toEqual([
      ['begin', null],
      ['commit', null],
      ['rollback', null],
      ['set', 'timezone'],
      ['show', 'server_version'],
      ['use', 'Shop'],
    ]);
    expect(sqls[0]?.where.map(({ operator }) => operator)).toEqual(['<>', 'is-null', 'is-not-null']);
  });

  test.each([
    ['250us', 250],
    ['1.5s', 1_500_000],
    ['10m', 600_000_000],
    ['1h', 3_600_000_000],
    ['2d', 172_800_000_000],
  ])('for a time of %s mean microseconds', (within, expected) => {
    const document = application('test', (tools) => {
      const { user, shop, db } = PAIR(tools);
      const root = http.get('/').from(user).to(shop);
      return chain(root, eventually(sql.delete('a').from(shop).to(db), within));
    });
    expect(document.chains[0]?.root.children[0]?.within).toBe(expected);
  });
});

describe('an author is told', () => {
  test('that a duration is none, with the line', () => {
    const fault = faultOf((tools) => {
      const { user, shop } = PAIR(tools);
      const root = http.get('/').from(user).to(shop);
      return chain(root, eventually(http.get('/a').from(shop).to(shop), 'soon'));
    });
    expect(fault.problem).toBe('"soon" is no duration');
    expect(fault.place?.file).toMatch(/author\.test\.ts$/);
    expect(fault.place?.line).toBeGreaterThan(90);
  });

  test('that applications do not stand in one another, and the next one can be built', () => {
    const fault = faultOf(() => {
      application('inner', () => outside());
      return outside();
    });
    expect(fault.problem).toBe('application() inside application()');
    expect(application('next', () => outside()).application).toBe('next');
  });

  test('that a request is of another application', () => {
    const borrowed: Parameters<typeof outside> = [];
    application('one', (tools) => {
      const { user, shop } = PAIR(tools);
      borrowed.push(http.get('/').from(user).to(shop));
      return outside(...borrowed);
    });
    const fault = faultOf((tools) => {
      PAIR(tools);
      return outside(...borrowed);
    });
    expect(fault.problem).toBe('a request of another application');
    expect(fault.place?.file).toMatch(/author\.test\.ts$/);
  });

  test('that a fact is compared in two ways, where both stand', () => {
    const problems = checkPolicy(
      application('test', (tools) => {
        const { user, shop } = PAIR(tools);
        const root = http.get('/').from(user).to(shop);
        const step = http.get('/a').from(shop).to(shop);
        return chain(
          root.facts({ id: integer(header('x-id')) }),
          once(step.facts({ id: { ...cookie('id'), as: 'lower' } })),
        );
      }),
    );
    expect(problems.map((each) => each.problem).join()).toContain(
      'fact "id" is compared both as integer and as lower',
    );
  });

  test('that an address is none, and what one is', () => {
    const document = application('test', ({ external, service }) => {
      const shop = service('shop', { at: '10.0.0.3', http: 80 });
      return chain(http.get('/').from(external('user')).to(shop));
    });
    // As a document that was written by hand may have it; the word \`service\` refuses it at once.
    const services = document.services.map((each) => ({ ...each, at: each.at.map(() => '10.0.0.300') }));
    const [problem] = checkPolicy({ ...document, services });
    expect(problem).toMatchObject({
      code: 'bad-address',
      problem: '"10.0.0.300" of "shop" is no IP address or prefix',
      remedy: 'write it as 10.1.0.11 or 10.1.0.0/24',
    });
  });

  test('nothing of a line where no file is on the stack', async () => {
    // A function whose only caller was never in a file, called by the event loop.
    const bare = runInThisContext('(f) => new Promise((done) => setImmediate(() => done(f())))', {
      filename: 'nowhere',
    }) as (f: () => unknown) => Promise<unknown>;
    expect(await bare(callSite)).toBeNull();
  });

  test('that requests of two protocols, or of two tables, never are the same', () => {
    const overlaps = checkPolicy(
      application('test', (tools) => {
        const { user, shop, db } = PAIR(tools);
        const both = tools.service('both', { at: '10.0.0.3', http: 80, postgres: 5432 });
        return [
          chain(
            http.get('/').from(user).to(shop),
            many(sql.delete('a').from(shop).to(both)),
            optional(http.get('/a').from(shop).to(both)),
          ),
          outside(
            sql.update('t').from(shop).to(db).sets({ n: 1 }),
            sql.update('t').from(shop).to(db).sets({ n: null }).named('null'),
            sql.update('t').from(shop).to(db).sets({ m: 1 }).named('other column'),
          ),
        ];
      }),
    ).filter(({ code }) => code === 'overlapping-steps');
    expect(overlaps).toEqual([]);
  });
});
