// What may still be explained by what is on its way. Enters: requests and answers out of order; leaves: whether the engine waits with them.
import { expect, test } from 'vitest';
import { createEngine } from '../../src/engine.ts';
import type { Evidence } from '../../src/flow.ts';
import { application, chain, header, http, required } from '../../src/policy/author.ts';
import { Story } from '../support/story.ts';

/** A front that may not answer before it has billed. */
const POLICY = application('shop', ({ external, service }) => {
  const front = service('front', { at: '10.0.0.1', http: 80 });
  const back = service('back', { at: '10.0.0.2', http: 80 });
  const user = { user: header('x-user') };
  const order = http.post('/orders').from(external('customer')).to(front).facts(user);
  const bill = http.post('/bills').from(front).to(back).facts(user);
  return chain(order, required(bill));
});
const ALICE = { headers: { 'x-user': 'alice' } };

/** Feeds one event after the other, and tells what was said of each. */
async function telling() {
  const engine = await createEngine({ policies: [POLICY], containment: 'redirect' });
  const story = new Story();
  const customer = story.connect('192.0.2.1', '10.0.0.1:80');
  const front = story.connect('10.0.0.1', '10.0.0.2:80');
  let seen = 0;
  /** The bytes of the last event, and what was said. */
  const feed = (): { readonly at: Evidence; readonly said: readonly string[] } => {
    const events = story.events.slice(seen);
    seen = story.events.length;
    const outputs = events.flatMap((event) => [...engine.handle(event)]);
    const last = events.at(-1);
    if (last === undefined || last.kind === 'source-end') throw new Error('nothing was told');
    const said = outputs.flatMap((output) =>
      output.kind === 'verdict' && output.verdict.subject.what !== 'connection'
        ? [`${output.verdict.kind} ${output.verdict.subject.request}`]
        : [],
    );
    return { at: last.at, said };
  };
  return { engine, story, customer, front, feed };
}

test('a request waits for what explains it, and no longer', async () => {
  const { engine, story, customer, front, feed } = await telling();
  front.http('POST', '/bills', ALICE);
  const billed = feed();
  expect(billed.said).toEqual([]);
  expect(engine.waits(billed.at)).toBe(true);
  story.now -= 150;
  customer.http('POST', '/orders', ALICE);
  const ordered = feed();
  expect(ordered.said).toEqual(['pass POST /orders', 'pass POST /bills']);
  expect([billed, ordered].map(({ at }) => engine.waits(at))).toEqual([false, false]);
});

test('a request that nothing explains waits until its time is up', async () => {
  const { engine, story, front, feed } = await telling();
  front.http('POST', '/bills', ALICE);
  const { at } = feed();
  engine.advance(story.now + 10_000);
  expect(engine.waits(at)).toBe(true);
  const [verdict] = engine.advance(story.now + 16_000);
  expect(verdict).toMatchObject({ kind: 'verdict', verdict: { kind: 'drop' } });
  expect(engine.waits(at)).toBe(false);
});

test('an answer waits for what has to come before it, and is denied when that does not come', async () => {
  const answered = async (bills: boolean) => {
    const { engine, story, customer, front, feed } = await telling();
    const answer = customer.http('POST', '/orders', ALICE);
    answer(201);
    const early = feed();
    expect(early.said).toEqual(['pass POST /orders']);
    expect(engine.waits(early.at)).toBe(true);
    story.now -= 150;
    if (bills) {
      front.http('POST', '/bills', ALICE)(200);
      expect(feed().said).toEqual(['pass POST /bills']);
    }
    const outputs = engine.advance(story.now + 50_000);
    expect(engine.waits(early.at)).toBe(false);
    return outputs.flatMap((output) => (output.kind === 'verdict' ? [output.verdict.reasons[0].code] : []));
  };
  expect(await answered(true)).toEqual([]);
  expect(await answered(false)).toEqual(['out-of-order']);
});
