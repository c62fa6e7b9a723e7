// What bounds the open chains: their lifetime and their number. Enters: many user requests; leaves: counted losses.
import { expect, test } from 'vitest';
import { application, chain, http, once, settings } from '../../src/policy/author.ts';
import { brief, judge } from '../support/judge.ts';
import { Story } from '../support/story.ts';

const policy = (given: Parameters<typeof settings>[0]) =>
  application('test', ({ external, service }) => {
    const user = external('user');
    const front = service('front', { at: '10.0.0.1', http: 80 });
    const back = service('back', { at: '10.0.0.2', http: 80 });
    return [
      chain(http.get('/:id').from(user).to(front), once(http.get('/:id').from(front).to(back))),
      settings(given),
    ];
  });

function ask(story: Story, count: number): void {
  const user = story.connect('192.0.2.1', '10.0.0.1:80');
  for (let i = 0; i < count; i++) user.http('GET', `/${i}`);
}

test('when more chains are open than may be, the oldest is given up and counted, and explains nothing more', async () => {
  const story = new Story();
  ask(story, 5);
  const back = story.connect('10.0.0.1', '10.0.0.2:80');
  for (const id of [0, 1, 2, 3, 4]) back.http('GET', `/${id}`)(200);
  const { drops, chains, engine } = await judge(policy({ chains: 3 }), story.end());
  expect(brief(drops)).toEqual([
    'no-open-chain: GET /0 (front to back)',
    'no-open-chain: GET /1 (front to back)',
  ]);
  expect(engine.statistics).toMatchObject({ chainsOpened: 5, chainsEvicted: 2, chainsOpen: 0 });
  expect(chains.map(({ outcome }) => outcome)).toEqual(Array(5).fill('abandoned'));
});

test('a chain that is open for longer than it may be is given up, in the order of opening', async () => {
  const story = new Story();
  ask(story, 2);
  story.wait(61e6);
  const back = story.connect('10.0.0.1', '10.0.0.2:80');
  back.http('GET', '/0')(200);
  const { drops, chains, engine } = await judge(policy({ chainLifetime: '1m' }), story.end());
  expect(brief(drops)).toEqual(['no-open-chain: GET /0 (front to back)']);
  expect(chains.map(({ outcome, facts }) => [outcome, facts.id])).toEqual([
    ['abandoned', '0'],
    ['abandoned', '1'],
  ]);
  expect(engine.statistics.chainsEvicted).toBe(0);
});

test('without a reorder window an unexplained request is decided when it comes', async () => {
  const story = new Story();
  const back = story.connect('10.0.0.1', '10.0.0.2:80');
  back.http('GET', '/0');
  const { drops } = await judge(policy({ reorder: '0ms' }), story.events);
  expect(brief(drops)).toEqual(['no-open-chain: GET /0 (front to back)']);
  expect((await judge(policy({}), story.events)).drops).toEqual([]);
});
