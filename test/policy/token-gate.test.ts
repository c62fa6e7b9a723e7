// The order of events while tokens are verified. Enters: events with and without tokens; leaves: the order in which they go on.
import { story } from 'flowtap/testing';
import { describe, expect, test } from 'vitest';
import type { Event } from '../../src/events/event.ts';
import { application, chain, claim, http, settings, type TokenOptions } from '../../src/policy/author.ts';
import { TokenGate } from '../../src/policy/tokens/gate.ts';
import { Tokens } from '../../src/policy/tokens/tokens.ts';

const policyOf = (algorithms: TokenOptions['algorithms'], chains = 1000) =>
  application('gate', ({ external, service }) => {
    const front = service('front', { at: '10.0.0.1', http: 80 });
    const ask = http
      .get('/')
      .from(external('customer'))
      .to(front)
      .facts({ user: claim('sub') });
    return [chain(ask), settings({ chains, tokens: { keys: { keys: [] }, algorithms } })];
  });
const POLICY = policyOf(['ES256']);

function requests(...tokens: readonly (string | null)[]): readonly Event[] {
  const told = story(POLICY);
  for (const token of tokens) {
    const headers = token === null ? {} : { authorization: `Bearer ${token}` };
    told.http('customer', 'front', 'GET /', { headers });
  }
  return told.events.filter(({ kind }) => kind === 'http-request');
}

describe('the gate', () => {
  test('lets events without tokens, and those of tokens seen before, go on at once', async () => {
    const tokens = new Tokens([POLICY]);
    const events = requests(null, 'a', 'a');
    const [plain, first, again] = events as [Event, Event, Event];
    await tokens.admit(first);
    const gone: (Event | null)[] = [];
    const gate = new TokenGate(tokens, (_, event) => gone.push(event));
    for (const event of [plain, again]) gate.offer(event.ts, event);
    gate.offer(again.ts + 1, null);
    expect(gone).toEqual([plain, again, null]);
    expect(gate.idle()).toBeNull();
    expect(gate.room(() => null)).toBeNull();
  });

  test('keeps every event in its place while tokens are verified, and has no room meanwhile', async () => {
    const names = Array.from({ length: 3000 }, (_, i) => (i % 3 === 0 ? null : `token-${i % 7}`));
    const events = requests(...names);
    const gone: Event[] = [];
    const gate = new TokenGate(new Tokens([POLICY]), (_, event) => {
      if (event !== null) gone.push(event);
    });
    for (const event of events) gate.offer(event.ts, event);
    expect(gone.length).toBe(1);
    let roomOfOutput = false;
    await gate.room(() => {
      roomOfOutput = true;
      return null;
    });
    expect(roomOfOutput).toBe(true);
    expect(gone).toEqual(events);
    expect(gate.idle()).toBeNull();
  });

  test('a fault of whoever takes an event reaches whoever waits for room', async () => {
    const gate = new TokenGate(new Tokens([POLICY]), () => {
      throw new Error('the journal is gone');
    });
    const [event] = requests('a') as [Event];
    gate.offer(event.ts, event);
    await expect(gate.room(() => null)).rejects.toThrow('the journal is gone');
  });

  test('holds a bounded number of tokens, the oldest of which is verified anew', async () => {
    const tokens = new Tokens([POLICY], 10);
    const [first, ...others] = requests('first', ...Array.from({ length: 10 }, (_, i) => `t${i}`));
    await tokens.admit(first as Event);
    expect(tokens.admit(first as Event)).toBeNull();
    for (const event of others) await tokens.admit(event);
    expect(tokens.lookup('gate')('t0')).not.toBeNull();
    expect(tokens.lookup('gate')('first')).toBeNull();
    expect(tokens.admit(first as Event)).not.toBeNull();
  });
});

describe('tokens under other policies', () => {
  test('stay known where the policy says the same of tokens, and are verified anew where it does not', async () => {
    const tokens = new Tokens([POLICY]);
    const [event] = requests('a') as [Event];
    await tokens.admit(event);
    expect(tokens.under([policyOf(['ES256'], 2000)]).admit(event)).toBeNull();
    const next = tokens.under([policyOf(['RS256'])]);
    const pending = next.admit(event);
    expect(pending).not.toBeNull();
    expect(next.lookup('gate')('a')).toBeNull();
    await pending;
    expect(next.lookup('gate')('a')).not.toBeNull();
  });

  test('are prepared beside those that judge now, which go on as these when they are ready', async () => {
    const tokens = new Tokens([POLICY]);
    const [first, second] = requests('a', 'b') as [Event, Event];
    await tokens.admit(first);
    const next = tokens.under([policyOf(['RS256'])]);
    await next.admit(second);
    expect(tokens.admit(first)).toBeNull();
    expect(tokens.lookup('gate')('b')).toBeNull();
    tokens.become(next);
    expect(tokens.lookup('gate')('b')).not.toBeNull();
    expect(tokens.admit(second)).toBeNull();
    expect(tokens.admit(first)).not.toBeNull();
  });

  test('hold as many as before, and none of an application that is gone', async () => {
    const tokens = new Tokens([POLICY], 1);
    const [first, second] = requests('a', 'b') as [Event, Event];
    const next = tokens.under([policyOf(['RS256'])]);
    for (const event of [first, second]) await next.admit(event);
    expect(next.lookup('gate')('a')).toBeNull();
    expect(next.lookup('gate')('b')).not.toBeNull();
    tokens.become(next.under([]));
    expect(tokens.admit(second)).toBeNull();
    expect(tokens.lookup('gate')('b')).toBeNull();
  });
});
