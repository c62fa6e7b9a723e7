// Cookies that a response sets. Enters: Set-Cookie headers; leaves: the value a client sends back, or why it is unclear.
import { describe, expect, test } from 'vitest';
import { findSetCookie } from '../../src/policy/match/set-cookie.ts';

describe('findSetCookie', () => {
  test.each([
    ['sid=abc', 'abc'],
    ['sid=abc; Path=/; HttpOnly', 'abc'],
    [' sid = abc ;Secure', 'abc'],
    ['sid=a=b==', 'a=b=='],
    ['sid="abc"', '"abc"'],
  ])('%j sets sid to %j', (header, value) => {
    expect(findSetCookie(['other=1', header], 'sid')).toEqual({ kind: 'value', value });
  });

  test.each([[[]], [['SID=abc']], [['sid2=abc; sid=abc']]])('%j does not set sid', (headers) => {
    expect(findSetCookie(headers, 'sid')).toEqual({ kind: 'absent' });
  });

  test.each([
    ['set twice', ['sid=a', 'sid=b']],
    ['set twice, for two paths', ['sid=a; Path=/', 'sid=a; Path=/shop']],
    ['beside a header without a name', ['sid', 'sid=a']],
    ['with a byte that no cookie may have', ['sid=a b']],
    ['with a quote inside', ['sid=a"b']],
    ['with a comma', ['sid=a,b']],
    ['taken back by an empty value', ['sid=; Path=/']],
    ['taken back by its age', ['sid=a; Max-Age=0']],
    ['taken back by a negative age', ['sid=a; max-age=-1']],
    ['taken back and set', ['sid=; Max-Age=0', 'sid=a']],
  ])('a cookie %s is unclear', (_, headers) => {
    expect(findSetCookie(headers, 'sid').kind).toBe('unreadable');
  });
});
