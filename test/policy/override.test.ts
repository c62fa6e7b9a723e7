// Requests that ask for another method than their request line. Enters: declarations, requests; leaves: which of them is explained.
import { describe, expect, test } from 'vitest';
import type { Header } from '../../src/events/common.ts';
import type { HttpRequest } from '../../src/events/http.ts';
import {
  application,
  body,
  form,
  header,
  http,
  multipart,
  outside,
  type Source,
} from '../../src/policy/author.ts';
import { compile } from '../../src/policy/compile.ts';
import { matchHttp } from '../../src/policy/match/http.ts';
import { type HttpParts, Story } from '../support/story.ts';

interface Declared {
  readonly overriding?: string;
  readonly facts?: Record<string, Source>;
}

/** How a request to /notes is read: the id of the declared request, or why it is none. */
function read(
  declared: readonly Declared[],
  parts: HttpParts = {},
  trailers: readonly Header[] = [],
  method = 'POST',
): string {
  const policy = compile(
    application('notes', ({ external, service }) => {
      const user = external('user');
      const notes = service('notes', { at: '10.0.0.1', http: 80 });
      return outside(
        ...declared.map(({ overriding, facts = {} }, i) => {
          const request = http
            .request(method, '/notes')
            .from(user)
            .to(notes)
            .named(`request ${i}`)
            .facts(facts);
          return overriding === undefined ? request : request.overriding(overriding);
        }),
      );
    }),
  );
  const story = new Story();
  story.connect('192.0.2.1', '10.0.0.1:80').http(method, '/notes', parts);
  const request = { ...(story.events.at(-1) as HttpRequest), trailers };
  const match = matchHttp(policy.http('user', 'notes'), policy.normalisers, request);
  if (match.kind === 'matched') return match.id;
  return 'why' in match ? `${match.kind}: ${match.why}` : match.kind;
}

const FORM = { 'content-type': 'application/x-www-form-urlencoded' };
const PART = 'multipart/form-data; boundary=b';
const part = (name: string): string =>
  `--b\r\nContent-Disposition: form-data; name="${name}"\r\n\r\nDELETE\r\n--b--\r\n`;
const DENIED = 'undeclared: it asks for the method DELETE instead';

describe('a request whose policy declares no override', () => {
  test.each<[string, HttpParts, string]>([
    ['a plain one is the declared one', { body: { text: 'hi' } }, 'request 0'],
    ['a header asks for another', { headers: { 'X-HTTP-Method': 'DELETE' } }, DENIED],
    ['a header with underscores, too', { headers: { X_Method_Override: 'DELETE' } }, DENIED],
    ['a key in JSON', { body: { _method: 'DELETE' } }, DENIED],
    ['a key in escapes', { body: String.raw`{"\u005fmethod":"DELETE"}` }, DENIED],
    ['a value is no key', { body: { text: '_method' } }, 'request 0'],
    ['nor is a key further down', { body: { a: { _method: 'DELETE' } } }, 'request 0'],
    ['nor an element', { body: ['_method'] }, 'request 0'],
    ['nor a text', { body: '"_method"' }, 'request 0'],
    ['what is not clean JSON and does not mention it', { body: '{"a":1,"a":"\\u00e9"}' }, 'request 0'],
    [
      'a key that stands there twice',
      { body: '{"_method":"POST","_method":"DELETE"}' },
      'undeclared: it asks for the method of unclear JSON instead',
    ],
    [
      'a key in escapes behind a mark that some readers skip',
      { body: String.raw`${'\ufeff'}{"\u005Fmethod":"DELETE"}` },
      'undeclared: it asks for the method of unclear JSON instead',
    ],
    ['a field', { headers: FORM, body: 'a=1&_method=DELETE' }, DENIED],
    ['a form that is broken has no fields', { headers: FORM, body: '_method=%' }, 'request 0'],
    [
      'a part',
      { headers: { 'content-type': PART }, body: part('_method') },
      'undeclared: it asks for the method of a part instead',
    ],
    [
      'another target',
      { headers: { 'X-Original-URL': '/admin' } },
      'undeclared: its header x-original-url names another target',
    ],
  ])('%s', (_what, parts, expected) => {
    expect(read([{}], parts)).toBe(expected);
  });

  test('is none with a trailer that only a head may have', () => {
    expect(read([{}], {}, [{ name: 'Host', value: 'x' }])).toBe('undeclared: its trailers have Host');
    expect(read([{}], {}, [{ name: 'X-Checksum', value: 'x' }])).toBe('request 0');
  });

  test('may say what the policy reads as a fact', () => {
    expect(
      read([{ facts: { how: header('X-HTTP-Method-Override') } }], {
        headers: { 'x-http-method-override': 'DELETE' },
      }),
    ).toBe('request 0');
    expect(read([{ facts: { how: body('/_method') } }], { body: { _method: 'DELETE' } })).toBe('request 0');
    expect(read([{ facts: { how: form('_method') } }], { headers: FORM, body: '_method=DELETE' })).toBe(
      'request 0',
    );
    expect(
      read([{ facts: { how: multipart('_method') } }], {
        headers: { 'content-type': PART },
        body: part('_method'),
      }),
    ).toBe('request 0');
    // In a body of another kind, the fact cannot be read.
    expect(read([{ facts: { how: body('/_method') } }], { headers: FORM, body: '_method=DELETE' })).toMatch(
      /^lacking/,
    );
  });
});

describe('a request whose policy declares an override', () => {
  test('asks for that method, in any case and in any of the places', () => {
    for (const parts of [
      { headers: { 'X-HTTP-Method-Override': 'Patch' } },
      { body: { _method: 'patch' } },
      { headers: FORM, body: '_method=PATCH' },
    ])
      expect(read([{ overriding: 'patch' }], parts)).toBe('request 0');
  });

  test('asks for no other, for one, and only once', () => {
    const none = 'undeclared: it has no override, or several, and one is declared';
    expect(read([{ overriding: 'PATCH' }], { headers: { 'X-HTTP-Method': 'DELETE' } })).toBe(
      'undeclared: it asks for another method than declared',
    );
    expect(read([{ overriding: 'PATCH' }])).toBe(none);
    expect(
      read([{ overriding: 'PATCH' }], { headers: { 'X-HTTP-Method': 'PATCH' }, body: { _method: 'PATCH' } }),
    ).toBe(none);
  });

  test('is told from the one without it, whichever stands first', () => {
    const asked = { headers: { 'X-HTTP-Method': 'PATCH' } };
    expect([read([{}, { overriding: 'PATCH' }]), read([{}, { overriding: 'PATCH' }], asked)]).toEqual([
      'request 0',
      'request 1',
    ]);
    expect([read([{ overriding: 'PATCH' }, {}]), read([{ overriding: 'PATCH' }, {}], asked)]).toEqual([
      'request 1',
      'request 0',
    ]);
  });
});

describe('a GET with content', () => {
  test('is none, since servers take it for parameters or for the next request, unless a fact is read from it', () => {
    const parts = { body: { user: 'alice' } };
    expect(read([{}], parts, [], 'GET')).toBe('undeclared: a GET with a body, of which no fact is declared');
    expect(read([{ facts: { user: body('/user') } }], parts, [], 'GET')).toBe('request 0');
    const posted = { headers: FORM, body: 'user=alice' };
    expect(read([{ facts: { user: form('user') } }], posted, [], 'GET')).toBe('request 0');
    const parted = { headers: { 'content-type': PART }, body: part('user') };
    expect(read([{ facts: { user: multipart('user') } }], parted, [], 'GET')).toBe('request 0');
    expect(read([{}], {}, [], 'GET')).toBe('request 0');
  });
});
