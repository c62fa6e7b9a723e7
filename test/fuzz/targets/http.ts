// HTTP/1.x streams. Enters: turns; leaves: events.

import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';
import { httpParser } from '../../../src/sensor/http/parser.ts';
import { conversations, piece } from '../seeds.ts';
import type { Target } from '../target.ts';
import { converse, MIDSTREAM, STREAM_TAGS } from './streams.ts';

const GZIP = gzipSync('{"user":"alice","amount":"3.50"}');

function coded(coding: string, body: Uint8Array): Uint8Array {
  const head = `POST /a HTTP/1.1\r\nHost: a\r\nContent-Encoding: ${coding}\r\nContent-Length: ${body.length}\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), body]);
}

export async function load(): Promise<Target> {
  return {
    name: 'http',
    covers: ['sensor/http/'],
    tags: STREAM_TAGS,
    longest: 65_536,
    // What deflate expands to at most.
    expansion: 1100,
    dictionary: [
      '\r\n',
      '\n',
      '\r',
      '\r\n\r\n',
      ' ',
      '\t',
      ':',
      ';',
      ',',
      '\0',
      '0\r\n\r\n',
      '1\r\na\r\n',
      'ffffffffffffffff\r\n',
      'GET ',
      'POST ',
      'HEAD ',
      'CONNECT a:1 HTTP/1.1\r\n',
      'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
      ' HTTP/1.1',
      ' HTTP/1.0',
      ' HTTP/9.9',
      'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
      'HTTP/1.1 200 OK\r\n',
      'HTTP/1.1 100 Continue\r\n\r\n',
      'HTTP/1.1 101 Switching Protocols\r\n\r\n',
      'HTTP/1.1 204 No Content\r\n\r\n',
      'HTTP/1.1 304 \r\n\r\n',
      'Content-Length: 5\r\n',
      'Content-Length: +5\r\n',
      'Content-Length: 99999999999999999999\r\n',
      'Transfer-Encoding: chunked\r\n',
      'Transfer-Encoding: gzip, chunked\r\n',
      'Transfer-Encoding: identity\r\n',
      'Content-Encoding: gzip\r\n',
      'Content-Encoding: deflate\r\n',
      'Content-Encoding: br\r\n',
      'Content-Encoding: gzip, gzip\r\n',
      'Connection: Upgrade\r\n',
      'Connection: close\r\n',
      'Upgrade: h2c\r\n',
      'Upgrade: websocket\r\n',
      'Host: a\r\n',
      'Expect: 100-continue\r\n',
      'Trailer: a\r\n',
      ' folded\r\n',
      GZIP,
    ],
    seeds: [
      ...(await conversations('http')),
      [
        piece(
          'POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nT: 1\r\n\r\n',
        ),
        piece('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n', 1),
      ],
      [piece(coded('gzip', GZIP)), piece('HTTP/1.0 200 OK\r\n\r\nup to the end', 1)],
      [piece(coded('deflate', deflateSync('{"a":1}')))],
      [piece(coded('br', brotliCompressSync('{"a":1}')))],
      [piece(coded('gzip', gzipSync('a'.repeat(100_000)))), piece('HTTP/1.1 204 No Content\r\n\r\n', 1)],
      [
        piece('GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n'),
        piece('HTTP/1.1 101 S\r\n\r\nraw', 1),
      ],
      [
        piece('CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n'),
        piece('HTTP/1.1 200 OK\r\n\r\n', 1),
        piece('\x16\x03\x01'),
      ],
      [
        piece('GET /a HTTP/1.1\r\nHost: a\r\n\r\nGET /b HTTP/1.1\r\nHost: a\r\n\r\n', MIDSTREAM),
        piece('abc', 5),
        piece('HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc', 1),
      ],
    ],
    run: (input) => converse(httpParser, input, 'sides apart'),
  };
}
