// Request targets that all servers read alike, and those that they do not. Enters: targets; leaves: segments or refusals.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { readPairs, readTarget } from '../../src/policy/match/target.ts';

describe('readTarget', () => {
  test('splits path and query and decodes each part once', () => {
    const target = readTarget('/users/al%69ce/charge?amount=3%2E50&x=a+b&x=');
    expect(target).toEqual({
      kind: 'target',
      segments: ['users', 'alice', 'charge'],
      query: new Map([
        ['amount', ['3.50']],
        ['x', ['a b', '']],
      ]),
    });
    expect(readTarget('/users/%2561')).toMatchObject({ segments: ['users', '%61'] });
  });

  test.each([
    '/users/../admin',
    '/users/%2e%2e/admin',
    '/users/.',
    '//users',
    '/users//alice',
    '/users/alice/',
    '/users/a%2fb',
    '/users/a%5Cb',
    '/users/a\\b',
    '/users/a%00b',
    '/users/a%zz',
    '/users/a%2',
    '/users/a%ff',
    '/users;role=admin/alice',
    '/users#x',
    '/users/alice b',
    '/users/\xe4',
    'http://users/alice',
    '*',
    '',
  ])('refuses %j, which servers read differently', (target) => {
    expect(readTarget(target).kind).toBe('refused');
  });

  test('any path of encoded segments comes back as these segments', () => {
    const segment = fc
      .string({ minLength: 1, unit: 'grapheme' })
      .filter(
        (text) => text !== '.' && text !== '..' && !/[/\\;\p{Cc}]/u.test(text) && !/\p{Cs}/u.test(text),
      );
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 4 }), (segments) => {
        const path = `/${segments.map(encodeURIComponent).join('/')}`;
        const target = readTarget(path);
        expect(target.kind === 'target' ? target.segments : target).toEqual(segments);
      }),
    );
  });

  test('no target makes it throw', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) =>
        ['target', 'refused'].includes(readTarget(`/${text}`).kind),
      ),
    );
  });
});

test('a broken escape makes a whole form unreadable', () => {
  expect(readPairs('a=1&b=%')).toBeNull();
});
