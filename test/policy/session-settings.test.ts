// Settings that come with PostgreSQL's log-in. Enters: start-up parameters; leaves: verdicts on the session.
import { describe, expect, test } from 'vitest';
import { application, outside, sql } from '../../src/policy/author.ts';
import { judge } from '../support/judge.ts';
import { Story } from '../support/story.ts';

/** A front that may set its search path, and nothing else. */
const POLICY = application('settings', ({ service }) => {
  const front = service('front', { at: '10.0.0.1' });
  const db = service('db', { at: '10.0.0.2', postgres: 5432, mysql: 3306 });
  return outside(sql.set('search_path').from(front).to(db), sql.select('items', ['id']).from(front).to(db));
});

/** What is said of a log-in with these parameters. */
async function loggedIn(
  parameters: Readonly<Record<string, string>>,
  dialect: 'postgres' | 'mysql' = 'postgres',
) {
  const story = new Story();
  const connection = story.connect('10.0.0.1', `10.0.0.2:${dialect === 'postgres' ? 5432 : 3306}`);
  connection.add('resp', {
    kind: 'sql-session',
    dialect,
    user: 'app',
    database: 'shop',
    parameters: new Map(Object.entries({ user: 'app', database: 'shop', ...parameters })),
  });
  connection.sql(dialect, 'SELECT id FROM items')([{ id: 1 }]);
  const { verdicts } = await judge(POLICY, story.end());
  return verdicts.filter(({ kind }) => kind !== 'pass');
}

describe('a session', () => {
  test.each<[string, Record<string, string>]>([
    ['nothing but who it is', {}],
    ['what changes no statement', { application_name: 'front', TimeZone: 'UTC', client_encoding: 'UTF8' }],
    ['a setting that may be set', { search_path: 'shop' }],
    ['an option of the protocol itself', { '_pq_.command_tag_format': 'long' }],
    ['no options', { options: '' }],
    ['harmless options in each of the three forms', { options: '-c jit=off -cgeqo=off --lock-timeout=5s' }],
    [
      'a setting that may be set, with an escaped blank in it',
      { options: String.raw`-c search_path=shop,\ audit` },
    ],
  ])('may begin with %s', async (_what, parameters) => {
    expect(await loggedIn(parameters)).toEqual([]);
  });

  test.each<[string, Record<string, string>]>([
    ['row_security', { row_security: 'off' }],
    ['role', { Role: 'postgres' }],
    ['replication', { replication: 'database' }],
    ['role', { options: '-c role=postgres' }],
    ['role', { options: '-crole=postgres' }],
    ['session_replication_role', { options: '--session-replication-role=replica' }],
    ['role', { options: '-c jit=off\t-c ROLE=postgres' }],
    ['role', { options: '-c search_path=shop -c role=postgres' }],
    // What cannot be read as a setting is named by where it stands.
    ['options', { options: String.raw`-c ro\le=postgres` }],
    ['options', { options: '-e' }],
    ['options', { options: '-c' }],
    ['options', { options: 'role=postgres' }],
    ['options', { options: '-c jit' }],
  ])('is denied that begins with %s, as it is in %j', async (setting, parameters) => {
    const [denied, ...others] = await loggedIn(parameters);
    expect(others).toEqual([]);
    expect(denied).toMatchObject({
      kind: 'drop',
      action: 'block',
      decidedBy: 'request',
      subject: { protocol: 'postgres', request: `log in with ${setting}`, from: 'front', to: 'db' },
      reasons: [
        {
          code: 'request-not-declared',
          text: `the session begins with the setting ${setting}, and no SET of it is declared`,
        },
      ],
    });
  });

  test('of MySQL has attributes, which set nothing', async () => {
    expect(await loggedIn({ _client_name: 'libmysql', role: 'admin' }, 'mysql')).toEqual([]);
  });

  test('names a hostile setting in a way that no terminal takes for its own', async () => {
    const [denied] = await loggedIn({ [`\u001b[2J${'x'.repeat(500)}`]: '1' });
    expect(denied?.subject.request.length).toBeLessThan(200);
    expect(`${denied?.subject.request}${denied?.reasons[0].text}`).not.toContain('\u001b');
  });
});
