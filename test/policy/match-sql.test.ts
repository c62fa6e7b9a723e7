// Which declared statement a SQL statement is. Enters: declarations, readings; leaves: matches with their facts.
import { beforeAll, describe, expect, test } from 'vitest';
import type { SqlValue } from '../../src/events/sql.ts';
import type { Evidence, FlowId } from '../../src/flow.ts';
import {
  any,
  application,
  atLeast,
  chain,
  decimal,
  decreasedBy,
  fact,
  http,
  increasedBy,
  isNull,
  outside,
  query,
  sql,
} from '../../src/policy/author.ts';
import { compile } from '../../src/policy/compile.ts';
import type { Match } from '../../src/policy/match/match.ts';
import { matchSql } from '../../src/policy/match/sql.ts';
import { loadSqlParsers, readSql } from '../../src/sql/read.ts';

const EVIDENCE: Evidence = {
  flow: 'f' as FlowId,
  side: 'orig',
  start: 0,
  end: 1,
  ts: 0,
  capture: null,
  packets: [],
};

const POLICY = compile(
  application('test', ({ external, service }) => {
    const user = external('user');
    const shop = service('shop', { at: '10.0.0.1', http: 80 });
    const db = service('db', { at: '10.0.0.2', postgres: 5432 });
    const from = <T>(words: { from(p: typeof shop): { to(p: typeof db): T } }): T => words.from(shop).to(db);
    return [
      chain(
        http
          .get('/')
          .from(user)
          .to(shop)
          .facts({ user: query('u'), amount: decimal(query('a')), id: query('i') }),
      ),
      outside(
        from(sql.update('users'))
          .where({ name: fact('user'), balance: atLeast(fact('amount')) })
          .sets({ balance: decreasedBy(fact('amount')) })
          .returning('balance')
          .named('debit'),
        from(sql.update('users'))
          .where({ name: fact('user') })
          .sets({ balance: increasedBy(fact('amount')) })
          .named('credit'),
        from(sql.update('users'))
          .where({ id: fact('id') })
          .sets('note', { state: 'open' })
          .named('note'),
        from(sql.insert('orders'))
          .values({ id: fact('id'), name: fact('user'), kind: 'dvd', seen: any(), gone: null })
          .named('order'),
        from(sql.select('users', ['id', 'name']))
          .where({ name: fact('user') })
          .allowing('limit')
          .named('find'),
        from(sql.select('audit')).calling('count').named('audit'),
        from(sql.delete('orders'))
          .where({ id: fact('id'), gone: isNull() })
          .named('cancel'),
        from(sql.begin()).named('begin'),
        from(sql.set('application_name')).named('name'),
      ),
    ];
  }),
);

function match(text: string, parameters: readonly string[] = []): Match {
  const values = parameters.map((value): SqlValue => ({ type: 'text', text: value }));
  const reading = readSql('postgres', text, values);
  const statement = reading.kind === 'read' ? reading.statements[0] : undefined;
  if (statement === undefined) throw new Error(`unparsable: ${text}`);
  return matchSql(POLICY.sql('shop', 'db'), POLICY.normalisers, statement, EVIDENCE);
}

const brief = (result: Match): unknown =>
  result.kind === 'matched'
    ? [result.id, Object.fromEntries(result.facts.map(({ fact, value }) => [fact, value]))]
    : result.kind;

beforeAll(loadSqlParsers);

describe('matchSql', () => {
  test.each<[string, string[], unknown]>([
    [
      'UPDATE users SET balance = balance - $1 WHERE name = $2 AND balance >= $1 RETURNING balance',
      ['3.50', 'alice'],
      ['debit', { amount: '3.5', user: 'alice' }],
    ],
    [
      "update Users set Balance = Balance - 3.5 where balance >= 3.50 and 'alice' = name",
      [],
      ['debit', { amount: '3.5', user: 'alice' }],
    ],
    [
      'UPDATE users SET balance = $1 + balance WHERE name = $2',
      ['1', 'bob'],
      ['credit', { amount: '1', user: 'bob' }],
    ],
    ["UPDATE users SET note = 'anything', state = 'open' WHERE id = 7", [], ['note', { id: '7' }]],
    [
      "INSERT INTO orders (kind, id, name, seen, gone) VALUES ('dvd', 7, 'alice', 'x', NULL)",
      [],
      ['order', { id: '7', user: 'alice' }],
    ],
    ["SELECT name FROM users WHERE name = 'alice' LIMIT 1", [], ['find', { user: 'alice' }]],
    ['SELECT count(*) FROM audit', [], ['audit', {}]],
    ['DELETE FROM orders WHERE gone IS NULL AND id = 7', [], ['cancel', { id: '7' }]],
    ['BEGIN', [], ['begin', {}]],
    ["SET application_name = 'x'", [], ['name', {}]],
  ])('%s is declared', (text, parameters, expected) => {
    expect(brief(match(text, parameters))).toEqual(expected);
  });

  test.each([
    'UPDATE users SET balance = balance - 3.50',
    "UPDATE users SET balance = balance - 3.50 WHERE name = 'alice' OR true",
    "UPDATE users SET balance = balance - 3.50 WHERE name = 'alice' AND balance >= 3.50 AND id = 1",
    "UPDATE users SET balance = 0 WHERE name = 'alice'",
    "UPDATE users SET balance = balance - 3.50, name = 'eve' WHERE name = 'alice' AND balance >= 3.50",
    "UPDATE users SET balance = balance - 3.50 WHERE name = 'alice' AND balance >= 3.50 RETURNING *",
    "UPDATE users SET balance = other - 3.50 WHERE name = 'alice' AND balance >= 3.50",
    "UPDATE evil.users SET balance = balance - 3.50 WHERE name = 'alice' AND balance >= 3.50",
    "UPDATE users SET balance = balance + 1 FROM orders WHERE users.name = 'alice'",
    "UPDATE users SET note = pg_sleep(10)::text, state = 'open' WHERE id = 7",
    "UPDATE users SET note = (SELECT 'x'), state = 'open' WHERE id = 7",
    "UPDATE users SET note = 'x', state = 'shut' WHERE id = 7",
    "INSERT INTO orders VALUES ('dvd', 7, 'alice', 'x', NULL)",
    "INSERT INTO orders (kind, id, name, seen, gone) VALUES ('dvd', 7, 'alice', 'x', NULL), ('dvd', 8, 'bob', 'x', NULL)",
    "INSERT INTO orders (kind, id, name, seen, gone) VALUES ('dvd', 7, 'alice', 'x', 'y')",
    "INSERT INTO orders (kind, id, name, seen) VALUES ('dvd', 7, 'alice', 'x')",
    "INSERT INTO orders (kind, id, name, seen, gone) VALUES ('dvd', 7, 'alice', 'x', NULL) ON CONFLICT DO NOTHING",
    'INSERT INTO orders (kind, id, name, seen, gone) SELECT 1, 2, 3, 4, 5',
    "SELECT name, balance FROM users WHERE name = 'alice'",
    "SELECT * FROM users WHERE name = 'alice'",
    "SELECT name FROM users WHERE name = 'alice' UNION SELECT password FROM admins",
    "SELECT name FROM users WHERE name LIKE 'a%'",
    "SELECT name FROM users WHERE name IN ('alice')",
    "SELECT name FROM users WHERE name = 'alice' FOR UPDATE",
    "WITH x AS (DELETE FROM orders RETURNING *) SELECT name FROM users WHERE name = 'alice'",
    'SELECT sum(id) FROM audit',
    'SELECT count(*) FROM audit, users',
    'DELETE FROM orders WHERE id = 7',
    'DELETE FROM users WHERE id = 7',
    'COMMIT',
    "SET role = 'admin'",
    'SELECT 1',
  ])('%s is not declared', (text) => {
    expect(brief(match(text))).toBe('undeclared');
  });

  test('a fact that is no plain value is lacking', () => {
    expect(brief(match('DELETE FROM orders WHERE gone IS NULL AND id = other'))).not.toBe('matched');
    expect(brief(match('UPDATE users SET balance = balance + 1 WHERE name = NULL'))).toBe('lacking');
  });
});
