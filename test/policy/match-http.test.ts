// Which declared request an HTTP request is. Enters: declarations, requests; leaves: matches with their facts.
import { describe, expect, test } from 'vitest';
import type { HttpRequest } from '../../src/events/http.ts';
import {
  application,
  body,
  chain,
  cookie,
  decimal,
  form,
  header,
  http,
  maybe,
  query,
  type Source,
} from '../../src/policy/author.ts';
import { compile } from '../../src/policy/compile.ts';
import { matchHttp } from '../../src/policy/match/http.ts';
import type { Match } from '../../src/policy/match/match.ts';
import { type HttpParts, Story } from '../support/story.ts';

function match(
  declared: { method?: string; path?: string; query?: string[]; facts?: Record<string, Source> },
  method: string,
  target: string,
  parts: HttpParts = {},
): Match {
  const document = application('test', ({ external, service }) => {
    const user = external('user');
    const shop = service('shop', { at: '10.0.0.1', http: 80 });
    const request = http
      .request(declared.method ?? 'POST', declared.path ?? '/buy')
      .from(user)
      .to(shop)
      .facts(declared.facts ?? {})
      .query(...(declared.query ?? []));
    return chain(request);
  });
  const policy = compile(document);
  const story = new Story();
  story.connect('192.0.2.1', '10.0.0.1:80').http(method, target, parts);
  return matchHttp(policy.http('user', 'shop'), policy.normalisers, story.events.at(-1) as HttpRequest);
}

const valuesOf = (result: Match): unknown =>
  result.kind === 'matched'
    ? Object.fromEntries(result.facts.map(({ fact, value }) => [fact, value]))
    : result;

describe('matchHttp', () => {
  test('reads facts from path, query, header, cookie, JSON and form', () => {
    const facts = { q: query('q'), h: header('X-H'), c: cookie('c'), amount: decimal(body('/a/0')) };
    const json = {
      headers: { 'x-h': ' one ', cookie: 'a=1; c=two=2; b' },
      body: '{"a":[3.50]}',
    };
    expect(valuesOf(match({ path: '/buy/:item', facts }, 'POST', '/buy/7?q=%41', json))).toEqual({
      item: '7',
      q: 'A',
      h: 'one',
      c: 'two=2',
      amount: '3.5',
    });
    const posted = {
      headers: { 'content-type': 'application/x-www-form-urlencoded; charset=utf-8' },
      body: 'user=al+ice&x=1',
    };
    expect(valuesOf(match({ facts: { user: form('user') } }, 'POST', '/buy', posted))).toEqual({
      user: 'al ice',
    });
  });

  test.each([
    ['another method', 'GET', '/buy'],
    ['a method in another case', 'post', '/buy'],
    ['another path', 'POST', '/sell'],
    ['a path in another case', 'POST', '/Buy'],
    ['a longer path', 'POST', '/buy/more'],
    ['an undeclared query parameter', 'POST', '/buy?admin=1'],
    ['a path that servers read differently', 'POST', '/x/../buy'],
  ])('%s is not declared', (_what, method, target) => {
    expect(match({}, method, target).kind).toBe('undeclared');
  });

  test('a declared query parameter may occur', () => {
    expect(match({ query: ['page'] }, 'POST', '/buy?page=2').kind).toBe('matched');
  });

  test.each<[string, Source, HttpParts]>([
    ['absent', header('x-user'), {}],
    ['a header that stands there twice', header('x'), { headers: { x: '1', X: '2' } }],
    ['a cookie that stands there twice', cookie('c'), { headers: { cookie: 'c=1; c=2' } }],
    ['a key that stands there twice', body('/u'), { body: '{"u":"a","u":"b"}' }],
    [
      'a body that is not JSON by its type',
      body('/u'),
      { headers: { 'content-type': 'text/plain' }, body: '{"u":"a"}' },
    ],
    [
      'a body of two types',
      body('/u'),
      { headers: { 'content-type': 'application/json', 'Content-Type': 'text/plain' }, body: '{"u":"a"}' },
    ],
    ['a form that is none by its type', form('u'), { body: 'u=a' }],
    ['an amount that is no number', decimal(body('/u')), { body: '{"u":"a"}' }],
  ])('a fact that is %s is lacking, not guessed', (_what, source, parts) => {
    expect(match({ facts: { fact: source } }, 'POST', '/buy', parts)).toMatchObject({
      kind: 'lacking',
      fact: 'fact',
    });
  });

  test('an optional fact may be absent, but not unclear', () => {
    const facts = { user: maybe(header('x-user')) };
    expect(valuesOf(match({ facts }, 'POST', '/buy'))).toEqual({});
    expect(match({ facts }, 'POST', '/buy', { headers: { 'x-user': 'a', 'X-User': 'b' } }).kind).toBe(
      'lacking',
    );
  });

  test('two places of one fact must agree within the request', () => {
    const declared = { path: '/buy/:item', facts: { item: body('/item') } };
    expect(valuesOf(match(declared, 'POST', '/buy/7', { body: { item: 7 } }))).toEqual({ item: '7' });
    expect(match(declared, 'POST', '/buy/7', { body: { item: 8 } })).toMatchObject({
      kind: 'contradiction',
      first: { value: '7' },
      second: { value: '8' },
    });
  });
});
