// Start lines that are not quite HTTP's. Enters: lines of blanks and pieces of HTTP; leaves: the parts that an expression would find.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Ambiguity } from '../../../src/events/common.ts';
import { readRequestLine, readStatusLine } from '../../../src/sensor/http/start-line.ts';

/** What a lenient server takes for a request line, as an expression; it takes time in the cube of the blanks. */
const LENIENT = /^([^\s]+)[ \t]+(.*?)[ \t]+HTTP\/(1\.\d+)[ \t]*$/;

const PIECES = [
  'GET',
  ' ',
  '\t',
  '/',
  'a',
  '\r',
  '\u00a0',
  'HTTP/1.1',
  'HTTP/1.0',
  'HTTP/1.7',
  'HTTP/',
  '1.',
  '?',
];

describe('a request line', () => {
  it('is read as a lenient expression reads it', () => {
    const line = fc.array(fc.constantFrom(...PIECES), { maxLength: 9 }).map((pieces) => pieces.join(''));
    fc.assert(
      fc.property(line, (text) => {
        const [, method, target, version] = LENIENT.exec(text) ?? [];
        const expected = method === undefined ? null : { method, target, version };
        expect(readRequestLine(text, [])).toEqual(expected);
      }),
      {
        numRuns: 3000,
        examples: [
          ['GET \r HTTP/1.0'],
          ['GET /\ra HTTP/1.1'],
          ['GET  HTTP/1.1'],
          ['GET HTTP/1.1'],
          ['GET\t/ \tHTTP/1.1 '],
          [' / HTTP/1.1'],
        ],
      },
    );
  });

  it('is doubtful wherever it is not exactly what RFC 9112 says', () => {
    const doubts = (text: string): readonly string[] => {
      const ambiguities: Ambiguity[] = [];
      readRequestLine(text, ambiguities);
      return ambiguities.map(({ code }) => code);
    };
    expect(doubts('GET / HTTP/1.1')).toEqual([]);
    expect(doubts('GET  / HTTP/1.1')).toEqual(['http-bad-request-line']);
    expect(doubts('GET /\u00e9 HTTP/1.0')).toEqual(['http-bad-request-line']);
    expect(doubts('GET / HTTP/1.7')).toEqual(['http-version']);
    expect(readRequestLine('GET / HTTP/2.0', [])).toBeNull();
  });
});

describe('a status line', () => {
  it('is doubtful wherever it is not exactly what RFC 9112 says', () => {
    const ambiguities: Ambiguity[] = [];
    expect(readStatusLine('HTTP/1.1 204 ', ambiguities)).toEqual({ version: '1.1', status: 204 });
    expect(ambiguities).toEqual([]);
    expect(readStatusLine('http/1  200', ambiguities)).toEqual({ version: '1', status: 200 });
    expect(ambiguities.map(({ code }) => code)).toEqual(['http-bad-status-line']);
    expect(readStatusLine('ICY 200 OK', [])).toBeNull();
  });
});
