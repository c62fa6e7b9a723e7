// HTTP/1.x connections as bytes. Enters: what both sides send; leaves: requests, their responses, and what was not clear.
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { httpParser } from '../../../src/sensor/http/parser.ts';
import { type Emitted, only, Parse, type ParseOptions, textOf } from '../../support/parse.ts';

const HOST = 'Host: shop\r\n';

function requests(bytes: string, options: ParseOptions = {}): (Emitted & { kind: 'http-request' })[] {
  return only(new Parse(httpParser, options).send('orig', bytes).end(), 'http-request');
}

/** One GET, then these response bytes. */
function responses(bytes: string | Uint8Array, method = 'GET', options: ParseOptions = {}): Emitted[] {
  const parse = new Parse(httpParser, options).send('orig', `${method} / HTTP/1.1\r\n${HOST}\r\n`);
  return parse
    .send('resp', bytes)
    .end()
    .filter(({ kind }) => kind !== 'http-request');
}

const codes = (emitted: Emitted | undefined): string[] =>
  emitted !== undefined && 'ambiguities' in emitted ? emitted.ambiguities.map(({ code }) => code) : [];

describe('requests', () => {
  test('pipelined requests are told apart, each with the offset at which it ends', () => {
    const first = `POST /a?b=c HTTP/1.1\r\n${HOST}Content-Length: 5\r\n\r\nhello`;
    const second = `GET /d HTTP/1.0\r\nX: 1\r\nx: 2\r\n\r\n`;
    const [a, b] = requests(first + second);
    expect(a).toMatchObject({
      exchange: 1,
      method: 'POST',
      target: '/a?b=c',
      version: '1.1',
      ambiguities: [],
    });
    expect(textOf(a?.body.bytes ?? new Uint8Array())).toBe('hello');
    expect(a?.span).toEqual({ side: 'orig', start: 0, end: first.length });
    expect(b).toMatchObject({
      exchange: 2,
      method: 'GET',
      version: '1.0',
      headers: [
        { name: 'X', value: '1' },
        { name: 'x', value: '2' },
      ],
    });
    expect(b?.span.end).toBe(first.length + second.length);
  });

  test('a chunked body is put together, with its trailers', () => {
    const [request] = requests(
      `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n4\r\nWiki\r\nA\r\npedia in\r\n\r\n0\r\nT: 1\r\n\r\n`,
    );
    expect(request).toMatchObject({
      ambiguities: [],
      trailers: [{ name: 'T', value: '1' }],
      body: { state: 'complete' },
    });
    expect(textOf(request?.body.bytes ?? new Uint8Array())).toBe('Wikipedia in\r\n');
  });

  test('an empty line in front of a request is ignored', () => {
    expect(requests(`\r\nGET / HTTP/1.1\r\n${HOST}\r\n`)).toHaveLength(1);
  });

  test.each<[string, string]>([
    [
      'http-length-and-chunked',
      `POST / HTTP/1.1\r\n${HOST}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    ['http-duplicate-length', `POST / HTTP/1.1\r\n${HOST}Content-Length: 0\r\nContent-Length: 0\r\n\r\n`],
    ['http-duplicate-length', `POST / HTTP/1.1\r\n${HOST}Content-Length: 0\r\nContent-Length: 4\r\n\r\nabcd`],
    ['http-bad-length', `POST / HTTP/1.1\r\n${HOST}Content-Length: +4\r\n\r\nabcd`],
    ['http-bad-length', `POST / HTTP/1.1\r\n${HOST}Content-Length: 0x4\r\n\r\nabcd`],
    ['http-bad-length', `POST / HTTP/1.1\r\n${HOST}Content-Length: 4, 4\r\n\r\nabcd`],
    ['http-bad-length', `POST / HTTP/1.1\r\n${HOST}Content-Length: 99999999999999999999\r\n\r\nabcd`],
    ['http-bad-transfer-encoding', `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: xchunked\r\n\r\n`],
    [
      'http-bad-transfer-encoding',
      `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n`,
    ],
    ['http-bad-transfer-encoding', `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: \x0bchunked\r\n\r\n`],
    [
      'http-bad-transfer-encoding',
      `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n`,
    ],
    ['http-bad-transfer-encoding', `POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['http-bad-chunk', `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n1;x=y\r\na\r\n0\r\n\r\n`],
    ['http-bad-chunk', `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n+1\r\na\r\n0\r\n\r\n`],
    ['http-bad-chunk', `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n0\r\n\r\n`],
    [
      'http-bad-chunk',
      `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\nfffffffff\r\na\r\n0\r\n\r\n`,
    ],
    ['http-bad-chunk', `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n1\r\nabc0\r\n\r\n`],
    ['http-bad-chunk', `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n1\na\r\n0\r\n\r\n`],
    ['http-bare-lf', `GET / HTTP/1.1\nHost: shop\n\n`],
    ['http-bare-lf', `GET / HTTP/1.1\r\nHost: sh\rop\r\n\r\n`],
    ['http-folded-header', `GET / HTTP/1.1\r\n${HOST}X: a\r\n b\r\n\r\n`],
    ['http-bad-header', `GET / HTTP/1.1\r\n${HOST}Content-Length : 0\r\n\r\n`],
    ['http-bad-header', `GET / HTTP/1.1\r\n${HOST}: x\r\n\r\n`],
    ['http-bad-header', `GET / HTTP/1.1\r\n${HOST}no colon\r\n\r\n`],
    ['http-bad-header', `GET / HTTP/1.1\r\n${HOST}X: a\0b\r\n\r\n`],
    ['http-duplicate-host', `GET / HTTP/1.1\r\n${HOST}${HOST}\r\n`],
    ['http-duplicate-host', `GET http://other/ HTTP/1.1\r\n${HOST}\r\n`],
    ['http-missing-host', 'GET / HTTP/1.1\r\n\r\n'],
    ['http-bad-request-line', `GET  / HTTP/1.1\r\n${HOST}\r\n`],
    ['http-bad-request-line', `GET\t/ HTTP/1.1\r\n${HOST}\r\n`],
    ['http-bad-request-line', `GET /a b HTTP/1.1\r\n${HOST}\r\n`],
    ['http-bad-request-line', `GET /\xe4 HTTP/1.1\r\n${HOST}\r\n`],
    ['http-version', `GET / HTTP/1.2\r\n${HOST}\r\n`],
  ])('%s: %j', (code, bytes) => {
    expect(codes(requests(bytes)[0])).toContain(code);
  });

  test.each(['/charge', '/users/alice/charge?x=1'])('a plain request for %s has no ambiguity', (target) => {
    expect(
      codes(
        requests(
          `POST ${target} HTTP/1.1\r\n${HOST}Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}`,
        )[0],
      ),
    ).toEqual([]);
  });
});

describe('responses', () => {
  test('are matched to requests in order, HEAD and 304 without a body', () => {
    const parse = new Parse(httpParser);
    parse.send(
      'orig',
      `HEAD /1 HTTP/1.1\r\n${HOST}\r\nGET /2 HTTP/1.1\r\n${HOST}\r\nGET /3 HTTP/1.1\r\n${HOST}\r\n`,
    );
    parse.send(
      'resp',
      'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    );
    const found = only(parse.end(), 'http-response');
    expect(found.map(({ exchange, status, body }) => [exchange, status, body.length])).toEqual([
      [1, 200, 0],
      [2, 304, 0],
      [3, 200, 2],
    ]);
  });

  test('100 is not the answer; the final response is', () => {
    expect(
      responses('HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n', 'POST'),
    ).toMatchObject([{ kind: 'http-response', exchange: 1, status: 201 }]);
  });

  test('a refused expectation leaves no body to wait for', () => {
    const parse = new Parse(httpParser);
    parse.send('orig', `POST / HTTP/1.1\r\n${HOST}Expect: 100-continue\r\nContent-Length: 10\r\n\r\n`);
    parse.send('resp', 'HTTP/1.1 417 No\r\nContent-Length: 0\r\n\r\n');
    parse.send('orig', `GET /next HTTP/1.1\r\n${HOST}\r\n`);
    expect(only(parse.end(), 'http-request').map(({ target }) => target)).toEqual(['/', '/next']);
  });

  test('without a length a body lasts until the connection ends', () => {
    const [response] = only(responses('HTTP/1.0 200 OK\r\n\r\nall of it'), 'http-response');
    expect(response?.body).toMatchObject({ state: 'complete', length: 9 });
  });

  test('a response that the capture shows before its request waits for it', () => {
    const parse = new Parse(httpParser);
    parse
      .send('resp', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
      .send('orig', `GET / HTTP/1.1\r\n${HOST}\r\n`);
    expect(only(parse.end(), 'http-response')).toMatchObject([{ exchange: 1, ambiguities: [] }]);
  });

  test('a response to nothing is unexpected', () => {
    const parse = new Parse(httpParser).send('resp', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    const [response] = only(parse.end(), 'http-response');
    expect(response?.exchange).toBeNull();
  });

  const TEXT = 'the same text again and again, the same text again and again';
  test.each<[string, Buffer]>([
    ['gzip', gzipSync(TEXT)],
    ['x-gzip', gzipSync(TEXT)],
    ['deflate', deflateSync(TEXT)],
    ['deflate', deflateRawSync(TEXT)],
    ['br', brotliCompressSync(TEXT)],
    ['gzip, br', brotliCompressSync(gzipSync(TEXT))],
  ])('content coding %s is undone', (coding, body) => {
    const head = `HTTP/1.1 200 OK\r\nContent-Encoding: ${coding}\r\nContent-Length: ${body.length}\r\n\r\n`;
    const [response] = only(responses(Buffer.concat([Buffer.from(head), body])), 'http-response');
    expect(response?.body.state).toBe('complete');
    expect(textOf(response?.body.bytes ?? new Uint8Array())).toBe(TEXT);
  });

  test('a body that unpacks to more than the limit is cut, and one that does not unpack is undecodable', () => {
    const bomb = gzipSync(Buffer.alloc(1 << 22));
    const head = (length: number): Buffer =>
      Buffer.from(`HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: ${length}\r\n\r\n`);
    const state = (body: Buffer): string | undefined =>
      only(
        responses(Buffer.concat([head(body.length), body]), 'GET', { limits: { body: 1 << 16 } }),
        'http-response',
      )[0]?.body.state;
    expect(state(bomb)).toBe('truncated');
    expect(state(Buffer.from('not gzip at all'))).toBe('undecodable');
  });

  test('a body over the limit is kept up to the limit and counted whole', () => {
    const [response] = only(
      responses(`HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n${'x'.repeat(5000)}`, 'GET', {
        limits: { body: 100 },
      }),
      'http-response',
    );
    expect(response?.body).toMatchObject({ state: 'truncated', length: 5000 });
    expect(response?.body.bytes).toHaveLength(100);
  });
});

describe('what cannot be read is said', () => {
  test.each<[string, string, string]>([
    ['an upgrade', 'tunnel', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x05hello'],
    ['an upgrade to HTTP/2', 'http2', 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n'],
    ['no status line', 'malformed', 'ICY 200 OK\r\n\r\n'],
  ])('%s: %s', (_what, cause, bytes) => {
    expect(only(responses(bytes), 'analysis-lost')).toMatchObject([{ cause, lasting: true }]);
  });

  test('a tunnel hides what is inside', () => {
    const parse = new Parse(httpParser).send('orig', `CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n`);
    parse.send('resp', 'HTTP/1.1 200 OK\r\n\r\n').send('orig', `GET / HTTP/1.1\r\n${HOST}\r\n`);
    const emitted = parse.end();
    expect(only(emitted, 'http-request')).toHaveLength(1);
    expect(only(emitted, 'analysis-lost')).toMatchObject([{ cause: 'tunnel' }]);
  });

  test.each<[string, string]>([
    ['PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 'http2'],
    ['SSH-2.0-OpenSSH_9.2p1\r\n\r\n', 'other-protocol'],
    ['GET /HTTP/1.1\r\n\r\n', 'malformed'],
    [`GET / HTTP/1.1\r\nX: ${'x'.repeat(1 << 17)}`, 'limit'],
  ])('%j begins with %s', (bytes, cause) => {
    const emitted = new Parse(httpParser).send('orig', bytes, 1000).end();
    expect(only(emitted, 'analysis-lost')).toMatchObject([{ cause, protocol: 'http', lasting: true }]);
  });

  test('more requests than may wait for responses are too many', () => {
    const emitted = new Parse(httpParser, { limits: { pipeline: 3 } })
      .send('orig', `GET / HTTP/1.1\r\n${HOST}\r\n`.repeat(5))
      .end();
    expect(only(emitted, 'http-request')).toHaveLength(3);
    expect(only(emitted, 'analysis-lost')).toMatchObject([{ cause: 'limit' }]);
  });
});

describe('missing bytes', () => {
  test('inside a body of known length only the body is lost', () => {
    const parse = new Parse(httpParser).send(
      'orig',
      `POST /1 HTTP/1.1\r\n${HOST}Content-Length: 10\r\n\r\nabc`,
    );
    parse.lose('orig', 4).send('orig', `hijGET /2 HTTP/1.1\r\n${HOST}\r\n`);
    const found = only(parse.end(), 'http-request');
    expect(found.map(({ target, body }) => [target, body.state, body.length])).toEqual([
      ['/1', 'lost', 10],
      ['/2', 'complete', 0],
    ]);
  });

  test('inside a head reading goes on at the next plain start line', () => {
    const parse = new Parse(httpParser).send('orig', 'GET /1 HTTP/1.1\r\nHo');
    parse.lose('orig', 20).send('orig', 'rest\r\n\r\n').send('orig', `GET /2 HTTP/1.1\r\n${HOST}\r\n`);
    expect(only(parse.end(), 'http-request').map(({ target }) => target)).toEqual(['/2']);
  });

  test('a lost response leaves the next one without a request rather than with a wrong one', () => {
    const parse = new Parse(httpParser).send(
      'orig',
      `GET /1 HTTP/1.1\r\n${HOST}\r\nGET /2 HTTP/1.1\r\n${HOST}\r\n`,
    );
    parse.lose('resp', 100).send('resp', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n');
    expect(only(parse.end(), 'http-response').map(({ exchange }) => exchange)).toEqual([null]);
  });

  test('a flow that was under way is read from its first plain start line', () => {
    const parse = new Parse(httpParser, { midstream: true })
      .send('orig', 'rest of a body')
      .send('orig', `GET / HTTP/1.1\r\n${HOST}\r\n`);
    expect(only(parse.end(), 'http-request')).toHaveLength(1);
  });
});

describe('however the bytes come', () => {
  const exchanges =
    `POST /a HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n4\r\nWiki\r\n0\r\nT: 1\r\n\r\n` +
    `GET /b HTTP/1.1\r\n${HOST}\r\nPUT /c HTTP/1.1\r\n${HOST}Content-Length: 3\r\n\r\nabc`;
  const answers =
    'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: 1\r\n\r\nyHTTP/1.1 204 No\r\n\r\n';

  const run = (sizes: readonly number[]): Emitted[] => {
    const parse = new Parse(httpParser);
    for (const [side, bytes] of [
      ['orig', exchanges],
      ['resp', answers],
    ] as const) {
      let at = 0;
      for (let i = 0; at < bytes.length; i++) {
        const size = sizes[i % sizes.length] ?? 1;
        parse.send(side, bytes.slice(at, at + size));
        at += size;
      }
    }
    return parse.end();
  };

  test('any chunking gives the same events', () => {
    const whole = run([100_000]);
    expect(whole).toHaveLength(6);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 }), (sizes) => {
        expect(run(sizes)).toEqual(whole);
      }),
    );
  });

  test('no bytes make it throw or grow', () => {
    const pieces = fc.oneof(
      fc.constantFrom(
        'GET / HTTP/1.1\r\n',
        'Host: a\r\n',
        '\r\n',
        'Content-Length: 3\r\n',
        'Transfer-Encoding: chunked\r\n',
        '3\r\nabc\r\n',
        '0\r\n\r\n',
        'HTTP/1.1 200 OK\r\n',
        'HTTP/1.1 101 X\r\n',
      ),
      fc.string({ unit: 'binary', maxLength: 30 }),
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom('orig', 'resp', 'lost' as const), pieces)),
        fc.boolean(),
        (sends, midstream) => {
          const parse = new Parse(httpParser, { midstream, limits: { head: 256, body: 64, pipeline: 4 } });
          for (const [to, text] of sends) {
            if (to === 'lost') parse.lose('orig', text.length + 1);
            else parse.send(to as 'orig' | 'resp', text);
          }
          for (const each of parse.end())
            if ('body' in each) expect(each.body.bytes.length).toBeLessThanOrEqual(64);
        },
      ),
      { numRuns: 300 },
    );
  });
});
