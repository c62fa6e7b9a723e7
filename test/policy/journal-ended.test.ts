// What the journal keeps of chains that have ended, while a request may turn out to be theirs. Enters: stories, replaced policies; leaves: records, sizes.
import { expect, test } from 'vitest';
import { createEngine, type Engine } from '../../src/engine.ts';
import type { Event } from '../../src/events/event.ts';
import { application, chain, eventually, http, optional, settings } from '../../src/policy/author.ts';
import type { PolicyDocument } from '../../src/policy/document.ts';
import { feed } from '../support/judge.ts';
import { Story } from '../support/story.ts';

/** Rentals that nothing tells apart. */
function renting(revision: number, ships = false): PolicyDocument {
  return application('renting', ({ external, service }) => {
    const user = external('user');
    const front = service('front', { at: '10.0.0.1', http: 80 });
    const back = service('back', { at: '10.0.0.2', http: 80 });
    const bill = optional(http.post('/bill').from(front).to(back));
    const ship = eventually(http.post('/ship').from(front).to(back), '1h');
    return [
      chain(http.post('/rent').from(user).to(front), bill, ...(ships ? [ship] : [])),
      settings({ chains: 1000 + revision }),
    ];
  });
}

const make = (journal: number): Promise<Engine> =>
  createEngine({ policies: [renting(1)], containment: 'forward', journal });

/** A rental that is open and has been billed while another one was that has ended since, and `others` that ended as well. */
function guessed(others = 0): { readonly story: Story; readonly answer: (status: number) => void } {
  const story = new Story();
  const rent = () => story.connect('192.0.2.1', '10.0.0.1:80').http('POST', '/rent');
  const answer = rent();
  const ended = rent();
  story.connect('10.0.0.1', '10.0.0.2:80').http('POST', '/bill')(200);
  ended(200);
  for (let n = 0; n < others; n++) {
    rent()(200);
    story.wait(10_000);
  }
  story.wait(100_000).connect('192.0.2.2', '10.0.0.1:80');
  return { story, answer };
}

const recorded = (engine: Engine, events: readonly Event[]): readonly string[] =>
  feed(engine, events).flatMap((output) =>
    output.kind === 'chain' ? [`${output.record.id} ${output.record.outcome}`] : [],
  );

test('a chain that has ended is over under a policy that expects more of it, too', async () => {
  const engine = await make(1024 ** 2);
  const { story, answer } = guessed();
  expect(recorded(engine, story.events)).toEqual(['c2 complete']);
  expect(engine.statistics).toMatchObject({ chainsOpen: 1, ambiguous: 1 });
  const kept = engine.statistics.journal?.entries ?? 0;
  const { outputs, changes } = engine.replace([renting(2, true)]);
  expect(outputs).toEqual([]);
  expect(changes).toMatchObject([{ chains: { continued: 1, ended: 0, unknown: 0 } }]);
  expect(engine.statistics.chainsOpen).toBe(1);
  // Under the new policy no request can turn out to be its own.
  expect(engine.statistics.journal?.entries).toBe(kept - 2);
  const seen = story.events.length;
  answer(200);
  story.wait(10_000_000_000);
  expect(recorded(engine, story.end().slice(seen))).toEqual(['c1 incomplete']);
  engine.replace([renting(3)]);
  expect(engine.statistics.journal?.entries).toBe(0);
});

test('of those that ended meanwhile only the last are kept, and none where nobody guessed', async () => {
  const kept = async (others: number): Promise<number> => {
    const engine = await make(64 * 1024 ** 2);
    feed(engine, guessed(others).story.events);
    expect(engine.statistics).toMatchObject({ chainsOpen: 1, verdicts: { drop: 0 } });
    return engine.statistics.journal?.entries ?? 0;
  };
  const [few, many, more] = [await kept(100), await kept(400), await kept(500)];
  expect(many).toBeGreaterThan(2 * few);
  expect(more).toBe(many);
  const engine = await make(64 * 1024 ** 2);
  const story = new Story();
  for (let n = 0; n < 400; n++) {
    story.connect('192.0.2.1', '10.0.0.1:80').http('POST', '/rent')(200);
    story.wait(100_000);
  }
  feed(engine, story.events);
  expect(engine.statistics.journal?.entries).toBeLessThan(10);
});

test('where room is wanting they go first', async () => {
  const engine = await make(350_000);
  feed(engine, guessed(200).story.events);
  expect(engine.statistics.journal).toMatchObject({ chainsEvicted: 0 });
  const { changes } = engine.replace([renting(2)]);
  expect(changes).toMatchObject([{ chains: { continued: 1, ended: 0, unknown: 0 } }]);
});
