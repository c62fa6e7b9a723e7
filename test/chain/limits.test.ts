// What is said of steps, and what is kept of chains that are many. Enters: many user requests; leaves: verdicts, drawings.
import { describe, expect, test } from 'vitest';
import { ChainState } from '../../src/chain/chain-state.ts';
import { Packer, UNPACKED } from '../../src/chain/packer.ts';
import type { StepPlan } from '../../src/chain/plan.ts';
import type { ChainRequest } from '../../src/chain/request.ts';
import { Instance } from '../../src/chain/state.ts';
import { createEngine } from '../../src/engine.ts';
import { FlowTapError } from '../../src/errors.ts';
import type { FlowId } from '../../src/flow.ts';
import {
  application,
  chain,
  eventually,
  http,
  many,
  once,
  optional,
  required,
  settings,
} from '../../src/policy/author.ts';
import type { ChainId } from '../../src/verdict.ts';
import { brief, judge } from '../support/judge.ts';
import { Story } from '../support/story.ts';

const POLICY = application('test', ({ external, service }) => {
  const user = external('user');
  const front = service('front', { at: '10.0.0.1', http: 80 });
  const back = service('back', { at: '10.0.0.2', http: 80 });
  const get = (path: string) => http.get(path).from(front).to(back);
  return [
    chain(
      http.get('/:id').from(user).to(front),
      once(get('/work/:id')),
      optional(get('/b')),
      required(get('/c')),
      many(get('/d')),
      many(get('/e')).times(0, 3),
      many(get('/f')).times(1),
      many(get('/g')).times(1, 2),
      eventually(get('/h'), '5s'),
    ),
    settings({ chains: 20_000 }),
  ];
});

/** A step that causes nothing. */
const PLAN: StepPlan = {
  request: 'root',
  cardinality: 'once',
  within: null,
  least: 0,
  most: null,
  owns: new Set(),
  retries: 0,
  order: 'any',
  facts: [],
  speaks: [],
  requires: null,
  staysOpen: false,
  parent: null,
  position: 0,
  children: [],
};

const PARENT = '00f067aa0ba902b7';
const traced = (trace: number) => ({
  headers: { traceparent: `00-${trace.toString(16).padStart(32, '0')}-${PARENT}-01` },
});

test('a chain that is drawn says how often each of its steps has to come', async () => {
  const story = new Story();
  story.connect('192.0.2.1', '10.0.0.1:80').http('GET', '/7');
  const engine = await createEngine({ policies: [POLICY], containment: 'forward' });
  for (const event of story.events) engine.handle(event);
  const view = engine.view('c1' as ChainId);
  expect(view?.tree.children.map(({ step, expected }) => `${step}: ${expected}`)).toEqual([
    'GET /work/:id: once',
    'GET /b: at most once',
    'GET /c: once, before its parent is answered',
    'GET /d: any number of times',
    'GET /e: at most 3 times',
    'GET /f: at least 1 times',
    'GET /g: 1 to 2 times',
    'GET /h: once, within 5 s',
  ]);
});

describe('where very many user requests have the same key', () => {
  test('a request with it is explained by one of them, and not by others', async () => {
    const story = new Story();
    const user = story.connect('192.0.2.1', '10.0.0.1:80');
    for (let id = 0; id < 70; id++) user.http('GET', `/${id}`, traced(1));
    user.http('GET', '/900', traced(2));
    user.http('GET', '/901');
    const back = story.connect('10.0.0.1', '10.0.0.2:80');
    back.http('GET', '/work/7', traced(1))(200);
    back.http('GET', '/work/900', traced(1))(200);
    back.http('GET', '/work/901', traced(1))(200);
    const { drops } = await judge(POLICY, story.end());
    expect(brief(drops).map((line) => line.split(' (')[0])).toEqual([
      'fact-differs: GET /work/900',
      'fact-differs: GET /work/901',
    ]);
  });
});

test('of chains that are many, the first are not told as the closest any more', async () => {
  const closest = async (others: number) => {
    const story = new Story();
    const user = story.connect('192.0.2.1', '10.0.0.1:80');
    user.http('GET', '/first', traced(5));
    for (let id = 0; id < others; id++) user.http('GET', `/${id}`);
    story.connect('10.0.0.1', '10.0.0.2:80').http('GET', '/work/none', traced(5))(200);
    const { drops } = await judge(POLICY, story.end());
    return brief(drops);
  };
  // Its key makes it the closest, as long as it is looked at.
  expect(await closest(500)).toEqual(['fact-differs: GET /work/none (front to back)']);
  expect(await closest(600)).toEqual(['no-open-chain: GET /work/none (front to back)']);
});

test('a chain that ended is kept for a while, and then forgotten', async () => {
  const story = new Story();
  const user = story.connect('192.0.2.1', '10.0.0.1:80');
  for (let id = 0; id < 1002; id++) user.http('GET', `/${id}`)(500);
  const { engine } = await judge(POLICY, story.end());
  expect(engine.view('c1' as ChainId)).toBeNull();
  expect(engine.view('c1002' as ChainId)?.facts).toEqual({ id: '1001' });
});

describe('a request that is sent again', () => {
  const policy = application('again', ({ external, service }) => {
    const user = external('user');
    const front = service('front', { at: '10.0.0.1', http: 80 });
    const back = service('back', { at: '10.0.0.2', http: 80 });
    const shop = service('shop', { at: '10.0.0.3', http: 80 });
    const ship = http.post('/ship').from(back).to(shop);
    const bill = http.post('/bill').from(front).to(back);
    return chain(http.get('/').from(user).to(front), once(bill, eventually(ship, '5s')).retried(1));
  });

  /** The first bill's connection ends without an answer; the second is answered. */
  function billedAgain(): Story {
    const story = new Story();
    const answer = story.connect('192.0.2.1', '10.0.0.1:80').http('GET', '/');
    const first = story.connect('10.0.0.1', '10.0.0.2:80');
    first.http('POST', '/bill');
    first.close('rst');
    story.wait(4_000_000);
    story.connect('10.0.0.1', '10.0.0.2:80').http('POST', '/bill')(200);
    answer(200);
    return story.wait(4_000_000);
  }

  test('has the time anew for what it causes', async () => {
    const story = billedAgain();
    story.connect('10.0.0.2', '10.0.0.3:80').http('POST', '/ship')(200);
    const { drops, chains } = await judge(policy, story.end());
    expect(brief(drops)).toEqual([]);
    expect(chains.map(({ outcome }) => outcome)).toEqual(['complete']);
  });

  test('is overdue once that time is over', async () => {
    const story = billedAgain().wait(2_000_000);
    story.connect('192.0.2.9', '10.0.0.1:80').http('GET', '/');
    const { drops, chains } = await judge(policy, story.end());
    expect(drops.map(({ reasons }) => reasons[0].code)).toEqual(['overdue']);
    expect(chains[0]?.missing).toEqual(['POST /ship']);
  });
});

test('a request that is sent again keeps all that the one before has caused', async () => {
  const policy = application('again', ({ external, service }) => {
    const user = external('user');
    const front = service('front', { at: '10.0.0.1', http: 80 });
    const back = service('back', { at: '10.0.0.2', http: 80 });
    const shop = service('shop', { at: '10.0.0.3', http: 80 });
    const seal = http.post('/seal').from(shop).to(back);
    const pack = http.post('/pack').from(back).to(shop);
    return chain(
      http.get('/').from(user).to(front),
      once(http.post('/bill').from(front).to(back), once(pack, once(seal))).retried(1),
    );
  });
  const story = new Story();
  const answer = story.connect('192.0.2.1', '10.0.0.1:80').http('GET', '/', traced(1));
  const first = story.connect('10.0.0.1', '10.0.0.2:80');
  first.http('POST', '/bill', traced(1));
  const packed = story.connect('10.0.0.2', '10.0.0.3:80').http('POST', '/pack', traced(1));
  story.connect('10.0.0.3', '10.0.0.2:80').http('POST', '/seal', traced(1))(200);
  packed(200);
  first.close('rst');
  story.connect('10.0.0.1', '10.0.0.2:80').http('POST', '/bill', traced(1))(200);
  answer(200);
  // Nothing that was done already is done for the second bill.
  story.connect('10.0.0.2', '10.0.0.3:80').http('POST', '/pack', traced(1))(200);
  const { drops, chains } = await judge(policy, story.end());
  expect(brief(drops)).toEqual(['already-done: POST /pack (back to shop)']);
  expect(chains.map(({ outcome, requests }) => [outcome, requests])).toEqual([['complete', 5]]);
});

test('a place that no plan has is a fault of ours', () => {
  const chain = new ChainState(1, { from: 'user', address: '192.0.2.1' }, 0, null, new Packer(UNPACKED));
  const request: ChainRequest = {
    request: 'root',
    facts: [],
    keys: new Map(),
    ts: 0,
    evidence: { flow: 'f' as FlowId, side: 'orig', start: 0, end: 1, ts: 0, capture: null, packets: [] },
    summary: 'root',
    unanswered: false,
    requires: null,
  };
  expect(() => new Instance(chain, PLAN, null, request, null).slotAt(0)).toThrow(FlowTapError);
});
