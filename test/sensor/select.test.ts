// Which parser a flow gets. Enters: first bytes of both sides on declared, well-known and other ports; leaves: parser or cause.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Protocol } from '../../src/events/common.ts';
import { bytesOf, Conversation, concat } from '../support/packets.ts';
import { onlyFlow, type Sensed, sense } from '../support/sensing.ts';

type Line = readonly [from: 'client' | 'server', bytes: Uint8Array | string];

const GET: Line = ['client', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'];
const OK: Line = ['server', 'HTTP/1.1 200 OK\r\n\r\n'];
const AMQP: Line = ['client', 'AMQP\x00\x00\x09\x01'];
const STARTUP: Line = ['client', '\x00\x00\x00\x10\x00\x03\x00\x00user\x00bob\x00\x00'];
const SSL_REQUEST: Line = ['client', '\x00\x00\x00\x08\x04\xd2\x16\x2f'];
const GREETING: Line = ['server', '\x0e\x00\x00\x00\x0a8.0.36\x00\x01\x00\x00\x00\x00\x00'];
const CLIENT_HELLO: Line = ['client', '\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03'];
const PREFACE: Line = ['client', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'];
const SSH: Line = ['server', 'SSH-2.0-OpenSSH_9.2\r\n'];
const REDIS: Line = ['client', '*1\r\n$4\r\nPING\r\n'];
const AMQP_1: Line = ['client', 'AMQP\x00\x01\x00\x00'];
const FRONTEND_QUERY: Line = ['client', 'Q\x00\x00\x00\x0dSELECT 1\x00'];
const BACKEND_READY: Line = ['server', 'C\x00\x00\x00\x0dSELECT 1\x00Z\x00\x00\x00\x05I'];
const COM_QUERY: Line = ['client', '\x09\x00\x00\x00\x03SELECT 1'];
const AMQP_HEARTBEAT: Line = ['client', '\x08\x00\x00\x00\x00\x00\x00\xce'];
const H2_SETTINGS: Line = ['server', '\x00\x00\x00\x04\x00\x00\x00\x00\x00'];
const NOISE: Line = ['client', '\x01\x02\x03\x04 noise \xff\xfe\xfd'];

function talk(lines: readonly Line[], port: number, midstream = false): Conversation {
  const conversation = new Conversation({ server: { ip: '10.1.0.12', port } });
  if (!midstream) conversation.open();
  for (const [from, bytes] of lines) conversation.send(from, bytes);
  return conversation;
}

/** The parser that a conversation got, or `cause: detail` of the refusal. */
function chosen(sensed: Sensed): string {
  const lost = sensed.events.find((event) => event.kind === 'analysis-lost' && event.lasting);
  if (lost?.kind === 'analysis-lost') return `${lost.cause}: ${lost.detail}`;
  return sensed.flows.map(({ protocol }) => protocol).join();
}

function on(port: number, lines: readonly Line[], declared?: Protocol, midstream = false): string {
  const hints = new Map<string, Protocol>(declared === undefined ? [] : [[`*:${port}`, declared]]);
  return chosen(sense(talk(lines, port, midstream).frames, { hints }));
}

describe('on a port that nothing is known of', () => {
  const cases: readonly (readonly [string, readonly Line[], string])[] = [
    ['HTTP', [GET], 'http'],
    ['HTTP of which only the answer is clear', [NOISE, OK], 'http'],
    ['HTTP in lower case', [['client', 'get / http/1.0\r\n\r\n']], 'http'],
    ['an unusual method', [['client', 'CCM_POST /x HTTP/1.1\r\n\r\n']], 'http'],
    ['empty lines before a request', [['client', '\r\n\r\nGET / HTTP/1.1\r\n\r\n']], 'http'],
    ['AMQP', [AMQP], 'amqp'],
    ['PostgreSQL', [STARTUP], 'postgres'],
    ['PostgreSQL that asks for TLS', [SSL_REQUEST], 'postgres'],
    ['MySQL, where the server speaks first', [GREETING], 'mysql'],
    ['TLS', [CLIENT_HELLO], 'tls: looks like TLS'],
    ['HTTP/2', [PREFACE], 'http2: looks like HTTP/2'],
    ['SSH', [SSH], 'unknown-protocol: looks like SSH'],
    ['Redis', [REDIS], 'unknown-protocol: looks like Redis'],
    ['AMQP 1.0', [AMQP_1], 'unknown-protocol: looks like AMQP 1.0'],
    [
      'a request without a version',
      [['client', 'GET /old\r\n']],
      'unknown-protocol: no protocol that we know',
    ],
    ['noise', [NOISE], 'unknown-protocol: no protocol that we know'],
    [
      'noise of both sides',
      [NOISE, ['server', '\xff\xff\xff']],
      'unknown-protocol: no protocol that we know',
    ],
    ['nothing', [], ''],
  ];
  for (const [name, lines, expected] of cases) {
    it(`recognises ${name}`, () => {
      expect(on(7777, lines)).toBe(expected);
    });
  }

  it('recognises all of it however it is cut, and loses none of it', () => {
    for (const [lines, protocol] of [
      [[GET, OK], 'http'],
      [[AMQP], 'amqp'],
      [[STARTUP], 'postgres'],
      [[GREETING], 'mysql'],
    ] as const) {
      const conversation = new Conversation({ server: { ip: '10.1.0.12', port: 7777 }, mss: 1 }).open();
      for (const [from, bytes] of lines) conversation.send(from, bytes);
      const heard = onlyFlow(sense(conversation.frames));
      expect(heard.protocol).toBe(protocol);
      expect(heard.orig + heard.resp).toBe(lines.map(([, bytes]) => bytes).join(''));
    }
  });

  it('keeps a bounded number of bytes back while it cannot tell', () => {
    const { statistics } = sense(talk([['client', '\x01'.repeat(200_000)]], 7777).frames);
    expect(statistics.lost['unknown-protocol']).toBe(1);
    expect(statistics.unreadBytes).toBeGreaterThan(150_000);
  });

  it('does not take noise for a protocol', () => {
    const noise = fc.uint8Array({ minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(noise, noise, fc.boolean(), (client, server, midstream) => {
        expect(
          sense(
            talk(
              [
                ['client', client],
                ['server', server],
              ],
              7777,
              midstream,
            ).frames,
          ).flows,
        ).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });
});

describe('on a well-known port', () => {
  it('lets the content win', () => {
    expect(on(5432, [GET])).toBe('http');
    expect(on(22, [GET])).toBe('http');
    expect(on(443, [GET])).toBe('http');
    expect(on(80, [GREETING])).toBe('mysql');
    expect(on(3306, [STARTUP])).toBe('postgres');
    expect(on(80, [CLIENT_HELLO])).toBe('tls: looks like TLS');
  });
  it('gives its parser what has the beginning of a request', () => {
    expect(on(80, [['client', 'GET /old\r\n']])).toBe('http');
    expect(on(80, [['client', 'GET /cut-off-by-the-end']])).toBe('http');
  });
  it('refuses what fits nothing', () => {
    expect(on(80, [NOISE, ['server', '\xff\xff']])).toBe('unknown-protocol: no protocol that we know');
  });
});

describe('on a declared port', () => {
  it('reads what is declared, at an address or at every address', () => {
    expect(on(7777, [GET], 'http')).toBe('http');
    const hints = new Map<string, Protocol>([['10.1.0.12:7777', 'mysql']]);
    expect(chosen(sense(talk([GREETING], 7777).frames, { hints }))).toBe('mysql');
    const other = new Map<string, Protocol>([['10.1.0.13:7777', 'mysql']]);
    expect(chosen(sense(talk([GET], 7777).frames, { hints: other }))).toBe('http');
  });

  const foreign: readonly (readonly [Protocol, readonly Line[], string])[] = [
    ['http', [CLIENT_HELLO], 'tls: looks like TLS where HTTP is declared'],
    ['http', [PREFACE], 'http2: looks like HTTP/2 where HTTP is declared'],
    ['http', [AMQP], 'other-protocol: looks like AMQP 0-9-1 where HTTP is declared'],
    ['http', [REDIS], 'other-protocol: looks like Redis where HTTP is declared'],
    ['http', [NOISE], 'other-protocol: not HTTP'],
    ['amqp', [AMQP_1], 'other-protocol: looks like AMQP 1.0 where AMQP 0-9-1 is declared'],
    ['amqp', [GET], 'other-protocol: looks like HTTP where AMQP 0-9-1 is declared'],
    ['postgres', [GREETING], 'other-protocol: looks like MySQL where PostgreSQL is declared'],
    ['mysql', [SSH], 'other-protocol: looks like SSH where MySQL is declared'],
    ['mysql', [['server', 'hello, world\n']], 'other-protocol: not MySQL'],
    ['mysql', [GET], 'other-protocol: looks like HTTP where MySQL is declared'],
  ];
  for (const [declared, lines, expected] of foreign) {
    it(`says ${expected}`, () => {
      expect(on(7777, lines, declared)).toBe(expected);
    });
  }

  it('names the bytes and the packets that were of something else', () => {
    const sensed = sense(talk([SSH], 7777).frames, { hints: new Map([['*:7777', 'http']]) });
    expect(sensed.events.find((event) => event.kind === 'analysis-lost')).toMatchObject({
      protocol: 'http',
      lasting: true,
      at: { side: 'resp', start: 0, end: 21, packets: [4] },
    });
  });
});

describe('midstream', () => {
  const cases: readonly (readonly [string, readonly Line[], string])[] = [
    ['a request', [GET], 'http'],
    ['typed messages of PostgreSQL', [FRONTEND_QUERY], 'postgres'],
    ["the server's messages of PostgreSQL", [BACKEND_READY], 'postgres'],
    ['a command of MySQL', [COM_QUERY], 'mysql'],
    ['a frame of AMQP', [AMQP_HEARTBEAT], 'amqp'],
    ['frames of HTTP/2', [H2_SETTINGS], 'http2: looks like HTTP/2'],
    ['a TLS record', [['client', '\x17\x03\x03\x00\x20application data']], 'tls: looks like TLS'],
  ];
  for (const [name, lines, expected] of cases) {
    it(`recognises ${name}`, () => {
      expect(on(7777, lines, undefined, true)).toBe(expected);
    });
  }

  it('begins at the first segment that can be recognised, and says that something was before it', () => {
    const sensed = sense(talk([['server', 'the end of an answer'], GET, OK], 7777, true).frames);
    expect(onlyFlow(sensed)).toMatchObject({ protocol: 'http', orig: GET[1], resp: OK[1] });
    expect(sensed.events.find((event) => event.kind === 'analysis-lost')).toMatchObject({
      cause: 'midstream',
      lasting: false,
      at: { side: 'resp', start: 0, end: 20 },
    });
  });

  it('leaves the beginning to the parser where the port is known', () => {
    const sensed = sense(talk([['client', 'of an unknown message'], GET], 5672, true).frames);
    expect(chosen(sensed)).toBe('amqp');
    expect(on(7777, [NOISE], 'mysql', true)).toBe('mysql');
  });

  it('does not take text for a command of MySQL', () => {
    expect(
      on(7777, [['client', concat(bytesOf('\x09\x00\x00\x00\x03SELECT 1'), bytesOf('x'))]], undefined, true),
    ).toBe('unknown-protocol: no protocol that we know');
  });
});
