// What is remembered beyond chains: for how long, how much, and what is said when it cannot be told. Enters: stories; leaves: verdicts.
import { judge, type Story, story } from 'flowtap/testing';
import { describe, expect, test } from 'vitest';
import {
  application,
  body,
  chain,
  cookie,
  http,
  type MemoryOptions,
  maybe,
  memory,
  once,
  outside,
  responseCookie,
  type Settings,
  secret,
  settings,
} from '../../src/policy/author.ts';
import { checkPolicy } from '../../src/policy/check.ts';
import { differenceOf } from '../../src/policy/difference.ts';
import type { PolicyDocument } from '../../src/policy/document.ts';
import { readDocument } from '../../src/policy/read-document.ts';

interface Options extends Partial<MemoryOptions> {
  readonly settings?: Settings;
}

function shop({ settings: set = {}, ...options }: Options = {}): PolicyDocument {
  return application('shop', ({ external, service }) => {
    const customer = external('customer');
    const auth = service('auth', { at: '10.0.0.1', http: 80 });
    const front = service('front', { at: '10.0.0.2', http: 80 });
    const back = service('back', { at: '10.0.0.3', http: 80 });
    const sessions = memory('sessions', { by: 'sid', keeps: ['user'], for: '1h', ...options });
    const sid = secret(cookie('sid'));
    const logIn = http
      .post('/login')
      .from(customer)
      .to(auth)
      .facts({ user: body('/user'), sid: secret(responseCookie('sid')) })
      .remembers(sessions);
    const logOut = http.post('/logout').from(customer).to(auth).facts({ sid }).forgets(sessions);
    const order = http
      .post('/orders')
      .from(customer)
      .to(front)
      .facts({ sid: maybe(sid), user: maybe(body('/user')) })
      .recalls(sessions);
    const bill = http.post('/users/:user/charge').from(front).to(back);
    return [chain(logIn), chain(logOut), chain(order, once(bill)), settings(set)];
  });
}

const HOUR = 3_600_000;

function logIn(told: Story, user: string, sid: string, status = 200, answer: object = {}): void {
  const headers = { 'set-cookie': `sid=${sid}` };
  told.http('customer', 'auth', 'POST /login', { body: { user } }).answer(status, { headers, ...answer });
}

function order(told: Story, sid: string | null, charged: string, said?: string): void {
  const asked = told.http('customer', 'front', 'POST /orders', {
    headers: sid === null ? {} : { cookie: `sid=${sid}` },
    body: said === undefined ? {} : { user: said },
  });
  told.http('front', 'back', `POST /users/${charged}/charge`).answer(200);
  asked.answer(201);
}

async function judged(policy: PolicyDocument, told: Story) {
  // Time goes on, so that everything that waits is decided.
  const result = await judge(policy, told);
  return {
    ...result,
    said: [...result.drops, ...result.untold].map(({ reasons }) => `${reasons[0].code}: ${reasons[0].text}`),
  };
}

describe('a memory', () => {
  test('gives a later request what an earlier one has learned', async () => {
    const policy = shop();
    const told = story(policy);
    logIn(told, 'alice', 's1');
    order(told, 's1', 'alice');
    order(told, 's1', 'bob');
    const { drops, chains } = await judged(policy, told);
    expect(drops.map(({ subject }) => subject.request)).toEqual(['POST /users/bob/charge']);
    expect(drops[0]?.nearest?.differences[0]).toMatchObject({
      expected: 'alice',
      expectedFrom: 'POST /login, body /user (remembered in sessions)',
    });
    expect(chains.map(({ facts }) => facts.user)).toEqual(['alice', 'alice', 'alice']);
  });

  test('contradicts a request that says otherwise', async () => {
    const policy = shop();
    const told = story(policy);
    logIn(told, 'alice', 's1');
    order(told, 's1', 'alice', 'bob');
    expect((await judged(policy, told)).said[0]).toBe(
      'fact-differs: The request of customer to front contradicts itself: user is alice (POST /login, body /user (remembered in sessions)) and bob (POST /orders, body /user).',
    );
  });

  test('is asked nothing by a request without its key', async () => {
    const policy = shop();
    const told = story(policy);
    order(told, null, 'alice');
    expect((await judged(policy, told)).said).toEqual([]);
  });

  test('learns nothing from what failed, was not clear, or contradicts itself', async () => {
    const policy = shop();
    const told = story(policy);
    logIn(told, 'alice', 's1', 401);
    logIn(told, 'alice', 's2', 200, { headers: {} });
    const { statistics } = await judged(policy, told);
    expect(statistics.memories).toEqual({ remembered: 0, evicted: 0, redefined: 0 });
  });

  test('takes the latest of two that are learned by one key, and says that it was learned anew', async () => {
    const policy = shop();
    const told = story(policy);
    logIn(told, 'alice', 's1');
    logIn(told, 'alice', 's1');
    logIn(told, 'bob', 's1');
    order(told, 's1', 'alice');
    const { drops, statistics } = await judged(policy, told);
    expect(drops[0]?.nearest?.differences[0]).toMatchObject({
      expected: 'bob',
      expectedFrom: 'POST /login, body /user (remembered anew in sessions)',
    });
    expect(statistics.memories.redefined).toBe(1);
  });

  test('waits for what teaches it, where events come out of order', async () => {
    const policy = shop();
    const told = story(policy);
    logIn(told, 'alice', 's1');
    order(told, 's1', 'alice');
    told.wait(50);
    order(told, 's1', 'alice');
    const events = [...told.events];
    const answer = events.findIndex(({ kind }) => kind === 'http-response');
    const asked = events.findIndex((event) => event.kind === 'http-request' && event.target === '/orders');
    const [login] = events.splice(answer, 1);
    if (login !== undefined) events.splice(asked + 1, 0, login);
    const { drops, untold } = await judge(policy, events);
    expect([...drops, ...untold]).toEqual([]);
  });
});

describe('what is not remembered', () => {
  test('may have been learned before we began to look: within its lifetime that cannot be told', async () => {
    const policy = shop();
    const told = story(policy);
    logIn(told, 'alice', 's1');
    told.wait(HOUR / 2);
    order(told, 's9', 'carol');
    told.wait(50);
    const { said, untold, chains, verdicts } = await judged(policy, told);
    expect(said).toEqual([
      'cannot-read: POST /orders of customer to front cannot be judged: nothing is remembered in sessions, but it may have been learned unseen.',
    ]);
    expect(untold[0]).toMatchObject({
      action: 'none',
      cannotTell: { code: 'cannot-read', cause: 'unremembered' },
    });
    // What it causes is explained all the same.
    expect(verdicts.find(({ subject }) => subject.request.startsWith('POST /users'))?.kind).toBe('pass');
    expect(chains.at(-1)?.facts.user).toBe('carol');
  });

  test('is denied within that time, too, where the policy says so', async () => {
    const policy = shop({ settings: { postures: { unremembered: 'drop' } } });
    const told = story(policy);
    order(told, 's9', 'carol');
    told.wait(50);
    const { untold } = await judged(policy, told);
    expect(untold[0]).toMatchObject({ action: 'block', cannotTell: { cause: 'unremembered' } });
  });

  test('was certainly not learned, once its lifetime has passed', async () => {
    const policy = shop();
    const told = story(policy);
    logIn(told, 'alice', 's1');
    told.wait(HOUR + 1000);
    order(told, 's9', 'carol');
    told.wait(50);
    expect((await judged(policy, told)).said[0]).toBe(
      'fact-missing: The request of customer to front does not clearly say its sid: sessions: nothing is remembered of it.',
    );
  });

  test('includes what was learned too long ago', async () => {
    const policy = shop();
    const told = story(policy);
    logIn(told, 'alice', 's1');
    told.wait(HOUR + 1000);
    order(told, 's1', 'alice');
    const { said, statistics } = await judged(policy, told);
    expect(said[0]).toContain('fact-missing');
    expect(statistics.memories.remembered).toBe(0);
  });

  test('includes what was forgotten, and that is certain from the first moment', async () => {
    const policy = shop();
    const told = story(policy);
    logIn(told, 'alice', 's1');
    const headers = { cookie: 'sid=s1' };
    told.http('customer', 'auth', 'POST /logout', { headers }).answer(204);
    order(told, 's1', 'alice');
    expect((await judged(policy, told)).said[0]).toBe(
      'fact-missing: The request of customer to front does not clearly say its sid: sessions: it was forgotten.',
    );
  });

  test('cannot be told again after something was given up, because there was too much', async () => {
    const policy = shop({ most: 2 });
    const told = story(policy);
    logIn(told, 'alice', 's0');
    told.wait(HOUR + 1000);
    for (const sid of ['s1', 's2', 's3']) logIn(told, 'alice', sid);
    order(told, 's1', 'alice');
    order(told, 's3', 'alice');
    told.wait(50);
    const { untold, drops, statistics } = await judged(policy, told);
    expect(drops).toEqual([]);
    expect(untold.map(({ cannotTell }) => cannotTell)).toEqual([
      { code: 'cannot-read', cause: 'unremembered' },
    ]);
    expect(statistics.memories).toEqual({ remembered: 2, evicted: 1, redefined: 0 });
  });

  test('cannot be told again after bytes of a log-in were lost', async () => {
    const policy = shop();
    const told = story(policy);
    told.wait(1);
    logIn(told, 'alice', 's0');
    told.wait(HOUR + 1000);
    logIn(told, 'alice', 's1');
    const last = told.events.at(-1);
    if (last === undefined || last.kind === 'source-end') throw new Error('the story is empty');
    const { ts, flow, at } = last;
    const lost = {
      kind: 'analysis-lost',
      cause: 'gap',
      protocol: 'http',
      detail: 'lost',
      lasting: false,
    } as const;
    told.events.splice(-1, 1, { ...lost, ts, flow, at });
    order(told, 's1', 'alice');
    told.wait(50);
    const { drops, untold } = await judged(policy, told);
    expect(drops).toEqual([]);
    expect(untold.map(({ cannotTell }) => cannotTell)).toEqual([
      { code: 'cannot-read', cause: 'gap' },
      { code: 'cannot-read', cause: 'unremembered' },
    ]);
  });
});

describe('a policy that remembers', () => {
  test('stays plain: it can be written, read and compared', () => {
    const policy = JSON.parse(JSON.stringify(shop())) as PolicyDocument;
    expect(checkPolicy(policy)).toEqual([]);
    expect(readDocument(policy, 'policy.json')).toBe(policy);
    expect(differenceOf(policy, shop({ for: '2h' }))).toMatchObject([
      { kind: 'changed', path: ['memories', 'sessions', 'lifetime'], before: 3.6e9, after: 7.2e9 },
    ]);
    const { unremembered: _, ...postures } = policy.postures;
    expect(() => readDocument({ ...policy, postures }, 'old.json')).not.toThrow();
  });

  const problemsOf = (options: Partial<MemoryOptions>, uses: 'remembers' | 'recalls' | 'both' | 'none') =>
    checkPolicy(
      application('test', ({ external, service }) => {
        const front = service('front', { at: '10.0.0.1', http: 80 });
        const sessions = memory('sessions', { by: 'sid', keeps: ['user'], for: '1h', ...options });
        const ask = http
          .get('/')
          .from(external('user'))
          .to(front)
          .facts({ user: body('/user'), sid: responseCookie('sid') });
        if (uses === 'remembers' || uses === 'both') ask.remembers(sessions);
        if (uses === 'recalls' || uses === 'both') ask.recalls(sessions);
        return outside(ask);
      }),
    ).map(({ severity, problem, remedy }) => `${severity}: ${problem} (${remedy})`);

  test('teaches and asks each memory, about facts that are there', () => {
    expect(problemsOf({}, 'none')).toEqual([
      'error: nothing is ever remembered in "sessions" (say .remembers() of a request)',
      'warning: nothing recalls memory "sessions" (say .recalls() of a request)',
    ]);
    expect(problemsOf({}, 'remembers')).toEqual([
      'warning: nothing recalls memory "sessions" (say .recalls() of a request)',
    ]);
    expect(problemsOf({}, 'both')).toEqual([
      'error: "GET /" recalls memory "sessions", but does not carry its key "sid" (say where "sid" stands in it, with .facts())',
    ]);
    expect(problemsOf({ keeps: ['usr'] }, 'remembers')[0]).toBe(
      'error: memory "sessions" is about fact "usr", which no request carries (did you mean "user"?)',
    );
  });

  test('declares each memory once, and no other is used', () => {
    const twice = () =>
      application('test', () => {
        memory('a', { by: 'x', keeps: [], for: '1h' });
        memory('a', { by: 'x', keeps: [], for: '1h' });
        return outside();
      });
    expect(twice).toThrow('two memories are called "a"');
    const policy = shop();
    const requests = policy.requests.map((request) => ({ ...request, recalls: ['session'] }));
    expect(checkPolicy({ ...policy, requests })[0]?.remedy).toBe('did you mean "sessions"?');
  });
});
