// What a replaced policy knew beyond its open chains: memories and runs of jobs. Enters: stories, two policies; leaves: verdicts after the replacement.
import { type Story, story } from 'flowtap/testing';
import { describe, expect, test } from 'vitest';
import { createEngine, type Engine } from '../../src/engine.ts';
import {
  application,
  chain,
  cookie,
  header,
  http,
  job,
  lowerCase,
  memory,
  once,
  outside,
  responseCookie,
  secret,
  settings,
  sql,
} from '../../src/policy/author.ts';
import type { PolicyDocument } from '../../src/policy/document.ts';

interface Options {
  readonly for?: string;
  readonly most?: number;
  readonly keeps?: readonly string[];
  readonly lower?: boolean;
  /** Logging in by a third party teaches, too. */
  readonly third?: boolean;
  readonly memory?: string;
}

/** Logging in teaches who a session is; whoever bills must bill that user. `revision` makes another document that says the same. */
function shop(revision: number, options: Options = {}): PolicyDocument {
  return application('shop', ({ external, service }) => {
    const customer = external('customer');
    const auth = service('auth', { at: '10.0.0.1', http: 80 });
    const front = service('front', { at: '10.0.0.2', http: 80 });
    const back = service('back', { at: '10.0.0.3', http: 80 });
    const { keeps = ['user'], most = 100, for: lifetime = '1h', lower = false, third = false } = options;
    const sessions = memory(options.memory ?? 'sessions', { by: 'sid', keeps, for: lifetime, most });
    const user = lower ? lowerCase(header('x-user')) : header('x-user');
    const learnt = { user, sid: secret(responseCookie('sid')) };
    const logIn = http.post('/login').from(customer).to(auth).facts(learnt).remembers(sessions);
    const thirdParty = http.post('/sso').from(customer).to(auth).facts(learnt);
    const logOut = http
      .post('/logout')
      .from(customer)
      .to(auth)
      .facts({ sid: secret(cookie('sid')) })
      .forgets(sessions);
    const order = http
      .post('/orders')
      .from(customer)
      .to(front)
      .facts({ sid: secret(cookie('sid')) })
      .recalls(sessions);
    const bill = http.post('/users/:user/charge').from(front).to(back);
    return [
      chain(logIn),
      chain(third ? thirdParty.remembers(sessions) : thirdParty),
      chain(logOut),
      chain(order, once(bill)),
      settings({ chains: 1000 + revision }),
    ];
  });
}

const MINUTE = 60_000;

const make = (policy: PolicyDocument): Promise<Engine> =>
  createEngine({ policies: [policy], containment: 'forward', journal: 1024 ** 2 });

function logIn(told: Story, user: string, sid: string, path = '/login'): void {
  const headers = { 'set-cookie': `sid=${sid}` };
  told.http('customer', 'auth', `POST ${path}`, { headers: { 'x-user': user } }).answer(200, { headers });
}

function logOut(told: Story, sid: string): void {
  told.http('customer', 'auth', 'POST /logout', { headers: { cookie: `sid=${sid}` } }).answer(204);
}

function order(told: Story, sid: string, charged: string): void {
  const asked = told.http('customer', 'front', 'POST /orders', { headers: { cookie: `sid=${sid}` } });
  told.http('front', 'back', `POST /users/${charged}/charge`).answer(200);
  asked.answer(201);
  told.wait(50);
}

/** Tells one engine a story, piece by piece, and replaces its policy between two pieces. */
async function telling(first: PolicyDocument) {
  const engine = await make(first);
  const told = story(first);
  let seen = 0;
  /** What is not plainly let pass of what was told since the last call. */
  const said = (): readonly string[] => {
    const events = told.events.slice(seen);
    seen = told.events.length;
    const outputs = [...events.flatMap((event) => [...engine.handle(event)]), ...engine.advance(nowOf(told))];
    return outputs.flatMap((output) =>
      output.kind === 'verdict' && output.verdict.kind !== 'pass'
        ? [`${output.verdict.kind} ${output.verdict.subject.request}: ${output.verdict.reasons[0].text}`]
        : [],
    );
  };
  return { engine, told, said };
}

/** Microseconds: what was told last has been decided by then. */
const nowOf = (told: Story): number => (told.events.at(-1)?.ts ?? 0) + 40_000;

/** What is said of an order by a session, after another policy took over. */
async function ordered(
  policies: readonly [PolicyDocument, ...PolicyDocument[]],
  before: (told: Story) => void,
  sid = 's1',
  charged = 'alice',
  pause = 0,
): Promise<readonly string[]> {
  const [first, ...others] = policies;
  const { engine, told, said } = await telling(first);
  before(told);
  expect(said()).toEqual([]);
  for (const policy of others) expect(engine.replace([policy]).outputs).toEqual([]);
  told.wait(pause);
  order(told, sid, charged);
  return said();
}

const UNKNOWN =
  'indeterminate POST /orders: POST /orders of customer to front cannot be judged: nothing is remembered in sessions, but it may have been learned unseen.';
const GONE =
  'drop POST /orders: The request of customer to front does not clearly say its sid: sessions: nothing is remembered of it.';

describe('what was remembered', () => {
  const aliceLogsIn = (told: Story): void => logIn(told, 'alice', 's1');

  test('is known to the next policy, too, and what was forgotten stays forgotten', async () => {
    expect(await ordered([shop(1), shop(2)], aliceLogsIn)).toEqual([]);
    const [billed] = await ordered([shop(1), shop(2)], aliceLogsIn, 's1', 'bob');
    expect(billed).toContain('drop POST /users/bob/charge');
    expect(billed).toContain('alice');
    const [forgotten] = await ordered([shop(1), shop(2)], (told) => {
      logIn(told, 'alice', 's1');
      logOut(told, 's1');
    });
    expect(forgotten).toContain('sessions: it was forgotten');
  });

  test('is counted on', async () => {
    const { engine, told, said } = await telling(shop(1, { most: 2 }));
    for (const [user, sid] of [
      ['alice', 's1'],
      ['bob', 's1'],
      ['carol', 's2'],
      ['dave', 's3'],
    ] as const)
      logIn(told, user, sid);
    expect(said()).toEqual([]);
    const counted = { remembered: 2, evicted: 1, redefined: 1 };
    expect(engine.statistics.memories).toEqual(counted);
    for (const revision of [2, 3]) {
      engine.replace([shop(revision, { most: 2 })]);
      expect(engine.statistics.memories).toEqual(counted);
    }
    logIn(told, 'erin', 's3');
    expect(said()).toEqual([]);
    expect(engine.statistics.memories).toEqual({ ...counted, redefined: 2 });
  });

  test('is known from the same moment on: what was surely never learned is denied', async () => {
    const hourLater = (told: Story): void => {
      aliceLogsIn(told);
      told.wait(61 * MINUTE);
      logIn(told, 'bob', 's2');
    };
    expect(await ordered([shop(1), shop(2)], hourLater, 's9')).toContain(GONE);
  });

  test('while it is judged again is kept, and so is what is learned then', async () => {
    const { engine, told, said } = await telling(shop(1));
    logIn(told, 'alice', 's1');
    const asked = told.http('customer', 'front', 'POST /orders', { headers: { cookie: 'sid=s1' } });
    const login = told.http('customer', 'auth', 'POST /login', { headers: { 'x-user': 'bob' } });
    expect(said()).toEqual([]);
    expect(engine.replace([shop(2)])).toMatchObject({
      outputs: [],
      changes: [{ chains: { continued: 2, ended: 0 } }],
    });
    told.http('front', 'back', 'POST /users/alice/charge').answer(200);
    asked.answer(201);
    login.answer(200, { headers: { 'set-cookie': 'sid=s2' } });
    order(told, 's2', 'bob');
    expect(said()).toEqual([]);
    expect(engine.statistics.memories.remembered).toBe(2);
  });

  test('cannot be told any more where the next policy compares it otherwise, keeps more, or names it anew', async () => {
    for (const options of [{ lower: true }, { keeps: ['user', 'sid'] }, { memory: 'logins' }])
      expect(await ordered([shop(1), shop(2, options)], aliceLogsIn)).toEqual([
        UNKNOWN.replace('sessions', options.memory ?? 'sessions'),
      ]);
  });

  // An order that is open when the policy is replaced is judged again at its own time, long before the replacement.
  test('by what is compared otherwise cannot be told for a whole lifetime from the replacement on', async () => {
    const { engine, told, said } = await telling(shop(1));
    told.http('customer', 'front', 'POST /orders', { headers: { cookie: 'sid=s0' } });
    told.wait(9 * MINUTE);
    logIn(told, 'alice', 's1');
    said();
    engine.replace([shop(2, { lower: true })]);
    told.wait(55 * MINUTE);
    order(told, 's1', 'alice');
    expect(said()).toEqual([UNKNOWN]);
    told.wait(6 * MINUTE);
    order(told, 's1', 'alice');
    expect(said()).toContain(GONE);
  });

  test('is not certain where the next policy learns from requests that did not teach before', async () => {
    const both = (told: Story): void => {
      logIn(told, 'carol', 's0');
      told.wait(61 * MINUTE);
      logIn(told, 'alice', 's1', '/sso');
      logIn(told, 'bob', 's2');
    };
    expect(await ordered([shop(1), shop(2)], both)).toContain(GONE);
    expect(await ordered([shop(1), shop(2, { third: true })], both)).toEqual([UNKNOWN]);
    expect(await ordered([shop(1), shop(2, { third: true })], both, 's2', 'bob')).toEqual([]);
  });

  test('for a shorter time than the next policy asks for is not certainly unknown', async () => {
    const longAgo = (told: Story): void => {
      logIn(told, 'carol', 's0');
      told.wait(150 * MINUTE);
      aliceLogsIn(told);
      told.wait(90 * MINUTE);
      logIn(told, 'bob', 's2');
    };
    const longer = shop(2, { for: '2h' });
    expect(await ordered([shop(1), longer], longAgo)).toEqual([UNKNOWN]);
    expect(await ordered([shop(1), longer], longAgo, 's2', 'bob')).toEqual([]);
    // By then two hours have passed since then, too.
    expect(await ordered([shop(1), longer], longAgo, 's1', 'alice', 31 * MINUTE)).toContain(GONE);
    // A policy in between that asks for no more than the first one changes nothing.
    expect(await ordered([shop(1), shop(3), longer], longAgo)).toEqual([UNKNOWN]);
  });

  test('in a larger number than the next policy allows is given up, and that is not forgotten', async () => {
    const three = (told: Story): void => {
      logIn(told, 'carol', 's0');
      told.wait(61 * MINUTE);
      for (const sid of ['s1', 's2', 's3']) logIn(told, 'alice', sid);
    };
    const smaller = shop(2, { most: 2 });
    expect(await ordered([shop(1), smaller], three)).toEqual([UNKNOWN]);
    expect(await ordered([shop(1), smaller], three, 's3')).toEqual([]);
  });
});

describe('a job', () => {
  const cleaning = (every: string | null): PolicyDocument =>
    application('cleaning', ({ service }) => {
      const cleaner = service('cleaner', { at: '10.0.0.1' });
      const db = service('db', { at: '10.0.0.2', postgres: 5432 });
      const drop = sql.delete('sessions').from(cleaner).to(db);
      return every === null ? outside(drop) : job(drop, { every });
    });
  const run = (told: Story): void => told.sql('cleaner', 'db', 'DELETE FROM sessions', [], { affected: 0 });

  /** What is said of a run this many minutes after one that the first policy saw. */
  async function again(first: string | null, second: string, minutes: number): Promise<readonly string[]> {
    const { engine, told, said } = await telling(cleaning(first));
    run(told);
    expect(said()).toEqual([]);
    told.wait(minutes * MINUTE);
    engine.advance(nowOf(told) + minutes * MINUTE * 1000);
    engine.replace([cleaning(second)]);
    run(told);
    return said();
  }

  test('that ran may not run again at once because its policy was replaced', async () => {
    expect(await again('1h', '2h', 90)).toEqual([
      expect.stringMatching(/^drop DELETE FROM sessions: .*7200 s/),
    ]);
    expect(await again('2h', '1h', 90)).toEqual([]);
  });

  test('of which the policy before knew nothing may run', async () => {
    expect(await again(null, '1h', 1)).toEqual([]);
  });

  test('that is none any more leaves nothing behind', async () => {
    const { engine, told, said } = await telling(cleaning('1h'));
    run(told);
    said();
    engine.replace([cleaning(null)]);
    run(told);
    expect(said()).toEqual([]);
  });
});
