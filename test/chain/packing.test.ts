// Chains that nothing happens to for long are packed. Enters: a story with and without very many others in between; leaves: equal drawings.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ChainState } from '../../src/chain/chain-state.ts';
import { Packer, UNPACKED } from '../../src/chain/packer.ts';
import { KnownTexts, Reader, Shelf, Writer } from '../../src/chain/packing.ts';
import { Queue } from '../../src/chain/queue.ts';
import { createEngine } from '../../src/engine.ts';
import type { FlowEvent } from '../../src/events/event.ts';
import {
  application,
  chain,
  eventually,
  fact,
  header,
  http,
  many,
  maybe,
  once,
  outside,
  response,
  settings,
  sql,
} from '../../src/policy/author.ts';
import type { ChainId } from '../../src/verdict.ts';
import { brief } from '../support/judge.ts';
import { Story } from '../support/story.ts';

/** With more open chains than these, some are packed; and so many later, those that were asked for meanwhile are again. */
const OTHERS = 100_000;
const MORE = 20_000;
/** More than are remembered as the last of their kind. */
const SAME = 600;

const POLICY = application('test', ({ external, service }) => {
  const user = external('user');
  const front = service('front', { at: '10.0.0.1', http: 80 });
  const back = service('back', { at: '10.0.0.2', http: 80 });
  const db = service('db', { at: '10.0.0.3', postgres: 5432 });
  const rent = http
    .post('/rent/:id')
    .from(user)
    .to(front)
    .facts({ user: header('x-user') });
  const price = http
    .get('/price/:id')
    .from(front)
    .to(back)
    .facts({ price: response('/price') });
  const bill = http.post('/bill/:id').from(front).to(back);
  const debit = sql
    .update('accounts')
    .from(back)
    .to(db)
    .where({ name: fact('user') })
    .sets({ price: fact('price') });
  const item = http.get('/item/:item').from(front).to(back);
  return [
    chain(
      rent,
      once(price),
      once(bill, once(debit).retried(1)).retried(1),
      eventually(http.post('/ship/:id').from(front).to(back), '90s'),
    ),
    chain(http.get('/list').from(user).to(front), many(item)),
    chain(http.get('/idle/:n').from(user).to(front), once(http.get('/idle/:n').from(front).to(back))),
    outside(sql.begin().from(back).to(db), sql.commit().from(back).to(db), sql.rollback().from(back).to(db)),
    settings({ chains: 200_000 }),
  ];
});

const traced = (trace: number) => ({
  traceparent: `00-${trace.toString(16).padStart(32, '0')}-00f067aa0ba902b7-01`,
});
const UPDATE = 'UPDATE accounts SET price = $1 WHERE name = $2';

/** Very many others open chains, and many of the same kind as well: what happened last is known whatever it is. */
function crowd(story: Story, begin: number, idle: number): readonly FlowEvent[] {
  const before = story.events.length;
  const other = story.connect('192.0.2.200', '10.0.0.1:80');
  const front = story.connect('10.0.0.1', '10.0.0.2:80');
  for (let n = begin; n < begin + SAME; n++) {
    const headers = traced(n);
    other.http('POST', `/rent/${n}`, { headers: { ...headers, 'x-user': `user-${n}` } });
    front.http('GET', `/price/${n}`, { headers })(200, { body: { price: '5' } });
    front.http('POST', `/bill/${n}`, { headers });
    other.http('GET', '/list', { headers: traced(2 * begin + n) });
  }
  for (let n = 0; n < idle; n++) other.http('GET', `/idle/${n}`);
  return story.events.slice(before) as FlowEvent[];
}

/** A rental whose bill is sent again, and whose statement is rolled back and made again; others are between all that. */
function rental(shipped: boolean): {
  readonly events: readonly FlowEvent[];
  readonly others: ReadonlySet<FlowEvent>;
} {
  const story = new Story();
  const headers = traced(7);
  const answer = story
    .connect('192.0.2.1', '10.0.0.1:80')
    .http('POST', '/rent/7', { headers: { ...headers, 'x-user': 'alice' } });
  const list = story.connect('192.0.2.2', '10.0.0.1:80').http('GET', '/list');
  const front = story.connect('10.0.0.1', '10.0.0.2:80');
  front.http('GET', '/price/7', { headers })(200, { body: { price: '5' } });
  front.http('GET', '/item/1')(200);
  const first = story.connect('10.0.0.1', '10.0.0.2:80');
  first.http('POST', '/bill/7', { headers: traced(7) });
  first.close('rst');
  story.wait(1_000_000);
  const billed = front.http('POST', '/bill/7', { headers });
  const db = story.connect('10.0.0.2', '10.0.0.3:5432');
  db.sql('postgres', 'BEGIN')();
  db.sql('postgres', UPDATE, ['5', 'alice'])();
  story.wait(1_000_000);
  const others = [...crowd(story, 10_000, OTHERS)];
  db.sql('postgres', 'ROLLBACK')();
  db.sql('postgres', UPDATE, ['5', 'alice'])();
  billed(200);
  front.http('GET', '/item/2')(200);
  list(200);
  others.push(...crowd(story, 20_000, MORE));
  answer(200);
  if (shipped) front.http('POST', '/ship/7', { headers })(200);
  story.wait(100_000_000).connect('192.0.2.9', '10.0.0.1:80').http('GET', '/list');
  return { events: story.events as FlowEvent[], others: new Set(others) };
}

async function run(events: readonly FlowEvent[]) {
  const engine = await createEngine({ policies: [POLICY], containment: 'forward' });
  const outputs = events.flatMap((event) => engine.handle(event));
  const views = ['c1', 'c2'].map((id) => engine.view(id as ChainId));
  const drops = outputs.flatMap((output) =>
    output.kind === 'verdict' && output.verdict.kind !== 'pass' ? [output.verdict] : [],
  );
  return { views, drops: brief(drops) };
}

/** As Zeek says it, which counts no packets. */
function withoutPackets(event: FlowEvent): FlowEvent {
  return { ...event, at: { ...event.at, capture: null, packets: [] } };
}

describe('a rental beside very many others', () => {
  test.each([
    { name: 'from a capture', shipped: true, as: (event: FlowEvent) => event },
    { name: 'as Zeek says it', shipped: false, as: withoutPackets },
  ])('is judged and drawn as without them ($name)', async ({ shipped, as }) => {
    const { events, others } = rental(shipped);
    const alone = await run(events.filter((event) => !others.has(event)).map(as));
    const beside = await run(events.map(as));
    expect(beside.views).toEqual(alone.views);
    expect(beside.views[0]?.facts).toEqual({ id: '7', user: 'alice', price: '5' });
    // Nothing is shipped to any of the others either.
    const drops = beside.drops.filter((drop) => drop.includes('/rent/7 '));
    expect(drops).toEqual(alone.drops);
    expect(drops).toEqual(shipped ? [] : ['overdue: POST /ship/:id, after POST /rent/7 (front to back)']);
  });
});

test('what was packed is read again, whatever it was', () => {
  const part = fc.oneof(
    fc.maxSafeInteger().filter((n) => Math.abs(n) < 2 ** 51),
    fc.string({ unit: 'binary' }),
    fc.constant(null),
  );
  fc.assert(
    fc.property(fc.array(part, { maxLength: 80 }), (parts) => {
      const [texts, shelf] = [new KnownTexts(), new Shelf()];
      const known = new Writer(shelf);
      for (const each of parts) {
        if (typeof each === 'number') known.number(each);
        else if (typeof each === 'string') known.text(each, each.length > 3 ? null : texts);
        else known.reference(parts);
      }
      const packed = known.pack() ?? expect.fail('too long');
      const reader = new Reader(packed.address, packed.references, shelf);
      for (const each of parts) {
        if (typeof each === 'number') expect(reader.number()).toBe(each);
        else if (typeof each === 'string') expect(reader.text(each.length > 3 ? null : texts)).toBe(each);
        else expect(reader.reference()).toBe(parts);
      }
      // Not every text of an attacker is remembered.
      const remembered = new Set(
        parts.filter((each) => typeof each === 'string' && texts.numberOf(each) >= 0),
      );
      expect(remembered.size).toBeLessThanOrEqual(16);
    }),
  );
});

test('what is too long stays where it is, and takes nothing with it', () => {
  const shelf = new Shelf();
  const writer = new Writer(shelf);
  writer.shared('10.0.0.1:80');
  writer.text('x'.repeat(5000));
  writer.number(1);
  expect(writer.pack()).toBeNull();
  expect(shelf.shared.size).toBe(0);
  expect(shelf.arena.size).toBe(0);
});

test('a request that leaves out what most chains have settled makes none of them anew but the one that it fits', async () => {
  const policy = application('test', ({ external, service }) => {
    const user = external('user');
    const front = service('front', { at: '10.0.0.1', http: 80 });
    const back = service('back', { at: '10.0.0.2', http: 80 });
    const of = { user: maybe(header('x-user')) };
    const price = http.get('/price/:id').from(front).to(back).facts(of);
    return [chain(http.get('/rent/:id').from(user).to(front).facts(of), once(price))];
  });
  const story = new Story();
  const front = story.connect('192.0.2.1', '10.0.0.1:80');
  const back = story.connect('10.0.0.1', '10.0.0.2:80');
  const rent = (id: number) => front.http('GET', `/rent/${id}`, { headers: { 'x-user': `user-${id}` } });
  // Others that came last are looked at as the closest.
  for (let id = 0; id < 2000; id++) rent(id);
  const before = story.events.length;
  back.http('GET', '/price/7');
  back.http('GET', '/price/8', { headers: { 'x-user': 'user-8' } });
  rent(2000);
  const engine = await createEngine({ policies: [policy], containment: 'forward', unpackedChains: 0 });
  for (const event of story.events.slice(0, before)) engine.handle(event as FlowEvent);
  const packed = engine.statistics.chainsPacked;
  expect(packed).toBeGreaterThan(1400);
  let fewest = packed;
  for (const event of story.events.slice(before)) {
    engine.handle(event as FlowEvent);
    fewest = Math.min(fewest, engine.statistics.chainsPacked);
  }
  expect(fewest).toBeGreaterThanOrEqual(packed - 2);
  engine.advance((story.events.at(-1)?.ts ?? 0) + 1e6);
  expect(engine.statistics.verdicts).toMatchObject({ pass: 2005, drop: 0 });
});

test('a queue gives what came first, whenever it is asked', () => {
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 100 }), (adds) => {
      const queue = new Queue<number>();
      const expected: number[] = [];
      for (const [i, add] of adds.entries()) {
        if (add) {
          queue.add(i);
          expected.push(i);
        } else expect(queue.take()).toBe(expected.shift());
        expect(queue.size).toBe(expected.length);
      }
    }),
  );
});

test('chains that have ended are let go', () => {
  const packer = new Packer(UNPACKED);
  let most = 0;
  for (let i = 0; i < 50_000; i++) {
    const chain = new ChainState(i, { from: 'customer', address: '198.51.100.7' }, 0, null, packer);
    packer.add(chain);
    packer.pack(10);
    chain.ended = i;
    most = Math.max(most, packer.listed);
  }
  expect(most).toBeLessThan(1100);
});
