// Which declared request an HTTP request is. Enters: declarations, requests; leaves: matches with their facts.
import { describe, expect, test } from 'vitest';
import type { Header } from '../../src/events/common.ts';
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
  multipart,
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
  trailers: readonly Header[] = [],
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
  const sent = { ...(story.events.at(-1) as HttpRequest), trailers };
  return matchHttp(policy.http('user', 'shop'), policy.normalisers, sent);
}

const part = (name: string, value: string): string =>
  `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`;
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
    [
      'a cookie beside a second header of cookies',
      cookie('c'),
      { headers: { cookie: 'c=1', Cookie: 'd=2' } },
    ],
    ['a cookie that a quote may hide', cookie('c'), { headers: { cookie: 'a="x; c=1"; b=2' } }],
    ['a cookie in quotes', cookie('c'), { headers: { cookie: 'c="1"' } }],
    ['a cookie behind a comma', cookie('c'), { headers: { cookie: 'a=1,c=2' } }],
    ['a cookie of another case', cookie('c'), { headers: { cookie: 'C=1' } }],
    ['a cookie whose name is in escapes', cookie('c'), { headers: { cookie: '%63=1' } }],
    ['a cookie beside one whose name is in escapes', cookie('c'), { headers: { cookie: 'c=1; %63=2' } }],
    ['a header beside its other spelling', header('x-user'), { headers: { 'x-user': 'a', x_user: 'b' } }],
    [
      'a header that Connection takes away',
      header('x-user'),
      { headers: { 'x-user': 'a', connection: 'close , X-User' } },
    ],
    [
      'a parameter beside a form with the same field',
      query('q'),
      { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'q[]=b' },
    ],
    [
      'a field beside one that some take for it',
      form('u'),
      { headers: { 'content-type': 'application/x-www-form-urlencoded' }, body: 'u=a&u[0]=b' },
    ],
    [
      'a part beside one that some take for it',
      multipart('u'),
      {
        headers: { 'content-type': 'multipart/form-data; boundary=b' },
        body: `${part('u', 'a')}${part('U', 'b')}--b--\r\n`,
      },
    ],
    ['a key beside one of another case', body('/u'), { body: '{"u":"a","U":"b"}' }],
    ['a key below one of another case', body('/a/u'), { body: '{"A":{"u":"b"},"a":{"u":"a"}}' }],
  ])('a fact that is %s is lacking, not guessed', (_what, source, parts) => {
    expect(match({ facts: { fact: source }, query: ['q'] }, 'POST', '/buy?q=a', parts)).toMatchObject({
      kind: 'lacking',
      fact: 'fact',
    });
  });

  test('what some readers take for another value of a fact is named', () => {
    const why = (source: Source, parts: HttpParts): unknown =>
      match({ facts: { u: source } }, 'POST', '/buy', parts);
    expect(why(cookie('u'), { headers: { cookie: '%55=1' } })).toMatchObject({
      why: 'cookie u: some readers take another cookie for it',
    });
    expect(why(body('/u'), { body: '{"u":"a","\\u0055":"b"}' })).toMatchObject({
      why: 'body /u: readers may take another key for "u"',
    });
  });

  test('a trailer of the same name makes a header unclear', () => {
    const fields = [{ name: 'X_User', value: 'b' }];
    const headers = { 'x-user': 'a' };
    expect(match({ facts: { u: header('x-user') } }, 'POST', '/buy', { headers }, fields)).toMatchObject({
      kind: 'lacking',
      why: 'header x-user: it stands in the trailers as well',
    });
    const others = [{ name: 'x-checksum', value: 'b' }];
    expect(valuesOf(match({ facts: { u: header('x-user') } }, 'POST', '/buy', { headers }, others))).toEqual({
      u: 'a',
    });
  });

  test('a cookie whose name is a broken escape is another one', () => {
    const parts = { headers: { cookie: '%=1; %zz=2; c=3' } };
    expect(valuesOf(match({ facts: { c: cookie('c') } }, 'POST', '/buy', parts))).toEqual({ c: '3' });
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
